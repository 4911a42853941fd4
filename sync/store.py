"""The contracts of a server's store: what it must guarantee, so that the protocol need not know a database.

``Ledger`` is one writing transaction on a stream; ``Reader`` is one reading transaction. Each method's docstring is its guarantee.
A tablet's is ``sync.tablet_store``.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from sync.copies import Marks
from sync.cursor import Cursor
from sync.lineage import Segment
from sync.log import Change, LogHead, Operation
from sync.lost import Compared, Mending, Sound
from sync.merge import Fallen
from sync.policies import Judge
from sync.state import RecordState

__all__ = [
    "Arrival", "Device", "KnownLine", "Ledger", "LogState", "PartHead", "Reader", "Scope", "Server", "StoredLine", "Touched",
]  # fmt: skip


class Scope(NamedTuple):
    """What a device may hold: the units whose records it sees, and whether with the sealed types and parts.

    ``version`` changes whenever the scope does; a tablet that shows another one is told the whole of it. ``home`` is the unit in which
    its officer records now ("" where it is that of the enrolment): it changes when the officer is moved or the unit was merged.
    """

    stream: str
    units: tuple[str, ...]
    cases: bool
    version: str
    home: str = ""


class Device(NamedTuple):
    """An enrolled device as the protocol needs it.

    ``key`` is its public signing key, which binds its logs; ``read`` are the segments of each log that the server holds,
    with how far it has read them. ``revoked``: it, or its person's account, has ended; what it brings is held for review, it gets
    nothing, and is told to wipe itself when all is read. ``former``: of a copy that became a device of its own, the devices that it was
    before, with their keys; it still tells their logs. ``marks``: what is known of its being used in two places (``sync.copies``).
    """

    id: str
    key: bytes
    mac_key: bytes
    user: str
    scope: Scope
    read: Mapping[str, Sequence[Segment]]
    revoked: bool = False
    former: Sequence[tuple[str, bytes]] = ()
    marks: Marks = Marks()


class LogState(NamedTuple):
    """Whose a log is, and its segments as the server holds them."""

    device: str
    segments: Sequence[Segment]


class Arrival(NamedTuple):
    """A line as it is about to be stored; ``change`` is None where its content could not be read.

    ``body`` is None where only the hash of an over-long line came; ``verdict`` is "" or why it is set aside; ``segment``
    is the segment of the log that it goes on, ``after`` h(number) where it is known already.
    """

    log: str
    number: int
    before: bytes
    body: bytes | None
    digest: bytes
    name: str
    change: Change | None
    verdict: str
    segment: int = 0
    after: bytes = b""


class KnownLine(NamedTuple):
    """A line that is stored already: its place in its log, h(number - 1), SHA-256 of it, and its segment."""

    number: int
    before: bytes
    digest: bytes
    segment: int


class StoredLine(NamedTuple):
    """A line as a pull sends it, with its place in the stream and its time of arrival in milliseconds."""

    log: str
    number: int
    before: bytes
    body: bytes
    digest: bytes
    name: str
    record: str
    place: int
    arrived_ms: int
    operations: int
    segment: int


class Touched(NamedTuple):
    """A record that was touched: its id, the number that last touched it, and either the name of the one line that holds all
    of it (``sole``) or its registers.
    """

    id: str
    touched: int
    sole: str | None
    state: RecordState | None

    @property
    def moved(self) -> bool:
        """Whether the record ever changed its unit."""
        return self.state is not None and len(self.state.units) > 1


class PartHead(NamedTuple):
    """The digest of one part, and the last stream number that touched it. ``part`` is ``unit/type/0`` or ``…/1``."""

    part: str
    number: int
    digest: int


class Ledger(Protocol):
    """One writing transaction on one stream, under that stream's lock; all of it is committed, or nothing."""

    def head(self) -> LogHead:
        """The stream's last number and s(number), with what this transaction has appended."""

    def lacks_nothing(self, scope: Scope, cursor: Cursor) -> bool:
        """Whether this stream knows a cursor and no part of a scope was touched behind it; asked before a line is appended."""

    def keep_sealed(self, blobs: Sequence[tuple[str, bytes]], wraps: Sequence[Sequence[str]]) -> None:
        """Keep sealed values and wrapped case keys that travel beside lines; those that are there already stay."""

    def log(self, log: str) -> LogState | None:
        """How far this log was read; None when it is new."""

    def open_segment(self, log: str, device: str, segment: Segment) -> None:
        """Take note of a new segment of a log; a new log's first begins at h(0)."""

    def attach(self, log: str, index: int, parent: int) -> None:
        """Take note that what lies before a floating segment has come: the end of ``parent`` or a line of it."""

    def adopt(self, log: str, device: str) -> None:
        """Take note whose a log is that was handed back before its own tablet told it."""

    def witnessed_by(self, device: str) -> None:
        """Take note that the lines from here on are handed back by this device; "" ends it."""

    def known_lines(self, log: str, first: int, count: int) -> list[KnownLine]:
        """The lines of a log that are stored with one of these numbers, of all its segments, in one query."""

    def states(self, records: Sequence[str]) -> dict[str, RecordState]:
        """Load the records that exist, with one query a batch; the same object for the same record again."""

    def state(self, record: str) -> RecordState | None:
        """One record that was loaded, or that this transaction made; None where there is none."""

    def latest_fields(self, type_code: str) -> Collection[str]:
        """The fields of a type whose merge policy is ``latest``."""

    def keep_fresh(self, arrival: Arrival, number: int) -> None:
        """Note a new record that one change made whole, with nothing to judge; it is put in columns later."""

    def refusal(self, change: Change, state: RecordState | None, *, proven: bool) -> str:
        """Why this change must be set aside: no right, unknown type, field or unit, a wrong kind of value; or "".

        ``proven`` changes were accepted before this server was restored: nobody's right is asked again.
        """

    def judge(self, state: RecordState, change: Change) -> Judge:
        """The judge of this change on this record."""

    def append(self, arrival: Arrival) -> int:
        """Number a line in the stream, without a gap, and keep its bytes; gives the number."""

    def keep(self, state: RecordState, fallen: Sequence[Fallen]) -> None:
        """Take note that a record changed; it is written with its digests before the transaction ends."""

    def learn(self, state: RecordState, fallen: Sequence[Fallen]) -> None:
        """Take note of what was learnt of the pasts of values that stand or fell; nothing that anybody sees has changed."""

    def own_line(self, record: RecordState, user: str, operations: Sequence[Operation]) -> Arrival:
        """Write a change into the server's own log: the line that follows its head, not yet appended.

        ``user`` is the person at the console, or "" for what the server itself merged.
        """

    def spill(self) -> None:
        """Write the rows of what is noted so far, in batches; the rest is written where the transaction ends."""


