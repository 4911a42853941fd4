"""The invariants of a history: what is looked at after each step, and what at its end.

The stream's chains are reckoned here anew from ``docs/sync.md``; what the registers must hold is the oracle's word.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select

from server.models import Blob, LineRow, LogRow, RecordRow, StreamRow
from server.projection import load_states
from server.replaying import heads_of, replay
from server.round_of_records import RECORD_COLUMNS, agrees, values_told
from shared.ids import b64
from shared.kinds import has_shape
from shared.retyped import in_kind
from sync.paths import policy_of
from sync.state import RecordState
from sync.view import plain
from tests.soak.oracle import Held, StoredRow, by_register, check_register, check_standing, read_ops
from tests.soak.published import Forms
from tests.soak.shown import Standing, shown_problems
from tests.soak.texts import check_texts
from tests.soak.world import Seat, Verified, World
from tests.support.pair import STREAM, AllRights

GREETING_BYTES = 900
"""What an exchange with nothing new costs at most, both ways, with eight tablets' logs behind it."""

_HEAD = select(StreamRow.number, StreamRow.hash, select(func.max(LineRow.place)).scalar_subquery().label("last")).where(StreamRow.code == STREAM)
_LINES_AFTER = select(LineRow).where(LineRow.place > bindparam("place")).order_by(LineRow.place)
_LOGS = select(LogRow)
_RECORDS = select(RecordRow.id)

__all__ = ["check_end", "check_step", "stored_rows"]


# after each step


def check_step(world: World) -> None:
    """Every new line of the stream has its number, its place in its log's chain and in the stream's (1)–(3)."""
    known = world.verified
    with world.engine.connect() as connection:
        head = connection.execute(_HEAD).one_or_none()
        if head is None or (head.number, head.hash, head.last) == (known.place, known.hash, known.place):
            return
        rows = connection.execute(_LINES_AFTER, {"place": known.place}).all()
        logs = connection.execute(_LOGS).all()
    segments = {(log.id, log.segment): log for log in logs}
    for row in rows:
        world.wrong += _check_line(known, row, segments[row.log, row.segment], world)
    if (head.number, head.hash) != (known.place, known.hash or _start()):
        world.wrong.append(f"the stream says {head.number}, its lines end at {known.place}")
    for log in logs:
        end = known.logs.get((log.id, log.segment))
        if end is not None and end != (log.number, log.hash):
            world.wrong.append(f"log {log.id} says {log.number}, its lines end at {end[0]}")


def _start() -> bytes:
    return hashlib.sha256(b"sen-stream/1" + STREAM.encode()).digest()


def _check_line(known: Verified, row: Any, segment: Any, world: World) -> Iterator[str]:
    if row.place != known.place + 1:
        yield f"line {row.place} follows {known.place} in the stream"
    body = row.body
    if body is not None and hashlib.sha256(body).digest() != row.digest:
        yield f"line {row.place} is not what its hash says"
    number, chain = known.logs.get((row.log, row.segment), (segment.start, segment.start_hash))
    if number == 0 and segment.device:
        device = world.server.devices.get(segment.device)
        chain = hashlib.sha256(b"sen-log/1" + row.log.encode() + (world.server.own.key if device is None else device.key)).digest()
    if (row.number, row.before) != (number + 1, chain):
        yield f"line {row.number} of log {row.log} follows {number}"
    told = f"{row.place} {row.log} {row.number} {row.arrived_ms} {row.verdict} ".encode()
    known.hash = hashlib.sha256((known.hash or _start()) + told + row.digest).digest()
    known.place = row.place
    known.logs[row.log, row.segment] = (row.number, hashlib.sha256(row.before + row.digest).digest())
    if row.stream_hash != known.hash:
        yield f"s({row.place}) is wrong"


# at the end


def stored_rows(world: World) -> list[StoredRow]:
    """The lines of the stream in their order."""
    with world.engine.connect() as connection:
        rows = connection.execute(_LINES_AFTER, {"place": 0}).all()
    return [
        StoredRow(f"{row.log}.{row.number}.{b64(row.digest[:6])}", bytes(row.body or b""), row.verdict, row.arrived_ms, row.before, row.digest)
        for row in rows
    ]  # fmt: skip


