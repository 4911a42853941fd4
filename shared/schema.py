"""A record type as a marshmallow schema: built once for a type, with the checks of ``kinds`` and codes for messages.

The API documents itself by it; ``validate`` asks it what is of the wrong kind. Required fields, ranges and rules are not in it: a draft
may lack and break them.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from marshmallow import EXCLUDE, Schema, ValidationError
from marshmallow.fields import Field as WireField
from marshmallow.fields import List, Nested

from shared.catalogue import Catalogue
from shared.field import Field
from shared.kinds import KINDS
from shared.record_type import RecordType
from shared.rules import is_plain

__all__ = ["faults", "schema_of"]

_schemas: WeakKeyDictionary[Catalogue, dict[str, Schema]] = WeakKeyDictionary()


def schema_of(record_type: RecordType, catalogue: Catalogue) -> Schema:
    """The marshmallow schema of a type of a catalogue, built once; it keeps nothing of what it judges."""
    schemas = _schemas.setdefault(catalogue, {})
    known = schemas.get(record_type.code)
    if known is None:
        name = record_type.code.title().replace("_", "")
        known = schemas[record_type.code] = _schema(name, record_type.fields)()
    return known


def faults(schema: Schema, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is of the wrong kind: pairs of path (``speakers/ROW/name``) and code. None and sealed values are passed over, computed
    and unknown fields too.
    """
    given = {name: value for name, value in values.items() if value is not None}
    yield from _flat(schema.validate(given), given, "")


def _flat(told: Mapping[Any, Any], values: Any, above: str) -> Iterator[tuple[str, str]]:
    """marshmallow's messages by name and index, as paths with the ids of rows."""
    for key, messages in told.items():
        inner = values[key]
        name = inner["id"] if isinstance(key, int) else key
        path = f"{above}/{name}" if above else str(name)
        if isinstance(messages, Mapping):
            yield from _flat(messages, inner, path)
        else:
            yield path, str(messages[0])


def _schema(name: str, fields: Mapping[str, Field]) -> type[Schema]:
    members: dict[str, Any] = {code: _member(name, one) for code, one in fields.items() if one.computed is None}
    members["Meta"] = type("Meta", (), {"unknown": EXCLUDE})
    return type(f"{name}Schema", (Schema,), members)


def _member(name: str, one: Field) -> WireField[Any]:
    metadata = {"description": one.label.en, "x-label-vi": one.label.vi}
    if one.kind == "rows":
        inner = _schema(f"{name}{one.code.title().replace('_', '')}", one.fields)
        return _Rows(Nested(inner), allow_none=True, metadata=metadata).of(one)
    kind = KINDS[one.kind]
    checked: type[Any] = type(f"Checked{kind.wire.__name__}", (_Checked, kind.wire), {})
    member: WireField[Any] = checked(allow_none=True, metadata=metadata).of(one)
    return member


class _Checked(WireField[Any]):
    """A field whose values are checked by the table of kinds and by nothing else; sealed ones are passed over."""

    one: Field

    def of(self, one: Field) -> "_Checked":
        self.one = one
        return self

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> Any:
        code = KINDS[self.one.kind].check(self.one, value) if is_plain(value) else None
        if code is not None:
            raise ValidationError(code)
        return value


class _Rows(List[Any]):
    """Rows: the list by the table of kinds, each row by its own schema."""

    one: Field

    def of(self, one: Field) -> "_Rows":
        self.one = one
        return self

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> Any:
        if not is_plain(value):
            return value
        code = KINDS["rows"].check(self.one, value)
        if code is not None:
            raise ValidationError(code)
        return super()._deserialize(value, attr, data, **more)
