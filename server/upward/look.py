"""A look at both sides: what may go up is written into the log for the server above, what came down into this server's own.

It begins where the last look ended (a number of the stream), so that a look at which nothing is new costs two short queries. Everything
that it finds is written in one transaction, with the mirrors: a server that is killed has looked, or has not.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from server import db, reporting
from server.housekeeping import lines_came
from server.ledger import SqlLedger
from server.logbook import log_event
from server.models import RecordRow, StreamRow
from server.projection import STATE_COLUMNS, bring_up, load_states
from server.services import services
from server.store import SqlServer
from server.upward.mirror import Base, Form, Typed, typed
from server.upward.passing import CONSOLIDATED, Made, consolidated, may_pass
from server.upward.store import UpwardStore
from server.upward.tables import UpwardRecord
from shared.catalogue import RecordType
from shared.periods import Period
from shared.upward import Passed
from sync.accept import write
from sync.compose import difference
from sync.log import Operation
from sync.state import RecordState
from sync.view import Snapshot, plain, snapshot

MOST_OPERATIONS = 1000
MOST_BYTES = 100 * 1024
"""What goes into one line at most: a fresh report holds thirty narratives."""

DAYS_COUNTED_ON = 90
"""For so many days behind its deadline a period's figures are still counted anew."""

__all__ = ["Look"]


@dataclass(kw_only=True)
class _Side:
    """What one look works on: both sides of each record, and the transaction."""

    connection: Connection
    ledger: SqlLedger | None
    here: Mapping[str, RecordState]
    told: Mapping[str, RecordState]
    there: Mapping[str, RecordState]
    rows: Mapping[str, Any]
    own: frozenset[str]
    """The names of the lines that this server holds of those that it wrote for the server above."""
    now_ms: int
    written: list[str] = field(default_factory=list)
    """The names of what was typed into this server's own log."""


