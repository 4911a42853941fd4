"""What the merge asks about one change on one record, answered from the tables (``sync.policies.Judge``)."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from server.models import LineRow
from server.replaying import sound_change
from shared.catalogue import Field
from shared.ids import b64
from shared.retyped import in_kind
from sync.lineage import Lineage, Past, join
from sync.log import NAME_HASH_BYTES, Change, parse_name
from sync.paths import policy_of
from sync.policies import Known
from sync.state import RecordState, Value
from sync.view import spelled

if TYPE_CHECKING:
    from server.ledger import SqlLedger

__all__ = ["SqlJudge"]


def _in_kind(field: Field | None, value: Any) -> Any:
    """What is written now and what was written when the field had another kind are compared as they are shown."""
    return value if field is None else in_kind(field, value)


class SqlJudge:
    """The judge of one change within a ledger's transaction.

    Args:
        until: the change's place, where it is merged anew: what came later had not come; 0 where it comes now.
    """

    def __init__(self, ledger: "SqlLedger", state: RecordState, change: Change, until: int = 0) -> None:
        self.ledger = ledger
        self.until = until
        self.state = state
        self.change = change
        self.record_type = ledger.gate.catalogue.all_types.get(state.type)
        self.lineage: Lineage = ledger.logs.lineage

    def policy(self, path: str) -> str:
        """The merge policy of a path."""
        if self.record_type is None:
            return "ask"
        if "/" in path:
            return policy_of(self.record_type, path)
        known = self.ledger.policies.get((self.record_type.code, path))
        if known is None:
            known = self.ledger.policies[self.record_type.code, path] = policy_of(self.record_type, path)
        return known

    def known(self, path: str, name: str) -> Known | None:
        """What a change that is not in force had seen here; None when it has not come."""
        fell = self.ledger.fallen.get((self.state.id, path, name))
        if fell is not None:
            return Known(fell.past, fell.waits)
        line = self._line(name)
        if line is None:
            return None
        change, verdict = line
        if not verdict or change is None:
            return Known({}, ())
        saw = next((op.saw for op in change.operations if op.path == path), ())
        pasts, waits = list[Past](), list[str]()
        for other in saw:
            known = self._in_force(path, other) or self.known(path, other)
            pasts += [self.lineage.awaited(other)] if known is None else [self.lineage.past((other,)), known.past]
            waits += [other] if known is None else known.waits
        return Known(join(*pasts), tuple(dict.fromkeys(waits)))

    def _in_force(self, path: str, name: str) -> Known | None:
        register = self.state.registers.get(path)
        values = [] if register is None else [value for value in register.values if name in value.origins]
        return Known(values[0].past, values[0].waits) if values else None

    def _line(self, name: str) -> tuple[Change | None, str] | None:
        arrival = self.ledger.line_names.get(name)
        if arrival is not None:
            return (None if arrival.body is None else arrival.change), arrival.verdict
        log, number, hash8 = parse_name(name)
        columns = select(LineRow.body, LineRow.digest, LineRow.verdict, LineRow.record).where(LineRow.log == log, LineRow.number == number)
        for row in self.ledger.connection.execute(columns.where(LineRow.place < self.until) if self.until else columns):
            if b64(row.digest[:NAME_HASH_BYTES]) == hash8:
                return (sound_change(row.body, row.digest) if row.record else None), row.verdict
        return None

    def content(self, path: str, name: str) -> Any:
        """The plain value that a change wrote here."""
        line = self._line(name)
        if line is None or line[0] is None:
            return None
        return next((spelled(op.value) for op in line[0].operations if op.path == path), None)

    def equal(self, path: str, one: Value, other: Value) -> bool:
        """Whether two values say the same."""
        field = None if self.record_type is None else self.record_type.field_at(path)
        return one.blob == other.blob and _in_kind(field, spelled(one.value)) == _in_kind(field, spelled(other.value))

    def may_go(self, path: str, start: Any, value: Value) -> bool:
        """Whether a writer of that value may move a workflow so."""
        return self.record_type is not None and any(self._may_go(path, start, value.value, name) for name in value.origins)

    def _may_go(self, path: str, start: Any, to: Any, name: str) -> bool:
        change = self._change(name)
        if change is None or self.record_type is None:
            return False
        if change.user == self.ledger.own.device:  # what the server above decided of what it saw (server.upward)
            saw, current = next((op.saw for op in change.operations if op.path == path), ()), self.state.current(path)
            return current is None or not set(saw).isdisjoint(current.origins)
        field = self.record_type.by_path.get(path)
        flow = self.record_type.flow if field is None or path == "state" else str(field.flow)
        return self.ledger.gate.rights.may_go(change.user, self.state.unit, flow, start, to)

    def _change(self, name: str) -> Change | None:
        log, number, _ = parse_name(name)
        if (log, number) == (self.change.log, self.change.number):
            return self.change
        line = self._line(name)
        return None if line is None else line[0]
