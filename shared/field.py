"""A field of a record type, and a choice of a choice list: frozen, and checked when they are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shared.labels import Label
from shared.validity import in_force

__all__ = ["Choice", "Field"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One choice of a list; ``valid_from`` and ``valid_to`` are judged by the record's own date."""

    code: str
    label: Label
    valid_from: date | None = None
    valid_to: date | None = None
    folded: bool = False

    def valid_on(self, day: date | None) -> bool:
        """Whether the choice may be chosen in a record of this day; always where the day is unknown."""
        return in_force(day, self.valid_from, self.valid_to)


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field: its kind, its label, what it may hold, how two values of it meet, who may read it.

    ``choices`` are those of its list; ``choices_name`` is the list's name in ``choices.yaml`` or "" where they stand inline;
    ``fields`` are those of a row; ``rows_from`` names the instrument whose items are its fixed rows; ``computed``,
    ``show_when`` and ``require_when`` are expressions (``rules``); ``from_above`` is an answer of those above the unit (a receipt, a
    reply, the reason of a return): the unit reads it and does not write it.

    ``was`` are the names that the field had before, the first one first: that is its ``path`` in lines, for ever. ``earlier`` is the
    field as earlier catalogues had it, where they had more or something else (another kind, further choices, further fields of a row), the
    newest first; ``dropped`` says that the present catalogue has it no more.
    """

    code: str
    kind: str
    label: Label
    merge: str
    sensitivity: str = "public"
    required: bool = False
    help: Label | None = None
    choices: tuple[Choice, ...] = ()
    choices_name: str = ""
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    ref: str | None = None
    flow: str | None = None
    fields: Mapping[str, "Field"] = field(default_factory=dict)
    rows_from: str | None = None
    computed: str | None = None
    show_when: str | None = None
    require_when: str | None = None
    default: Any = None
    not_future: bool = False
    from_above: bool = False
    valid_from: date | None = None
    valid_to: date | None = None
    unit_kinds: tuple[str, ...] = ()
    unit_of_measure: Label | None = None
    source: str = ""
    was: tuple[str, ...] = ()
    earlier: tuple["Field", ...] = ()
    dropped: bool = False

    @property
    def path(self) -> str:
        """Its name in lines and registers: the first that it ever had."""
        return self.was[0] if self.was else self.code

    def inner(self, path: str) -> "Field | None":
        """The field of a row by its name in lines; None where no kind of these rows ever had it."""
        found = next((one for one in self.fields.values() if one.path == path), None)
        return found or next((sub for rows in self.earlier for sub in rows.fields.values() if sub.path == path), None)

    @property
    def confidential(self) -> bool:
        """Whether its values identify a person and are sealed."""
        return self.sensitivity == "confidential"

    def choice(self, code: str) -> Choice | None:
        """The choice of a code, that of an earlier catalogue too; None where there never was one."""
        found = (choice for one in (self, *self.earlier) for choice in one.choices if choice.code == code)
        return next(found, None)

    def valid_on(self, day: date | None) -> bool:
        """Whether a record of this day has the field at all; always where the day is unknown."""
        return in_force(day, self.valid_from, self.valid_to)
