"""The process's clock."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta

from server.clock import VIETNAM, Clock


def test_a_set_clock_starts_there_and_goes_on() -> None:
    clock = Clock(datetime.fromisoformat("2022-05-30T23:59"))
    assert clock.set
    assert clock.today() == date(2022, 5, 30)
    assert clock.now().utcoffset() == timedelta(hours=7)
    first = clock.now_ms()
    clock.forward(120)
    assert clock.today() == date(2022, 5, 31)
    assert clock.now_ms() >= first + 120_000


def test_a_clock_that_is_not_set_tells_the_time() -> None:
    clock = Clock()
    assert not clock.set
    assert abs(clock.now_ms() - time.time() * 1000) < 60_000
    assert clock.now().tzinfo is VIETNAM
