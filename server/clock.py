"""The one clock of a process. It can be set: it then starts at the time given and goes on from there."""

import time
from datetime import date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7), "+07:00")

__all__ = ["VIETNAM", "Clock"]


class Clock:
    """Tells the time; ``start`` sets it (a time without a zone is Vietnam's)."""

    def __init__(self, start: datetime | None = None) -> None:
        self.set = start is not None
        self._shift_s = 0.0
        if start is not None:
            local = start if start.tzinfo else start.replace(tzinfo=VIETNAM)
            self._shift_s = local.timestamp() - time.time()

    def now(self) -> datetime:
        """The time in Vietnam."""
        return datetime.fromtimestamp(time.time() + self._shift_s, VIETNAM)

    def today(self) -> date:
        """The local date."""
        return self.now().date()

    def now_ms(self) -> int:
        """Milliseconds since 1970 (UTC)."""
        return int((time.time() + self._shift_s) * 1000)

    def forward(self, seconds: float) -> None:
        """Move the clock on."""
        self._shift_s += seconds
