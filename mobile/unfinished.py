"""What was being written when the tablet stopped: drafts that no form turned into changes of the log, so that nobody must look for them.

Leaving a form and locking empty the drafts; what is left was cut off by a dead battery or the system, or waits for its case.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import SenError

if TYPE_CHECKING:
    from mobile.tablet import Tablet

__all__ = ["Unfinished", "unfinished"]


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """One draft: its record and type, a title without a confidential word, the record's day, when it was kept (ms since 1970)."""

    record: str
    type: str
    title: str
    day: str
    saved_ms: int


def unfinished(tablet: "Tablet") -> list[Unfinished]:
    """The drafts, the newest first; one whose key is gone is told without a type."""
    found = []
    for record in tablet.drafts.records():
        try:
            draft = tablet.drafts.load(record)
        except SenError:
            found.append(Unfinished(record=record, type="", title=tablet.title_of(record), day="", saved_ms=0))
            continue
        record_type = None if draft is None else tablet.catalogue.all_types.get(draft[0]["type"])
        if draft is None or record_type is None:
            continue
        values = draft[0]["values"]
        open_values = {code: values[code] for code, field in record_type.fields.items() if code in values and not field.confidential}
        day = open_values.get(record_type.date or "")
        found.append(
            Unfinished(
                record=record, type=record_type.code, title=tablet.title_from(record_type, open_values),
                day=day if isinstance(day, str) else "", saved_ms=draft[1],
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: one.saved_ms, reverse=True)
