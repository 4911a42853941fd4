"""Tablets and a real server half on a real database, joined by a wire that the test can cut.

The server is ``server.ledger`` and ``server.reader`` over SQLAlchemy, with rights and people as plain tables; only the
connection between the two is a call.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, bindparam, insert, select

from server.gate import Gate
from server.ledger import OwnIdentity, SqlLedger
from server.models import Blob, LineRow, LogRow, RecordRow, segment_of
from server.projection import load_states
from server.reader import SqlReader
from shared.catalogue import Catalogue, RecordType
from shared.former import evolved
from shared.ids import b64, new_id
from sync.copies import Marks
from sync.errors import FrameFault
from sync.lineage import Segment
from sync.log import Change
from sync.lost import Brought, Lost
from sync.server_half import ServerHalf
from sync.state import RecordState
from sync.store import Device, Scope
from sync.view import plain
from tests.support import engines
from tests.support.tablet import MemoryTablet

STREAM = "hong_ngu"
NOON_MS = 1_653_883_200_000
"""30/05/2022, 11:00 in Việt Nam."""

_LOGS_OF = select(LogRow).where(LogRow.device == bindparam("device"))


class AllRights:
    """Everybody may write everywhere; a workflow moves as the catalogue's table says, whoever moves it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def may_write(self, user: str, unit: str, record_type: RecordType) -> bool:
        return not user.startswith("stranger")

    def may_act(self, user: str, unit: str) -> bool:
        return False

    def may_go(self, user: str, unit: str, flow: str, start: Any, to: Any) -> bool:
        moves = self.catalogue.flows[flow].transitions
        begin = self.catalogue.flows[flow].start if start is None else start
        return (start is None and to == begin) or any(move.start == begin and move.to == to for move in moves)


