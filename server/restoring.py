"""Lines and sealed values that come back from a tablet (``sync.mended``), put where they stood: no number moves, no chain changes.

What proves a line is the chains that this server kept. A line whose row stands has its hash there. Of one of which nothing is left h(n - 1)
and h(n) of its log are known from its neighbours, and s(k) of its stream follows from the line behind it: so its bytes, its time of
arrival and its verdict are those that were there, or it is not taken. Where nobody knows the time of arrival any more, the log's
chain alone proves the bytes; the line gets the time of its neighbour, and ``damage.exact`` says so.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from server.chains import after_line, is_exact, stream_hash
from server.damage import blob_key, healed, open_damage
from server.file_names import FileCursor
from server.ledger import SqlLedger
from server.mending import make_anew, recount
from server.models import Blob, Damage, LineRow, LogRow, RecordRow, StreamRow
from server.replaying import heads_of, is_sound, loaded
from shared.ids import b64
from sync.accept import NOT_KEPT
from sync.errors import ContentFault
from sync.log import Change, chain_next
from sync.lost import Brought

MOST_TRIES = 20_000
"""Hashes that are tried to find the times and verdicts of one gap: some twenty milliseconds."""

__all__ = ["put_back", "put_back_blobs", "settle"]


class _Piece(NamedTuple):
    """A line for a gap."""

    row: Any
    body: bytes
    digest: bytes
    before: bytes
    arrived_ms: int
    verdict: str


class _Placed(NamedTuple):
    piece: _Piece
    place: int
    arrived_ms: int
    verdict: str
    stream_hash: bytes


def put_back(ledger: SqlLedger, device: str, lines: Sequence[Brought]) -> list[str]:
    """Put back what fits of some lines; gives the keys of what is healed."""
    rows = [row for row in open_damage(ledger.connection, ledger.stream, inexact=True) if row.kind == "line"]
    for one in lines:
        for row in rows:
            if (row.log, row.number) == (one.log, one.number):
                values = {"body": one.line, "arrived_ms": one.arrived_ms, "verdict": one.code[:40], "device": device}
                if _fits(ledger.connection, row, one.line):
                    ledger.connection.execute(update(Damage).where(Damage.key == row.key).values(**values))
    return settle(ledger)


def _fits(connection: Connection, row: Any, line: bytes) -> bool:
    """Whether a line may be the one of a row: its hash is the one kept, or it leads from the line before it to the one behind."""
    digest = hashlib.sha256(line).digest()
    kept = _kept(connection, row)
    if kept is not None and kept.digest == digest:
        return True
    before, after = _before(connection, row), _after(connection, row)
    return before is None or after is None or chain_next(before, digest) == after


def _kept(connection: Connection, row: Any) -> Any:
    """The row of the table that still stands at a place, if it is that line's."""
    query = select(LineRow).where(LineRow.stream == row.stream, LineRow.place == row.place)
    return connection.execute(query.where(LineRow.log == row.log, LineRow.number == row.number)).one_or_none()


def _before(connection: Connection, row: Any) -> bytes | None:
    """h(number - 1), from the line before or the beginning of the segment; None where that line is lost too."""
    segment = connection.execute(select(LogRow).where(LogRow.id == row.log, LogRow.segment == row.segment)).one_or_none()
    if segment is not None and row.number == segment.start + 1:
        return bytes(segment.start_hash)
    one = _line(connection, row, row.number - 1)
    return None if one is None else chain_next(one.before, one.digest)


def _after(connection: Connection, row: Any) -> bytes | None:
    """h(number), from the line behind or the head of the segment; None where that line is lost too."""
    segment = connection.execute(select(LogRow).where(LogRow.id == row.log, LogRow.segment == row.segment)).one_or_none()
    if segment is not None and row.number == segment.number:
        return bytes(segment.hash)
    one = _line(connection, row, row.number + 1)
    return None if one is None else bytes(one.before)


def _line(connection: Connection, row: Any, number: int) -> Any:
    which = (LineRow.log == row.log, LineRow.segment == row.segment, LineRow.number == number)
    return connection.execute(select(LineRow.before, LineRow.digest).where(*which)).one_or_none()


