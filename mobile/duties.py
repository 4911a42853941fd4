"""What waits for an officer today, in the order of its urgency. One function a kind of duty, in one table.

What may live here: what makes something a duty, and its words. Nothing here names a survivor.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from mobile.incident import left_words, minutes_left
from mobile.mending import to_mend
from mobile.status import time_words
from mobile.unfinished import unfinished
from shared.labels import date_text

if TYPE_CHECKING:
    from mobile.index import Entry
    from mobile.tablet import Tablet

RECENT_DAYS: Final = 30
"""An incident that is older than this is in the list, no longer among the duties."""
DUE_SOON_DAYS: Final = 30
LATE_DAYS: Final = 120

__all__ = ["Duty", "duties"]


@dataclass(frozen=True, kw_only=True)
class Duty:
    """One thing to do; ``tone`` is danger, soon, accent or plain; ``go`` and ``where`` lead to it."""

    words: str
    below: str = ""
    pill: str = ""
    tone: str = "plain"
    go: str = "home"
    where: Mapping[str, Any] = field(default_factory=dict)


def duties(tablet: "Tablet") -> list[Duty]:
    """Everything that waits, the most urgent first."""
    return [duty for kind in KINDS for duty in kind(tablet)]


def _incidents(tablet: "Tablet") -> Iterator[Duty]:
    since = (tablet.clock.today() - timedelta(days=RECENT_DAYS)).isoformat()
    for entry in tablet.index.find("gbv_incident"):
        facts = entry.facts
        if facts.get("district_ack_at") or facts.get("verified") == "closed" or str(facts.get("known_at", ""))[:10] < since:
            continue
        left = minutes_left(tablet, facts)
        waits = tablet.store.outbox.waits(entry.id)
        below = tablet.say("incident_known", time=str(facts["known_at"])[11:16], left=left_words(tablet, left))
        pill = tablet.say("receipt_unsent_short" if waits else "receipt_waiting")
        yield Duty(
            words=tablet.say("incident_no_answer"), below=below, pill=pill, tone="danger", go="incident", where={"record": entry.id}
        )  # fmt: skip


def _reports(tablet: "Tablet") -> Iterator[Duty]:
    today, catalogue = tablet.clock.today(), tablet.catalogue
    held: dict[str, Entry] = {str(entry.facts.get("period")): entry for entry in tablet.index.find("periodic_report")}
    for period in due_periods(tablet, today):
        entry = held.get(period.code)
        if period.due is None or (entry is not None and entry.state in ("submitted", "accepted", "consolidated")):
            continue
        days = (period.due - today).days
        late = days < 0
        left = tablet.say("days_late", days=-days) if late else tablet.say("days_left", days=days)
        state = tablet.state_words(catalogue.types["periodic_report"], entry.state) if entry is not None else tablet.say("not_begun")
        tone = "danger" if late else "soon"
        below = tablet.say("due_on", day=date_text(period.due), left=left)
        if entry is not None and entry.state == "returned":
            below = " · ".join(filter(None, (below, tablet.forms.reason(entry.id, "state"))))
        yield Duty(
            words=period.label.get(tablet.language), below=below, pill=state,
            tone=tone, go="report", where={"record": entry.id} if entry is not None else {"period": period.code},
        )  # fmt: skip


def due_periods(tablet: "Tablet", today: date) -> list[Any]:
    """The half-years and years whose reports are due soon or late, the earlier first."""
    periods = tablet.catalogue.periods
    found = {
        period.code: period
        for year in (today.year - 1, today.year, today.year + 1)
        for pattern, row in periods.pattern.items()
        if row["kind"] in ("half_year", "year")
        for period in [periods.make(pattern, year)]
        if period.due is not None and -LATE_DAYS <= (period.due - today).days <= DUE_SOON_DAYS
    }
    return sorted(found.values(), key=lambda period: period.due)


def _questions(tablet: "Tablet") -> Iterator[Duty]:
    asked = tablet.index.asked()
    count = sum(len(entry.questions) for entry in asked)
    if not count:
        return
    first = asked[0]
    found = tablet.catalogue.all_types[first.type].field_at(first.questions[0])
    label = tablet.say("record_itself") if found is None else found.label.get(tablet.language)
    yield Duty(
        words=tablet.say("questions_count", count=count), below=f"«{first.title}»: {label}", pill=tablet.say("choose"), tone="accent",
        go="conflict",
    )  # fmt: skip


def _follow_ups(tablet: "Tablet") -> Iterator[Duty]:
    today = tablet.clock.today().isoformat()
    since = (tablet.clock.today() - timedelta(days=RECENT_DAYS)).isoformat()
    due = [entry for entry in tablet.index.find("case_support") if since <= str(entry.facts.get("follow_up_on") or "") <= today]
    newest = {entry.facts.get("case"): entry for entry in sorted(tablet.index.find("case_support"), key=lambda entry: entry.day)}
    waiting = [entry for entry in due if newest.get(entry.facts.get("case")) is entry]
    if waiting:
        yield Duty(
            words=tablet.say("follow_ups", count=len(waiting)), below=tablet.say("follow_ups_below"), go="records",
            where={"type": "case_support"},
        )  # fmt: skip


def _returned(tablet: "Tablet") -> Iterator[Duty]:
    due = {period.code for period in due_periods(tablet, tablet.clock.today())}
    for entry in tablet.index.find(state="returned"):
        if entry.type == "periodic_report" and entry.facts.get("period") in due:
            continue
        reason = tablet.forms.reason(entry.id, "state")
        below = f"«{entry.title}»: {reason}" if reason else f"«{entry.title}»"
        go = "report" if entry.type == "periodic_report" else "form"
        yield Duty(words=tablet.say("returned_title"), below=below, pill=tablet.say("mend"), tone="soon", go=go, where={"record": entry.id})


def _unfinished(tablet: "Tablet") -> Iterator[Duty]:
    for one in unfinished(tablet):
        record_type = tablet.catalogue.all_types.get(one.type)
        label = tablet.say("all_records") if record_type is None else record_type.label.get(tablet.language)
        below = tablet.say("draft_below", title=one.title, time=time_words(tablet, one.saved_ms))
        go = {"gbv_incident": "incident", "periodic_report": "report"}.get(one.type, "form")
        yield Duty(
            words=tablet.say("draft_title", type=label), below=below, pill=tablet.say("go_on"), tone="soon", go=go,
            where={"record": one.record},
        )  # fmt: skip


def _set_aside(tablet: "Tablet") -> Iterator[Duty]:
    count = len(to_mend(tablet.store))
    if count:
        yield Duty(words=tablet.say("aside_count", count=count), below=tablet.say("aside_below"), tone="soon", go="sync")


KINDS: Final[tuple[Callable[["Tablet"], Iterator[Duty]], ...]] = (
    _incidents, _reports, _unfinished, _questions, _follow_ups, _returned, _set_aside,
)  # fmt: skip
"""The kinds of duty in the order in which they stand on the screen."""
