"""The tablets, the server, the wire, the clock and the randomness of one history; all of them follow from its seed.

No thread, no sleep, no real time: a seed replays byte for byte, and ``trace`` is the proof.
"""

import hashlib
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from sqlalchemy import Engine, bindparam, select

from server.db import insert_missing
from server.judged_again import take_up_understood
from server.ledger import OwnIdentity
from server.models import CatalogueRow, LineRow, RecordRow, StreamRow
from server.projection import load_states
from shared.catalogue import Catalogue, CatalogueError
from shared.ids import b64
from sync.errors import FrameFault
from sync.messages import FIRST_PAGE, MAX_MESSAGE_BYTES, open_message
from sync.state import RecordState
from sync.store import Device, Scope
from sync.tablet_half import TabletHalf
from sync.view import Snapshot
from tests.soak.catalogues import FIRST, folder_of, route_of
from tests.soak.history import History, Step
from tests.soak.published import Knowledge, following
from tests.soak.serving import SoakServer, empty
from tests.soak.tablets import Crash, PlainTablet, RealTablet, Tablet, sealed_nowhere
from tests.support.pair import NOON_MS, STREAM

UNITS = ("long_khanh_a", "long_khanh_b")
SCOPES = (((0,), True), ((0,), True), ((0, 1), True), ((1,), True), ((0,), False), ((0, 1), False))
CLOCKS_MS = (0, 0, 0, -NOON_MS, 2_000_000_000_000)
MOST_TRIPS = 60
FIELD_CODES = {
    "note": ("people", "women", "place", "title", "seen_at", "seen_at", "story", "story", "topics", "attachments", "guests", "state"),
    "file": ("code", "name", "steps"),
}  # fmt: skip
"""The fields that people fill in, by their first names; a history has two to four of each type, so that people meet."""

LATER_CODES = {"note": ("form",), "visit": ("title", "people"), "plea": ("code", "name")}
"""Those that only later catalogues have; a history has all of them or none of a type."""

KEPT_MESSAGES = 8

_RECORD = select(RecordRow).where(RecordRow.id == bindparam("record"))
_LAST_CATALOGUE = select(*CatalogueRow.__table__.columns).order_by(CatalogueRow.number.desc()).limit(1)
_NUMBER = select(StreamRow.number).where(StreamRow.code == STREAM)

__all__ = ["UNITS", "OpenForm", "Seat", "World", "owned_scope", "replica_problems"]


def owned_scope(number: int) -> Scope:
    """One of the scopes that officers have here."""
    places, cases = SCOPES[number % len(SCOPES)]
    units = tuple(UNITS[place] for place in places)
    return Scope(STREAM, units, cases, f"{','.join(units)}/{cases}")


class OpenForm(NamedTuple):
    """A form that stands open: what it showed, under which catalogue, and the numbers by which somebody types into it."""

    opened: Snapshot
    catalogue: Catalogue
    how: tuple[int, int, int]


@dataclass(kw_only=True)
class Seat:
    """A tablet, its officer's clock, and what is on its way."""

    number: int
    tablet: Tablet
    skew_ms: int = 0
    forms: dict[str, OpenForm] = field(default_factory=dict)
    old_app: bool = False
    """Whether its app cannot read newer catalogues than the one that it has, until it is updated."""
    request: bytes | None = None
    answer: bytes | None = None
    copy: Any = None


@dataclass
class Verified:
    """How far the stream's chains were looked at: s(place), and h(n) of each log's segments."""

    place: int = 0
    hash: bytes = b""
    logs: dict[tuple[str, int], tuple[int, bytes]] = field(default_factory=dict)


