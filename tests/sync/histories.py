"""Random histories: a few people, a few records, few values, a wire that breaks; everything follows from one seed.

A history is a list of steps of small numbers. A step reads its numbers against what is there when it is run, so that any
step can be dropped and the rest still runs: a failing history is cut down by dropping steps.
"""

import base64
import random
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, create_engine, delete
from sqlalchemy.pool import StaticPool

from server.db import db
from server.ledger import OwnIdentity
from server.models import Blob, FallenValue, LineRow, LogRow, PartRow, PastUnit, RecordRow, StreamRow
from shared.catalogue import DATA, Catalogue
from sync.clock import Time
from sync.errors import FrameFault
from sync.log import RECORD_STANDING, Operation
from sync.messages import FIRST_PAGE
from sync.view import Snapshot
from tests.support.catalogue import KEPT, NOTE
from tests.support.pair import NOON_MS, STREAM, PairServer, exchange
from tests.support.tablet import MemoryTablet

UNITS = ("long_khanh_a", "long_khanh_b")
CLOCKS_MS = (0, 0, 0, -NOON_MS, 2_000_000_000_000)
SCOPES = ((0,), (0,), (0, 1), (1,))
RICH = NOTE.replace(
    "age: {kind: int, label: {vi: Tuổi, en: Age}}}}",
    "age: {kind: int, label: {vi: Tuổi, en: Age}}, "
    "signs: {kind: choices, label: {vi: Dấu hiệu, en: Signs}, choices: [{code: red, vi: Đỏ, en: Red}, {code: blue, vi: Xanh, en: Blue}]}}}",
)

KINDS = (
    "create", "edit", "edit", "edit", "edit", "urgent", "withdraw", "decide", "decide", "move", "poison", "open", "save",
    "exchange", "exchange", "send_urgent", "push", "page", "twice", "slow", "deliver", "scope", "damage", "backup", "restore",
)  # fmt: skip


class Step(NamedTuple):
    """What is done, by which tablet, to which record, and three numbers that say how."""

    kind: str
    tablet: int
    record: int
    how: tuple[int, int, int]


class History(NamedTuple):
    """A seed's tablets and steps."""

    seed: int
    tablets: int
    steps: tuple[Step, ...]


def make_history(seed: int) -> History:
    """The history of a seed: a random choice of kinds of steps, so that rare mixes happen."""
    rng = random.Random(seed)
    tablets = rng.choice((2, 2, 3, 3, 4, 5))
    kinds = [kind for kind in KINDS if kind in ("edit", "exchange") or rng.random() < 0.6]
    steps = [Step("create", rng.randrange(tablets), 0, (rng.randrange(1000),) * 3)]
    if rng.random() < 0.8:
        steps += [Step("exchange", number, 0, (0, 0, 0)) for number in (steps[0].tablet, *range(tablets))]
    for _ in range(rng.randrange(6, 22)):
        how = (rng.randrange(1000), rng.randrange(1000), rng.randrange(1000))
        steps.append(Step(rng.choice(kinds), rng.randrange(tablets), rng.randrange(2), how))
    return History(seed, tablets, tuple(steps))


def rich_catalogue() -> Catalogue:
    """The small catalogue with a set inside its rows."""
    texts = {name: (DATA / name).read_text("utf-8") for name in KEPT}
    return Catalogue.from_texts(texts | {"record_types/note.yaml": RICH})


