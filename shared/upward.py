"""What a district's server may pass on to its province's: an allow-list of types and fields, data of ``upward.yaml``.

The list is checked when the catalogue is read, so that a mistake in it stops the server before anything crosses: nothing confidential,
no type that seals anything, no file, and no reference to a record whose type is not in the list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.field import Field
from shared.record_type import RecordType
from shared.yaml_source import Source, fault

FILE_KINDS = frozenset({"files", "photos"})

__all__ = ["Passed", "read_upward"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """One type of the list.

    ``units`` are the kinds of unit whose records go up, ``states`` those in which one crosses first; ``moves`` are the states that the
    unit itself gives, the last of them that of a sent record: what the unit's own officers make of a sent one is not told above. ``up`` are
    the fields that go up, ``down`` all those whose changes up there come back; ``given``: records that the level above makes for the unit
    come down.
    """

    type: str
    units: frozenset[str]
    states: frozenset[str]
    moves: tuple[str, ...]
    up: frozenset[str]
    down: frozenset[str]
    given: bool


def read_upward(rows: Sequence[Source], types: Mapping[str, RecordType]) -> dict[str, Passed]:
    """The list, from entries of the right shape.

    Raises:
        CatalogueError: a type or a field that there is not, or that may never be passed on.
    """
    listed = {row["code"] for row in rows}
    for row in rows:
        record_type = types.get(row["code"])
        if record_type is None:
            raise fault("catalogue_unknown_name", row, "code", name=row["code"])
        if record_type.sealed_by:
            raise fault("catalogue_never_passed", row, "code", name=row["code"])
        for key in ("up", "down"):
            for name in row.get(key) or ():
                field = record_type.fields.get(name)
                if field is None or field.computed is not None:
                    raise fault("catalogue_unknown_name", row, key, name=name)
                if not _may_pass(field, listed):
                    raise fault("catalogue_never_passed", row, key, name=name)
    return {row["code"]: _passed(row, types[row["code"]]) for row in rows}


def _may_pass(field: Field, listed: set[str]) -> bool:
    if field.sensitivity == "confidential" or field.kind in FILE_KINDS:
        return False
    if field.kind == "ref" and field.ref not in listed:
        return False
    return all(_may_pass(inner, listed) for inner in field.fields.values())


def _passed(row: Source, record_type: RecordType) -> Passed:
    def names(key: str) -> frozenset[str]:
        return frozenset(row.get(key) or ())

    back = frozenset(name for name in names("up") if record_type.fields[name].kind != "figures")  # what went up was made for it
    return Passed(
        type=row["code"], units=names("units"), states=names("states"), moves=tuple(row.get("moves") or ()),
        up=names("up"), down=names("down") | back, given=bool(row.get("given")),
    )  # fmt: skip