def settle(ledger: SqlLedger) -> list[str]:
    """Put back what waits with its bytes, gap by gap, and make anew the records that rest on it; gives the keys of what is healed."""
    connection = ledger.connection
    rows = [row for row in open_damage(connection, ledger.stream, inexact=True) if row.kind == "line"]
    done: list[tuple[Any, str]] = []
    gaps: list[list[Any]] = []
    for row in rows:
        kept = _kept(connection, row)
        if row.healed_ms is None and _is_whole(connection, row, kept, ledger.number):
            healed(connection, [row.key], "", ledger.now_ms)
            continue
        whole = row.healed_ms is None and kept is not None and is_sound(row.body, kept.digest)
        if whole and _holds(connection, kept):
            done.append((row, _body_back(ledger, row)))
        elif gaps and gaps[-1][-1].place == row.place - 1 and (gaps[-1][-1].healed_ms is None) == (row.healed_ms is None):
            gaps[-1].append(row)
        else:
            gaps.append([row])
    for gap in gaps:
        if all(row.body is not None for row in gap):
            done += _gap_back(ledger, gap)
    _records(ledger, done)
    if done:  # the files that they name are read again
        behind = min(row.place for row, _ in done) - 1
        again = update(FileCursor).where(FileCursor.stream == ledger.stream, FileCursor.number > behind)
        connection.execute(again.values(number=behind))
    return [row.key for row, _ in done]


def _is_whole(connection: Connection, row: Any, kept: Any, last: int) -> bool:
    """Whether what a row tells of is true no more: the database was put back to another day."""
    return bool(row.place > last or (kept is not None and is_sound(kept.body, kept.digest) and _holds(connection, kept)))


def _holds(connection: Connection, kept: Any) -> bool:
    """Whether a row stands in the stream's chain as it is."""
    before = stream_hash(connection, kept.stream, kept.place - 1)
    told = after_line(before or b"", kept.place, kept, kept.digest, arrived_ms=kept.arrived_ms, verdict=kept.verdict)
    return before is None or told == kept.stream_hash or not is_exact(connection, kept.stream, kept.place - 1)


def _body_back(ledger: SqlLedger, row: Any) -> str:
    """Give a row its bytes again; gives the record."""
    record, count = _told(row.body, row.verdict)
    here = (LineRow.stream == row.stream, LineRow.place == row.place)
    ledger.connection.execute(update(LineRow).where(*here).values(body=row.body, record=record or None, operations=count))
    healed(ledger.connection, [row.key], row.device, ledger.now_ms)
    return record


def _told(body: bytes, verdict: str) -> tuple[str, int]:
    """The record that a line is about, and how many operations it has."""
    try:
        change = Change.parse(body)
    except ContentFault:
        return "", 0
    return change.record, len(change.operations)


def _gap_back(ledger: SqlLedger, gap: Sequence[Any]) -> list[tuple[Any, str]]:
    """Fill a gap of consecutive places; gives its rows with their records, none where it does not fit."""
    connection, first, last = ledger.connection, gap[0].place, gap[-1].place
    pieces = _chained(connection, gap)
    before = stream_hash(connection, ledger.stream, first - 1)
    if pieces is None or before is None:
        return []
    times = _times(connection, gap)
    verdicts = ["", *connection.scalars(select(LineRow.verdict).where(LineRow.stream == ledger.stream, LineRow.verdict != "").distinct())]
    end = _end(connection, ledger.stream, last)
    placed = _search(pieces, first, before, times, verdicts, end) if end is not None else None
    exact = placed is not None
    if placed is None:
        if any(row.healed_ms is not None or not row.device for row in gap):
            return []  # nobody has told more than was known
        placed = _guessed(pieces, first, before, times)
    for one in placed:
        row = one.piece.row
        own = and_(LineRow.log == row.log, LineRow.number == row.number, LineRow.segment == row.segment)
        here = and_(LineRow.stream == ledger.stream, LineRow.place == one.place)
        connection.execute(delete(LineRow).where(or_(own, here)))
    connection.execute(insert(LineRow), [_as_row(ledger.stream, one) for one in placed])
    for one in placed:
        who = one.piece.row.device
        healed(connection, [_key_at(gap, one.place)], who, ledger.now_ms, exact=exact)
    return [(one.piece.row, _told(one.piece.body, one.verdict)[0]) for one in placed]


