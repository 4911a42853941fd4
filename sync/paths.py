"""What the catalogue says about a register's path: its field, its merge policy, whether it is confidential.

A path begins with the first name that its field ever had (``Field.path``), so a rename moves no register; fields that only earlier
catalogues had are known too, and what a field was under another kind.
"""

from shared.catalogue import Field, RecordType
from sync.log import RECORD_STANDING
from sync.view import SET_KINDS

SPREAD_KINDS = SET_KINDS | {"rows"}
"""Kinds of field that have a register for each element or row, below their path."""

__all__ = ["SPREAD_KINDS", "field_of", "is_sealed", "policy_of", "sealed_heads", "spread"]


def field_of(record_type: RecordType, path: str) -> Field | None:
    """The field that a path leads to (a set for its element, the rows for a row); None when there is none."""
    head, *rest = path.split("/")
    field = record_type.by_path.get(head)
    if field is None or not rest or field.kind != "rows" or len(rest) == 1:
        return field
    return None if rest[1] == RECORD_STANDING else field.inner(rest[1])


def policy_of(record_type: RecordType, path: str) -> str:
    """The merge policy of a path; ``ask`` where the catalogue no longer has the field."""
    if "/" not in path:
        if path == RECORD_STANDING:
            return "standing"
        field = record_type.by_path.get(path)
        return "ask" if field is None or field.kind in SPREAD_KINDS else field.merge
    head, *rest = path.split("/")
    if rest[-1] == RECORD_STANDING:
        return "standing"
    field = spread(record_type.by_path.get(head))
    if field is None:
        return "ask"
    if field.kind == "rows" and len(rest) == 1:
        return "latest"
    if field.kind == "rows":
        field = field.inner(rest[1])
        if field is None:
            return "ask"
    return "union" if field.kind in SET_KINDS else field.merge


def spread(field: Field | None) -> Field | None:
    """The field as it has registers below its path (a set, rows), now or before; None where it never had."""
    return None if field is None else next((one for one in (field, *field.earlier) if one.kind in SPREAD_KINDS), None)


def is_sealed(record_type: RecordType, path: str) -> bool:
    """Whether what stands at a path is confidential: by its own field, or by the rows that hold it."""
    head, *rest = path.split("/")
    field = record_type.by_path.get(head)
    if field is None:
        return False
    if field.sensitivity == "confidential":
        return True
    sub = field.inner(rest[1]) if len(rest) > 1 else None
    return sub is not None and sub.sensitivity == "confidential"


def sealed_heads(record_type: RecordType) -> frozenset[str]:
    """The fields of a type that belong to its confidential part."""
    return frozenset(path for path, field in record_type.by_path.items() if field.sensitivity == "confidential")
