"""``sync.tablet_store.TabletStore`` on the tables of this server's database: it is to the server above what a tablet is to this one.

What crosses is little (reports, figures, targets), so the plainest way is taken: one log, nothing sealed, a page kept in one transaction
(``keeping``).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update

from server import db
from server.upward.keeping import Keeping
from server.upward.link import Link
from server.upward.tables import UpwardLine, UpwardLog, UpwardNote, UpwardPast, UpwardRecord, UpwardRun
from shared.catalogue import Catalogue
from shared.ids import b64, new_id, unb64
from sync.clock import Time, tick
from sync.lineage import ends_of
from sync.log import Change, LogHead, Operation, chain_next, chain_start, name_of, split, write_line
from sync.lost import Brought
from sync.messages import Run
from sync.paths import policy_of
from sync.replica import in_writing_order, overlay
from sync.state import RecordState
from sync.store import Device, Scope
from sync.tablet_store import OwnLog, Page

_SET = text("INSERT INTO upward_note (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value")

TABLES = (UpwardNote, UpwardLog, UpwardLine, UpwardRecord, UpwardRun, UpwardPast)

PART_MODULUS = 1 << 128
DAY_MS = 86_400_000

__all__ = ["UpwardStore"]


class UpwardStore:
    """The store of one enrolment.

    Args:
        now_ms: the process's clock.
    """

    def __init__(self, link: Link, catalogue: Catalogue, now_ms: Callable[[], int]) -> None:
        self.link = link
        self.catalogue = catalogue
        self.now_ms = now_ms
        self._identity = Device(link.device, link.key, link.mac_key, link.user, Scope(link.stream, (), False, ""), {})
        self._begin()

    def _begin(self) -> None:
        """Forget what an earlier enrolment told and was told: its logs were another device's."""
        with db.reading() as connection:
            same = self.note(connection, "device") == self.link.device
        if not same:
            with db.writing() as connection:
                for table in TABLES:
                    connection.execute(table.__table__.delete())
                self.set_note(connection, "device", self.link.device)

    # notes and logs, within a transaction

    def note(self, connection: Connection, name: str, default: Any = None) -> Any:
        """A small named value."""
        value = connection.scalar(select(UpwardNote.value).where(UpwardNote.name == name))
        return default if value is None else json.loads(value)

    def set_note(self, connection: Connection, name: str, value: Any) -> None:
        """Keep a small named value."""
        connection.execute(_SET, {"name": name, "value": json.dumps(value, ensure_ascii=False)})

    def _read_note(self, name: str, default: Any = None) -> Any:
        with db.reading() as connection:
            return self.note(connection, name, default)

    def append(self, connection: Connection, record: str, type_code: str, unit: str, operations: Sequence[Operation]) -> str:
        """Write the next line of the log that is open; a new log where there is none. Gives the line's name.

        Raises:
            ContentFault: ``line_too_long``.
        """
        row = connection.execute(select(UpwardLog).where(UpwardLog.closed.is_(False))).first()
        log, number, chain = (row.id, row.number, row.chain) if row is not None else self.open_log(connection)
        time = tick(Time(*self.note(connection, "time", (0, 0))), self.now_ms())
        change = Change(
            log=log, number=number + 1, time=time, user=self.link.user, catalogue=self.catalogue.version, record=record, type=type_code,
            unit=unit, operations=tuple(operations),
        )  # fmt: skip
        line = write_line(change)
        values = {"name": line.name, "log": log, "number": number + 1, "record": record, "body": line.body, "own": True, "before": chain}
        connection.execute(insert(UpwardLine).values(**values, settled=False, aside=""))
        moved = {"number": number + 1, "chain": chain_next(chain, line.hash)}
        connection.execute(update(UpwardLog).where(UpwardLog.id == log).values(**moved))
        self.set_note(connection, "time", list(time))
        return line.name

    def open_log(self, connection: Connection) -> tuple[str, int, bytes]:
        """Open a log: its id, number and chain."""
        log = new_id()
        chain = chain_start(log, self.link.key)
        connection.execute(insert(UpwardLog).values(id=log, number=0, chain=chain, acknowledged=0, closed=False))
        return log, 0, chain

    def own_names(self, connection: Connection, records: Sequence[str]) -> frozenset[str]:
        """The names of the own lines about these records."""
        query = select(UpwardLine.name).where(UpwardLine.own.is_(True), UpwardLine.record.in_(records))
        return frozenset(connection.scalars(query))

    # records

    def told(self, connection: Connection, records: Sequence[str]) -> dict[str, RecordState]:
        """The told states of these records, those that are held."""
        query = select(UpwardRecord.id, UpwardRecord.told).where(UpwardRecord.id.in_(records), UpwardRecord.told.is_not(None))
        return {row.id: RecordState.load(json.loads(row.told)) for row in connection.execute(query)}

    def unsettled(self, connection: Connection, records: Sequence[str] | None = None) -> list[tuple[str, Change]]:
        """The own changes that the told state does not hold yet, in the order of writing."""
        query = select(UpwardLine.name, UpwardLine.body).where(UpwardLine.own.is_(True), UpwardLine.settled.is_(False))
        if records is not None:
            query = query.where(UpwardLine.record.in_(records))
        return in_writing_order((row.name, Change.parse(row.body)) for row in connection.execute(query))

    def shown(self, connection: Connection, records: Sequence[str]) -> dict[str, RecordState]:
        """These records as a screen would show them: the told state under own changes that it does not hold yet."""
        told, pending = self.told(connection, records), dict[str, list[tuple[str, Change]]]()
        for name, change in self.unsettled(connection, records):
            pending.setdefault(change.record, []).append((name, change))
        found = {record: overlay(told.get(record), pending.get(record, ()), self._policy) for record in records}
        return {record: state for record, state in found.items() if state is not None}

    def _policy(self, type_code: str, path: str) -> str:
        record_type = self.catalogue.all_types.get(type_code)
        return "ask" if record_type is None else policy_of(record_type, path)

    # the contract of TabletStore

    def device(self) -> Device:
        """Who this server is up there, and the scope it was last told."""
        scope = self._read_note("scope")
        return self._identity if scope is None else self._identity._replace(scope=Scope(scope[0], tuple(scope[1]), *scope[2:]))

    def own_logs(self, *, every: bool = False) -> list[OwnLog]:
        """The log that is written, and closed ones that have still to be sent or to be settled; or ``every`` one that has lines."""
        waits = UpwardLog.id.in_(select(UpwardLine.log).where(UpwardLine.own.is_(True), UpwardLine.settled.is_(False)))
        told = UpwardLog.number > 0 if every else UpwardLog.acknowledged < UpwardLog.number
        query = select(UpwardLog).where(UpwardLog.closed.is_(False) | told | waits)
        with db.reading() as connection:
            rows = connection.execute(query.order_by(UpwardLog.closed.desc(), UpwardLog.id)).all()
        return [OwnLog(row.id, False, LogHead(row.number, row.chain), row.acknowledged) for row in rows]

    def mark(self) -> str:
        """A server is not told apart from a copy of it: its keys stand apart from its database."""
        return ""

    def recount(self) -> None:
        """Nothing to count: the digests of parts are reckoned whenever they are asked for."""

    def unsent(self, log: str, after: int, limit_bytes: int) -> Run | None:
        """The lines of an own log behind ``after``, up to about so many bytes but at least one; None when none."""
        query = select(UpwardLine.before, UpwardLine.body).where(UpwardLine.log == log, UpwardLine.number > after, UpwardLine.own.is_(True))
        lines: list[bytes] = []
        before, size = b"", 0
        with db.reading() as connection:
            for row in connection.execute(query.order_by(UpwardLine.number)):
                if lines and size + len(row.body) > limit_bytes:
                    break
                before = before or row.before
                lines.append(row.body)
                size += len(row.body)
        return Run(log, after + 1, before, lines) if lines else None

    def chains_at(self, log: str, number: int) -> list[bytes]:
        """What h(number) of an own log is, by the line of that number."""
        run = self.unsent(log, number - 1, 1)
        return [] if run is None else [chain_next(run.before, run.hashes[0])]

    def along(self) -> dict[str, int]:
        """Nothing is urgent here."""
        return {}

    def blobs_of(self, run: Run) -> list[tuple[str, bytes]]:
        """Nothing sealed is ever passed on."""
        return []

    def wraps_of(self, blobs: Sequence[tuple[str, bytes]]) -> list[tuple[str, str, str]]:
        """Nor any key."""
        return []

    def line(self, name: str) -> bytes | None:
        """A line that is held, an own or a pulled one, by its name."""
        with db.reading() as connection:
            return connection.scalar(select(UpwardLine.body).where(UpwardLine.name == name))

    def cursors(self) -> dict[str, str]:
        """Stream or part → token of the place up to which it was pulled."""
        return dict(self._read_note("cursors", {}))

    def past_cursors(self, stream: str) -> list[str]:
        """Tokens of earlier complete pulls, the newest first."""
        return list(reversed(self._read_note("past", [])))

    def held_heads(self) -> dict[str, str]:
        """For each log of others: the names of the last lines that were pulled of it."""
        runs = dict[str, list[tuple[int, bytes, list[bytes]]]]()
        with db.reading() as connection:
            for row in connection.execute(select(UpwardRun.log, UpwardRun.first, UpwardRun.before, UpwardRun.hashes)):
                runs.setdefault(row.log, []).append((row.first, row.before, split(row.hashes)))
        return {log: ends_of(log, some) for log, some in runs.items()}

    def owes(self) -> bool:
        """Whether a restored server waits for runs of others."""
        with db.reading() as connection:
            return connection.scalar(select(UpwardRun.proof).where(UpwardRun.owed.is_(True)).limit(1)) is not None

    def handing_back(self, limit_bytes: int) -> tuple[list[Run], bool]:
        """Runs of others that a restored server wants back; and whether there are more."""
        with db.reading() as connection:
            rows = connection.execute(select(UpwardRun).where(UpwardRun.owed.is_(True)).order_by(UpwardRun.log, UpwardRun.first)).all()
        runs: list[Run] = []
        size = 0
        for row in rows:
            if runs and size > limit_bytes:
                return runs, True
            runs.append(Run(row.log, row.first, row.before, self._lines(row), json.loads(row.arrivals), unb64(row.proof)))
            size += sum(len(line) for line in runs[-1].lines)
        return runs, False

    def _lines(self, row: Any) -> list[bytes]:
        """The lines of a run; one that is not held goes as its hash."""
        digests = split(row.hashes)
        held = [self.line(name_of(row.log, row.first + offset, digest)) for offset, digest in enumerate(digests)]
        return [b64(digest).encode("ascii") if line is None else line for digest, line in zip(digests, held, strict=True)]

    def lines_at(self, log: str, number: int) -> list[Brought]:
        """The lines of this number that are held of a log; when they arrived above is not kept."""
        query = select(UpwardLine.body, UpwardLine.aside).where(UpwardLine.log == log, UpwardLine.number == number)
        with db.reading() as connection:
            return [Brought(log, number, row.body, 0, row.aside) for row in connection.execute(query)]

    def blob(self, digest: str) -> bytes | None:
        """Nothing sealed is ever passed on."""
        return None

    def lacks_file(self, digest: str) -> None:
        """Nor is the content of a file."""

    def pasts_of(self, runs: Sequence[Run]) -> list[Sequence[Any]]:
        """What was told of the pasts of these runs' changes: [name, path, names]."""
        names = [name_of(run.log, run.first + offset, digest) for run in runs for offset, digest in enumerate(run.hashes)]
        with db.reading() as connection:
            rows = connection.execute(select(UpwardPast).where(UpwardPast.name.in_(names))).all()
        return [[row.name, row.path, json.loads(row.names)] for row in rows]

    def handed_back(self, runs: Sequence[Run]) -> None:
        """Take note that the server has these runs again."""
        done = update(UpwardRun).where(UpwardRun.proof.in_([b64(run.mac) for run in runs])).values(owed=False)
        with db.writing() as connection:
            connection.execute(done)

    def versions(self) -> dict[str, str]:
        """The versions of what else syncs that were told: it is not asked for again. This server keeps its own catalogue."""
        return dict(self._read_note("versions", {}))

    def part_digests(self) -> dict[str, int]:
        """The digest of each part held; nothing of a sealed type is."""
        with db.reading() as connection:
            return self.parts(connection, self.device().scope)

    def parts(self, connection: Connection, scope: Scope) -> dict[str, int]:
        """The same, within a transaction."""
        sums: dict[str, int] = {}
        columns = select(UpwardRecord.type, UpwardRecord.units, UpwardRecord.digest).where(UpwardRecord.told.is_not(None))
        for row in connection.execute(columns):
            for unit in json.loads(row.units):
                if unit in scope.units:
                    part = f"{unit}/{row.type}/0"
                    sums[part] = (sums.get(part, 0) + int.from_bytes(row.digest, "big")) % PART_MODULUS
        return sums

    def digest(self) -> int:
        """The sum, modulo 2^128, of the digests of all parts held."""
        return sum(self.part_digests().values()) % PART_MODULUS

    def answers(self) -> int:
        """How many answers brought something and were kept."""
        return int(self._read_note("answers", 0))

    def keep(self, page: Page) -> None:
        """Keep a page in one transaction."""

        def work() -> None:
            with db.writing() as connection:
                Keeping(self, connection, page).write()

        if any(part for part in page if part is not page.complete):
            db.retrying(work)

    def refill(self, parts: Sequence[str]) -> None:
        """Pull these parts again from the start: their digests differ from the server's."""
        with db.writing() as connection:
            cursors: Mapping[str, str] = self.note(connection, "cursors", {})
            self.set_note(connection, "cursors", {**cursors, **dict.fromkeys(parts, "")})
            refilled: Mapping[str, Any] = self.note(connection, "refilled", {})
            self.set_note(connection, "refilled", {**refilled, **{part: [] for part in parts}})

    # what a person asks

    def unsent_count(self) -> int:
        """How many own changes the server above is not known to have read."""
        with db.reading() as connection:
            return int(connection.scalar(select(func.coalesce(func.sum(UpwardLog.number - UpwardLog.acknowledged), 0))) or 0)

    def refused_today(self) -> bool:
        """Whether something was set aside up there within a day: figures, which would be made anew each time, wait so long."""
        return bool(self.now_ms() - self._read_note("refused", 0) < DAY_MS)

    def set_aside(self) -> list[tuple[str, str]]:
        """The own lines that the server above set aside: (record, code)."""
        query = select(UpwardLine.record, UpwardLine.aside).where(UpwardLine.aside != "").order_by(UpwardLine.log, UpwardLine.number)
        with db.reading() as connection:
            return [(row.record, row.aside) for row in connection.execute(query)]
