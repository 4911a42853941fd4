"""Rows out of a database file and its write-ahead log without SQLite: page by page, by the shape of their header, whatever became of the
trees that led to them.

All versions of a page are read: the file's, and every frame of the log, also those of which SQLite believes nothing any more. Nothing that
is found here is proven, neither a row nor the number that a frame gives its page: whoever takes a row asks it for its seal or its hash.
Nothing is written. SQLite's file format: https://www.sqlite.org/fileformat2.html, sections 1.6, 2.1 and 4.
"""

import itertools
import os
import re
from collections import Counter
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any, Final, NamedTuple

PAGE: Final = 4096
"""Bytes of a page: SQLite's default, with which every tablet's file is made."""

WAL_HEAD: Final = 32
FRAME_HEAD: Final = 24
FRAME: Final = FRAME_HEAD + PAGE

_STRETCH: Final = 512 * 8**3
"""Bytes that are read at once; a stretch that the disk does not give is read in eighths, down to a sector."""

_SECTOR: Final = 512

_LARGEST: Final = 1 << 24
"""Bytes of a row that are believed."""

_INDEX_LEAF: Final = 10
_INDEX_INTERIOR: Final = 2

INT: Final = rb"[\x01-\x06\x08\x09]"
LONG: Final = b"LONG"
"""Columns of a shape: an integer, and one whose length is not known."""

__all__ = ["FRAME", "FRAME_HEAD", "INT", "LONG", "PAGE", "WAL_HEAD", "Frame", "Image", "Pages", "Shape", "generations", "read"]


class Shape(NamedTuple):
    """How rows of a table look: the serial types in their header, what those stand for, and whether the table has rowids."""

    header: "re.Pattern[bytes]"
    kinds: tuple[type, ...]
    tree: bool

    @classmethod
    def of(cls, *columns: tuple[bytes, type], tree: bool = False, after: bytes = b"") -> "Shape":
        """``columns``: the pattern of each serial type, and its kind; ``after``: what stands behind the header."""
        heads = []
        for lengths in itertools.product(*[range(1, 5) if pattern == LONG else (1,) for pattern, _ in columns]):
            types = [
                rb"[\x80-\xff]{%d}[\x00-\x7f]" % (length - 1) if pattern == LONG else pattern
                for (pattern, _), length in zip(columns, lengths, strict=True)
            ]
            heads.append(re.escape(bytes([1 + sum(lengths)])) + b"".join(types) + after)
        return cls(re.compile(b"|".join(heads), re.DOTALL), tuple(kind for _, kind in columns), tree)

    def __or__(self, other: "Shape") -> "Shape":
        """Rows that look like either: of one table."""
        return self._replace(header=re.compile(self.header.pattern + b"|" + other.header.pattern, re.DOTALL))

    def places(self, page: memoryview) -> Iterator[int]:
        """Where a header may begin; one may lie within another."""
        match = self.header.search(page)
        while match is not None:
            yield match.start()
            match = self.header.search(page, match.start() + 1)


class Image(NamedTuple):
    """One version of a page: its bytes, its number (1-based, as its frame says), in which transaction it was written."""

    data: memoryview
    number: int
    step: int