def stored_states(world: World) -> dict[str, RecordState]:
    """What the server holds of every record."""
    with world.engine.connect() as connection:
        records = list(connection.scalars(_RECORDS))
    found = {record: world.stored_state(record) for record in records}
    return {record: state for record, state in found.items() if state is not None}


def check_end(world: World) -> list[str]:
    """What is wrong once it is quiet."""
    rows, states = stored_rows(world), stored_states(world)
    wrong = [*world.wrong, *check_history(world, rows), *check_merge(world, rows, states), *check_texts(world, rows), *check_names(world, states)]
    for seat in world.seats:
        wrong += [f"tablet {seat.number}: {problem}" for problem in check_tablet(world, seat, rows, states)]
    wrong += check_sound(world)
    wrong += check_again(world, rows, states)
    wrong += check_greeting(world)
    return wrong


def check_history(world: World, rows: Sequence[StoredRow]) -> Iterator[str]:
    """Every line that anybody wrote is in the stream once, as it was written; what is right is applied, what is wrong set aside (1)."""
    stored = {row.name: row for row in rows}
    with world.engine.connect() as connection:
        sealed = set(connection.scalars(select(Blob.hash)))
    for name in stored.keys() & world.written.keys() - world.poison:
        named = {op["b"] for op in json.loads(world.written[name])["o"] if "b" in op}
        yield from (f"{digest}, sealed, of {name} is not here" for digest in named - sealed - world.lost_sealed)
    if len(stored) != len(rows):
        yield "a line stands twice"
    for name, body in world.written.items():
        row = stored.get(name)
        if row is None:
            if name not in world.lost:
                yield f"{name} is not in the history"
        elif row.body != body:
            yield f"{name} was changed"
        elif name in world.poison:
            yield from () if row.verdict else (f"{name} got no verdict",)
        elif row.verdict:
            yield from _check_ahead(world, row, rows)
    yield from _check_clocks(world)
    server_logs = {row.name for row in rows if world.is_servers(row.name)}
    yield from (f"nobody wrote {name}" for name in stored.keys() - world.written.keys() - server_logs)


def _check_ahead(world: World, row: StoredRow, rows: Sequence[StoredRow]) -> Iterator[str]:
    """Nothing is refused for being old. What a server that was set back could not read is set aside, and stands under its writer's name
    as soon as a server knows the forms that it was made with; or those of a line that it overwrites and that was set aside for that.
    """
    line, place = json.loads(row.body), rows.index(row) + 1
    saw = {name for op in line["o"] for name in op.get("s", ())}
    made_with = frozenset[str]().union(*(_made_with(world, one) for one in rows if one is row or (one.verdict and one.name in saw)))
    if made_with <= world.knowledge.at(place):
        yield f"{row.name} was made with a form that the server knew, and got the verdict {row.verdict!r}"
        return
    world.met["a line of a newer form was set aside by an older server"] += 1
    if made_with <= world.knowledge.now:
        said = [(op["p"], op.get("v"), op.get("b")) for op in line["o"]]
        if not any(world.is_servers(other.name) and _says(other, line, said) for other in rows[place:]):
            yield f"{row.name} got the verdict {row.verdict!r}, and no newer server took it up"
    else:
        world.met["a line of a form that a restored server never had"] += 1


def _made_with(world: World, row: StoredRow) -> Forms:
    return world.knowledge.forms[world.made_with.get(row.name, json.loads(row.body)["c"])]


def _says(row: StoredRow, line: Mapping[str, Any], said: Sequence[tuple[Any, ...]]) -> bool:
    body = json.loads(row.body)
    return body["u"] == line["u"] and body["r"] == line["r"] and [(op["p"], op.get("v"), op.get("b")) for op in body["o"]] == said


