"""What earlier catalogues had and the present one has no more: fields, kinds, choices, whole record types.

A catalogue that is published after another one carries this as ``former.yaml``, written by ``evolved`` and by nobody else. So a line that
was made with an old form is judged by what its form had, on the server and on every tablet alike, and what was written stays readable
under its own label. Names never change their meaning: a field keeps its first name in lines (``Field.path``), and ``evolved``
refuses what would give two fields one place there, or what would unseal or newly seal what is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from shared.kinds import longest
from shared.yaml_source import CatalogueError, Source, fault, read_yaml

if TYPE_CHECKING:
    from shared.catalogue import Catalogue
    from shared.field import Choice, Field
    from shared.record_type import RecordType

FORMER_FILE = "former.yaml"

FORM_ONLY = ("required", "show_when", "require_when", "default", "min", "max", "valid_from", "valid_to", "unit_kinds", "help", "rows_from")
"""Keys of a field that say how it is asked; one that is asked no more is kept without them."""

TYPE_ONLY = ("rules", "alike", "stock")
"""Keys of a record type that are not kept of a dropped one."""

__all__ = ["FORMER_FILE", "Former", "evolved"]


@dataclass(frozen=True, slots=True)
class Former:
    """``former.yaml`` as it was read: dropped record types by code; of each type, by path in lines, what a field was, the newest first."""

    types: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    at: Source = field(default_factory=lambda: Source(FORMER_FILE, 1))

    @classmethod
    def read(cls, text: str | None) -> "Former":
        """Read the file; nothing where there is none. Raises CatalogueError."""
        body = None if text is None else read_yaml(FORMER_FILE, text)
        if body is None:
            return cls()
        if not isinstance(body, Source) or not body.keys() <= {"types", "fields"}:
            raise CatalogueError("catalogue_not_a_mapping", file=FORMER_FILE, line=1)
        types, fields = body.get("types", {}), body.get("fields", {})
        for part in (types, fields, *(fields.values() if isinstance(fields, Mapping) else ())):
            if not isinstance(part, Mapping):
                raise CatalogueError("catalogue_not_a_mapping", file=FORMER_FILE, line=1)
        if any(not isinstance(rows, list) or not rows for one in fields.values() for rows in one.values()):
            raise CatalogueError("catalogue_not_a_list", file=FORMER_FILE, line=1)
        return cls(types, fields, body)


def evolved(old: "Catalogue", texts: Mapping[str, str]) -> dict[str, str]:
    """The texts of a new catalogue with what the one before it had and it has not; the texts alone where it has everything.

    Args:
        old: the catalogue that was published before, with all that it carries of those before it.
        texts: the new one's, checked by themselves.

    Raises:
        CatalogueError: ``catalogue_rename_missing``, ``catalogue_rename_chain``, ``catalogue_rename_clash``, ``catalogue_sensitivity``,
            ``catalogue_gone``: with the file and the line where it must be mended.
    """
    new = type(old).from_texts(texts)
    _nothing_gone(old, new)
    known = Former.read(old.texts.get(FORMER_FILE))
    bodies = {code: _body(texts, code) for code in new.types}
    types = {code: _plain(row) for code, row in known.types.items() if code not in new.types}
    fields: dict[str, dict[str, list[Any]]] = {}
    for code, was in {**old.former_types, **old.types}.items():
        carried = {path: [_plain(row) for row in rows] for path, rows in known.fields.get(code, {}).items()}
        now = new.types.get(code)
        if now is None:
            if code in old.types:
                types[code] = _dropped_type(old, new, code)
        else:
            _check(was, now, bodies[code])
            source = known.types[code] if code in known.types and code not in old.types else _body(old.texts, code)
            for path, one in _changed(was, now):
                row = _dropped_field(one, source["fields"].get(one.code), new)
                rows = carried.setdefault(path, [])
                if row is not None:
                    carried[path] = [row, *(other for other in rows if other != row)]
        if carried := {path: rows for path, rows in carried.items() if rows}:
            fields[code] = carried
    body = {key: part for key, part in (("types", types), ("fields", fields)) if part}
    kept = {path: text for path, text in texts.items() if path != FORMER_FILE}
    return kept if not body else kept | {FORMER_FILE: _written(body)}


# --- what differs ----------------------------------------------------------------------------------------------------


def _changed(was: "RecordType", now: "RecordType") -> Iterator[tuple[str, "Field"]]:
    """The stored fields of a type that a later one drops, or has with less: (path, the field as it was)."""
    there = {one.path: one for one in now.fields.values()}
    for one in was.fields.values():
        if one.computed is None and (one.path not in there or _less(one, there[one.path])):
            yield one.path, one


def _less(was: "Field", now: "Field") -> bool:
    """Whether something that could stand in a field has no place in it any more."""
    if was.kind != now.kind or now.computed is not None or longest(was) > longest(now):
        return True
    if {choice.code for choice in was.choices} - {choice.code for choice in now.choices}:
        return True
    inner = {one.path: one for one in now.fields.values()}
    stored = [one for one in was.fields.values() if one.computed is None]
    return any(one.path not in inner or _less(one, inner[one.path]) for one in stored)


# --- what must not be --------------------------------------------------------------------------------------------------


def _nothing_gone(old: "Catalogue", new: "Catalogue") -> None:
    """Units and states of workflows are ended or left without a way to them, never taken out: records stand in them."""
    for unit in old.units:
        if unit not in new.units:
            raise CatalogueError("catalogue_gone", file="units.yaml", line=1, name=unit)
    for code, flow in old.flows.items():
        for state in flow.states:
            if code not in new.flows or state not in new.flows[code].states:
                raise CatalogueError("catalogue_gone", file="flows.yaml", line=1, name=f"{code}.{state}")


def _check(was: "RecordType", now: "RecordType", body: Source) -> None:
    if was.sealed_by != now.sealed_by and was.path_of(str(was.sealed_by)) != now.path_of(str(now.sealed_by)):
        raise fault("catalogue_sensitivity", body, "sealed_by", name=now.code)
    _check_names(was.fields, was.former, now.fields, body["fields"], now.code)


def _check_names(
    was: Mapping[str, "Field"], former: Mapping[str, "Field"], now: Mapping[str, "Field"], body: Mapping[str, Any], owner: str
) -> None:
    """Every field keeps its first name in lines, and whether it is sealed."""
    before = {**former, **{one.path: one for one in was.values()}}
    for code, one in now.items():
        if code not in body:
            continue
        row = body[code]
        if one.was:
            first = {was[name].path for name in (code, *one.was) if name in was} | {name for name in one.was if name in former}
            if not first:
                raise fault("catalogue_rename_missing", row, "was", name=", ".join(one.was), type=owner)
            if first != {one.path}:
                raise fault("catalogue_rename_chain", row, "was", name=code, first=", ".join(sorted(first)))
        known = before.get(one.path)
        if one.path == code and code in was and was[code].path != code:
            raise fault("catalogue_rename_chain", row, "was", name=code, first=was[code].path)
        if known is None:
            continue
        if known.confidential != one.confidential:
            raise fault("catalogue_sensitivity", row, "sensitivity", name=code)
        if known.kind == one.kind == "rows":
            _check_names(known.fields, {}, one.fields, row["fields"], f"{owner}.{code}")


# --- how it is written -------------------------------------------------------------------------------------------------


def _body(texts: Mapping[str, str], code: str) -> Source:
    path = f"record_types/{code}.yaml"
    body: Source = read_yaml(path, texts[path])
    return body


def _dropped_type(old: "Catalogue", new: "Catalogue", code: str) -> dict[str, Any]:
    """A whole record type, its choices written out."""
    body = _plain(_body(old.texts, code))
    for key in TYPE_ONLY:
        body.pop(key, None)
    record_type = old.types[code]
    for name, row in body["fields"].items():
        _write_out(row, record_type.fields[name], new)
    return dict(body)


def _dropped_field(one: "Field", entry: Any, new: "Catalogue") -> dict[str, Any] | None:
    """A field as it was, its choices written out; None for one that every type has."""
    if entry is None:
        return None
    row = _plain(entry)
    _write_out(row, one, new)
    for part in (row, *(row.get("fields") or {}).values()):
        for key in (*FORM_ONLY, "computed"):
            part.pop(key, None)
    row.pop("was", None)
    return dict(row)


def _write_out(row: dict[str, Any], one: "Field", new: "Catalogue") -> None:
    """Write the choices of a field and of a row's fields in their place; an instrument that is gone is not named."""
    if one.choices:
        row["choices"] = [_choice(choice) for choice in one.choices]
    if row.get("rows_from") not in (None, *new.instruments):
        del row["rows_from"]
    for name, inner in (row.get("fields") or {}).items():
        _write_out(inner, one.fields[name], new)


def _choice(choice: "Choice") -> dict[str, Any]:
    row: dict[str, Any] = {"code": choice.code, "vi": choice.label.vi, "en": choice.label.en}
    days = {"valid_from": choice.valid_from, "valid_to": choice.valid_to}
    return row | {key: day for key, day in days.items() if day is not None}


def _plain(value: Any) -> Any:
    """A copy in plain lists and mappings."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


class _Dumper(yaml.SafeDumper):
    """YAML without aliases, which the reader refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _written(body: Mapping[str, Any]) -> str:
    head = "# Written by the server: what earlier catalogues had. Not to be edited.\n"
    return head + yaml.dump(body, Dumper=_Dumper, allow_unicode=True, sort_keys=True, width=200)
