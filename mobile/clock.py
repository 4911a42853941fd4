"""The one clock of a tablet's process: real, or set to another day.

Everything that needs the time gets a ``Clock``; nothing asks the system by itself. Việt Nam has one zone and no summer time.
"""

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Final

ZONE: Final = timezone(timedelta(hours=7))

__all__ = ["ZONE", "Clock", "moment_of"]


def _system_ms() -> int:
    return time.time_ns() // 1_000_000


class Clock:
    """Tells the time; ``today`` moves it to another day and keeps the hour.

    Args:
        today: the day that it shall be now; None for the real one.
        source: gives milliseconds since 1970; a test gives its own.
    """

    def __init__(self, today: date | None = None, *, source: Callable[[], int] = _system_ms) -> None:
        self._source = source
        self._offset_ms = 0
        if today is not None:
            self.set(today)

    def set(self, today: date) -> None:
        """Move the clock to a day, from now on."""
        self._offset_ms = 0
        self._offset_ms = (today - self.today()).days * 86_400_000

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._source() + self._offset_ms

    def now(self) -> datetime:
        """This moment in Việt Nam."""
        return moment_of(self.now_ms())

    def today(self) -> date:
        """The local date."""
        return self.now().date()


def moment_of(ms: int) -> datetime:
    """Milliseconds since 1970 as a moment in Việt Nam."""
    return datetime.fromtimestamp(ms / 1000, ZONE)
