"""Lines that an older server could not read, judged again when software or catalogue are newer.

A tablet may be ahead of its server: a kind of operation, a field or a record type that this server did not know was set aside, kept as
its bytes. When a server process begins, what it understands now becomes a change of the server's own, in the name of the
person who wrote it; the line that came stays in the history beside it. Nobody has to do anything.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from flask import Flask
from sqlalchemy import Connection, insert, select

from server import db
from server.editing import sql_server
from server.ledger import SqlLedger
from server.models import LineRow, LogRow, Review
from server.replaying import sound_change
from server.review import NOT_REVIEWED, mine, taken
from server.services import services
from shared.messages import phrase
from sync.accept import write
from sync.log import Change, name_of
from sync.state import RecordState

NOT_UNDERSTOOD = (
    "bad_path", "computed_field", "not_confidential", "too_long", "unknown_field", "unknown_operation", "unknown_state", "unknown_type",
    "unknown_unit", "wrong_kind",
)  # fmt: skip
"""Verdicts that newer software or another catalogue may lift; every other one is for a person."""

MOST_LINES = 5000
"""So many lines of a stream, the first to arrive, are looked at when a process begins."""

__all__ = ["judge_again", "take_up_understood"]


class _Line(NamedTuple):
    log: str
    number: int
    segment: int
    device: str
    name: str
    change: Change


def judge_again(app: Flask) -> int:
    """Take up what was not understood and is now; gives how many lines."""
    with app.app_context():
        with db.reading() as connection:
            query = select(LineRow.stream).distinct().where(*NOT_REVIEWED, LineRow.verdict.in_(NOT_UNDERSTOOD))
            streams = sorted(connection.scalars(query))
        return sum(db.retrying(partial(_stream, stream)) for stream in streams)


def _stream(stream: str) -> int:
    with sql_server().writing(stream, "", services().clock.now_ms()) as ledger:
        return take_up_understood(ledger, stream)


def take_up_understood(ledger: SqlLedger, stream: str) -> int:
    """Take up what a stream's lines say that is understood now, inside a writing transaction; gives how many lines."""
    count, lines = 0, _lines(ledger.connection, stream)
    ledger.states(list(dict.fromkeys(line.change.record for line in lines)))
    own: dict[str, dict[str, str]] = {}
    for line in lines:
        known = ledger.state(line.change.record)
        if ledger.gate.refusal(line.change, known, line.change.user):
            continue
        names = own.setdefault(line.device, taken(ledger.connection, line.device))
        names[line.name] = _take(ledger, line, known, names)
        told = {"log": line.log, "number": line.number, "segment": line.segment, "name": names[line.name]}
        ledger.connection.execute(insert(Review).values(**told, user=line.change.user, at_ms=ledger.now_ms))
        count += 1
    return count


def _lines(connection: Connection, stream: str) -> Sequence[_Line]:
    columns = (LineRow.log, LineRow.number, LineRow.segment, LineRow.digest, LineRow.body, LogRow.device)
    query = select(*columns).join(LogRow, (LogRow.id == LineRow.log) & (LogRow.segment == LineRow.segment))
    query = query.where(*NOT_REVIEWED, LineRow.verdict.in_(NOT_UNDERSTOOD), LineRow.stream == stream)
    found = []
    for row in connection.execute(query.order_by(LineRow.place).limit(MOST_LINES)):
        change = sound_change(row.body, row.digest)
        if change is None:
            continue
        found.append(_Line(row.log, row.number, row.segment, row.device, name_of(row.log, row.number, row.digest), change))
    return found


def _take(ledger: SqlLedger, line: _Line, known: RecordState | None, own: dict[str, str]) -> str:
    """Write a line's operations as a change of the server's own, in its writer's name; gives the change's name."""
    change, why = line.change, phrase("understood_now", "vi")
    state = known or RecordState(change.record, change.type, [change.unit])
    arrival = ledger.own_line(state, change.user, [mine(op, own, why) for op in change.operations])
    write(ledger, arrival, arrived_ms=ledger.now_ms)
    return arrival.name
