"""Which records of a scope were touched behind a number, in that order: read from one index a unit, so that it costs what was touched and
not what is held.

A unit's records stand in the index (stream, unit, touched), those that left it in ``past_unit`` by (unit, touched). Each unit that has
something new is read from both, a stretch at a time, and the stretches are merged; a stretch that was told is not read again while the
transaction lasts.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sync.state import RecordState
from sync.store import Touched

STRETCH, FIRST_STRETCH = 500, 32
"""Rows of a unit that are read at once: the first time its share of a page, but so many at least."""

ARMS = 100
"""Stretches that one statement reads; SQLite takes no more than 500 parts of a union."""

_COLUMNS = (
    "record.id, record.sole, record.registers, record.stream, record.unit, record.type, record.digest, record.digest_sealed"
)
_HERE = (
    f"SELECT {{arm}}, record.touched, {_COLUMNS} FROM record"
    " WHERE record.stream = {mark} AND record.unit = {mark} AND record.touched > {mark}"
)
_LEFT = (
    f"SELECT {{arm}}, past_unit.touched, {_COLUMNS} FROM past_unit CROSS JOIN record"
    " WHERE record.id = past_unit.record AND past_unit.unit = {mark} AND past_unit.touched > {mark}"
)

__all__ = ["Kinds", "touched_behind"]


class Kinds(NamedTuple):
    """Of which types records are told: of one alone (``only``), or of all but these."""

    only: str
    hidden: tuple[str, ...]


class _Arm(NamedTuple):
    """One unit's records, or (``left``) those that were in it before; behind which number it is read on."""

    unit: str
    left: bool
    after: int


_Row = tuple[int, int, Any]
"""The number that touched a record, the arm that it was read by, and its columns."""


def touched_behind(
    connection: Connection, stream: str, units: Sequence[str], after: int, kinds: Kinds, state_of: Callable[[Any], RecordState | None]
) -> Iterator[Touched]:  # fmt: skip
    """The records that are or were in these units and were touched behind a number, in the order of their last touch; each once.

    Args:
        state_of: reads the registers of a row that has some; None where they are damaged.
    """
    limit = max(FIRST_STRETCH, STRETCH // max(1, len(units)))
    arms = [_Arm(unit, left, after) for unit in units for left in (False, True)]
    queue: list[_Row] = []
    full = _read(connection, stream, dict(enumerate(arms)), kinds, limit, queue)
    here, last = frozenset(units), 0
    while queue:
        number, arm, row = heapq.heappop(queue)
        if number > last and (not arms[arm].left or (row.unit not in here and row.stream == stream)):
            last = number
            yield Touched(row.id, number, row.sole, None if row.registers is None else state_of(row))
        if full.get(arm) == number:
            limit = min(STRETCH, 2 * limit)
            full |= _read(connection, stream, {arm: arms[arm]._replace(after=number)}, kinds, limit, queue)


def _read(
    connection: Connection, stream: str, arms: Mapping[int, _Arm], kinds: Kinds, limit: int, queue: list[_Row]
) -> dict[int, int]:  # fmt: skip
    """Read a stretch of each arm into the queue; gives the last number of those that may go on behind it."""
    counts, last = Counter[int](), dict[int, int]()
    wanted = list(arms)
    for some in (wanted[start : start + ARMS] for start in range(0, len(wanted), ARMS)):
        left = tuple(arms[arm].left for arm in some)
        qmark = connection.dialect.paramstyle == "qmark"
        statement = _statement(left, len(kinds.hidden), one_type=bool(kinds.only), mark="?" if qmark else "%s")
        types = ([kinds.only] if kinds.only else []) + list(kinds.hidden)
        values: list[Any] = []
        for unit, gone, after in (arms[arm] for arm in some):
            values += [*(() if gone else (stream,)), unit, after, *types, limit]
        for row in connection.exec_driver_sql(statement, tuple(values)):
            arm = some[row[0]]
            counts[arm] += 1
            last[arm] = max(last.get(arm, 0), row.touched)
            heapq.heappush(queue, (row.touched, arm, row))
    return {arm: number for arm, number in last.items() if counts[arm] == limit}


@lru_cache(maxsize=256)
def _statement(left: tuple[bool, ...], hidden: int, *, one_type: bool, mark: str) -> str:
    """The statement that reads such arms; made by hand, since SQLAlchemy takes longer to make a union than SQLite to answer it."""
    types = f" AND record.type = {mark}" if one_type else ""
    types += f" AND record.type NOT IN ({', '.join([mark] * hidden)})" if hidden else ""
    parts = []
    for arm, gone in enumerate(left):
        select, order = (_LEFT, "past_unit.touched") if gone else (_HERE, "record.touched")
        parts.append(f"SELECT * FROM ({select.format(arm=arm, mark=mark)}{types} ORDER BY {order} LIMIT {mark}) AS arm{arm}")
    return " UNION ALL ".join(parts)