def memory_engine() -> Engine:
    """An empty database in memory with the tables of the stream."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    tables = [model.__table__ for model in _MODELS]
    db.metadata.create_all(engine, tables=tables)
    return engine


_MODELS: tuple[Any, ...] = (StreamRow, LogRow, LineRow, RecordRow, PastUnit, PartRow, FallenValue, Blob)


def empty(engine: Engine) -> None:
    """Forget everything, so that one database serves many histories."""
    with engine.begin() as connection:
        for model in reversed(_MODELS):
            connection.execute(delete(model.__table__))


class World:
    """The tablets, the server and the wire of one history."""

    def __init__(self, engine: Engine, catalogue: Catalogue, history: History) -> None:
        self.rng = random.Random(history.seed)
        self.catalogue = catalogue
        self.server = PairServer(engine, catalogue)
        self.server.own = OwnIdentity(self.server.own.device, self.server.own.key, new_log=self.short_id)
        self.now_ms = NOON_MS
        self.tablets: list[MemoryTablet] = []
        self.skew: list[int] = []
        for number in range(history.tablets):
            units = [UNITS[unit] for unit in self.rng.choice(SCOPES if number else SCOPES[:3])]
            device = self.server.enrol(str(number), units)
            self.tablets.append(MemoryTablet(device, catalogue, (self.short_id(), self.short_id())))
            self.skew.append(self.rng.choice(CLOCKS_MS))
        self.records: list[str] = []
        self.forms: dict[tuple[int, str], Snapshot] = {}
        self.slow: dict[int, bytes] = {}
        self.sent: list[bytes] = []
        self.backup: sqlite3.Connection | None = None
        self.restored = self.damaged = False

    def short_id(self) -> str:
        return base64.urlsafe_b64encode(self.rng.randbytes(8)).decode().rstrip("=")

    def run(self, steps: Sequence[Step]) -> None:
        """Run the steps, then let everybody exchange until it is quiet."""
        for step in steps:
            self.now_ms += 1000
            STEPS[step.kind](self, step)

    def quiet(self, rounds: int = 2) -> None:
        """Let every tablet exchange so many times over a good link."""
        for _ in range(rounds):
            for tablet in self.tablets:
                self.now_ms += 1000
                tablet.half.page = FIRST_PAGE
                exchange(tablet, self.server, now_ms=self.now_ms, wire=self.wire)

    def wire(self, answer: bytes) -> bytes:
        return answer

    def clock(self, number: int) -> int:
        return max(1000, self.now_ms + self.skew[number])

    def record(self, step: Step) -> str | None:
        """A record that the step's tablet shows."""
        shown = [record for record in self.records if self.tablets[step.tablet].show(record) is not None]
        return shown[step.record % len(shown)] if shown else None

    def request(self, number: int, *, urgent: bool = False) -> bytes:
        request = self.tablets[number].half.request(now=Time(self.clock(number), 0), urgent=urgent)
        self.sent.append(request)
        return request

    def ask(self, request: bytes) -> bytes:
        return self.server.half.answer(request, now_ms=self.now_ms)


# what people do


def _create(world: World, step: Step) -> None:
    if len(world.records) >= 2:
        return
    tablet = world.tablets[step.tablet]
    unit = tablet.identity.scope.units[step.how[0] % len(tablet.identity.scope.units)]
    at = f"0180f000-0000-7000-8000-{len(world.records):012x}"
    world.records.append(at)
    values = {"title": "x", "story": "một\nhai\nba\n", "guests": [{"id": name * 11, "name": name} for name in "pq"], "topics": ["law"]}
    keep = [code for index, code in enumerate(values) if code == "title" or step.how[1] >> index & 1]
    tablet.write(at, "note", unit, {code: values[code] for code in keep}, now_ms=world.clock(step.tablet))


def _edit(world: World, step: Step, *, urgent: bool = False) -> None:
    record = world.record(step)
    if record is not None:
        _type_in(world, step, record, world.tablets[step.tablet].open(record), urgent=urgent)


def _urgent(world: World, step: Step) -> None:
    _edit(world, step, urgent=True)


def _type_in(world: World, step: Step, record: str, form: Snapshot, *, urgent: bool = False) -> None:
    tablet = world.tablets[step.tablet]
    state = tablet.show(record)
    assert state is not None
    rng = random.Random(repr(step.how))
    codes = rng.sample(sorted(FIELDS), rng.choice((1, 1, 2, 3)))
    values = {code: FIELDS[code](world, rng, form.values.get(code)) for code in codes}
    tablet.write(record, "note", state.unit, values, now_ms=world.clock(step.tablet), urgent=urgent, opened=form)