def _key_at(gap: Sequence[Any], place: int) -> str:
    return str(next(row.key for row in gap if row.place == place))


def _as_row(stream: str, one: _Placed) -> dict[str, Any]:
    piece, row = one.piece, one.piece.row
    record, count = _told(piece.body, one.verdict)
    return {
        "log": row.log, "number": row.number, "segment": row.segment, "before": piece.before, "digest": piece.digest,
        "body": None if one.verdict in NOT_KEPT else piece.body, "record": record or None, "stream": stream, "place": one.place,
        "stream_hash": one.stream_hash, "arrived_ms": one.arrived_ms, "verdict": one.verdict, "operations": count, "witness": "",
    }  # fmt: skip


def _chained(connection: Connection, gap: Sequence[Any]) -> list[_Piece] | None:
    """The lines of a gap with their places in their logs; None where a log's chain does not hold, and then nothing of that log waits on."""
    pieces: list[_Piece] = []
    heads: dict[tuple[str, int], tuple[int, bytes]] = {}
    for row in sorted(gap, key=lambda one: (one.log, one.segment, one.number)):
        key, digest = (row.log, row.segment), hashlib.sha256(row.body).digest()
        number, chain = heads.get(key, (0, b""))
        before = chain if number == row.number - 1 and chain else _before(connection, row)
        if before is None:
            return None
        heads[key] = row.number, chain_next(before, digest)
        after = _after(connection, row)
        if after is not None and after != heads[key][1]:
            wrong = [one.key for one in gap if (one.log, one.segment) == key]
            connection.execute(update(Damage).where(Damage.key.in_(wrong)).values(body=None, device=""))
            return None
        pieces.append(_Piece(row, row.body, digest, before, row.arrived_ms, row.verdict))
    return pieces


def _times(connection: Connection, gap: Sequence[Any]) -> list[int]:
    """Times of arrival that are likely: those of the lines around, and those that the records tell."""
    around = LineRow.place >= gap[0].place - 1, LineRow.place <= gap[-1].place + 1, LineRow.stream == gap[0].stream
    there = {row.place: row.arrived_ms for row in connection.execute(select(LineRow.place, LineRow.arrived_ms).where(*around))}
    told = [there[place] for place in sorted(there, key=lambda place: not gap[0].place <= place <= gap[-1].place)]
    records = [row.record for row in gap if row.record]
    if records:
        query = select(RecordRow.created_ms, RecordRow.updated_ms).where(RecordRow.id.in_(records[:500]))
        told += [ms for row in connection.execute(query) for ms in row]
    return list(dict.fromkeys(told))


def _end(connection: Connection, stream: str, last: int) -> Any:
    """What s(last) must lead to: the line behind it, or the stream's head; None where that is lost too."""
    behind = connection.execute(select(LineRow).where(LineRow.stream == stream, LineRow.place == last + 1)).one_or_none()
    if behind is not None:
        return behind if is_sound(behind.body, behind.digest) or behind.body is None else None
    head = connection.execute(select(StreamRow).where(StreamRow.code == stream)).one()
    return head if head.number == last else None


def _ends(end: Any, last: int, chain: bytes) -> bool:
    if not hasattr(end, "place"):
        return bool(end.hash == chain)
    told = after_line(chain, last + 1, end, end.digest, arrived_ms=end.arrived_ms, verdict=end.verdict)
    return bool(told == end.stream_hash)