class World:
    """Everything of one history."""

    def __init__(self, engine: Engine, history: History) -> None:
        empty(engine)
        self.history = history
        self.rng = random.Random(f"world {history.seed}")
        self.engine = engine
        self.server = SoakServer(engine, folder_of(FIRST))
        self.now_ms = NOON_MS
        self.met: Counter[str] = Counter()
        self.exchanges = self.faults = 0
        self.written: dict[str, bytes] = {}
        self.made_with: dict[str, str] = {}
        """Name of a line → version of the catalogue whose form it was typed into."""
        self.poison: set[str] = set()
        self.lost, self.lost_sealed = set[str](), set[str]()
        self.server_logs: list[str] = []
        self.records: list[str] = []
        self.fields = {code: self.rng.sample(fields, min(len(fields), self.rng.randint(2, 4))) for code, fields in FIELD_CODES.items()}
        later = random.Random(f"later fields {history.seed}")
        for code, fields in LATER_CODES.items():
            self.fields[code] = [*self.fields.get(code, ()), *(fields if code not in self.fields or later.random() < 0.5 else ())]
        self.sent: list[tuple[TabletHalf, bytes]] = []
        self.backup: sqlite3.Connection | None = None
        self.route = route_of(history.seed)
        self.folder = FIRST
        """What stands in the server's folder."""
        self.put: list[str] = []
        """What stood there, one after the other, when a server was started."""
        self.backed_up = 0
        """How many of these the backup knows."""
        self.owed: list[str] = []
        """What was published after the backup to which the server was set back, and has to be published again in its order."""
        self.knowledge = Knowledge()
        self.restored = self.damaged = self.forked = False
        self.wrong: list[str] = []
        self._trace = hashlib.sha256()
        self.verified = Verified()
        self.publish(FIRST)
        with self.owning_randomness():
            self.seats = [self._seat(number) for number in range(history.tablets)]

    def _seat(self, number: int) -> Seat:
        scope = owned_scope(self.rng.randrange(len(SCOPES) if number else 3))
        device, key = self.short_id(), hashlib.sha256(f"{self.history.seed} {number}".encode()).digest()
        identity = Device(device, key, b"mac" + key, f"user-{number}", scope, {})
        self.server.devices[device] = identity
        real = self.history.store == "store" or (self.history.store == "mixed" and number % 2 == 1)
        logs = (self.short_id(), self.short_id())
        tablet: Tablet = RealTablet(identity, folder_of(FIRST)) if real else PlainTablet(identity, folder_of(FIRST), logs)
        return Seat(number=number, tablet=tablet, skew_ms=self.rng.choice(CLOCKS_MS))

    def close(self) -> None:
        """Let the databases go."""
        self.server.close()
        for seat in self.seats:
            if isinstance(seat.tablet, RealTablet):
                seat.tablet.file.close()
        if self.backup is not None:
            self.backup.close()

    @contextmanager
    def owning_randomness(self) -> Iterator[None]:
        """Ids that the code makes come from this history's seed."""
        with patch("shared.ids.secrets", SimpleNamespace(token_bytes=self.rng.randbytes)):
            yield

    def short_id(self) -> str:
        """64 random bits of this history."""
        return b64(self.rng.randbytes(8))

    def note(self, what: bytes) -> None:
        """Put bytes into the trace."""
        self._trace.update(len(what).to_bytes(4, "big") + what)

    @property
    def trace(self) -> str:
        """The hash of every message that was written so far."""
        return self._trace.hexdigest()

    # the wire

    def clock(self, seat: Seat) -> int:
        """What a tablet's clock shows."""
        return max(1000, self.now_ms + seat.skew_ms)

    def ask(self, seat: Seat, *, urgent: bool = False) -> bytes:
        """A tablet writes its next request."""
        request = seat.tablet.half.request(urgent=urgent)
        self.sent = [*self.sent[1 - KEPT_MESSAGES :], (seat.tablet.half, request)]
        self.note(request)
        return request

    def serve(self, request: bytes) -> bytes | None:
        """The server answers; None where it refused or died."""
        self.exchanges += 1
        assert len(request) < MAX_MESSAGE_BYTES
        try:
            answer = self.server.half.answer(request, now_ms=self.now_ms)
        except FrameFault as fault:
            self.met[f"refused: {fault.code}"] += 1
            self.note(fault.code.encode())
            return None
        except Crash:
            self.met["server died in a transaction"] += 1
            return None
        finally:
            self.server.left = 0
        self.note(answer)
        return answer

    def receive(self, seat: Seat, answer: bytes) -> bool | None:
        """A tablet keeps an answer; gives whether there is more, None where it kept nothing."""
        half = seat.tablet.half
        late = self.is_late(seat, answer)
        refills = seat.tablet.refills
        try:
            step = half.receive(answer)
        except FrameFault as fault:
            self.met["late answer ignored" if fault.code == "late_answer" else f"answer refused: {fault.code}"] += 1
            return None
        except Crash:
            self.met["tablet died while it kept an answer"] += 1
            self.died(seat)
            return None
        finally:
            seat.tablet.die_at(0)
        if late:
            self.wrong.append(f"tablet {seat.number} kept the answer to a request before its last one")
        self.met["set aside"] += step.set_aside
        self.met["hash walk-back"] += half.lost
        self.met["refill after a digest mismatch"] += seat.tablet.refills - refills
        self.take_up(seat)
        return step.more

    def take_up(self, seat: Seat) -> None:
        """A tablet takes up the catalogue that it was told, where its app can read it."""
        before = seat.tablet.catalogue
        if seat.old_app:
            return
        unknown = {state.type for state in seat.tablet.told.values()} - before.all_types.keys()
        if seat.tablet.take_catalogue():
            self.met["catalogue taken up"] += 1
            self.met["a record of a new type lay on an old tablet"] += bool(unknown)

    def is_late(self, seat: Seat, answer: bytes) -> bool:
        """Whether an answer is to another request than the tablet's last one."""
        try:
            opened = open_message(answer, lambda _: self.server.devices[seat.tablet.identity.id].mac_key)
        except (FrameFault, KeyError):
            return False
        return bool(opened.head["q"] != seat.tablet.half.number)

    def trip(self, seat: Seat, *, urgent: bool = False) -> bool | None:
        """One request and its answer; gives whether there is more, None where it failed."""
        answer = self.serve(self.ask(seat, urgent=urgent))
        more = None if answer is None else self.receive(seat, answer)
        if more is False and not urgent and not self.damaged and not self.restored:
            self.wrong += replica_problems(self, seat)
        return more

    def exchange(self, seat: Seat) -> bool:
        """A whole exchange over a good link; whether it ended with nothing left."""
        seat.tablet.half.page = FIRST_PAGE
        for _ in range(MOST_TRIPS):
            more = self.trip(seat)
            if not more:
                return more is False
        self.wrong.append(f"the exchange of tablet {seat.number} does not end")
        return False

    def parts(self, scope: Scope) -> dict[str, int]:
        """The digests of the server's parts in a scope, those that hold something."""
        with self.server.reading() as reader:
            return {part.part: part.digest for part in reader.parts(scope) if part.digest}

    # what steps ask

    def seat(self, step: Step) -> Seat:
        """The tablet of a step."""
        return self.seats[step.tablet % len(self.seats)]

    def shown(self, seat: Seat, step: Step) -> str | None:
        """A record that the tablet shows and its catalogue knows."""
        shown = {record: seat.tablet.show(record) for record in self.records}
        here = [record for record, state in shown.items() if state is not None and state.type in seat.tablet.catalogue.all_types]
        return here[step.record % len(here)] if here else None

    def stored_state(self, record: str) -> RecordState | None:
        """What the server holds of a record."""
        with self.engine.connect() as connection:
            rows = connection.execute(_RECORD, {"record": record}).all()
            return load_states(connection, rows).get(record)

    def start_server(self) -> None:
        """A server process starts: it writes logs of its own, and takes up what the process before it could not read."""
        self.server.own = OwnIdentity(self.server.own.device, self.server.own.key, new_log=self._new_server_log)
        with self.server.writing(STREAM, "", self.now_ms) as ledger:
            self.met["a line of a newer form was taken up by a newer server"] += take_up_understood(ledger, STREAM)

    def publish(self, folder: str) -> None:
        """The server is started on what stands in its folder now; where that cannot follow, the folder is put back as it was."""
        try:
            with self.engine.begin() as connection:
                catalogue = following(connection, folder_of(folder), self.now_ms)
        except CatalogueError as error:
            self.met["a folder that cannot follow was refused"] += 1
            self.note(error.code.encode())
            return
        self.folder = folder
        self.put.append(folder)
        self.server.catalogue = catalogue
        self.knowledge.published(catalogue.version, folder, self.place())
        self.start_server()

    def catch_up(self) -> None:
        """Publish again what was published after the backup."""
        owed, self.owed = self.owed, []
        for folder in owed:
            self.publish(folder)

    def place(self) -> int:
        """The last number of the stream."""
        with self.engine.connect() as connection:
            return connection.scalar(_NUMBER) or 0

    def _new_server_log(self) -> str:
        self.server_logs.append(self.short_id())
        return self.server_logs[-1]

    def is_servers(self, name: str) -> bool:
        """Whether a line stands in one of the server's own logs."""
        return name.partition(".")[0] in self.server_logs

    def save_server(self) -> None:
        """Back the server up."""
        copy = sqlite3.connect(":memory:")
        with self.engine.connect() as connection:
            connection.connection.driver_connection.backup(copy)  # type: ignore[union-attr]
        if self.backup is not None:
            self.backup.close()
        self.backup, self.backed_up = copy, len(self.put)
        self.knowledge.backed_up()

    def restore_server(self, *, folder_too: bool) -> None:
        """Set the server back to its backup; the process that starts then writes new logs.

        Its key store knows the catalogue that was published last and tells it again. Where the whole machine was set back, its folder
        too, whoever notices it later publishes again what was published since, in its order (``catch_up``).
        """
        assert self.backup is not None
        with self.engine.connect() as connection:
            last = connection.execute(_LAST_CATALOGUE).one()
        with self.engine.connect() as connection:
            self.backup.backup(connection.connection.driver_connection)  # type: ignore[arg-type]
        knew = self.knowledge.now
        self.knowledge.restored()
        if folder_too:
            self.owed += self.put[self.backed_up :]
            del self.put[self.backed_up :]
            self.folder = self.put.pop()
        else:
            with self.engine.begin() as connection:
                insert_missing(connection, CatalogueRow, [last._asdict()])
            self.knowledge.told_again(knew, self.place())
        self.publish(self.folder)
        self.verified = Verified()
        self.set_back()

    def set_back(self) -> None:
        """Something went back to an older copy: what nobody has any more is lost, and only that may be missing at the end."""
        self.restored = True
        there = {name for seat in self.seats for name in seat.tablet.all_lines()}
        with self.engine.connect() as connection:
            for row in connection.execute(select(LineRow.log, LineRow.number, LineRow.digest)):
                there.add(f"{row.log}.{row.number}.{b64(row.digest[:6])}")
        self.lost |= self.written.keys() - there
        self.lost_sealed |= sealed_nowhere(self.written.values(), self.engine, [seat.tablet for seat in self.seats])

    def died(self, seat: Seat) -> None:
        """A tablet's process ends and starts again: open forms and what was on its way to it are gone."""
        seat.tablet.die()
        seat.forms.clear()
        seat.request = seat.answer = None


def replica_problems(world: World, seat: Seat) -> list[str]:
    """What is wrong where a tablet has exchanged until nothing was left: its digests are the server's, nothing of its own waits (14)."""
    tablet = seat.tablet
    scope = world.server.devices[tablet.identity.id].scope
    theirs, ours = world.parts(scope), {part: digest for part, digest in tablet.part_digests().items() if digest}
    if seat.old_app or tablet.catalogue is not world.server.catalogue:  # who does not know a sealed type cannot reckon its parts
        known = tablet.catalogue.all_types.keys() - (world.server.catalogue.sealed_types - tablet.catalogue.sealed_types)
        theirs, ours = ({part: digest for part, digest in parts.items() if part.split("/")[1] in known} for parts in (theirs, ours))
    wrong = [] if ours == theirs else [f"tablet {seat.number} has exchanged and its digests differ: {sorted(ours)} {sorted(theirs)}"]
    wrong += [f"tablet {seat.number} has exchanged and has unsettled changes"] if tablet.unsettled else []
    return wrong + ([f"tablet {seat.number} has exchanged and does not know its scope"] if tablet.identity.scope != scope else [])
