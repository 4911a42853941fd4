"""The one clock of a tablet's process: real, or set to another day.

Everything that needs the time gets a ``Clock``; nothing asks the system by itself. Việt Nam has one zone and no summer time.
"""

import json
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

ZONE: Final = timezone(timedelta(hours=7))

LATEST_MS: Final = 1 << 47
"""As in a line (``sync.log``): a day of the year 6429."""

DEMO_FILE: Final = "clock.json"
"""Beside the profiles of a demo: ``{"begun": "2022-05-30T08:00", "at_ms": …}``, the demo's moment and the real one at its start."""

__all__ = ["ZONE", "Clock", "demo_moment", "moment_of", "parse_moment"]


def _system_ms() -> int:
    return time.time_ns() // 1_000_000


class Clock:
    """Tells the time; ``today`` moves it to another day and keeps the hour, or to another moment.

    Args:
        today: the day, or the moment, that it shall be now; None for the real one.
        source: gives milliseconds since 1970; a test gives its own.
    """

    def __init__(self, today: date | None = None, *, source: Callable[[], int] = _system_ms) -> None:
        self._source = source
        self._offset_ms = 0
        if today is not None:
            self.set(today)

    def set(self, today: date) -> None:
        """Move the clock to a day, or to a moment (one without a zone is Việt Nam's), from now on."""
        self._offset_ms = 0
        if isinstance(today, datetime):
            moment = today if today.tzinfo else today.replace(tzinfo=ZONE)
            self._offset_ms = int(moment.timestamp() * 1000) - self._source()
            return
        self._offset_ms = (today - self.today()).days * 86_400_000

    @property
    def moved(self) -> bool:
        """Whether it was set to another day than the real one."""
        return self._offset_ms != 0

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._source() + self._offset_ms

    def now(self) -> datetime:
        """This moment in Việt Nam."""
        return moment_of(self.now_ms())

    def today(self) -> date:
        """The local date."""
        return self.now().date()


def parse_moment(text: str) -> date:
    """``2022-05-30``, or with its hour ``2022-05-30T08:00``. Raises ValueError."""
    return date.fromisoformat(text) if len(text) <= len("2022-05-30") else datetime.fromisoformat(text)


def demo_moment(profile: Path) -> datetime | None:
    """The moment that it is now in the demo whose tablet this is; None for a tablet of no demo."""
    try:
        told = json.loads((profile.parent / DEMO_FILE).read_bytes())
        begun = datetime.fromisoformat(told["begun"]).replace(tzinfo=ZONE)
        return begun + timedelta(milliseconds=_system_ms() - told["at_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def moment_of(ms: int) -> datetime:
    """Milliseconds since 1970 as a moment in Việt Nam; what a disk made of one is still some moment."""
    return datetime.fromtimestamp(min(max(ms, 0), LATEST_MS) / 1000, ZONE)
