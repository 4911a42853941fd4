"""What stands beside a record on this tablet: its unit's other records of the type, and the reports that have gone."""

from typing import TYPE_CHECKING, Any

from shared.beside import Beside, Reported
from shared.catalogue import RecordType
from shared.figures import Figures
from sync.view import Sealed, plain

if TYPE_CHECKING:
    from mobile.tablet import Tablet

REPORT = "periodic_report"
SENT = frozenset({"submitted", "accepted", "consolidated"})

__all__ = ["beside"]


def beside(tablet: "Tablet", record_type: RecordType, unit: str) -> Beside:
    """The unit's records of a type that stand, without what is sealed, and its sent reports."""
    periods, reported = tablet.catalogue.periods, []
    for values in _values(tablet, tablet.catalogue.types[REPORT], unit).values() if REPORT in tablet.catalogue.types else ():
        raw, code = values.get("figures"), values.get("period")
        if values.get("state") in SENT and isinstance(code, str) and periods.knows(code):
            counted = Figures.from_plain(raw).record_ids() if isinstance(raw, dict) and raw.get("own") else ()
            reported.append(Reported(period=periods.get(code), records=frozenset(counted)))
    wanted = record_type.alike or record_type.stock
    return Beside(others=_values(tablet, record_type, unit) if wanted else {}, reported=reported)


def _values(tablet: "Tablet", record_type: RecordType, unit: str) -> dict[str, dict[str, Any]]:
    ids = [entry.id for entry in tablet.index.entries(record_type.code) if entry.unit == unit]
    told = tablet.store.told(ids)
    found = {}
    for record in ids:
        state = tablet.store.shown_of(record, told.get(record))
        if state is not None:
            found[record] = {code: value for code, value in plain(state, record_type).items() if not isinstance(value, Sealed)}
    return found
