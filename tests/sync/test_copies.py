"""Which of the storages that share one identity is the copy: marks that come once, and marks that come back."""

from __future__ import annotations

import pytest

from shared.ids import b64
from sync.copies import NO_MARK, Marks, ends_where_read, stands_where_left
from sync.lineage import Segment
from sync.log import LogHead

TEN, TWELVE, FORK = (LogHead(number, bytes([at]) * 32) for at, number in enumerate((10, 12, 10), 1))
WHOLE = Segment(0, None, False, False, LogHead(0, b"\0" * 32), TWELVE)
BRANCH = Segment(1, 0, False, True, LogHead(9, b"\7" * 32), FORK)


def heard(*marks: str, stale: tuple[int, ...] = ()) -> Marks:
    """What is known after these marks came in this order; the requests of these places stood at an older place."""
    known = Marks()
    for place, mark in enumerate(marks):
        known = known.heard(mark, left_here=place not in stale)
    return known


@pytest.mark.parametrize(
    ("marks", "stale", "order", "copies"),
    [
        ((NO_MARK, NO_MARK), (), (), ()),
        ((NO_MARK, "a", "a", "a"), (), (NO_MARK, "a"), ()),
        ((NO_MARK, "a", "b", "b"), (), (NO_MARK, "a", "b"), ()),
        ((NO_MARK, "a", NO_MARK), (), (NO_MARK,), ("a",)),
        ((NO_MARK, "a", NO_MARK, "b", "a", "b"), (), (NO_MARK, "b"), ("a",)),
        ((NO_MARK, "a", NO_MARK), (2,), (NO_MARK, "a"), ()),
        ((NO_MARK, "a", "b", "a"), (), (NO_MARK, "a"), ("b",)),
        ((NO_MARK, "a", "b", NO_MARK), (), (NO_MARK,), ("a", "b")),
    ],
)  # fmt: skip
def test_f21_f22_what_comes_back_goes_on_and_what_came_between_is_the_copy(
    marks: tuple[str, ...], stale: tuple[int, ...], order: tuple[str, ...], copies: tuple[str, ...]
) -> None:
    known = heard(*marks, stale=stale)
    assert known == Marks(order, copies)
    assert Marks.load(known.dump()) == known


def test_f22_a_copy_that_became_a_device_of_its_own_is_forgotten() -> None:
    assert heard(NO_MARK, "a", "b", NO_MARK).without("a") == Marks((NO_MARK,), ("b",))
    assert heard(NO_MARK, "a").without("a") == Marks((NO_MARK,)), "it showed itself once more before it heard so"


@pytest.mark.parametrize(
    ("claims", "begins", "here"),
    [
        ({"L": [12, 12, b64(TWELVE.hash)[:8]]}, {}, True),
        ({"L": [14, 12, "whatever"]}, {"L": TWELVE.hash}, True),
        ({"L": [10, 10, b64(FORK.hash)[:8]]}, {}, True),
        ({"L": [10, 10, b64(TEN.hash)[:8]]}, {}, False),
        ({"L": [11, 10, "whatever"]}, {"L": TEN.hash}, False),
        ({"L": [14, 12, "whatever"]}, {}, False),
        ({"L": [3, 0, "whatever"]}, {}, False),
        ({"L": [12, 12, b64(TWELVE.hash)[:8]], "M": [2, 0, "whatever"]}, {}, True),
        ({"M": [2, 2, b64(TWELVE.hash)[:8]]}, {}, False),
        ({}, {}, False),
    ],
)  # fmt: skip
def test_f21_an_older_copy_that_is_put_back_stands_elsewhere(claims: dict[str, list[object]], begins: dict[str, bytes], here: bool) -> None:
    assert stands_where_left(claims, begins, {"L": [WHOLE, BRANCH]}) is here


def test_f22_what_an_earlier_server_kept_of_marks_is_read_and_written_as_it_was() -> None:
    for text in ('[["","a"],["b"]]', '[["","a"],["b"],"hong_ngu",77]'):
        assert Marks.load(text).dump() == text
    assert Marks.load('[["","a"],["b"],"hong_ngu",77]').without("b") == Marks(("", "a"), (), ("hong_ngu", 77))


LONGER = Segment(0, None, False, False, LogHead(0, b"\0" * 32), LogHead(14, b"\4" * 32))


@pytest.mark.parametrize(
    ("claims", "after", "here"),
    [
        ({"L": [12, 12, b64(TWELVE.hash)[:8]]}, [WHOLE], True),
        ({"L": [14, 12, b64(LONGER.head.hash)[:8]]}, [LONGER], True),
        ({"L": [12, 12, b64(TWELVE.hash)[:8]]}, [LONGER], False),
        ({"L": [10, 9, b64(FORK.hash)[:8]]}, [WHOLE, BRANCH], False),
        ({"L": [12, 10, b64(TEN.hash)[:8]]}, [WHOLE], False),
        ({"L": [12, 12, b64(TWELVE.hash)[:8]], "M": [2, 0, "whatever"]}, [WHOLE], True),
        ({"M": [2, 2, "whatever"]}, [WHOLE], False),
        ({}, [WHOLE], False),
    ],
)  # fmt: skip
def test_f21_a_bundle_of_a_storage_that_goes_on_ends_where_the_reading_ends(
    claims: dict[str, list[object]], after: list[Segment], here: bool
) -> None:
    assert ends_where_read(claims, {"L": [WHOLE]}, {"L": after}) is here
