"""A record type: its fields, its sections, its rules. Read and checked from one file of ``record_types/``."""

import datetime as time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.field import Field
from shared.labels import Label
from shared.rules import Expression
from shared.validity import in_force

__all__ = ["RecordType", "Rule", "Section", "Stock"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One section of a form; folded ones are closed until they are asked for."""

    code: str
    label: Label
    fields: tuple[str, ...]
    folded: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule over several fields: an ``error`` stops submission, never saving; a ``warning`` asks and keeps the answer."""

    code: str
    level: str
    check: Expression
    when: Expression | None
    fields: tuple[str, ...]
    message: Label


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """A stock of which records tell the comings and goings: ``of`` is the amount, ``by`` what is kept apart, ``kind`` the choice whose
    codes add to it or take from it; other codes leave it alone.
    """

    of: str
    by: tuple[str, ...]
    kind: str
    adds: tuple[str, ...]
    takes: tuple[str, ...]

    def sign(self, values: Mapping[str, Any]) -> int:
        """1 where a record adds to the stock, -1 where it takes from it, else 0."""
        code = values.get(self.kind)
        return 1 if code in self.adds else -1 if code in self.takes else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordType:
    """One record type of the catalogue.

    ``title``, ``date`` and ``figure`` name the fields that a list shows; ``sealed_by`` is ``self``, or the ref field whose case's
    key seals the confidential values, or None where there are none; ``letter`` are the paragraphs of the letter that order it;
    two records of a unit that say the same in all of ``alike`` may be one event entered twice. ``by_server``: only a server makes them.
    """

    code: str
    label: Label
    icon: str
    group: str
    letter: tuple[str, ...]
    title: str | None
    date: str | None
    figure: str | None
    urgent: bool
    unit_kinds: tuple[str, ...]
    sealed_by: str | None
    flow: str
    valid_from: time.date | None
    valid_to: time.date | None
    fields: Mapping[str, Field]
    sections: tuple[Section, ...]
    rules: tuple[Rule, ...]
    computed: Mapping[str, Expression]
    shown: Mapping[str, Expression]
    wanted: Mapping[str, Expression]
    alike: tuple[str, ...] = ()
    stock: Stock | None = None
    by_server: bool = False
    former: Mapping[str, Field] = field(default_factory=dict)
    """The fields that only earlier catalogues had, by path."""
    dropped: bool = False
    """Whether only earlier catalogues had the type: what is there is read and mended, nothing new begins."""
    by_path: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_path = {**self.former, **{one.path: one for one in self.fields.values()}}
        object.__setattr__(self, "by_path", by_path)

    def field_at(self, path: str) -> Field | None:
        """The field that a path leads to: ``title``, ``speakers/ROW/name``, ``topics/gbv``; None where there is none.

        Names are those of the present catalogue (of a form) or those in lines (of a register); former fields are found too.
        """
        head, *rest = path.split("/")
        field = self.fields.get(head) or self.by_path.get(head)
        if field is None or field.kind != "rows" or len(rest) < 2:
            return field
        return field.fields.get(rest[1]) or field.inner(rest[1])

    def path_of(self, path: str) -> str:
        """The path in lines of a path in a form (``speakers/ROW/name``): with its fields' first names. One in lines stays as it is."""
        head, *rest = path.split("/")
        field = self.fields.get(head)
        if field is None:
            return path
        inner = field.fields.get(rest[1]) if len(rest) > 1 else None
        return "/".join([field.path, *rest] if inner is None else [field.path, rest[0], inner.path, *rest[2:]])

    def kept_fields(self) -> dict[str, Field]:
        """All fields that a record may hold, by their key in plain values: present ones by code, former ones by path."""
        return {**self.fields, **self.former}

    def renamed(self, name: str) -> str:
        """The present code of a field by any name that it had; the same where it has none other."""
        if name in self.fields:
            return name
        return next((code for code, field in self.fields.items() if name in field.was), name)

    def offered_to(self, unit_kind: str, day: time.date | None = None) -> bool:
        """Whether a unit of this kind fills in this type on a day."""
        here = not self.by_server and not self.dropped and (not self.unit_kinds or unit_kind in self.unit_kinds)
        return here and in_force(day, self.valid_from, self.valid_to)

    def day_of(self, values: Mapping[str, Any]) -> time.date | None:
        """The day that places a record in a period, where it is known."""
        value = values.get(self.date) if self.date else None
        try:
            return time.date.fromisoformat(value[:10]) if isinstance(value, str) else None
        except ValueError:
            return None