def _open(world: World, step: Step) -> None:
    record = world.record(step)
    if record is not None:
        world.forms[step.tablet, record] = world.tablets[step.tablet].open(record)


def _save(world: World, step: Step) -> None:
    record = world.record(step)
    form = world.forms.pop((step.tablet, record or ""), None)
    if record is not None and form is not None:
        _type_in(world, step, record, form)


def _withdraw(world: World, step: Step) -> None:
    record = world.record(step)
    if record is not None and not world.tablets[step.tablet].show(record).withdrawn:  # type: ignore[union-attr]
        world.tablets[step.tablet].withdraw(record, now_ms=world.clock(step.tablet))


def _decide(world: World, step: Step) -> None:
    record = world.record(step)
    tablet = world.tablets[step.tablet]
    paths = tablet.questions(record) if record else []
    if record is None or not paths:
        return
    path = sorted(paths)[step.how[0] % len(paths)]
    state = tablet.show(record)
    assert state is not None
    chosen = state.registers[path].values[step.how[1] % len(state.registers[path].values)]
    if not path.endswith(RECORD_STANDING):
        tablet.decide(record, path, chosen.value, now_ms=world.clock(step.tablet))
    elif step.how[1] % 2 or chosen.kind == "decide":
        tablet.decide(record, path, "kept", now_ms=world.clock(step.tablet))
    else:
        below = path.removesuffix(RECORD_STANDING).rstrip("/")
        again = Operation(chosen.kind, path, None, None, state.origins(below), None)
        tablet.log_change(record, state.type, state.unit, (again,), now_ms=world.clock(step.tablet))


def _move(world: World, step: Step) -> None:
    record = world.record(step)
    if record is not None:
        tablet = world.tablets[step.tablet]
        state = tablet.show(record)
        assert state is not None
        tablet.write(record, "note", state.unit, {"unit": UNITS[step.how[0] % 2]}, now_ms=world.clock(step.tablet))


def _poison(world: World, step: Step) -> None:
    record = world.record(step)
    if record is None:
        return
    tablet = world.tablets[step.tablet]
    state = tablet.show(record)
    assert state is not None
    seen = tablet.open(record).seen.get("people", ())
    bad = Operation("set", "people", "không phải số", None, seen, None)
    tablet.log_change(record, state.type, state.unit, (bad,), now_ms=world.clock(step.tablet))


def _number(world: World, rng: random.Random, old: Any) -> Any:
    return rng.choice((1, 2, 3, None))


def _word(world: World, rng: random.Random, old: Any) -> Any:
    return rng.choice(("x", "y", "z"))


def _story(world: World, rng: random.Random, old: Any) -> Any:
    lines = str(old or "một\nhai\nba\n").splitlines()
    lines[rng.randrange(len(lines))] = rng.choice(("MỘT", "HAI", "ba", "bốn"))
    return "\n".join(lines) + "\n"


def _topics(world: World, rng: random.Random, old: Any) -> Any:
    return sorted(set(old or []) ^ {rng.choice(("law", "gbv"))})


def _files(world: World, rng: random.Random, old: Any) -> Any:
    digest = rng.choice(("a", "b")) * 64
    rest = [one for one in old or [] if one["sha256"] != digest]
    return rest if len(rest) < len(old or []) else [*rest, {"sha256": digest, "name": rng.choice("mn"), "size": 1, "mime": "image/jpeg"}]


def _guests(world: World, rng: random.Random, old: Any) -> Any:
    rows = [dict(row) for row in old or []]
    act = rng.choice(("insert", "insert", "name", "name", "age", "signs", "move", "delete", "delete"))
    if act == "insert" or not rows:
        rows.insert(rng.randrange(len(rows) + 1), {"id": world.short_id(), "name": rng.choice("xy")})
        return rows
    row = rows[rng.randrange(len(rows))]
    if act == "move":
        rows.remove(row)
        rows.insert(rng.randrange(len(rows) + 1), row)
    elif act == "delete":
        rows.remove(row)
    elif act == "signs":
        row["signs"] = sorted(set(row.get("signs", [])) ^ {rng.choice(("red", "blue"))})
    else:
        row[act] = rng.choice("xyz") if act == "name" else rng.choice((1, 2, None))
    return rows