def _check_clocks(world: World) -> Iterator[str]:
    """The clock of a tablet's lines never runs backwards in a log, whatever the device's own clock did."""
    last: dict[str, tuple[int, int]] = {}
    for name, body in world.written.items():
        line = json.loads(body)
        time = (line["t"][0], line["t"][1])
        if not world.is_servers(name) and not world.forked and last.get(line["l"], (0, 0)) >= time:
            yield f"{name} is of {time}, the line before it of {last[line['l']]}"
        last[line["l"]] = time


def held_values(state: RecordState, path: str) -> list[Held]:
    """The values in force at a path, as the oracle names them."""
    register = state.registers.get(path)
    values = () if register is None else register.values
    return [Held(frozenset(one.origins), one.open, one.value if one.blob is None else {"sealed": one.blob}) for one in values]


def check_merge(world: World, rows: Sequence[StoredRow], states: Mapping[str, RecordState]) -> Iterator[str]:
    """The registers hold what the oracle says (4)–(8)."""
    ops = read_ops(rows)
    come = [row.name for row in rows]
    rights = AllRights(world.server.catalogue)
    for (record, path), mine in by_register(ops).items():
        state = states.get(record)
        if path.endswith("@") or state is None:
            continue
        types = world.server.catalogue.all_types[state.type]
        policy = policy_of(types, path) if any(op.applied for op in mine) else "ask"
        hard = world.forked or world.restored
        field = types.field_at(path)
        if field is not None:  # two that are shown alike are equal, whichever kind they were written in
            mine = [op._replace(value=in_kind(field, op.value)) for op in mine]
        held = [one if field is None else one._replace(value=in_kind(field, one.value)) for one in held_values(state, path)]
        wrong, exact = check_register(
            mine, come, policy, held, lambda start, to: rights.may_go("", "", "record", start, to),
            taught=hard,
        )  # fmt: skip
        world.met["registers told exactly" if exact else "registers told by rules (a line came after one that names it)"] += 1
        world.met["open questions at the end"] += sum(value.asked for value in held)
        yield from (f"{record[-1]} {path}: {problem}" for problem in wrong)
    for record, state in states.items():
        mine = [op for op in ops if op.record == record]
        names = {path: [value.names for value in held_values(state, path)] for path in state.registers}
        for path, register in state.registers.items():
            if any(name in set(come) for value in register.values for name in value.waits):
                yield f"{record[-1]} {path}: waits for what has come"
            if path.endswith("@"):
                asked = {origin: value.open for value in register.values for origin in value.origins}
                yield from check_standing(path, names, mine, asked)


def check_names(world: World, states: Mapping[str, RecordState]) -> Iterator[str]:
    """Every value that stands is found under the name that its field has now; what no form asks for any more bears its label (7)."""
    for record, state in states.items():
        known = world.server.catalogue.all_types[state.type]
        standing = {
            path: [Standing(one.kind, one.value if one.blob is None else {"sealed": one.blob}) for one in register.values if not one.open]
            for path, register in state.registers.items()
        }  # fmt: skip
        shown = plain(state, known)
        yield from (f"{record[-1]}: {problem}" for problem in shown_problems(world.folder, state.type, shown, standing))
        nameless = shown.keys() - known.kept_fields().keys()
        yield from (f"{record[-1]} shows {name} without a label" for name in nameless)
        world.met["a dropped field's value shown"] += bool(shown.keys() & known.former.keys())
        world.met["a record of a dropped type shown"] += known.dropped
        world.met["a retyped field's old value shown"] += any(
            path in known.by_path and not has_shape(known.by_path[path], values[0].value)
            for path, values in standing.items() if "/" not in path and values and values[0].value is not None and "sealed" not in str(values[0].value)
        )  # fmt: skip


