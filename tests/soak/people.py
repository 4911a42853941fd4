"""What people do: on a tablet, in an open form, at the console."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from shared.catalogue import Catalogue
from sync.accept import write as write_at_server
from sync.compose import decision, difference, transition, withdrawal
from sync.log import RECORD_STANDING, Operation
from sync.state import RecordState, Value
from sync.view import Snapshot, has_place, renewed, snapshot
from tests.soak.history import Step
from tests.soak.tablets import Crash, seal_with
from tests.soak.values import FIRST_VALUES, NUMBERS, drawn, inner_names, present_fields
from tests.soak.world import UNITS, OpenForm, Seat, World
from tests.support.pair import STREAM

MOST_RECORDS = 3
MOST_BEGUN = 2
"""So many records of new types come to those."""

CONSOLE_USER = "user-console"

Blobs = dict[str, bytes]

__all__ = ["PEOPLE_STEPS"]


def save(world: World, seat: Seat, record: str, type_code: str, unit: str, ops: tuple[Operation, ...], blobs: Mapping[str, bytes], *, urgent: bool = False) -> str | None:
    """A tablet puts a change into its log; what was saved is noted on paper. Gives its name; None where the tablet died."""
    tablet = seat.tablet
    try:
        name = tablet.put(record, type_code, unit, ops, now_ms=world.clock(seat), urgent=urgent, blobs=blobs)
    except Crash:
        world.met["tablet died while it saved"] += 1
        world.died(seat)
        return None
    finally:
        tablet.die_at(0)
    body = tablet.line_body(name)
    world.written[name] = body
    world.note(body)
    note_age(world, seat.tablet.catalogue, type_code, ops)
    return name


def note_age(world: World, made: Catalogue, type_code: str, ops: tuple[Operation, ...]) -> None:
    """Count what was written on a form that is not the server's."""
    was, now = made.all_types.get(type_code), world.server.catalogue.all_types.get(type_code)
    if made is world.server.catalogue or was is None or now is None:
        return
    for head in {op.path.partition("/")[0] for op in ops}:
        mine, theirs = was.by_path.get(head), now.by_path.get(head)
        if mine is not None and theirs is not None:
            world.met["a renamed field written on an old tablet"] += mine.code != theirs.code
            world.met["a retyped field written on an old tablet"] += mine.kind != theirs.kind
            world.met["a dropped field written on an old tablet"] += theirs.dropped and not mine.dropped
    world.met["a record of a dropped type edited"] += now.dropped


def type_in(world: World, seat: Seat, record: str, type_code: str, unit: str, form: Snapshot, values: Mapping[str, Any], *, urgent: bool = False, made_with: Catalogue | None = None) -> set[str]:
    """An officer leaves these values in a form and saves; gives the paths that were written.

    Args:
        made_with: the catalogue of the form, where the tablet has an older one by now.
    """
    catalogue = made_with or seat.tablet.catalogue
    blobs: Blobs = {}
    written = set()
    seal = seal_with(blobs, world.rng.randbytes)
    for ops in difference(catalogue.all_types[type_code], form, {**form.values, **values}, seal=seal):
        for op in ops:
            if op.kind != "delete" and set(op.saw) != set(form.seen.get(op.path, ())):
                world.wrong.append(f"tablet {seat.number} edits {op.path} and does not name what its form showed there")
        name = save(world, seat, record, type_code, unit, ops, blobs, urgent=urgent)
        if name is not None:
            world.made_with[name] = catalogue.version
        written |= {op.path for op in ops}
    return written


def state_at(seat: Seat, record: str) -> RecordState:
    """What the tablet shows of a record that it shows."""
    state = seat.tablet.show(record)
    assert state is not None
    return state


def create(world: World, step: Step) -> None:
    if len(world.records) >= MOST_RECORDS:
        return
    seat = world.seat(step)
    scope = seat.tablet.identity.scope
    unit = scope.units[step.how[0] % len(scope.units)]
    record = f"0180f000-0000-7000-8000-{len(world.records):012x}"
    world.records.append(record)
    if scope.cases and step.how[2] % 3 == 0 and len(world.records) > 1:
        begin_record(world, seat, record, "file", unit)
        return
    fields = seat.tablet.catalogue.types["note"].fields
    name_of, open_topic = inner_names(fields["guests"])["name"], next(one.code for one in fields["topics"].choices if one.valid_to is None)
    values = {"title": "x", "story": "một\nhai\nba\n", "guests": [{"id": name * 11, name_of: name} for name in "pq"], "topics": [open_topic]}
    keep = [code for index, code in enumerate(values) if code == "title" or step.how[1] >> index & 1]
    type_in(world, seat, record, "note", unit, Snapshot.empty(), {code: values[code] for code in keep})


