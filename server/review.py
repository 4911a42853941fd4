"""What was set aside and waits for the district: lines of revoked tablets, and lines of people whose right was gone when they came.

Nothing of them is merged until somebody takes them up. Then each becomes a change of that person's own, judged and merged like any
other; the line that came stays in the history beside it, under its writer's name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from server import db
from server.access import units_where
from server.audit import note
from server.editing import sql_server
from server.gate import UNIT_PATH
from server.ledger import SqlLedger
from server.models import LineRow, LogRow, RecordRow, Review
from server.people import Device, User, names_of
from server.replaying import sound_change
from server.services import services
from server.titles import title_of
from shared.errors import SenError
from shared.messages import phrase
from sync.accept import HELD, write
from sync.log import Change, Operation, name_of
from sync.paths import is_sealed
from sync.state import RecordState

WAITING = (HELD, "no_right")
"""The verdicts that a person above may see to; every other one is for the writer to mend."""

RIGHT = "accept"
"""The word of ``roles.yaml`` that a person needs in a unit to see to what waits there."""

__all__ = ["NOT_REVIEWED", "RIGHT", "WAITING", "HeldRecord", "count_waiting", "leave", "mine", "take_up", "taken", "waiting"]


MOST_LINES = 5000
"""So many lines, the first to arrive, are looked at together; the next ones when these are seen to."""

NOT_REVIEWED = (
    LineRow.verdict != "",
    ~select(Review.log)
    .where(Review.log == LineRow.log, Review.number == LineRow.number, Review.segment == LineRow.segment)
    .exists(),
)
"""What was set aside and nobody has done anything with."""

_NOT_SEEN_TO = (*NOT_REVIEWED, LineRow.verdict.in_(WAITING))


class _Line(NamedTuple):
    """A line that waits, with what is known of its sender."""

    log: str
    number: int
    segment: int
    stream: str
    name: str
    device: str
    verdict: str
    arrived_ms: int
    change: Change


@dataclass(frozen=True, kw_only=True)
class HeldRecord:
    """The lines of one tablet about one record that wait: who, on which tablet, why, how many, written and arrived when (ms).

    ``title`` is the record's in a list: never a confidential word. ``known``: the record is on the server already.
    """

    device: str
    tablet: str
    person: str
    verdict: str
    record: str
    type: str
    unit: str
    title: str
    known: bool
    count: int
    written_ms: int
    arrived_ms: int


def _lines(connection: Connection, units: Iterable[str], *, device: str = "", record: str = "") -> list[_Line]:
    """The lines of these units that wait, in the order of their writing."""
    columns = (
        LineRow.log, LineRow.number, LineRow.segment, LineRow.stream, LineRow.digest, LineRow.body, LineRow.verdict, LineRow.arrived_ms,
    )  # fmt: skip
    query = select(*columns, LogRow.device).join(LogRow, (LogRow.id == LineRow.log) & (LogRow.segment == LineRow.segment))
    query = query.where(*_NOT_SEEN_TO).order_by(LineRow.place).limit(MOST_LINES)
    query = query.where(LogRow.device == device) if device else query
    query = query.where(LineRow.record == record) if record else query
    here, found = set(units), []
    for row in connection.execute(query):
        change = sound_change(row.body, row.digest)
        if change is None:
            continue
        if change.unit in here:
            name = name_of(row.log, row.number, row.digest)
            found.append(
                _Line(row.log, row.number, row.segment, row.stream, name, row.device, row.verdict, row.arrived_ms, change)
            )
    return sorted(found, key=lambda line: (line.change.time, line.log, line.number))


def waiting(user: User, *, lang: str = "vi") -> list[HeldRecord]:
    """What waits in the units that a person sees to, by tablet, the latest to arrive first."""
    with db.reading() as connection, Session(connection) as session:
        lines = _lines(connection, units_where(user, RIGHT))
        groups: dict[tuple[str, str], list[_Line]] = {}
        for line in lines:
            groups.setdefault((line.device, line.change.record), []).append(line)
        tablets = {one.id: one for one in session.scalars(select(Device).where(Device.id.in_({line.device for line in lines})))}
        people = names_of(session, sorted({line.change.user for line in lines}))
        records = {line.change.record for line in lines}
        known = set(connection.scalars(select(RecordRow.id).where(RecordRow.id.in_(records))))
    found = [_held(group, tablets, people, known, lang) for group in groups.values()]
    return sorted(found, key=lambda one: (-one.arrived_ms, one.device, one.written_ms))


def count_waiting(user: User) -> int:
    """How many records have lines that wait, in the districts in which a person sees to them."""
    streams = {services().catalogue.units.stream_of(unit) for unit in units_where(user, RIGHT)}
    if not streams:
        return 0
    query = select(func.count(LineRow.record.distinct())).where(LineRow.stream.in_(streams), *_NOT_SEEN_TO)
    with db.reading() as connection:
        return connection.scalar(query) or 0


def _held(
    group: Sequence[_Line], tablets: Mapping[str, Device], people: Mapping[str, str], known: set[str], lang: str
) -> HeldRecord:
    first, last = group[0], group[-1]
    tablet = tablets.get(first.device)
    return HeldRecord(
        device=first.device, tablet="" if tablet is None else tablet.name, person=people.get(first.change.user, ""), verdict=first.verdict,
        record=first.change.record, type=first.change.type, unit=first.change.unit, title=_title(group, lang),
        known=first.change.record in known, count=len(group), written_ms=last.change.time.ms,
        arrived_ms=max(line.arrived_ms for line in group),
    )  # fmt: skip


def _title(group: Sequence[_Line], lang: str) -> str:
    """What a list would call the record, from what the lines say in the clear."""
    record_type = services().catalogue.all_types.get(group[0].change.type)
    if record_type is None:
        return phrase("unknown_type", lang)
    values: dict[str, Any] = {}
    for line in group:
        for op in line.change.operations:
            head, _, element = op.path.partition("/")
            if op.path == record_type.title and op.blob is None and not is_sealed(record_type, op.path):
                values[op.path] = op.value
            elif head == record_type.title and op.kind == "add" and not is_sealed(record_type, op.path):
                values.setdefault(head, []).append(element)
    return title_of(record_type, values, lang)


# --- what is done with them ------------------------------------------------------------------------------------------


def take_up(user: User, device: str, record: str) -> int:
    """Make a tablet's lines about a record changes of this person's own; gives how many.

    Raises:
        SenError: ``not_found`` where nothing waits; the code for which this person's change would be set aside too: none is taken then.
    """
    return _see_to(user, device, record, _take)


def leave(user: User, device: str, record: str) -> int:
    """Leave a tablet's lines about a record as they are: in the history, counted nowhere. Raises SenError("not_found")."""
    return _see_to(user, device, record, lambda ledger, user, line, own, person: "")