def check_tablet(world: World, seat: Seat, rows: Sequence[StoredRow], states: Mapping[str, RecordState]) -> Iterator[str]:
    """A tablet shows what the server has of its scope, proves it, and holds nothing else (10), (14)."""
    tablet = seat.tablet
    scope = tablet.identity.scope
    sealed = world.server.catalogue.sealed_types
    if tablet.catalogue is not world.server.catalogue:
        yield "has not taken up the catalogue"
    here = {
        record for record, state in states.items()
        if set(state.units) & set(scope.units) and (scope.cases or state.type not in sealed)
    }  # fmt: skip
    told = tablet.told
    yield from (f"shows {record[-1]}, which is not in its scope" for record in told.keys() - here)
    for record in here:
        shown, there = tablet.show(record), states[record]
        if shown is None:
            yield f"lacks {record[-1]}"
            continue
        yield from _check_shown(world, shown, there)
    lines = dict(tablet.kept_lines())
    yield from (f"keeps {name} of a record outside its scope" for name, body in lines.items() if json.loads(body)["r"] not in here)
    if not scope.cases and tablet.kept_blobs():
        yield "keeps sealed values without the right to them"
    theirs = {op.value["sealed"]: op.record for op in read_ops(rows) if isinstance(op.value, dict) and "sealed" in op.value}
    for digest in tablet.kept_blobs():
        if theirs.get(digest, "") not in (*here, ""):
            yield f"keeps a sealed value of {theirs[digest][-1]}, which is not in its scope"
    if scope.cases:
        blobs = tablet.kept_blobs()
        wanted = [value.blob for record in here for _, value in states[record].values() if value.blob is not None]
        yield from (f"lacks the sealed value {digest}" for digest in wanted if digest not in blobs and digest not in world.lost_sealed)
        yield from ("a sealed value is not what its hash says" for digest, data in blobs.items() if b64(hashlib.sha256(data).digest()) != digest)


def _check_shown(world: World, shown: RecordState, there: RecordState) -> Iterator[str]:
    known, record = world.server.catalogue.all_types[there.type], there.id[-1]
    ours, theirs = plain(shown, known), plain(there, known)
    if ours != theirs:
        yield f"{record} shows {ours}, not {theirs}"
    if shown.withdrawn is not there.withdrawn or shown.units != there.units:
        yield f"{record} stands otherwise: {shown.units} {there.units}"
    for path in shown.registers.keys() | there.registers.keys():
        held, told = ({(value.names, value.asked) for value in held_values(state, path)} for state in (shown, there))
        if held != told:
            yield f"{record} {path} holds {held}, not {told}"


def check_again(world: World, rows: Sequence[StoredRow], states: Mapping[str, RecordState]) -> Iterator[str]:
    """A message told again at any later time changes nothing (9)."""
    before = {record: json.dumps(state.dump()) for record, state in states.items()}
    for _, request in list(world.sent):
        world.serve(request)
    after = {record: json.dumps(state.dump()) for record, state in stored_states(world).items()}
    if stored_rows(world) != rows or after != before:
        yield "a message told again changed something"


def check_sound(world: World) -> Iterator[str]:
    """Nothing that a whole server holds is taken for damage, and a record made anew from its lines is the one that is there.

    Not so after a restore: what a line's writer had seen was told beside the lines then (``docs/sync.md``, handing back), so that a question
    may be asked once more.
    """
    catalogue = world.server.catalogue
    with world.server.writing(STREAM, "", world.now_ms) as ledger:
        rows = ledger.connection.execute(select(*RECORD_COLUMNS)).all()
        states, told = load_states(ledger.connection, rows), values_told(ledger.connection, [row.id for row in rows])
        for row in rows:
            heads, made = heads_of(catalogue, row.type), replay(ledger, row.id)
            if not agrees(row, states[row.id], heads, told.get(row.id, {})):
                yield f"record {row.id} is taken for damaged"
            if made is None or (not world.restored and made.state.digest(heads, sealed=False) != states[row.id].digest(heads, sealed=False)):
                yield f"record {row.id} made anew is another"


def check_greeting(world: World) -> Iterator[str]:
    """Nothing new: one small round trip that moves nothing (15)."""
    for seat in world.seats:
        request = world.ask(seat)
        answer = world.serve(request)
        if answer is None or len(request) + len(answer) > GREETING_BYTES or world.receive(seat, answer) is not False:
            yield f"tablet {seat.number}: nothing was new, and it took {len(request)} + {len(answer or b'')} bytes"