def begin(world: World, step: Step) -> None:
    """A record of a type that only newer catalogues have."""
    seat = world.seat(step)
    types, scope = seat.tablet.catalogue.types, seat.tablet.identity.scope
    new = [code for code in FIRST_VALUES if code not in ("note", "file") and code in types and (scope.cases or not types[code].sealed_by)]
    if new and len(world.records) < MOST_RECORDS + MOST_BEGUN:
        record = f"0180f000-0000-7000-8000-{len(world.records):012x}"
        world.records.append(record)
        begin_record(world, seat, record, new[step.how[1] % len(new)], scope.units[step.how[0] % len(scope.units)])


def begin_record(world: World, seat: Seat, record: str, type_code: str, unit: str) -> None:
    """The first values of a record, whatever its fields are called by now."""
    present = present_fields(seat.tablet.catalogue.types[type_code])
    values = {present[path].code: value for path, value in FIRST_VALUES[type_code].items()}
    if type_code == "file" and present["code"].kind == "int":
        values["code"] = 7
    type_in(world, seat, record, type_code, unit, Snapshot.empty(), values)


def edit(world: World, step: Step, *, urgent: bool = False) -> None:
    seat = world.seat(step)
    record = world.shown(seat, step)
    if record is not None:
        fill_in(world, seat, step, record, seat.tablet.open(record), urgent=urgent)


def urgent(world: World, step: Step) -> None:
    """An urgent edit; every other one over an ordinary edit of the same fields, which it may overtake."""
    if step.how[2] % 2:
        edit(world, step)
        step = step._replace(how=(step.how[0], step.how[1], step.how[2] + 1))
    edit(world, step, urgent=True)


def fill_in(world: World, seat: Seat, step: Step, record: str, form: Snapshot, *, urgent: bool = False) -> None:
    state = state_at(seat, record)
    rng = random.Random(repr(step.how))
    values = drawn(world, rng, seat.tablet.catalogue.all_types[state.type], form)
    type_in(world, seat, record, state.type, state.unit, form, values, urgent=urgent)


def open_form(world: World, step: Step) -> None:
    seat = world.seat(step)
    record = world.shown(seat, step)
    if record is not None:
        seat.forms[record] = OpenForm(seat.tablet.open(record), seat.tablet.catalogue, step.how)


def save_form(world: World, step: Step) -> None:
    seat = world.seat(step)
    record = world.shown(seat, step)
    form = seat.forms.pop(record or "", None)
    if record is not None and form is not None:
        world.met["an open form saved"] += 1
        if form.catalogue is seat.tablet.catalogue:
            fill_in(world, seat, step, record, form.opened)
        else:
            fill_on(world, seat, record, form)


def fill_on(world: World, seat: Seat, record: str, form: OpenForm) -> None:
    """A form that stood open while another catalogue came is saved: what was typed under the old one stands in its place there."""
    state = state_at(seat, record)
    was, now = (catalogue.all_types[state.type] for catalogue in (form.catalogue, seat.tablet.catalogue))
    typed = drawn(world, random.Random(repr(form.how)), was, form.opened)
    if not has_place({**form.opened.values, **typed}, now):
        world.met["a form newer than its server saved"] += 1
        type_in(world, seat, record, state.type, state.unit, form.opened, typed, made_with=form.catalogue)
        return
    opened = form.opened._replace(values=renewed(form.opened.values, now))
    world.met["a form open across an update saved"] += 1
    written = type_in(world, seat, record, state.type, state.unit, opened, renewed({**form.opened.values, **typed}, now))
    changed = {was.path_of(code) for code, value in typed.items() if value != form.opened.values.get(code)}
    lost = {path for path in changed - written if was.by_path[path].kind == now.by_path[path].kind and was.by_path[path].kind in ("int", "text")}
    world.wrong += [f"tablet {seat.number} typed {path} before an update, and wrote nothing there" for path in sorted(lost)]


def withdraw(world: World, step: Step) -> None:
    seat = world.seat(step)
    record = world.shown(seat, step)
    if record is not None and not state_at(seat, record).withdrawn:
        state = state_at(seat, record)
        save(world, seat, record, state.type, state.unit, (withdrawal(state),), {})


