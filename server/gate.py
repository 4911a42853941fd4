"""What a change must be to be applied: by one who may, of a known type and field, with values of the right kind.

Whatever fails here is set aside, never refused: its bytes are kept, its writer is told, and a later change can mend it.
This is the compiled check on the way of every line; marshmallow judges submitted records after the commit.
"""

from typing import Any, Protocol

from shared.catalogue import Catalogue, Field, RecordType
from shared.kinds import KINDS, check_value
from sync.log import RECORD_STANDING, Change, Operation
from sync.paths import field_of
from sync.state import RecordState
from sync.view import SET_KINDS

ROW_PLACE_KINDS = frozenset({"insert", "move"})

ACTS = frozenset({"go", "decide"})
ANSWERS = frozenset({"answer", "answered_on", "district_ack_at", "district_ack_by", "district_reply", "figures", "return_reason"})
"""What may be written in a unit's records by who does not record there: a reply, a receipt, a reason; the figures that its head freezes."""

__all__ = ["Gate", "Rights"]


class Rights(Protocol):
    """What people may do; answered from users, roles and units."""

    def may_write(self, user: str, unit: str, record_type: RecordType) -> bool:
        """Whether a person may record and edit this type in this unit."""

    def may_act(self, user: str, unit: str) -> bool:
        """Whether a person may move a workflow, decide or answer in this unit without recording there."""

    def may_go(self, user: str, unit: str, flow: str, start: Any, to: Any) -> bool:
        """Whether a person may move a workflow in this unit from a state to another, and whether the move exists."""


class Gate:
    """Judges changes before they are merged; one for a transaction."""

    def __init__(self, catalogue: Catalogue, rights: Rights) -> None:
        self.catalogue = catalogue
        self.rights = rights
        self.plain: dict[str, dict[str, Field]] = {}
        self.allowed: dict[tuple[str, str, str, bool], bool] = {}

    def refusal(self, change: Change, state: RecordState | None, writer: str) -> str:
        """Why a change is set aside, or "".

        Args:
            writer: the person whose log this is; "" where the server itself writes.
        """
        record_type = self.catalogue.types.get(change.type)
        if record_type is None:
            return "unknown_type"
        if change.unit not in self.catalogue.units:
            return "unknown_unit"
        if writer and change.user != writer:
            return "wrong_user"
        if state is not None and state.type != change.type:
            return "other_type"
        unit = change.unit if state is None else state.unit
        content = any(op.kind not in ACTS and op.path not in ANSWERS for op in change.operations)
        if writer and not self._may_write(change.user, unit, record_type, content):
            return "no_right"
        plain = self.plain.get(record_type.code) or self._plain(record_type)
        for op in change.operations:
            field = plain.get(op.path) if op.kind == "set" and op.blob is None else None
            if field is not None:
                code = (op.value is not None and KINDS[field.kind].check(field, op.value)) or ""
            else:
                code = self._operation(record_type, op)
            if code:
                return code
        return ""

    def _plain(self, record_type: RecordType) -> dict[str, Field]:
        """The fields of a type that a plain ``set`` may fill: neither sealed nor computed, nor sets, nor rows."""
        fields = record_type.fields.values()
        self.plain[record_type.code] = {
            field.code: field
            for field in fields
            if not field.confidential and field.computed is None and field.kind not in SET_KINDS and field.kind != "rows"
        }
        return self.plain[record_type.code]

    def _may_write(self, user: str, unit: str, record_type: RecordType, content: bool) -> bool:
        key = (user, unit, record_type.code, content)
        allowed = self.allowed.get(key)
        if allowed is None:
            allowed = self.rights.may_write(user, unit, record_type) or (not content and self.rights.may_act(user, unit))
            self.allowed[key] = allowed
        return allowed

    def _operation(self, record_type: RecordType, op: Operation) -> str:
        if op.path.endswith(RECORD_STANDING):
            return "" if op.kind in ("withdraw", "delete", "decide") else "unknown_operation"
        field = field_of(record_type, op.path)
        if field is None:
            return "unknown_field"
        if field.computed is not None:
            return "computed_field"
        confidential = field.sensitivity == "confidential"
        if op.blob is not None:
            return "" if confidential or record_type.sealed_by else "not_confidential"
        if op.value is None:
            return ""
        if confidential:
            return "" if op.kind in ROW_PLACE_KINDS else "not_sealed"
        return self._value(field, op)

    def _value(self, field: Field, op: Operation) -> str:
        if field.kind == "rows":
            return "" if op.kind in ROW_PLACE_KINDS and isinstance(op.value, str) and len(op.value) < 200 else "wrong_kind"
        if field.kind in SET_KINDS:
            return "" if op.kind in ("add", "remove") else "wrong_kind"
        return check_value(field, op.value) or ""