def _see_to(user: User, device: str, record: str, do: Any) -> int:
    held, server = services(), sql_server()

    def work() -> int:
        now_ms, units = held.clock.now_ms(), units_where(user, RIGHT)
        with db.reading() as connection:
            streams = {line.stream for line in _lines(connection, units, device=device, record=record)}
        count = 0
        for stream in sorted(streams):
            with server.writing(stream, "", now_ms) as ledger, Session(ledger.connection) as session:
                lines = [one for one in _lines(ledger.connection, units, device=device, record=record) if one.stream == stream]
                ledger.states([record])
                own = taken(ledger.connection, device)
                people = names_of(session, sorted({line.change.user for line in lines}))
                for line in lines:
                    own[line.name] = do(ledger, user, line, own, people.get(line.change.user, ""))
                    told = {"log": line.log, "number": line.number, "segment": line.segment}
                    session.add(Review(**told, name=own[line.name], user=user.id, at_ms=now_ms))
                if lines:
                    action = "take_up" if do is _take else "leave_aside"
                    note(session, user=user.id, action=action, subject=record, at_ms=now_ms, why=device)
                session.flush()
                count += len(lines)
        if not count:
            raise SenError("not_found")
        return count

    return db.retrying(work)


def taken(connection: Connection, device: str) -> dict[str, str]:
    """What became of this tablet's lines before: name of the line → name of the console's change ("" where it was left)."""
    query = select(Review.log, Review.number, LineRow.digest, Review.name).join(
        LineRow, (LineRow.log == Review.log) & (LineRow.number == Review.number) & (LineRow.segment == Review.segment)
    )
    query = query.join(LogRow, (LogRow.id == LineRow.log) & (LogRow.segment == LineRow.segment)).where(LogRow.device == device)
    return {name_of(row.log, row.number, row.digest): row.name for row in connection.execute(query)}


def _take(ledger: SqlLedger, user: User, line: _Line, own: Mapping[str, str], person: str) -> str:
    """Write a line's operations as a change of the person's own; gives its name.

    Where the tablet had seen its own line that was taken up before, the person has seen the change that this became.
    """
    change, units = line.change, units_where(user, RIGHT)
    known = ledger.state(change.record)
    state = known or RecordState(change.record, change.type, [change.unit])
    moved_to = [op.value for op in change.operations if op.path == UNIT_PATH]
    if state.unit not in units or any(unit not in units for unit in moved_to):
        raise SenError("no_right")
    why = phrase("taken_up", "vi", person=person)
    operations = [mine(op, own, why) for op in change.operations]
    arrival = ledger.own_line(state, user.id, operations)
    assert arrival.change is not None
    refusal = ledger.gate.refusal(arrival.change, known, "")
    if refusal:
        raise SenError(refusal)
    write(ledger, arrival, arrived_ms=ledger.now_ms)
    return arrival.name


def mine(op: Operation, own: Mapping[str, str], why: str) -> Operation:
    """An operation of a line that is taken up: who saw the line before has seen the change that it became (``own``)."""
    saw = tuple(dict.fromkeys(name for old in op.saw for name in (old, own.get(old, "")) if name))
    return replace(op, saw=saw, why=f"{op.why}; {why}" if op.why else why)
