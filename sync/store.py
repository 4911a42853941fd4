"""The contracts of the stores: what each must guarantee, so that the protocol need not know a database.

``Ledger`` is one writing transaction on a server's stream; ``Reader`` is one reading transaction there;
``TabletStore`` is a tablet's whole store. Each method's docstring is its guarantee.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from sync.copies import Marks
from sync.cursor import Cursor
from sync.lineage import Segment
from sync.log import Change, LogHead, Operation
from sync.lost import Compared, Holding, Mending, Sound
from sync.merge import Fallen
from sync.messages import Run
from sync.policies import Judge
from sync.state import RecordState

__all__ = [
    "Arrival", "Device", "KnownLine", "Ledger", "LogState", "OwnLog", "Page", "PartHead", "Reader", "Scope", "Server", "StoredLine",
    "TabletStore", "Touched",
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


class OwnLog(NamedTuple):
    """A log that this tablet writes: its head, and how far the server is known to have read it."""

    log: str
    urgent: bool
    head: LogHead
    acknowledged: int


class Page(NamedTuple):
    """What one answer brings to a tablet, ready to be kept in one transaction.

    ``soles`` are records that one fresh change made whole (``sync.merge.fresh``), by record: the change's name and the change; it
    replaces what was held of the record. ``states`` hold, for each other record, just the registers that were touched: they
    replace what the tablet held there. ``upto`` tells how far the told state holds the tablet's own logs. An own change up to
    there is settled when its record is told; and when a page is complete, own changes up to there whose records were not told
    since stand as they were written (``sync.replica.imply``). Only a settled change leaves the layer that the screen shows on top.
    ``forked`` are own logs in which two lines bear one number: they are closed. ``want`` are logs of others of which a restored
    server lacks what this tablet holds: log → behind which number. ``pasts`` tell, as [name of a change, path, names], what its
    writer had seen there, wherever the lines alone do not.
    """

    soles: Mapping[str, tuple[str, Change]]
    states: Sequence[RecordState]
    runs: Sequence[Run]
    blobs: Sequence[tuple[str, bytes]]
    wraps: Sequence[Sequence[str]]
    cursors: Mapping[str, str]
    read: Mapping[str, LogHead]
    aside: Sequence[tuple[str, int, str]]
    upto: Mapping[str, int]
    scope: Scope | None
    documents: Mapping[str, Any]
    forked: Sequence[str]
    want: Mapping[str, int]
    pasts: Sequence[Sequence[Any]]
    complete: bool


class TabletStore(Holding, Protocol):
    """A tablet's store. What a method has returned from is on disk (WAL, synchronous=FULL)."""

    def device(self) -> Device:
        """Who this tablet is, and the scope it was last told."""

    def own_logs(self, *, every: bool = False) -> list[OwnLog]:
        """The logs that this tablet writes, the urgent one first; before them each closed one that has still to be sent, or holds a
        change that is not settled: only of logs that are named is told what became of their changes. ``every``: also those that were
        read to their ends; a server that was restored may have forgotten them.
        """

    def mark(self) -> str:
        """What tells this storage from a copy of it (``sync.copies``): the main log that it writes, once it closed one; "" before."""

    def unsent(self, log: str, after: int, limit_bytes: int) -> Run | None:
        """The lines of an own log behind ``after``, up to about so many bytes but at least one; None when none."""

    def chains_at(self, log: str, number: int) -> Collection[bytes]:
        """What h(number) of an own log may be, by what is held there; none where nothing tells it, more than one where some is damaged."""

    def along(self) -> dict[str, int]:
        """What must leave with unsent urgent changes so that their records arrive whole: other log → up to which number."""

    def blobs_of(self, run: Run) -> list[tuple[str, bytes]]:
        """The sealed values that the lines of an own run name by their hashes."""

    def wraps_of(self, blobs: Sequence[tuple[str, bytes]]) -> list[tuple[str, str, str]]:
        """The wrapped case keys that the server needs for these sealed values: (key id, recipient, wrapped key)."""

    def line(self, name: str) -> bytes | None:
        """A line that the tablet holds, its own or a pulled one, by its name."""

    def cursors(self) -> dict[str, str]:
        """Stream or part → token of the place up to which it was pulled. A part stands here while it is filled again."""

    def past_cursors(self, stream: str) -> list[str]:
        """Tokens of earlier complete pulls of the present scope, the newest first: shown to a server that does not know the newest."""

    def held_heads(self) -> dict[str, str]:
        """For each log of others: the last lines that were pulled of it (``sync.lineage.ends_of``)."""

    def handing_back(self, limit_bytes: int) -> tuple[list[Run], bool]:
        """Runs of others that a restored server wants back, up to about so many bytes, with their proofs, lines that are not held
        as their hashes; and whether there are more.
        """

    def pasts_of(self, runs: Sequence[Run]) -> list[Sequence[Any]]:
        """What was told of the pasts of these runs' changes: [name, path, names]."""

    def owes(self) -> bool:
        """Whether a restored server waits for runs of others."""

    def handed_back(self, runs: Sequence[Run]) -> None:
        """Take note that the server has these runs again."""

    def versions(self) -> dict[str, str]:
        """The versions held of what else syncs: {"catalogue": …, "people": …}."""

    def digest(self) -> int:
        """The sum, modulo 2^128, of the digests of all records' parts in scope, without the tablet's unpulled changes."""

    def part_digests(self) -> dict[str, int]:
        """The digest of each part held, by ``unit/type/0`` or ``…/1``."""

    def answers(self) -> int:
        """How many answers brought something and were kept, by whatever way they came; counted in the same transaction."""

    def keep(self, page: Page) -> None:
        """Keep a page in one transaction: registers, lines, cursors, acknowledgements, documents; all or nothing.

        ``read`` is compared with the own chain. The line is ours: so far the server has read. It is behind our last one: this
        tablet went back to an older copy of itself; the log is closed. It is another line than ours: nothing of this log
        counts as read, and all of it is told again (the server knows what it has).

        A page with the cursor of a part tells records whole: they replace what was held. That cursor is dropped when the
        page is complete, and with it what was held of the part and was not told since ``refill``. A page with a scope
        drops what is outside it, and the stream's cursor starts anew. A record with an own change that is not settled yet
        is dropped by neither until it is.
        """

    def recount(self) -> None:
        """Count the digests anew from what can be read; what cannot is let go."""

    def refill(self, parts: Sequence[str]) -> None:
        """Pull these parts again from the start: their digests differ from the server's."""