def _search(
    pieces: Sequence[_Piece], first: int, before: bytes, times: Sequence[int], verdicts: Sequence[str], end: Any
) -> list[_Placed] | None:  # fmt: skip
    """The order, times and verdicts with which the stream's chain holds; each log keeps its order."""
    logs: dict[tuple[str, int], list[_Piece]] = {}
    for piece in pieces:
        logs.setdefault((piece.row.log, piece.row.segment), []).append(piece)
    last, tries = first + len(pieces) - 1, [MOST_TRIES]
    placed: list[_Placed] = []

    def choices(before_ms: int | None) -> Iterator[tuple[tuple[str, int], int, str]]:
        for key, waiting in logs.items():
            if waiting:
                one = waiting[0]
                known = [one.arrived_ms] if one.arrived_ms else list(dict.fromkeys([*([] if before_ms is None else [before_ms]), *times]))
                told = list(dict.fromkeys([one.verdict, *verdicts]))
                yield from ((key, *pair) for pair in product(known, told))

    def go(place: int, chain: bytes, before_ms: int | None) -> bool:
        if place > last:
            return _ends(end, last, chain)
        for key, arrived_ms, verdict in list(choices(before_ms)):
            tries[0] -= 1
            if tries[0] < 0:
                return False
            piece = logs[key].pop(0)
            after = after_line(chain, place, piece.row, piece.digest, arrived_ms=arrived_ms, verdict=verdict)
            placed.append(_Placed(piece, place, arrived_ms, verdict, after))
            if go(place + 1, after, arrived_ms):
                return True
            placed.pop()
            logs[key].insert(0, piece)
        return False

    told = _guessed(pieces, first, before, times)
    if _ends(end, last, told[-1].stream_hash):
        return told
    return placed if len(pieces) <= MOST_DEEP and go(first, before, None) else None


MOST_DEEP = 400
"""Lines of one gap whose times are looked for; of a larger one the told times must hold at once."""


def _guessed(pieces: Sequence[_Piece], first: int, before: bytes, times: Sequence[int]) -> list[_Placed]:
    """The lines in the order of their pairing, where no time of arrival fits: each with the time that was told, or its neighbour's."""
    placed: list[_Placed] = []
    chain, ms = before, times[0] if times else 0
    for place, piece in enumerate(sorted(pieces, key=lambda one: int(one.row.place)), first):
        ms = piece.arrived_ms or ms
        chain = after_line(chain, place, piece.row, piece.digest, arrived_ms=ms, verdict=piece.verdict)
        placed.append(_Placed(piece, place, ms, piece.verdict, chain))
    return placed


def _records(ledger: SqlLedger, done: Sequence[tuple[Any, str]]) -> None:
    """Make the records anew that lost their rows, or were written on while a line was lost."""
    since: dict[str, int] = {}
    for row, record in done:
        if record:
            since[record] = min(row.found_ms, since.get(record, row.found_ms))
    units: set[str] = set()
    for record, found_ms in since.items():
        row = ledger.connection.execute(select(RecordRow).where(RecordRow.id == record)).one_or_none()
        later = select(LineRow.place).where(LineRow.record == record, LineRow.arrived_ms >= found_ms).limit(1)
        written_on = ledger.connection.scalar(later) is not None
        sound = row is not None and (row.registers is None or loaded(row, heads_of(ledger.gate.catalogue, row.type)) is not None)
        if written_on or not sound:
            make_anew(ledger, record)
        elif row is not None:
            units.add(row.unit)
    recount(ledger, units)


def put_back_blobs(ledger: SqlLedger, device: str, blobs: Sequence[tuple[str, bytes]]) -> list[str]:
    """Put back sealed values that are those of their hashes; gives the keys of what is healed."""
    waiting = {row.key for row in open_damage(ledger.connection) if row.kind == "blob"}
    done = []
    for digest, data in blobs:
        if blob_key(digest) in waiting and b64(hashlib.sha256(data).digest()) == digest:
            ledger.connection.execute(delete(Blob).where(Blob.hash == digest))
            ledger.connection.execute(insert(Blob).values(hash=digest, data=data))
            done.append(blob_key(digest))
    healed(ledger.connection, done, device, ledger.now_ms)
    return done