def _state(world: World, rng: random.Random, old: Any) -> Any:
    return rng.choice(("draft", "submitted", "returned", "accepted"))


FIELDS: dict[str, Callable[[World, random.Random, Any], Any]] = {
    "people": _number, "title": _word, "seen_at": _word, "story": _story, "topics": _topics, "attachments": _files,
    "guests": _guests, "state": _state,
}  # fmt: skip


# what the wire does


def _exchange(world: World, step: Step) -> None:
    tablet = world.tablets[step.tablet]
    tablet.half.page = FIRST_PAGE
    exchange(tablet, world.server, now_ms=world.now_ms)


def _send_urgent(world: World, step: Step) -> None:
    answer = world.ask(world.request(step.tablet, urgent=True))
    world.tablets[step.tablet].half.receive(answer)


def _push(world: World, step: Step) -> None:
    world.ask(world.request(step.tablet))


def _page(world: World, step: Step) -> None:
    """One or two tiny pages, then the wire is cut."""
    for _ in range(1 + step.how[0] % 2):
        world.tablets[step.tablet].half.page = (1, 80, 300)[step.how[1] % 3]
        world.tablets[step.tablet].half.receive(world.ask(world.request(step.tablet)))


def _twice(world: World, step: Step) -> None:
    request = world.request(step.tablet)
    answers = [world.ask(request), world.ask(request)]
    world.tablets[step.tablet].half.receive(answers[step.how[0] % 2])


def _slow(world: World, step: Step) -> None:
    """A request on its way: answered now or later, its answer comes later still."""
    request = world.request(step.tablet)
    world.slow[step.tablet] = world.ask(request) if step.how[0] % 2 else request


def _deliver(world: World, step: Step) -> None:
    data = world.slow.pop(step.tablet, None)
    if data is None:
        return
    answer = world.ask(data) if data in world.sent else data
    try:
        world.tablets[step.tablet].half.receive(answer)
    except FrameFault as fault:
        assert fault.code == "late_answer"


def _scope(world: World, step: Step) -> None:
    """An officer's rights change."""
    device = world.tablets[step.tablet].identity.id
    units = tuple(UNITS[unit] for unit in SCOPES[step.how[0] % len(SCOPES)])
    known = world.server.devices[device]
    scope = known.scope._replace(stream=STREAM, units=units, version=f"{','.join(units)}/True")
    world.server.devices[device] = known._replace(scope=scope)


def _damage(world: World, step: Step) -> None:
    """A tablet's storage loses what it was told of a record."""
    tablet = world.tablets[step.tablet]
    told = sorted(tablet.told)
    pending = {line.change.record for line in tablet.unsettled.values()}
    if told and not pending:
        del tablet.told[told[step.record % len(told)]]
        world.damaged = True


def _backup(world: World, step: Step) -> None:
    copy = sqlite3.connect(":memory:")
    with world.server.engine.connect() as connection:
        connection.connection.driver_connection.backup(copy)  # type: ignore[union-attr]
    world.backup = copy


def _restore(world: World, step: Step) -> None:
    """The server is set back to its backup, and writes a new log from then on."""
    if world.backup is not None:
        with world.server.engine.connect() as connection:
            world.backup.backup(connection.connection.driver_connection)  # type: ignore[arg-type]
        world.server.own = OwnIdentity(world.server.own.device, world.server.own.key, new_log=world.short_id)
        world.restored = True


STEPS: dict[str, Callable[[World, Step], None]] = {
    "create": _create, "edit": _edit, "urgent": _urgent, "withdraw": _withdraw, "decide": _decide, "move": _move,
    "poison": _poison, "open": _open, "save": _save, "exchange": _exchange, "send_urgent": _send_urgent, "push": _push,
    "page": _page, "twice": _twice, "slow": _slow, "deliver": _deliver, "scope": _scope, "damage": _damage,
    "backup": _backup, "restore": _restore,
}  # fmt: skip
