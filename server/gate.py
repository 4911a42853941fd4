"""What a change must be to be applied: by one who may, of a known type and field, with values of the right kind.

Whatever fails here is set aside, never refused: its bytes are kept, its writer is told, and a later change can mend it.
This is the compiled check on the way of every line; marshmallow judges submitted records after the commit (``server.judging``).
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from shared.catalogue import Catalogue, Field, RecordType
from shared.kinds import Check, check_value, compiled_check, is_file
from sync.log import RECORD_STANDING, Change, Operation
from sync.paths import field_of, is_sealed, spread
from sync.state import RecordState
from sync.view import SET_KINDS

SLOW_KINDS = SET_KINDS | {"rows", "flow", "unit"}
"""Kinds of field that need more than their kind's check."""

FILE_KINDS = frozenset({"files", "photos"})
FILE_ID = re.compile(r"[0-9a-f]{64}")
LONGEST_PLACE = 200
LONGEST_CODE = 80

PLACES: Mapping[str, frozenset[str]] = {
    "value": frozenset({"set", "decide"}),
    "flow": frozenset({"go", "decide"}),
    "element": frozenset({"add", "remove"}),
    "row": frozenset({"insert", "move"}),
}
"""What may be done at each kind of register: a single value, a workflow's state, an element of a set, a row's place."""

KEPT = "kept"
"""The one value of a decision at a standing; the other answer is a withdrawal or a deletion."""

STANDING_KINDS = {True: frozenset({"withdraw", "decide"}), False: frozenset({"delete", "decide"})}
"""What may be done at the record's own standing (True) and at a row's."""

UNIT_PATH = "unit"
ACTS = frozenset({"go", "decide"})

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
        self.plain: dict[str, dict[str, Check]] = {}
        self.allowed: dict[tuple[str, str, str, bool], bool] = {}
        self.bare: dict[str, dict[tuple[str, str, str | None], str]] = {}
        """Of each type the verdicts of operations without a value, as an element of a set, and of those that name the record's own
        unit: the same in every record."""

    def refusal(self, change: Change, state: RecordState | None, writer: str) -> str:
        """Why a change is set aside, or "". A confidential value in the clear goes before all other reasons: its line is not kept.

        Args:
            writer: the person whose log this is; "" where the server itself writes.
        """
        verdict = self._refusal(change, state, writer)
        return "not_sealed" if verdict and self.tells(change, "" if state is None else state.type) else verdict

    def tells(self, change: Change, type_there: str = "") -> bool:
        """Whether a change holds a confidential value in the clear, by its own type or by that of the record that is there."""
        types = [one for code in (change.type, type_there) if (one := self.catalogue.all_types.get(code)) is not None and one.sealed_by]
        return any(_tells(one, op) for one in types for op in change.operations)

    def _refusal(self, change: Change, state: RecordState | None, writer: str) -> str:
        record_type = self.catalogue.all_types.get(change.type)
        if record_type is None:
            return "unknown_type"
        if change.unit not in self.catalogue.units:
            return "unknown_unit"
        if writer and change.user != writer:
            return "wrong_user"
        if state is not None and state.type != change.type:
            return "other_type"
        unit = change.unit if state is None else state.unit
        if writer and not self._may_write(change.user, unit, record_type, content=True):
            answers = self._answers(record_type)
            content = any(op.kind not in ACTS and op.path not in answers for op in change.operations)
            if content or not self._may_write(change.user, unit, record_type, content=False):
                return "no_right"
        plain = self.plain.get(record_type.code) or self._plain(record_type)
        bare = self.bare[record_type.code]
        for op in change.operations:
            kind, path, value = op.kind, op.path, op.value
            if op.blob is not None:
                code = self._operation(record_type, op)
            elif kind == "set" and path in plain:
                code = (value is not None and plain[path](value)) or ""
            elif value is None or (path == UNIT_PATH and value == unit):
                known = bare.get((kind, path, value))
                code = self._bare(record_type, op) if known is None else known
            elif path == UNIT_PATH:
                code = self._operation(record_type, op) or self._moved(change.user if writer else "", value, record_type)
            else:
                code = self._operation(record_type, op)
            if code:
                return code
        return ""

    def _bare(self, record_type: RecordType, op: Operation) -> str:
        code = self.bare[record_type.code][op.kind, op.path, op.value] = self._operation(record_type, op)
        return code

    def _answers(self, record_type: RecordType) -> frozenset[str]:
        """The fields of a type that may be written by who does not record in the unit: a reply, a receipt, a reason; the figures
        that the unit's head freezes.
        """
        return frozenset(path for path, field in record_type.by_path.items() if field.from_above or field.kind == "figures")

    def _plain(self, record_type: RecordType) -> dict[str, Check]:
        """The checks of the fields of a type that a plain ``set`` may fill: neither sealed nor computed, nor of ``SLOW_KINDS``."""
        fields = record_type.fields.values()
        self.bare.setdefault(record_type.code, {})
        self.plain[record_type.code] = {
            field.path: compiled_check(field)
            for field in fields
            if not field.confidential and field.computed is None and field.kind not in SLOW_KINDS and not field.earlier
        }
        return self.plain[record_type.code]

    def _may_write(self, user: str, unit: str, record_type: RecordType, content: bool) -> bool:
        key = (user, unit, record_type.code, content)
        allowed = self.allowed.get(key)
        if allowed is None:
            allowed = self.rights.may_write(user, unit, record_type) or (not content and self.rights.may_act(user, unit))
            self.allowed[key] = allowed
        return allowed

    def _moved(self, writer: str, unit: str, record_type: RecordType) -> str:
        """A record goes to another unit only by who may record there too."""
        if unit not in self.catalogue.units:
            return "unknown_unit"
        return "" if not writer or self._may_write(writer, unit, record_type, content=True) else "no_right"

    def _operation(self, record_type: RecordType, op: Operation) -> str:
        if op.path.endswith(RECORD_STANDING):
            return _standing(record_type, op)
        head = record_type.by_path.get(op.path.partition("/")[0])
        if head is None or field_of(record_type, op.path) is None:
            return "unknown_field"
        wrong = self._as(head, record_type, op)
        if wrong and any(not self._as(one, record_type, op) for one in head.earlier):
            return ""  # right in the form that it was made with
        return wrong

    def _as(self, head: Field, record_type: RecordType, op: Operation) -> str:
        """What is wrong with an operation, taking the first field of its path for this one."""
        field, place = _place(head, op.path)
        if field is None:
            return "unknown_field"
        if place is None:
            return "bad_path"
        if op.kind not in place:
            return "unknown_operation"
        if field.computed is not None:
            return "computed_field"
        if place is PLACES["row"]:
            return "" if op.blob is None and isinstance(op.value, str) and 0 < len(op.value) < LONGEST_PLACE else "wrong_kind"
        if op.blob is not None:
            sealable = op.value is None and bool(record_type.sealed_by)
            return "" if sealable else "not_sealed" if op.value is not None else "not_confidential"
        if is_sealed(record_type, op.path):
            return "" if op.value is None else "not_sealed"
        if op.kind == "add" and field.kind in FILE_KINDS:
            return "" if is_file(op.value) else "wrong_kind"
        if op.value is None or op.kind in ("add", "remove"):
            return ""
        return self._value(field, op)

    def _value(self, field: Field, op: Operation) -> str:
        wrong = check_value(field, op.value)
        if wrong is None and field.kind == "flow" and op.value not in self.catalogue.flows[str(field.flow)].states:
            return "unknown_state"
        return wrong or ""