def decide(world: World, step: Step) -> None:
    seat = world.seat(step)
    record = world.shown(seat, step)
    operation = None if record is None else settlement(state_at(seat, record), step)
    if record is not None and operation is not None:
        state = state_at(seat, record)
        blobs = {} if operation.blob is None else {k: v for k, v in seat.tablet.kept_blobs().items() if k == operation.blob}
        saved = save(world, seat, record, state.type, state.unit, (operation,), blobs)
        if saved is not None and operation.path in seat.tablet.questions(record):
            world.wrong.append(f"tablet {seat.number} decided {operation.path} and is still asked")


def settlement(state: RecordState, step: Step) -> Operation | None:
    """How a person settles one of the open questions of a record."""
    paths = sorted(state.open_paths())
    if not paths:
        return None
    path = paths[step.how[0] % len(paths)]
    values = state.registers[path].values
    chosen: Value = values[step.how[1] % len(values)]
    if not path.endswith(RECORD_STANDING):
        names = tuple(name for held in values for name in held.origins)
        return decision(path, chosen.value, names, "vì", blob=chosen.blob)
    if step.how[1] % 2 or chosen.kind == "decide":
        names = tuple(name for held in values for name in held.origins)
        return decision(path, "kept", names)
    below = path.removesuffix(RECORD_STANDING).rstrip("/")
    return Operation(chosen.kind, path, None, None, state.origins(below), None)


def move(world: World, step: Step) -> None:
    seat = world.seat(step)
    record = world.shown(seat, step)
    if record is not None:
        state = state_at(seat, record)
        type_in(world, seat, record, state.type, state.unit, seat.tablet.open(record), {"unit": UNITS[step.how[0] % 2]})


def poison(world: World, step: Step) -> None:
    """A line whose content cannot be applied."""
    seat = world.seat(step)
    record = world.shown(seat, step)
    if record is not None:
        state = state_at(seat, record)
        code = NUMBERS[state.type]
        seen = seat.tablet.open(record).seen.get(code, ())
        bad = Operation("set", code, "không phải số", None, seen, None)
        kind = (state.type, state.type, "no_such_type")[step.how[0] % 3]
        name = save(world, seat, record, kind, state.unit, (bad,), {})
        if name is not None:
            world.poison.add(name)


# at the console


def at_console(world: World, step: Step, make: Callable[[RecordState], list[tuple[tuple[Operation, ...], Blobs]]]) -> None:
    """A person at the console writes changes over what stands; lines of the server's own log."""
    stored = [record for record in world.records if world.stored_state(record) is not None]
    if not stored:
        return
    record = stored[step.record % len(stored)]
    with world.server.writing(STREAM, CONSOLE_USER, world.now_ms) as ledger:
        state = ledger.states([record])[record]
        for operations, blobs in make(state):
            ledger.keep_sealed(list(blobs.items()), ())
            arrival = ledger.own_line(state, CONSOLE_USER, operations)
            assert arrival.change is not None and arrival.body is not None
            if ledger.refusal(arrival.change, state):
                continue
            write_at_server(ledger, arrival, arrived_ms=world.now_ms)
            world.written[arrival.name] = arrival.body
            world.note(arrival.body)
            world.met["console edit"] += 1


def console(world: World, step: Step) -> None:
    def make(state: RecordState) -> list[tuple[tuple[Operation, ...], Blobs]]:
        record_type = world.server.catalogue.all_types[state.type]
        form, blobs = snapshot(state, record_type), Blobs()
        values = drawn(world, random.Random(repr(step.how)), record_type, form)
        seal = seal_with(blobs, world.rng.randbytes)
        changes = difference(record_type, form, {**form.values, **values}, seal=seal)
        return [(operations, blobs) for operations in changes]

    at_console(world, step, make)


def console_decide(world: World, step: Step) -> None:
    def make(state: RecordState) -> list[tuple[tuple[Operation, ...], Blobs]]:
        operation = settlement(state, step)
        return [] if operation is None else [((operation,), {})]

    at_console(world, step, make)


def console_withdraw(world: World, step: Step) -> None:
    def make(state: RecordState) -> list[tuple[tuple[Operation, ...], Blobs]]:
        if step.how[0] % 3:
            to = ("submitted", "returned", "accepted")[step.how[1] % 3]
            seen = {"state": state.origins("state")}
            return [((transition("state", to, seen),), {})]
        return [] if state.withdrawn else [((withdrawal(state),), {})]

    at_console(world, step, make)


PEOPLE_STEPS: dict[str, Callable[[World, Step], None]] = {
    "create": create, "edit": edit, "urgent": urgent, "open": open_form, "save": save_form, "withdraw": withdraw, "decide": decide,
    "move": move, "poison": poison, "begin": begin, "console": console, "console_decide": console_decide, "console_withdraw": console_withdraw,
}  # fmt: skip
