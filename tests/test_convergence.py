"""Random histories of several tablets end alike everywhere, and end as the lines alone say they must.

``python -m tests.test_convergence FIRST COUNT`` runs that many seeds; a failing one is printed with its steps cut down.
"""

import json
import os
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select

from server.models import LineRow, RecordRow
from shared.catalogue import Catalogue
from sync.log import RECORD_STANDING, name_of
from sync.paths import policy_of
from sync.state import RecordState
from sync.view import plain
from tests.support.tablet import MemoryTablet
from tests.sync.histories import History, World, empty, make_history, memory_engine, rich_catalogue
from tests.sync.oracle import by_register, check_register, check_standing, read_lines

HISTORIES = int(os.environ.get("SEN_HISTORIES", "400"))
CHUNKS = 8


def problems(engine: Engine, catalogue: Catalogue, history: History) -> list[str]:
    """Run a history; what is wrong at its end."""
    empty(engine)
    world = World(engine, catalogue, history)
    world.run(history.steps)
    world.quiet(4 if world.restored else 3 if world.damaged else 2)
    return find_problems(world)


def find_problems(world: World) -> list[str]:
    lines = stored_lines(world)
    states = {record: world.server.state(record) for record in stored_records(world)}
    wrong = check_history(world, lines) + check_merge(world, lines, states)
    for number, tablet in enumerate(world.tablets):
        wrong += [f"tablet {number}: {problem}" for problem in check_tablet(world, tablet, states)]
    before = {record: json.dumps(state.dump()) for record, state in states.items()}
    for request in world.sent[-4:]:
        world.ask(request)
    if stored_lines(world) != lines or {record: json.dumps(world.server.state(record).dump()) for record in states} != before:
        wrong.append("a message told again changed something")
    return wrong


def stored_records(world: World) -> list[str]:
    with world.server.engine.connect() as connection:
        return list(connection.scalars(select(RecordRow.id)))


def stored_lines(world: World) -> list[tuple[str, bytes, str]]:
    with world.server.engine.connect() as connection:
        rows = connection.execute(select(LineRow).order_by(LineRow.place)).all()
    assert [row.place for row in rows] == list(range(1, len(rows) + 1))
    return [(name_of(row.log, row.number, row.digest), bytes(row.body or b"{}"), row.verdict) for row in rows]


def check_history(world: World, lines: list[tuple[str, bytes, str]]) -> list[str]:
    """Every line that anybody wrote is in the stream once, as it was written."""
    stored = {name: body for name, body, _ in lines}
    written = {line.name: line.body for tablet in world.tablets for log in tablet.lines_of.values() for line in log}
    wrong = [] if len(stored) == len(lines) else ["a line stands twice"]
    return wrong + [f"{name} is not in the history" for name, body in written.items() if stored.get(name) != body]


def check_merge(world: World, lines: list[tuple[str, bytes, str]], states: dict[str, RecordState]) -> list[str]:
    wrong: list[str] = []
    note = world.catalogue.types["note"]
    told = read_lines(lines)
    come = {name for name, _, _ in lines}
    for (record, path), ops in by_register(told).items():
        register = states[record].registers.get(path) if record in states else None
        values = [] if register is None else [(value.origins, value.open) for value in register.values]
        if path.endswith(RECORD_STANDING):
            continue
        if any(op.applied for op in ops):
            wrong += [f"{record[-1]} {path}: {problem}" for problem in check_register(ops, policy_of(note, path), values)]
    for record, state in states.items():
        mine = [op for op in told if op.record == record]
        names = {path: [value.origins for value in register.values] for path, register in state.registers.items()}
        for path, register in state.registers.items():
            if any(name in come for value in register.values for name in value.waits):
                wrong.append(f"{record[-1]} {path}: waits for what has come")
            if path.endswith(RECORD_STANDING):
                asked = {origin: value.open for value in register.values for origin in value.origins}
                wrong += check_standing(path, names, mine, asked)
    return wrong


def check_tablet(world: World, tablet: MemoryTablet, states: dict[str, RecordState]) -> Iterator[str]:
    """A tablet shows what the server has of its scope, and proves it."""
    scope = tablet.identity.scope
    yield from (f"unsettled {name}" for name in tablet.unsettled)
    with world.server.reading() as reader:
        parts = {part.part: part.digest for part in reader.parts(scope) if part.digest}
    if parts != {part: digest for part, digest in tablet.part_digests().items() if digest}:
        yield "its digests differ"
    here = {record for record, state in states.items() if set(state.units) & set(scope.units)}
    yield from (f"shows {record[-1]}, which is not in its scope" for record in tablet.told.keys() - here)
    for record in here:
        shown, there = tablet.show(record), states[record]
        note = world.catalogue.types[there.type]
        if shown is None:
            yield f"lacks {record[-1]}"
            continue
        if plain(shown, note) != plain(there, note):
            yield f"{record[-1]} shows {plain(shown, note)}, not {plain(there, note)}"
        if sorted(shown.open_paths()) != sorted(there.open_paths()):
            yield f"{record[-1]} asks {shown.open_paths()}, not {there.open_paths()}"
        if shown.withdrawn is not there.withdrawn or shown.units != there.units:
            yield f"{record[-1]} stands otherwise: {shown.units} {there.units}"


def attempt(engine: Engine, catalogue: Catalogue, history: History) -> list[str]:
    """Like ``problems``; an exception is a problem too."""
    try:
        return problems(engine, catalogue, history)
    except Exception as error:  # whatever breaks is what is looked for
        return [f"{type(error).__name__}: {error}"]


def shrink(engine: Engine, catalogue: Catalogue, history: History) -> History:
    """Drop steps while what is left still fails."""
    size = max(1, len(history.steps) // 2)
    while size:
        at = 0
        while at < len(history.steps):
            steps = history.steps[:at] + history.steps[at + size :]
            if steps and attempt(engine, catalogue, history._replace(steps=steps)):
                history = history._replace(steps=steps)
            else:
                at += size
        size //= 2
    return history


def report(engine: Engine, catalogue: Catalogue, history: History) -> str:
    small = shrink(engine, catalogue, history)
    told = [f"seed {small.seed}, {small.tablets} tablets"]
    told += [f"  {tuple(step)}," for step in small.steps]
    return "\n".join(told + attempt(engine, catalogue, small))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = memory_engine()
    yield engine
    engine.dispose()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_p04_random_histories_end_alike(engine: Engine, chunk: int) -> None:
    catalogue = rich_catalogue()
    for seed in range(chunk, HISTORIES, CHUNKS):
        history = make_history(seed)
        if attempt(engine, catalogue, history):
            pytest.fail(report(engine, catalogue, history))


def main() -> None:
    engine, catalogue = memory_engine(), rich_catalogue()
    first, count = int(sys.argv[1]), int(sys.argv[2])
    failed = [seed for seed in range(first, first + count) if attempt(engine, catalogue, make_history(seed))]
    print(f"{len(failed)} of {count} failed: {failed[:20]}")
    for seed in failed[:3]:
        print(report(engine, catalogue, make_history(seed)))


if __name__ == "__main__":
    main()