def _standing(record_type: RecordType, op: Operation) -> str:
    """The record's own standing, or that of a row: ``FIELD/ROW/@``."""
    head, *rest = op.path.split("/")
    row = spread(record_type.by_path.get(head))
    if op.path != RECORD_STANDING and (len(rest) != 2 or row is None or row.kind != "rows"):
        return "bad_path"
    if op.kind not in STANDING_KINDS[op.path == RECORD_STANDING] or op.blob is not None:
        return "unknown_operation"
    return "" if op.value == (KEPT if op.kind == "decide" else None) else "wrong_kind"


def _tells(record_type: RecordType, op: Operation) -> bool:
    """Whether an operation writes a value that the type's catalogue seals; places of rows and standings are open."""
    standing = op.path.endswith(RECORD_STANDING)
    return op.value is not None and not standing and op.kind not in PLACES["row"] and is_sealed(record_type, op.path)


def _place(field: Field, path: str) -> tuple[Field | None, frozenset[str] | None]:
    """The field that a path below this one leads to, and what may be done there (a row of ``PLACES``); None for what leads nowhere."""
    rest = path.split("/")[1:]
    if field.kind == "rows":
        if not rest or not _is_code(rest[0]):
            return field, None
        if len(rest) == 1:
            return field, PLACES["row"]
        sub, rest = next((one for one in field.fields.values() if one.path == rest[1]), None), rest[2:]
        if sub is None or sub.kind == "rows":
            return None, None
        field = sub
    if field.kind in SET_KINDS:
        element = len(rest) == 1 and (FILE_ID.fullmatch(rest[0]) if field.kind in FILE_KINDS else _is_code(rest[0]))
        return field, PLACES["element"] if element else None
    return field, None if rest else PLACES["flow" if field.kind == "flow" else "value"]


def _is_code(text: str) -> bool:
    return 0 < len(text) <= LONGEST_CODE and text.isprintable()
