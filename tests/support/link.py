"""What a network does to the bytes on it: links as a table, faults as a schedule drawn from a seed.

No socket and no clock here: `Pace` is told the time and answers when a segment may pass; `Schedule` is told the
number of an exchange and answers what goes wrong with it. `proxy.py` does it to real bytes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["cut_up", "cut_down", "reset", "drop_response", "duplicate"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that goes wrong in one exchange, when `at` bytes of its direction have passed and another comes.

    cut_up, reset: the request ends there (reset: with a TCP reset); cut_down: the response ends there;
    drop_response: the request arrives whole and nothing of the answer comes back; duplicate: the server gets the
    whole request a second time from another connection, whose answer nobody reads.
    """

    kind: FaultKind
    at: int = 0


@dataclass(frozen=True, kw_only=True)
class Link:
    """A kind of network. `bytes_per_second` is None where there is no limit; latency is one way."""

    name: str
    bytes_per_second: float | None = None
    latency_s: float = 0.0
    segment_bytes: int = 65536
    hold_share: float = 0.0
    hold_s: float = 0.0
    faults: tuple[FaultKind, ...] = ()
    faults_per_20: int = 0
    """How many of every 20 exchanges go wrong; which ones, and how, is drawn from the seed."""
    largest_cut: int = 65536
    """Cuts fall at 1 … this many bytes, small ones as likely as large ones (drawn by order of magnitude)."""


LINKS: Mapping[str, Link] = {
    link.name: link
    for link in (
        Link(name="clean"),
        # reliability: 9.6 kbit/s, 1 s latency, 5 % of 1 KB segments held 3 s, one reset in 20 exchanges.
        Link(
            name="2g",
            bytes_per_second=1200,
            latency_s=1.0,
            segment_bytes=1024,
            hold_share=0.05,
            hold_s=3.0,
            faults=("reset",),
            faults_per_20=1,
        ),
        Link(
            name="cutting",
            faults=("cut_up", "cut_down", "reset", "drop_response", "duplicate"),
            faults_per_20=7,
        ),
    )
}


class Schedule:
    """Exchange number (from 0) → what goes wrong with it; the same for the same link and seed."""

    def __init__(self, link: Link, seed: int) -> None:
        self._link = link
        self._seed = seed

    def fault(self, exchange: int) -> Fault | None:
        """What goes wrong with this exchange, or None."""
        if not self._link.faults:
            return None
        block, place = divmod(exchange, 20)
        unlucky = random.Random(f"{self._seed}:{block}").sample(range(20), self._link.faults_per_20)
        if place not in unlucky:
            return None
        draw = random.Random(f"{self._seed}:{block}:{place}")
        magnitude = draw.uniform(0, self._link.largest_cut.bit_length() - 1)
        return Fault(kind=draw.choice(self._link.faults), at=int(2**magnitude))


class Pace:
    """When each segment of one direction may pass: latency, then bandwidth shared by all connections, then holds.

    Segments keep their order. Times are seconds of any one clock.
    """

    def __init__(self, link: Link, seed: str) -> None:
        self._link = link
        self._random = random.Random(seed)
        self._free_at = 0.0

    def passes_at(self, size: int, now: float) -> float:
        """The time at which a segment of `size` bytes, put on the link now, has arrived whole."""
        link = self._link
        start = max(now + link.latency_s, self._free_at)
        if link.bytes_per_second is not None:
            start += size / link.bytes_per_second
        if link.hold_share and self._random.random() < link.hold_share:
            start += link.hold_s
        self._free_at = start
        return start
