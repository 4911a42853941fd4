"""One answer of the server above on its way into the tables: the told state replaces, own changes settle, in one transaction."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, text, update

from server.upward.tables import UpwardLine, UpwardLog, UpwardRecord, UpwardRun
from shared.errors import SenError
from shared.ids import b64
from sync.log import Change, LogHead, name_of
from sync.merge import fresh
from sync.messages import hash_in_run
from sync.paths import sealed_heads
from sync.replica import imply, replace
from sync.state import RecordState
from sync.store import Scope
from sync.tablet_store import Page

if TYPE_CHECKING:
    from server.upward.store import UpwardStore

PAST_CURSORS = 60

_LINE = text(
    "INSERT INTO upward_line (name, log, number, record, body, own, before, settled, aside)"
    " VALUES (:name, :log, :number, :record, :body, :own, :before, :settled, '') ON CONFLICT DO NOTHING"
)
_RUN = text(
    "INSERT INTO upward_run (proof, log, first, lines, before, hashes, arrivals, owed)"
    " VALUES (:proof, :log, :first, :lines, :before, :hashes, :arrivals, :owed) ON CONFLICT DO NOTHING"
)
_PAST = text(
    "INSERT INTO upward_past (name, path, names) VALUES (:name, :path, :names)"
    " ON CONFLICT (name, path) DO UPDATE SET names = excluded.names"
)

__all__ = ["Keeping"]


class Keeping:
    """A page within a writing transaction."""

    def __init__(self, store: "UpwardStore", connection: Connection, page: Page) -> None:
        self.store = store
        self.connection = connection
        self.page = page
        self.scope: Scope = page.scope or store.device().scope
        self.told: dict[str, RecordState] = {}
        self.touched: set[str] = set()
        self.pending: set[str] = set()

    def write(self) -> None:
        """Write the page.

        Raises:
            SenError: ``upward_too_wide`` where the account up there may see cases: nothing of them belongs here.
        """
        if self.scope.cases:
            raise SenError("upward_too_wide")
        self._acknowledge()
        self._settle()
        for record, state in self.told.items():
            self._write_record(record, state)
        self._write_lines()
        self._write_notes()
        self._drop_foreign()

    # what the server above says of our log

    def _acknowledge(self) -> None:
        for log in self.page.forked:
            self._close(log)
        for log, head in self.page.read.items():
            number = self._reckon(log, head)
            self.connection.execute(update(UpwardLog).where(UpwardLog.id == log).values(acknowledged=number))
        if self.page.aside:
            self.store.set_note(self.connection, "refused", self.store.now_ms())
        for log, number, code in self.page.aside:
            line = update(UpwardLine).where(UpwardLine.log == log, UpwardLine.number == number, UpwardLine.own.is_(True))
            record = self.connection.execute(line.values(settled=True, aside=code).returning(UpwardLine.record)).scalar()
            # Its next change here tells the whole of it again: by then somebody may have given the right.
            self.connection.execute(update(UpwardRecord).where(UpwardRecord.id == record).values(mirror=None))

    def _reckon(self, log: str, head: LogHead) -> int:
        """How far this very chain was read, from the line that the server above says to have read last."""
        row = self.connection.execute(select(UpwardLog).where(UpwardLog.id == log)).first()
        if row is None:
            return 0
        if head.number > row.number:  # this database went back to an older copy of itself
            self._close(log)
            return int(row.number)
        chain = row.chain
        if head.number < row.number:
            following = select(UpwardLine.before).where(UpwardLine.log == log, UpwardLine.number == head.number + 1)
            chain = self.connection.scalar(following.where(UpwardLine.own.is_(True)))
        return head.number if chain == head.hash else 0

    def _close(self, log: str) -> None:
        """Two lines bear one number, or ours are gone: the log ends here, later changes go into a new one."""
        done = self.connection.execute(update(UpwardLog).where(UpwardLog.id == log, UpwardLog.closed.is_(False)).values(closed=True))
        if done.rowcount:
            self.store.open_log(self.connection)

    # records

    def _settle(self) -> None:
        page = self.page
        unsettled = self.store.unsettled(self.connection)
        arrived = [(name, change) for name, change in unsettled if change.number <= page.upto.get(change.log, 0)]
        told = {*page.soles, *(state.id for state in page.states)}
        before = self.store.told(self.connection, [*told, *(change.record for _, change in arrived)])
        whole = any("/" in place for place in page.cursors)
        for record, (name, change) in page.soles.items():
            self.told[record] = replace(None if whole else before.get(record), fresh(change, name, number=0))
        for state in page.states:
            self.told[state.id] = replace(None if whole else before.get(state.id), state)
        gone = []
        for name, change in arrived:
            if change.record not in told and not page.complete:
                continue
            gone.append(name)
            if change.record not in told:
                self.told[change.record] = imply(self.told.get(change.record) or before.get(change.record), change, name)
        if gone:
            self.connection.execute(update(UpwardLine).where(UpwardLine.name.in_(gone)).values(settled=True))
        self.touched |= told
        self.pending = {change.record for _, change in self.store.unsettled(self.connection)}

    def _write_record(self, record: str, state: RecordState) -> None:
        record_type = self.store.catalogue.all_types.get(state.type)
        heads = frozenset[str]() if record_type is None else sealed_heads(record_type)
        told = json.dumps(state.dump(), ensure_ascii=False, separators=(",", ":"))
        digest = state.digest(heads, sealed=False).to_bytes(16, "big")
        values: dict[str, Any] = {"type": state.type, "units": json.dumps(state.units), "told": told, "digest": digest}
        if record in self.touched:
            values["touched"] = True
        done = self.connection.execute(update(UpwardRecord).where(UpwardRecord.id == record).values(**values))
        if not done.rowcount:
            self.connection.execute(insert(UpwardRecord).values(id=record, mirror=None, **{"touched": False, **values}))

    def _drop_foreign(self) -> None:
        """What is outside the scope is told no longer; a record with an own change that has not arrived stays until it has."""
        columns = select(UpwardRecord.id, UpwardRecord.units).where(UpwardRecord.told.is_not(None))
        rows = self.connection.execute(columns).all()
        gone = [row.id for row in rows if row.id not in self.pending and not set(json.loads(row.units)) & set(self.scope.units)]
        self._forget(gone)

    def _forget(self, records: list[str]) -> None:
        if records:
            self.connection.execute(update(UpwardRecord).where(UpwardRecord.id.in_(records)).values(told=None))
            self.connection.execute(delete(UpwardLine).where(UpwardLine.record.in_(records), UpwardLine.own.is_(False)))

    # lines, runs, cursors

    def _write_lines(self) -> None:
        lines, runs = [], []
        for run in self.page.runs:
            hashes = [hash_in_run(line) for line in run.lines]
            for offset, (body, digest) in enumerate(zip(run.lines, hashes, strict=True)):
                if body.startswith(b"{"):
                    number = run.first + offset
                    name, record = name_of(run.log, number, digest), Change.parse(body).record
                    lines.append({"name": name, "log": run.log, "number": number, "record": record, "body": body})
            if run.mac:
                runs.append(
                    {
                        "proof": b64(run.mac), "log": run.log, "first": run.first, "lines": len(run.lines), "before": run.before,
                        "hashes": b"".join(hashes), "arrivals": json.dumps(run.arrivals), "owed": False,
                    }
                )  # fmt: skip
        if lines:
            self.connection.execute(_LINE, [{**line, "own": False, "before": b"", "settled": True} for line in lines])
        if runs:
            self.connection.execute(_RUN, runs)
        if self.page.pasts:
            rows = [{"name": name, "path": path, "names": json.dumps(names)} for name, path, names in self.page.pasts]
            self.connection.execute(_PAST, rows)
        for log, number in self.page.want.items():
            behind = UpwardRun.first + UpwardRun.lines - 1 > number
            self.connection.execute(update(UpwardRun).where(UpwardRun.log == log, behind).values(owed=True))

    def _write_notes(self) -> None:
        store, connection, page = self.store, self.connection, self.page
        if page.scope is not None:
            store.set_note(connection, "scope", list(page.scope))
            store.set_note(connection, "past", [])  # what was told up to there was told of the old scope
        cursors: dict[str, str] = {} if page.scope is not None else dict(store.note(connection, "cursors", {}))
        refilled: dict[str, list[str]] = dict(store.note(connection, "refilled", {}))
        for place, token in page.cursors.items():
            cursors[place] = token
            if "/" not in place:
                if page.complete:
                    store.set_note(connection, "past", [*store.note(connection, "past", []), token][-PAST_CURSORS:])
                continue
            refilled[place] = sorted({*refilled.get(place, ()), *self.told})
            if page.complete:
                del cursors[place]
                self._drop_untold(place, refilled.pop(place))
        store.set_note(connection, "cursors", cursors)
        store.set_note(connection, "refilled", refilled)
        store.set_note(connection, "answers", store.note(connection, "answers", 0) + 1)
        if page.documents:
            versions: Mapping[str, str] = store.note(connection, "versions", {})
            told = {name: str(body["version"]) for name, body in page.documents.items()}
            store.set_note(connection, "versions", {**versions, **told})

    def _drop_untold(self, part: str, told: list[str]) -> None:
        """A part was filled again: what was held of it and was not told is there no longer."""
        unit, code, _ = part.split("/")
        columns = select(UpwardRecord.id, UpwardRecord.units).where(UpwardRecord.type == code, UpwardRecord.told.is_not(None))
        rows = self.connection.execute(columns).all()
        self._forget([row.id for row in rows if unit in json.loads(row.units) and row.id not in told and row.id not in self.pending])
