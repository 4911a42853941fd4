"""What a restored server forgot, from tablets that pulled it: their runs, and what they were told of the pasts.

A run counts by the server's own proof, so nobody's right is asked again; its lines keep their times of arrival. A line that the
server has is passed over, but what is told of its past is learnt: a question that only the loss had raised is settled.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Any

from sync.accept import BATCH, UNKNOWN_DEVICE, Path, Reading
from sync.log import Change, LogHead, chain_next, name_of
from sync.merge import teach
from sync.messages import Run, hash_in_run
from sync.store import Ledger

__all__ = ["HandBack"]


class HandBack:
    """Reads the proven runs of one message.

    Args:
        witness: the device that hands them back.
        pasts: rows ``[name, path, names]``.
    """

    def __init__(self, ledger: Ledger, witness: str, pasts: Sequence[Sequence[Any]]) -> None:
        self.ledger = ledger
        self.witness = witness
        self.taught: dict[str, dict[str, Sequence[str]]] = {}
        for name, path, names in pasts:
            self.taught.setdefault(name, {})[path] = names

    def read(self, runs: Sequence[Run], *, now_ms: int) -> None:
        """Read the runs. A line that the tablet does not hold stands as its hash and is passed over."""
        self.ledger.witnessed_by(self.witness)
        for run in runs:
            arrivals = [ms for ms, count in run.arrivals for _ in range(count)]
            for stretch in _stretches(run):
                self._read(stretch, arrivals[stretch.first - run.first :])
        self.ledger.witnessed_by("")
        for run in runs:
            self._teach(run, now_ms)

    def _read(self, stretch: Run, arrivals: Sequence[int]) -> None:
        known = self.ledger.log(stretch.log)
        path = Path(self.ledger, stretch.log, UNKNOWN_DEVICE if known is None else known.device, LogHead(0, b""))
        path.float_at(stretch)
        for arrived_ms, some in groupby(path.new_lines(stretch), lambda one: arrivals[one.number - stretch.first]):
            work = Reading(self.ledger, arrived_ms, taught=self.taught)
            while batch := list(islice(some, BATCH)):
                work.batch(batch)

    def _teach(self, run: Run, now_ms: int) -> None:
        """Let values in force learn the pasts of lines that were known before."""
        for offset, line in enumerate(run.lines):
            taught = self.taught.get(name_of(run.log, run.first + offset, hash_in_run(line)))
            if not taught or not line.startswith(b"{"):
                continue
            change, name = Change.parse(line), name_of(run.log, run.first + offset, hash_in_run(line))
            state = self.ledger.states([change.record]).get(change.record)
            if state is None:
                continue
            outcome = teach(state, name, taught, judge=self.ledger.judge(state, change))
            self.ledger.learn(state, outcome.fallen)
            work = Reading(self.ledger, now_ms)
            for merged in outcome.merged:
                work.write_merged(state, merged)
            self.ledger.spill()


def _stretches(run: Run) -> Iterator[Run]:
    """The parts of a run between the lines that stand as their hashes."""
    chain: bytes = run.before
    stretch: Run | None = None
    lines: list[bytes] = []
    for offset, line in enumerate(run.lines):
        if not line.startswith(b"{"):
            if stretch is not None:
                yield stretch
            stretch = None
        elif stretch is None:
            lines = [line]
            stretch = Run(run.log, run.first + offset, chain, lines)
        else:
            lines.append(line)
        chain = chain_next(chain, hash_in_run(line))
    if stretch is not None:
        yield stretch
