"""What a server's disk lost or changed, asked back from the tablets that hold it: single lines, and sealed values.

An answer names it (``mend``): ``[log, first number, count]`` for lines, the hash of a sealed value or of a file. The next request
brings what the tablet holds of it (``mended``): rows ``[log, number, arrival, code]`` in the head, the lines behind the runs, the values
among ``blobs``. The bytes of a file go their own way (``sync.files``): it is sent as one that the server never had.
It proves nothing and needs no proof: the server takes a line only where it fits into the chains that it kept.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sync.errors import FrameFault
from sync.files import is_hash
from sync.log import MAX_LINE_BYTES
from sync.lost import Brought, Holding, Lost
from sync.messages import LARGEST_NUMBER, sealed_weight

__all__ = ["NOTHING", "Bringing", "Load", "holds_some", "loads", "read_lost", "read_mended", "rows_of", "write_lost"]

NOTHING = Lost((), ())


class Load(NamedTuple):
    """What one request brings of what was asked back."""

    lines: Sequence[Brought]
    blobs: Sequence[tuple[str, bytes]]


def write_lost(lost: Lost) -> list[Any]:
    """The member ``mend`` of an answer: consecutive numbers of a log in one row, then the hashes of sealed values."""
    rows: list[list[Any]] = []
    lines = sorted(set(lost.lines))
    for before, (log, number) in pairwise([("", 0), *lines]):
        if rows and before == (log, number - 1):
            rows[-1][2] += 1
        else:
            rows.append([log, number, 1])
    return [*rows, *lost.blobs]


def read_lost(told: Any) -> Lost:
    """Read the member ``mend``. Raises FrameFault."""
    lines: list[tuple[str, int]] = []
    blobs: list[str] = []
    try:
        for one in told:
            if type(one) is str:
                blobs.append(one)
                continue
            log, first, count = one
            if type(log) is not str or type(first) is not int or type(count) is not int or not 0 < count <= MOST_ASKED:
                raise FrameFault("bad_head")
            lines += [(log, number) for number in range(first, first + count)]
    except (TypeError, ValueError) as error:
        raise FrameFault("bad_head") from error
    return Lost(lines, blobs)


MOST_ASKED = 1000
"""Of lines in one row: what a tablet looks up for one answer is bounded."""


def read_mended(head: Mapping[str, Any], lines: Sequence[bytes]) -> tuple[list[Brought], Sequence[bytes]]:
    """Take the lines that are brought back from the front of the lines behind the runs. Raises FrameFault."""
    rows = head.get("mended", [])
    if not isinstance(rows, list) or len(rows) > len(lines):
        raise FrameFault("message_cut")
    brought = []
    for row, line in zip(rows, lines, strict=False):
        if not isinstance(row, list) or [type(item) for item in row] != [str, int, int, str] or len(row[0]) != 11:
            raise FrameFault("bad_head")
        if not all(0 <= item <= LARGEST_NUMBER for item in row[1:3]) or len(line) > 2 * MAX_LINE_BYTES:
            raise FrameFault("bad_head")
        brought.append(Brought(row[0], row[1], line, row[2], row[3]))
    return brought, lines[len(rows) :]


class Bringing:
    """The tablet's part: what was asked for waits here until an answer says that it arrived."""

    def __init__(self, store: Holding) -> None:
        self.store = store
        self.asked: list[tuple[str, int] | str] = []
        self._sent = 0
        """How many of them the last request answered."""

    def asked_for(self, head: Mapping[str, Any]) -> None:
        """Take note of what an answer asks for; what the request before brought is done."""
        del self.asked[: self._sent]
        self._sent = 0
        if "mend" in head:
            lost = read_lost(head["mend"])
            for digest in filter(is_hash, lost.blobs):
                self.store.lacks_file(digest)
            wanted: list[tuple[str, int] | str] = [*lost.lines, *lost.blobs]
            self.asked += [one for one in wanted if one not in self.asked]

    def bring(self, limit_bytes: int) -> Load | None:
        """What is held of what was asked for, up to about so many bytes but at least one; None where nothing was asked for, and for 0."""
        self._sent = 0
        if not self.asked or not limit_bytes:
            return None
        lines: list[Brought] = []
        blobs: dict[str, bytes] = {}
        size = 0
        for one in self.asked:
            if size > limit_bytes:
                break
            self._sent += 1
            if isinstance(one, str):
                blobs |= self._blob(one)
                size += sealed_weight(len(blobs.get(one, b"")))
            else:
                held = self.store.lines_at(*one)
                lines += held
                size += sum(len(line.line) for line in held)
        return Load(lines, list(blobs.items()))

    def _blob(self, digest: str) -> Mapping[str, bytes]:
        data = self.store.blob(digest)
        return {} if data is None else {digest: data}

    def brings_more(self) -> bool:
        """Whether some of it waits for another request."""
        return self.left() > 0

    def left(self) -> int:
        """How many of them wait for another request."""
        return len(self.asked) - self._sent


def holds_some(store: Holding, lost: Lost) -> bool:
    """Whether any of what was asked back is held."""
    return any(store.lines_at(*one) for one in lost.lines) or any(store.blob(one) is not None for one in lost.blobs)


def loads(store: Holding, lost: Lost, limit_bytes: int) -> Iterator[tuple[Load, Lost]]:
    """What is held of what was asked back, some at a time, each with what of it that answers; nothing where nothing was asked."""
    work = Bringing(store)
    work.asked = [*lost.lines, *lost.blobs]
    while (load := work.bring(limit_bytes)) is not None:
        sought = work.asked[: len(work.asked) - work.left()]
        yield load, Lost([one for one in sought if not isinstance(one, str)], [one for one in sought if isinstance(one, str)])
        work.asked_for({})


def rows_of(lines: Iterable[Brought]) -> list[list[Any]]:
    """The member ``mended`` of a request."""
    return [[line.log, line.number, line.arrived_ms, line.code] for line in lines]
