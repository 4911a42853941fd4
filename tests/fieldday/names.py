"""The names in a scenario that the catalogue gives: units, roles, record types, fields, choices, figures, periods.

Each check raises `Unknown` with the name and those that are nearest to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.catalogue import Field, load_catalogue
from tests.fieldday import forms


class Unknown(Exception):
    """A name that the catalogue does not know; the text says which ones are near."""


def _known(name: Any, allowed: Iterable[str], what: str) -> str:
    """The name, where it is one of those that are allowed."""
    there = sorted(allowed)
    if name in there:
        return str(name)
    near = difflib.get_close_matches(str(name), there, n=4, cutoff=0.5) or there[:12]
    raise Unknown(f"there is no {what} «{name}»; there is {', '.join(near)}")


def check_person(name: str, unit: Any, roles: Sequence[Any]) -> None:
    """A person's unit and roles."""
    catalogue = load_catalogue()
    try:
        _known(unit, catalogue.units, "unit")
        for role in roles:
            _known(role, catalogue.roles, "role")
    except Unknown as error:
        raise Unknown(f"{name}: {error}") from error


def check_figure(figure: str, unit: str) -> None:
    """The figure and the unit of a claim."""
    catalogue = load_catalogue()
    _known(figure, [str(row["code"]) for row in catalogue.indicators], "figure")
    _known(unit, catalogue.units, "unit")


def check_period(period: str) -> None:
    """A period, as 2022-H1."""
    if not load_catalogue().periods.knows(period):
        raise Unknown(f"there is no period «{period}»; a period is a year and a code, as 2022-H1")


def check_type(type: Any) -> str:
    """The type among the values of a new record; gives it."""
    if type is None:
        raise Unknown("a new record has its type among its values, as «type: communication_activity»")
    return _known(type, load_catalogue().types, "record type")


def check_forms(type: str, values: Mapping[str, Any]) -> None:
    """A change of a record type's form: its fields, and what is told of each."""
    fields = load_catalogue().types[_known(type, load_catalogue().types, "record type")].fields
    for name, how in values.items():
        _known(name, fields, f"field of {type}")
        if forms.HOW.fullmatch(str(how)) is None:
            raise Unknown(f"{name}: «is dropped», «is called NAME» or «is now KIND», not «{how}»")


def check_fields(type: str, values: Mapping[str, Any], *, lists: bool = False) -> None:
    """Fields of a record type, and the codes of choices in their values; `lists`: several answers a field."""
    fields = load_catalogue().types[type].fields
    for name, value in values.items():
        if name in ("note", "state"):
            continue
        _known(name, [*fields, "note"], f"field of {type}")
        for answer in value if lists else [value]:
            _check_value(fields[name], answer)


def _check_value(field: Field, value: Any) -> None:
    """Choices by their codes, rows by their fields; other values are judged by the form in which they are typed."""
    if field.kind == "choice" and field.choices:
        _known(value, [choice.code for choice in field.choices], f"choice of {field.code}")
    if field.kind == "choices":
        if not isinstance(value, list):
            raise Unknown(f"{field.code} takes a list of choices, as [{value}]")
        for one in value:
            _known(one, [choice.code for choice in field.choices], f"choice of {field.code}")
    if field.kind == "rows":
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise Unknown(f"{field.code} takes a list of rows, each {{field: value}}")
        for row in value:
            for name, sub in row.items():
                _known(name, field.fields, f"field of {field.code}")
                _check_value(field.fields[name], sub)
