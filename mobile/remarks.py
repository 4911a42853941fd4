"""What a person should know of the tablet itself: that its clock is wrong, that it was restored or copied, that it is too old.

What is remarked changes nothing by itself: dates stay as they were entered, and the log keeps the order.
"""

import json
from typing import TYPE_CHECKING, Final

from mobile.finds import DRAFTS_LOST
from mobile.gaps import DAMAGED, FORKED, LOST_AT, count_lost
from mobile.separation import COPY
from mobile.status import time_words

if TYPE_CHECKING:
    from mobile.store import Store
    from mobile.tablet import Tablet

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
YEAR_MS: Final = 365 * DAY_MS

TOLERANCE_MS: Final = 5 * MINUTE_MS
"""A clock that is less than this beside the server's is right."""

CLOCK: Final = "clock_off"
SAID: Final = "clock_said"
UNREADABLE: Final = "catalogue_unreadable"
UPDATE: Final = "update"
UNREAD: Final = "unread"

__all__ = ["UNREADABLE", "compare_clocks", "note_unread", "note_update", "remarks", "unsaid"]


def note_update(store: "Store", who: str) -> None:
    """Note who must be updated before the two understand each other (``sync.versions``); "" where they do."""
    if who != (store.note(UPDATE) or ""):
        store.set_note(UPDATE, who) if who else store.forget_notes(UPDATE)


def note_unread(store: "Store", count: int) -> None:
    """Note of how many lines this app is too old to read what was told; 0 once all are read."""
    if str(count or "") != (store.note(UNREAD) or ""):
        store.set_note(UNREAD, str(count)) if count else store.forget_notes(UNREAD)


def compare_clocks(store: "Store", *, sent_ms: int, got_ms: int, server_ms: int) -> None:
    """Note by how much (ms) the tablet's clock is ahead of the server's; nothing where that fits between request and answer."""
    early, late = min(sent_ms, got_ms), max(sent_ms, got_ms)
    off = early - server_ms if server_ms < early else late - server_ms if server_ms > late else 0
    if abs(off) < TOLERANCE_MS:
        if store.note(CLOCK) is not None:
            store.forget_notes(CLOCK, SAID)
    elif abs(off - int(store.note(CLOCK) or 0)) >= TOLERANCE_MS:
        store.set_note(CLOCK, str(off))


def remarks(tablet: "Tablet") -> list[str]:
    """What stands on the screen «Đồng bộ» as long as it is true."""
    told = (
        _versions(tablet), _clock(tablet), _copied(tablet), _lost(tablet), _lost_sealed(tablet), _forked(tablet), _drafts(tablet),
    )  # fmt: skip
    return [words for words in told if words]


def unsaid(tablet: "Tablet") -> str:
    """That the clock is wrong, once for as long as it is; "" where it is right or was said."""
    words = _clock(tablet)
    if not words or tablet.store.note(SAID) is not None:
        return ""
    tablet.store.set_note(SAID, str(tablet.clock.now_ms()))
    return words


def _versions(tablet: "Tablet") -> str:
    """«Ứng dụng cũ», «máy chủ cũ», or that the forms, or some answers, are newer than this app can read."""
    who = tablet.store.note(UPDATE)
    if who:
        return tablet.say("app_is_old" if who == "app" else "server_is_old")
    if tablet.store.note(UNREADABLE):
        return tablet.say("forms_are_newer")
    unread = tablet.store.note(UNREAD)
    return tablet.say("lines_unread", count=unread) if unread else ""


def _clock(tablet: "Tablet") -> str:
    off = int(tablet.store.note(CLOCK) or 0)
    if not off:
        return ""
    return tablet.say("clock_ahead" if off > 0 else "clock_behind", amount=_amount(tablet, abs(off)))


def _amount(tablet: "Tablet", ms: int) -> str:
    for code, unit in (("span_years", YEAR_MS), ("span_days", 2 * DAY_MS), ("span_hours", HOUR_MS)):
        if ms >= unit:
            return tablet.say(code, count=round(ms / (DAY_MS if code == "span_days" else unit)))
    return tablet.say("span_minutes", count=round(ms / MINUTE_MS))


def _copied(tablet: "Tablet") -> str:
    told = tablet.store.note(COPY)
    if told is None:
        return ""
    at_ms, was, name = json.loads(told)
    code = "tablet_copied_lost" if _has_lost(tablet) else "tablet_copied"
    return tablet.say(code, time=time_words(tablet, at_ms), was=was, name=name)


def _has_lost(tablet: "Tablet") -> bool:
    return bool(count_lost(tablet.store) or tablet.store.seals.count_lost())


def _lost(tablet: "Tablet") -> str:
    store, count = tablet.store, count_lost(tablet.store)
    if not count:
        return ""
    found = store.note(LOST_AT) or store.note(FORKED) or store.now_ms()
    return tablet.say("storage_lost", time=time_words(tablet, int(found)), count=count)


def _lost_sealed(tablet: "Tablet") -> str:
    count = tablet.store.seals.count_lost()
    return tablet.say("sealed_lost", count=count) if count else ""


def _forked(tablet: "Tablet") -> str:
    found = tablet.store.note(FORKED)
    if found is None or _has_lost(tablet):
        return ""
    return tablet.say("storage_rescued" if found == tablet.store.note(DAMAGED) else "log_forked", time=time_words(tablet, int(found)))


def _drafts(tablet: "Tablet") -> str:
    found = tablet.store.note(DRAFTS_LOST)
    if found is None:
        return ""
    at_ms, count = json.loads(found)
    return tablet.say("drafts_lost", time=time_words(tablet, at_ms), count=count)