class Pages:
    """All versions of the pages of a database file and of its write-ahead log, the oldest first."""

    def __init__(self, file: bytes, log: bytes) -> None:
        self.images: list[Image] = []
        self._versions: dict[int, list[int]] = {}
        older, present = generations(log)
        step = self._frames(older, 0) + 1
        whole = memoryview(file)
        for at in range(0, len(file), PAGE):
            self._add(Image(whole[at : at + PAGE], at // PAGE + 1, step))
        self._frames(present, step + 1)

    def _frames(self, frames: "list[Frame]", step: int) -> int:
        for frame in frames:
            self._add(Image(frame.page, frame.number, step))
            step += frame.commits
        return step

    def _add(self, image: Image) -> None:
        self._versions.setdefault(image.number, []).append(len(self.images))
        self.images.append(image)

    def is_last(self, index: int) -> bool:
        """Whether there is no later version of this page."""
        return self._versions[self.images[index].number][-1] == index

    def is_replaced(self, index: int) -> bool:
        """Whether a later version of this page is there, and still a page of a table without rowids: what it does not hold is deleted."""
        last = self.images[self._versions[self.images[index].number][-1]].data
        return not self.is_last(index) and _is_index_page(last)

    def rows(self, shape: Shape, *, since: int = 0) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """What may be rows of a table, wherever they stand, with the place of their page in ``images``; texts with ``surrogateescape``."""
        for index in range(since, len(self.images)):
            for at in shape.places(self.images[index].data):
                for row in self._readings(self.images[index], at, tree=shape.tree):
                    if tuple(map(type, row)) == shape.kinds:
                        yield index, row

    def _readings(self, image: Image, at: int, *, tree: bool) -> Iterator[tuple[Any, ...]]:
        """The values of a record; several where more than one version of the pages to which it overflows may be meant."""
        page, read = image.data, set[bytes]()
        try:
            end, place, kinds = at + page[at], at + 1, list[int]()
            while place < end:
                kind, place = _varint(page, place)
                kinds.append(kind)
        except IndexError:
            return
        size = page[at] + sum(map(_width, kinds))
        if size > _LARGEST:
            return
        overflows = _kept_here(size, tree=tree) < size
        for way in range(_WAYS if overflows else 1):
            data = self._payload(image, at, size, way, tree=tree)
            if len(data) == size and data not in read:
                read.add(data)
                yield _values(data, page[at], kinds)

    def _payload(self, image: Image, at: int, size: int, way: int, *, tree: bool) -> bytes:
        """A payload that begins at a place, with what overflowed to other pages; a shorter one where some of it is not there."""
        here = _kept_here(size, tree=tree)
        parts = [bytes(image.data[at : at + here])]
        following, left = int.from_bytes(image.data[at + here : at + here + 4], "big"), size - here
        while left > 0:
            body = self._version(following, image.step, way)
            if len(body) <= 4:
                break
            following = int.from_bytes(body[:4], "big")
            parts.append(bytes(body[4 : 4 + left]))
            left -= PAGE - 4
        return b"".join(parts)

    def _version(self, number: int, step: int, way: int) -> memoryview:
        """A page as it was after a transaction; as it was last; as it was next."""
        found = self._versions.get(number, [])
        before = [index for index in found if self.images[index].step <= step]
        after = found[len(before) :]
        chosen = (before[-1:], found[-1:], after[:1])[way]
        return self.images[chosen[0]].data if chosen else memoryview(b"")


_WAYS: Final = 3


class Frame(NamedTuple):
    """A frame of a write-ahead log."""

    head: memoryview
    page: memoryview

    @property
    def number(self) -> int:
        """The number of its page, as it says."""
        return int.from_bytes(self.head[:4], "big")

    @property
    def commits(self) -> bool:
        """Whether a transaction ends with it."""
        return any(self.head[4:8])

    @property
    def salts(self) -> bytes:
        """What all frames of a generation share."""
        return bytes(self.head[8:16])


def generations(log: bytes) -> tuple[list[Frame], list[Frame]]:
    """The frames that were there before SQLite began the log anew, the oldest first, and those since.

    With each generation the first salt grows by one and the second is drawn anew; one of a frame's may be harmed.
    """
    view = memoryview(log)
    frames = [Frame(view[at : at + FRAME_HEAD], view[at + FRAME_HEAD : at + FRAME]) for at in range(WAL_HEAD, len(log), FRAME)]
    salts = [frame.salts for frame in frames]
    count = Counter(salts)
    present, first = log[16:24], salts[0] if salts else b""
    begun_anew = int.from_bytes(present[:4], "big") == int.from_bytes(first[:4], "big") + 1
    if not count[present] and not begun_anew:
        present = next((one for one in salts if count[one] > 1), first)
    here = [index for index, one in enumerate(salts) if one[:4] == present[:4] or one[4:] == present[4:]]
    end = here[-1] + 1 if here else 0
    runs = [list(run) for _, run in itertools.groupby(frames[end:], key=lambda frame: frame.salts)]
    return [frame for run in reversed(runs) for frame in run], frames[:end]


def _is_index_page(page: memoryview) -> bool:
    """Whether a page has the head of one of an index, and its cells lie within it."""
    if len(page) < PAGE or page[0] not in (_INDEX_LEAF, _INDEX_INTERIOR):
        return False
    head = 8 if page[0] == _INDEX_LEAF else 12
    count = int.from_bytes(page[3:5], "big")
    first = head + 2 * count
    cells = [int.from_bytes(page[at : at + 2], "big") for at in range(head, min(first, PAGE), 2)]
    return first <= PAGE and all(first <= cell < PAGE for cell in cells)


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A varint and where it ends."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if not data[place] & 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


_WIDTHS: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)


def _width(kind: int) -> int:
    return _WIDTHS[kind] if kind < len(_WIDTHS) else (kind - 12) // 2


def _kept_here(size: int, *, tree: bool) -> int:
    """How many bytes of a payload stand on its own page; ``tree``: of a table with rowids."""
    most = PAGE - 35 if tree else (PAGE - 12) * 64 // 255 - 23
    if size <= most:
        return size
    least = (PAGE - 12) * 32 // 255 - 23
    wanted = least + (size - least) % (PAGE - 4)
    return wanted if wanted <= most else least


def _values(data: bytes, place: int, kinds: list[int]) -> tuple[Any, ...]:
    values = list[Any]()
    for kind in kinds:
        raw = data[place : place + _width(kind)]
        place += len(raw)
        if kind < len(_WIDTHS):
            values.append(kind - 8 if kind > 7 else int.from_bytes(raw, "big", signed=True))
        else:
            values.append(raw.decode("utf-8", "surrogateescape") if kind % 2 else raw)
    return tuple(values)


# the disk


def read(path: Path) -> bytes:
    """The bytes of a file, none where there is none; a sector that the disk does not give is zeros. Raises OSError."""
    if not path.exists():
        return b""
    with path.open("rb", buffering=0) as file:
        data = bytearray(os.fstat(file.fileno()).st_size)
        for at in range(0, len(data), _STRETCH):
            _fill(file, memoryview(data), at, _STRETCH)
    return bytes(data)


def _fill(file: FileIO, data: memoryview, at: int, length: int) -> None:
    try:
        file.seek(at)
        rest = data[at : at + length]
        while count := file.readinto(rest):
            rest = rest[count:]
    except OSError:
        if length > _SECTOR:
            for place in range(at, min(at + length, len(data)), length // 8):
                _fill(file, data, place, length // 8)
