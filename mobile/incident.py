"""Help for an incident: how long there is still to act, who has the report by now, whom to call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mobile.status import time_words
from shared.labels import datetime_text

if TYPE_CHECKING:
    from mobile.tablet import Tablet

DEFAULT_HOURS: Final = 24

NUMBERS: Final = (
    ("phone_police", "113"), ("phone_ambulance", "115"), ("phone_children", "111"), ("phone_women", "1900 96 96 80"),
)  # fmt: skip
"""National numbers; those of the unit's own models are added from the records."""

__all__ = ["Progress", "phones", "progress_of"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How it stands with an incident.

    ``minutes_left`` is below 0 when it is overdue, None when nothing is known or it was acknowledged; ``sent`` that the server
    has it; ``acknowledged`` that a person above took note.
    """

    countdown: str
    receipt: str
    minutes_left: int | None
    sent: bool
    acknowledged: bool


def progress_of(tablet: "Tablet", record: str, values: Mapping[str, Any]) -> Progress:
    """The countdown and the receipts of an incident, from its values with the computed ones."""
    say, acknowledged = tablet.say, values.get("district_ack_at")
    waits = tablet.store.outbox.waits(record)
    received = tablet.store.outbox.record_received_ms(record)
    left = None if acknowledged else minutes_left(tablet, values)
    if acknowledged:
        receipt = say("receipt_acknowledged", time=datetime_text(acknowledged))
    elif waits:
        receipt = say("receipt_unsent")
    elif received is not None:
        receipt = say("receipt_server", time=time_words(tablet, received), server=tablet.who.server_name)
    else:
        receipt = say("receipt_draft") if tablet.store.show(record) is None else say("receipt_sent")
    return Progress(
        countdown=receipt if acknowledged else left_words(tablet, left), receipt=receipt, minutes_left=left,
        sent=not waits and tablet.store.show(record) is not None, acknowledged=bool(acknowledged),
    )  # fmt: skip


def minutes_left(tablet: "Tablet", values: Mapping[str, Any]) -> int | None:
    """Minutes until the incident must have been acted upon; below 0 when they are over."""
    try:
        known = datetime.fromisoformat(values["known_at"])
        due = known + timedelta(hours=values.get("hours_allowed") or DEFAULT_HOURS)
        return int((due - tablet.clock.now()).total_seconds() // 60)
    except (KeyError, TypeError, ValueError):
        return None


def left_words(tablet: "Tablet", minutes: int | None) -> str:
    """«còn 9 giờ 20 phút», «quá hạn 2 giờ», «quá hạn 3 ngày»."""
    if minutes is None:
        return ""
    hours, rest = divmod(abs(minutes), 60)
    if minutes >= 0:
        return tablet.say("time_left", hours=hours, minutes=rest)
    return tablet.say("overdue_hours", hours=hours) if hours < 48 else tablet.say("overdue_days", days=hours // 24)


def phones(tablet: "Tablet") -> list[tuple[str, str]]:
    """Whom to call: national numbers, then the public hotlines of the models on this tablet."""
    found = [(tablet.say(code), number) for code, number in NUMBERS]
    for entry in tablet.index.entries("model"):
        state = tablet.store.show(entry.id)
        value = None if state is None else state.current("hotline")
        if value is not None and value.value:
            found.append((entry.title, str(value.value)))
    return found
