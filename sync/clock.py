"""The hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014), fed with the time.

A time is ``(milliseconds since 1970, counter)``. It never runs backwards on one device, whatever
the device's own clock does, and it is only one of two witnesses of when something was written:
the other is the arrival at the server, and the merge believes the earlier of the two.
"""

from typing import NamedTuple

DRIFT_BOUND_MS = 60_000
"""How far, in milliseconds, a clock follows a peer's beyond its own: a tablet that stands at 2090
must not drag the server, and with it every other tablet, into the future."""

__all__ = ["DRIFT_BOUND_MS", "Time", "observe", "tick"]


class Time(NamedTuple):
    """One reading: milliseconds since 1970 and a counter that orders readings of one millisecond."""

    ms: int
    counter: int


def tick(last: Time, now_ms: int) -> Time:
    """Give the time of the next local event, later than ``last``."""
    if now_ms > last.ms:
        return Time(now_ms, 0)
    return Time(last.ms, last.counter + 1)


def observe(last: Time, heard: Time, now_ms: int) -> Time:
    """Learn a peer's time, but never beyond ``DRIFT_BOUND_MS`` ahead of ``now_ms``."""
    if heard.ms > now_ms + DRIFT_BOUND_MS:
        return last
    return max(last, heard)