class Look:
    """Looks for one enrolment."""

    def __init__(self, store: UpwardStore, server: SqlServer) -> None:
        self.store = store
        self.server = server
        self.catalogue = store.catalogue
        self.passed: Mapping[str, Passed] = {code: one for code, one in self.catalogue.upward.items() if code != CONSOLIDATED}
        self.units = {unit.code: unit for unit in self.catalogue.units.subtree(store.link.unit)}
        self.stream = self.catalogue.units.stream_of(store.link.unit)

    def look(self) -> int:
        """Look at everything; gives how many lines were written, both ways."""
        with db.reading() as connection:
            head = connection.scalar(select(StreamRow.number).where(StreamRow.code == self.stream)) or 0
            begun = self.store.note(connection, "looked", 0)
            touched = set(connection.scalars(select(UpwardRecord.id).where(UpwardRecord.touched.is_(True))))
        if head == begun and not touched:
            return 0
        bring_up(self.catalogue)
        values = self._values(begun, touched)
        done = db.retrying(lambda: self._write(values, touched, head))
        if CONSOLIDATED in self.catalogue.upward and head != begun and not self.store.refused_today():
            made = [one for period in self._periods() for one in consolidated(self.store.link.unit, period)]
            done += db.retrying(lambda: self._figures(made))
        return done

    def _periods(self) -> list[Period]:
        periods, today = self.catalogue.periods, services().clock.today()
        found = (periods.due_after(today - timedelta(days=DAYS_COUNTED_ON)), reporting.running_period())
        return list({period.code: period for period in found}.values())

    def _values(self, begun: int, touched: set[str]) -> dict[str, tuple[int, dict[str, Any]]]:
        """Of every record that is to be looked at: the number that last touched it, and what may go up of it. Made before the
        transaction, since figures are counted from many records.
        """
        columns = select(*STATE_COLUMNS)
        wanted = columns.where(RecordRow.type.in_(list(self.passed)), RecordRow.unit.in_(list(self.units)))
        with db.reading() as connection:
            rows = [*connection.execute(wanted.where(RecordRow.stream == self.stream, RecordRow.touched > begun))]
            rows += connection.execute(columns.where(RecordRow.id.in_(touched))) if touched else []
            states = load_states(connection, rows)
            known = touched | set(connection.scalars(select(UpwardRecord.id).where(UpwardRecord.mirror.is_not(None))))
        found: dict[str, tuple[int, dict[str, Any]]] = {record: (0, {}) for record in touched}
        for record, state in states.items():
            passed = self.passed.get(state.type)
            if passed is not None and (record in known or self._goes_up(passed, state)):
                now = plain(state, self.catalogue.types[state.type])
                found[record] = (state.touched, may_pass(self.catalogue, passed, now))
        return found

    def _write(self, values: Mapping[str, tuple[int, dict[str, Any]]], touched: set[str], head: int) -> int:
        now_ms, records = services().clock.now_ms(), sorted(values)
        with db.writing(self.stream) as connection:
            ledger = self.server.ledger(connection, self.stream, "", now_ms) if touched else None
            side = _Side(
                connection=connection, ledger=ledger, here=self._here(connection, ledger, records),
                told=self.store.told(connection, records), there=self.store.shown(connection, records),
                rows=self._rows(connection, records),
                own=self.store.own_names(connection, records), now_ms=now_ms,
            )  # fmt: skip
            late = [record for record in records if record in side.here and side.here[record].touched != values[record][0]]
            done = sum(self._one(side, record, values[record][1]) for record in records if record not in late)
            if ledger is not None:
                ledger.flush()
            if not late:  # else somebody wrote in the meantime: the next look begins where this one did
                self.store.set_note(connection, "looked", head)
        if side.written:
            self.server.pushed.add(self.stream)
            lines_came()
        return done + len(side.written)

    def _here(self, connection: Connection, ledger: SqlLedger | None, records: Sequence[str]) -> Mapping[str, RecordState]:
        if ledger is not None:
            return ledger.states(records)
        columns = select(*STATE_COLUMNS)
        return load_states(connection, connection.execute(columns.where(RecordRow.id.in_(records))).all())

    def _rows(self, connection: Connection, records: Sequence[str]) -> dict[str, Any]:
        return {row.id: row for row in connection.execute(select(UpwardRecord).where(UpwardRecord.id.in_(records)))}

    def _one(self, side: _Side, record: str, values: Mapping[str, Any]) -> int:
        """Both ways of one record; gives how many lines were written for the server above."""
        here, there, told, row = side.here.get(record), side.there.get(record), side.told.get(record), side.rows.get(record)
        state = here or there
        passed = None if state is None else self.passed.get(state.type)
        base = Base() if row is None or not row.mirror else Base.from_plain(json.loads(row.mirror))
        begins = row is None or not row.mirror
        if state is None or passed is None or (begins and not self._begins(passed, here, told)) or (there is None and not begins):
            side.connection.execute(update(UpwardRecord).where(UpwardRecord.id == record).values(touched=False))
            return 0
        record_type = self.catalogue.types[state.type]

        def ours(name: str) -> bool:
            return name in base.wrote

        def theirs(name: str) -> bool:
            return name in side.own  # one that a restored database forgot is news here

        down: Typed = []
        if told is not None and side.ledger is not None:
            down = typed(
                record_type, passed.down, here=told, values=plain(told, record_type), shown_here=base.theirs, there=here,
                shown_there=base.ours, wrote=theirs, typed_there=ours,
            )  # fmt: skip
        up: Typed = []
        if here is not None:
            up = typed(
                record_type, passed.up, here=here, values=values, shown_here=base.ours, there=there, shown_there=base.theirs, wrote=ours,
                typed_there=theirs,
            )  # fmt: skip
        known = set() if here is None else set(here.origins())
        wrote = self._type_here(side, state, down)
        names = [name for operations in up for name in self._type_there(side.connection, state, operations)]
        after = side.here.get(record) if side.ledger is None else side.ledger.state(record)
        shown = self.store.shown(side.connection, [record]).get(record)
        forms = Form.of(after, record_type, passed.down, known={*known, *wrote}), Form.of(shown, record_type, passed.up, told=told)
        self._keep(side.connection, state, base.after(*forms, wrote))
        return len(names)

    def _begins(self, passed: Passed, here: RecordState | None, told: RecordState | None) -> bool:
        """Whether a record that never crossed crosses now: one of ours that is sent, or one that the level above made for us."""
        if here is not None:
            return self._goes_up(passed, here) or (told is not None and _is_sent(passed, here))
        return passed.given and told is not None and told.unit in self.units and _is_sent(passed, told)

    def _goes_up(self, passed: Passed, here: RecordState) -> bool:
        """Whether a record of ours is one that goes up, and was sent."""
        return here.unit in self.units and self.units[here.unit].kind in passed.units and _is_sent(passed, here)

    def _type_here(self, side: _Side, state: RecordState, changes: Typed) -> list[str]:
        """Write changes into this server's own log and merge them; gives their names."""
        ledger, names = side.ledger, []
        for operations in changes:
            assert ledger is not None
            there = ledger.state(state.id)
            arrival = ledger.own_line(there or RecordState(state.id, state.type, [state.unit]), "", operations)
            assert arrival.change is not None
            refusal = ledger.refusal(arrival.change, there)
            if refusal:  # another catalogue up there
                log_event("upward_refused", code=refusal)
                continue
            write(ledger, arrival, arrived_ms=side.now_ms)
            names.append(arrival.name)
        side.written += names
        return names

    def _type_there(self, connection: Connection, state: RecordState, operations: Sequence[Operation]) -> list[str]:
        """Write a change for the server above, in as many lines as it needs; gives their names."""
        return [self.store.append(connection, state.id, state.type, state.unit, some) for some in _portions(operations)]

    def _keep(self, connection: Connection, state: RecordState, base: Base) -> None:
        mirror = json.dumps(base.plain(), ensure_ascii=False, separators=(",", ":"))
        done = connection.execute(update(UpwardRecord).where(UpwardRecord.id == state.id).values(mirror=mirror, touched=False))
        if not done.rowcount:
            values = {"id": state.id, "type": state.type, "units": json.dumps(state.units), "told": None, "digest": bytes(16)}
            connection.execute(insert(UpwardRecord).values(**values, mirror=mirror, touched=False))

    # figures that this server makes

    def _figures(self, made: Sequence[Made]) -> int:
        record_type = self.catalogue.types[CONSOLIDATED]
        with db.writing() as connection:
            shown = self.store.shown(connection, [one.record for one in made])
            return sum(self._figures_of(connection, record_type, one, shown.get(one.record)) for one in made)

    def _figures_of(self, connection: Connection, record_type: RecordType, made: Made, there: RecordState | None) -> int:
        """Bring one record of figures up to now; gives how many lines it took."""
        opened = Snapshot.empty() if there is None else snapshot(there, record_type)
        rows = {row["id"]: row for row in made.values["figures"]}
        gone = [row for row in opened.values.get("figures", ()) if row["id"] not in rows]
        blank = [{**{key: row[key] for key in row if key != "value"}, "shown": "blank"} for row in gone]
        order = [row["id"] for row in opened.values.get("figures", ())]
        old = {row["id"]: row for row in blank} | {code: row for code, row in rows.items() if code in order}
        figures = [old[code] for code in order] + [row for code, row in rows.items() if code not in order]
        new = {**opened.values, "unit": made.unit, "state": "submitted", "period": made.values["period"], "figures": figures}
        if not difference(record_type, opened, new):
            return 0
        new["counted_to"] = services().clock.today().isoformat()
        state = there or RecordState(made.record, CONSOLIDATED, [made.unit])
        changes = difference(record_type, opened, new)
        return sum(len(self._type_there(connection, state, operations)) for operations in changes)


def _is_sent(passed: Passed, state: RecordState) -> bool:
    current = state.current("state")
    return not state.withdrawn and current is not None and current.value in passed.states


def _portions(operations: Sequence[Operation]) -> list[Sequence[Operation]]:
    """Operations in portions that a line can hold."""
    portions: list[list[Operation]] = [[]]
    size = 0
    for op in operations:
        length = len(json.dumps([op.path, op.value, op.saw], ensure_ascii=False).encode("utf-8"))
        if portions[-1] and (size + length > MOST_BYTES or len(portions[-1]) >= MOST_OPERATIONS):
            portions.append([])
            size = 0
        portions[-1].append(op)
        size += length
    return list(portions)