class Reader(Sound, Protocol):
    """One reading transaction: everything it gives belongs to one moment."""

    def head(self, stream: str) -> LogHead:
        """The last number of a stream and s(k) there."""

    def hash_at(self, stream: str, number: int) -> bytes | None:
        """s(number), or None past the end."""

    def parts(self, scope: Scope) -> list[PartHead]:
        """The heads of the parts of a scope, in one query."""

    def mended(self, device: Device, said: str) -> Compared | None:
        """The heads of the parts of a device's scope, once what was damaged of it was made anew (a transaction of its own); None where
        all was whole. ``said`` is the digest that it says.
        """

    def changed(self, scope: Scope, after: int, limit: int, *, part: str = "") -> list[Touched]:
        """Up to ``limit`` records of a scope (or of one part of it) touched after a number, by that number."""

    def lines(self, records: Sequence[Touched], after: int) -> list[StoredLine]:
        """The lines of these records that came after a number; of a record that changed its unit, all of them."""

    def set_aside(self, log: str, after: int) -> list[tuple[int, str, int]]:
        """The numbers of a log's lines behind ``after`` that were set aside, with the codes and the segments."""

    def chain(self, log: str, number: int) -> list[KnownLine]:
        """The lines of a log that follow this number, in all its segments: their ``before`` is h(number)."""

    def lacking(self, stream: str, held: Mapping[str, str]) -> dict[str, int]:
        """Of these logs, each with the name of the last line that a tablet holds, those of which it may know more: log → behind
        which number. That is where lines are missing, and where values wait for what their writers had seen.
        """

    def blob_sizes(self, hashes: Sequence[str]) -> dict[str, int]:
        """The bytes of the sealed values of these hashes; those that were erased are left out."""

    def blobs(self, hashes: Sequence[str]) -> list[tuple[str, bytes]]:
        """The sealed values of these hashes; those that were erased are left out."""

    def wraps(self, records: Sequence[RecordState], device: Device) -> list[tuple[str, str, str]]:
        """The case keys that a device's officer needs for these records: (key id, recipient, wrapped key in base64url)."""


class Server(Mending, Protocol):
    """What the server's half of an exchange asks of the server."""

    run_key: bytes
    """The key of the proofs of runs; it stands outside the database."""

    def device(self, device: str) -> Device:
        """An enrolled device, with one query; a revoked one too. Raises FrameFault("unknown_device")."""

    def writing(self, stream: str, writer: str, now_ms: int) -> AbstractContextManager[Ledger]:
        """A writing transaction on a stream, under its lock; committed at the end of the block.

        ``writer`` is the person whose changes are read: a change in somebody else's name is set aside.
        """

    def reading(self) -> AbstractContextManager[Reader]:
        """A reading transaction."""

    def note_marks(self, device: Device, marks: Marks) -> None:
        """Keep what is known now of a device's being used in two places."""

    def told_to_wipe(self, device: Device, now_ms: int) -> None:
        """Take note that a revoked device has handed in everything and is told to wipe itself."""

    def documents(self, device: Device, versions: Mapping[str, str]) -> dict[str, Any]:
        """What else syncs and is not held at its present version: {"catalogue": {…}, "people": {…}}."""