class PairServer:
    """``sync.store.Server`` on one engine."""

    run_key = b"run key of the tests"

    def __init__(self, engine: Engine, catalogue: Catalogue) -> None:
        self.engine = engine
        self.catalogue = catalogue
        self.devices: dict[str, Device] = {}
        self.own = OwnIdentity("server-0001", b"S" * 32)
        self.half = ServerHalf(self)
        self.published = False
        """Whether another catalogue than the first was published; tablets are told it then."""
        self.sought: dict[str, set[str]] = {}
        """Of each sealed value that is asked for, the devices that have said what they hold of it."""
        self.keep_wraps: Callable[[Sequence[Sequence[str]]], object] = lambda wraps: None
        self.read_wraps: Callable[[Sequence[str], Device], Sequence[tuple[str, str, str]]] = lambda keys, device: []
        """What it does with case keys: nothing, unless a test has it keep them."""
        self.wiped: list[str] = []
        """The devices that were told to wipe themselves."""

    def revoke(self, device: str) -> None:
        """Revoke a device."""
        self.devices[device] = self.devices[device]._replace(revoked=True)

    def note_marks(self, device: Device, marks: Marks) -> None:
        """Nobody is found to be a copy here: to become a device of one's own takes enrolment, and a real server (tests/server/test_copies.py)."""

    def seek(self, stream: str, named: Mapping[str, Change]) -> None:
        with self.engine.connect() as connection:
            here = set(connection.scalars(select(Blob.hash).where(Blob.hash.in_(named))))
        for digest in named.keys() - here:
            self.sought.setdefault(digest, set())

    def wants(self, device: Device) -> Lost:
        """Of lines nothing is lost here: a disk that loses something takes a real server (tests/server/test_damage.py)."""
        return Lost((), [digest for digest, asked in self.sought.items() if device.id not in asked])

    def mend_logs(self, logs: Sequence[str]) -> int:
        """Nothing is damaged here."""
        return 0

    def mend(
        self, device: Device, lines: Sequence[Brought], blobs: Sequence[tuple[str, bytes]], *, through: bool, now_ms: int,
        sought: Lost | None = None,
    ) -> None:  # fmt: skip
        assert not lines, "no line was asked for"
        right = [(digest, data) for digest, data in blobs if digest in self.sought and b64(hashlib.sha256(data).digest()) == digest]
        with self.engine.begin() as connection:
            for digest, data in right:
                if self.sought.pop(digest, None) is not None and connection.scalar(select(Blob.hash).where(Blob.hash == digest)) is None:
                    connection.execute(insert(Blob).values(hash=digest, data=data))
        said = [digest for digest in self.sought if sought is None or digest in sought.blobs] if through or sought is not None else []
        for digest in said:
            self.sought[digest].add(device.id)

    def told_to_wipe(self, device: Device, now_ms: int) -> None:
        self.wiped.append(device.id)

    def enrol(self, name: str, units: Sequence[str], *, cases: bool = True) -> Device:
        """Make a device whose officer sees these units."""
        device = new_id()
        scope = Scope(STREAM, tuple(units), cases, f"{','.join(units)}/{cases}")
        key = hashlib.sha256(device.encode()).digest()
        self.devices[device] = Device(device, key, b"mac" + key, f"user-{name}", scope, {})
        return self.devices[device]

    def device(self, device: str) -> Device:
        if device not in self.devices:
            raise FrameFault("unknown_device")
        with self.engine.connect() as connection:
            rows = connection.execute(_LOGS_OF, {"device": device}).all()
        read: dict[str, tuple[Segment, ...]] = {}
        for row in rows:
            read[row.id] = (*read.get(row.id, ()), segment_of(row))
        return self.devices[device]._replace(read=read)

    @contextmanager
    def writing(self, stream: str, writer: str, now_ms: int) -> Iterator[SqlLedger]:
        with self.engine.begin() as connection:
            gate = Gate(self.catalogue, AllRights(self.catalogue))
            ledger = SqlLedger(connection, stream, gate, self.own, writer=writer, now_ms=now_ms, keep_wraps=self.keep_wraps)
            yield ledger
            ledger.flush()

    @contextmanager
    def reading(self) -> Iterator[SqlReader]:
        with self.engine.connect() as connection:
            yield SqlReader(connection, self.catalogue, self.read_wraps)

    def documents(self, device: Device, versions: Mapping[str, str]) -> dict[str, Any]:
        if not self.published or versions.get("catalogue") == self.catalogue.version:
            return {}
        return {"catalogue": {"version": self.catalogue.version, "texts": self.catalogue.texts}}

    def publish(self, texts: Mapping[str, str]) -> None:
        """Let another catalogue follow the present one."""
        self.catalogue, self.published = Catalogue.from_texts(evolved(self.catalogue, texts)), True

    def save(self) -> Any:
        """A backup of the database."""
        return engines.save(self.engine)

    def restore(self, backup: Any) -> None:
        """Bring a backup back, and start a new server process on it."""
        engines.bring_back(self.engine, backup)
        self.own = OwnIdentity(self.own.device, self.own.key)

    def state(self, record: str) -> RecordState:
        """What the server holds of a record."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(RecordRow).where(RecordRow.id == record)).all()
            return load_states(connection, rows)[record]

    def values(self, record: str) -> dict[str, Any]:
        """The server's plain values of a record."""
        state = self.state(record)
        return plain(state, self.catalogue.all_types[state.type])

    def history(self, record: str) -> list[bytes]:
        """All lines about a record, in the order of the stream."""
        with self.engine.connect() as connection:
            query = select(LineRow.body).where(LineRow.record == record).order_by(LineRow.place)
            return [bytes(body) for body in connection.scalars(query) if body is not None]

    def verdicts(self) -> list[str]:
        """The verdict of every line, in the order of the stream."""
        with self.engine.connect() as connection:
            return list(connection.scalars(select(LineRow.verdict).order_by(LineRow.place)))


Wire = Callable[[bytes], bytes]


class Cut(Exception):
    """The wire broke."""


def exchange(tablet: MemoryTablet, server: PairServer, *, now_ms: int = NOON_MS, urgent: bool = False, wire: Wire | None = None) -> int:
    """Let a tablet and the server exchange until both have nothing left; gives the round trips."""
    for trip in range(1, 50):
        request = tablet.half.request(urgent=urgent)
        answer = (wire or (lambda data: data))(server.half.answer(request, now_ms=now_ms))
        if not tablet.half.receive(answer).more or urgent:
            return trip
    raise AssertionError("the exchange does not end")


def push_only(tablet: MemoryTablet, server: PairServer, *, now_ms: int = NOON_MS) -> None:
    """Push, and lose the answer on the way back."""
    server.half.answer(tablet.half.request(), now_ms=now_ms)
