"""A record type as a form: sections of inputs, each with its value, its choices and what is wrong there. Pure but for what it may read.

Which input a kind has is ``shared.kinds``' table; how each looks stands in ``records/_inputs.html``, by the same names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from flask_babel import gettext as _

from server.console.choices import Option, options_of
from server.console.inputs import text_of
from server.console.values import Titles, item_words, value_words
from server.language import lang
from server.people import User
from server.services import services
from shared.field import Field
from shared.kinds import KINDS, longest
from shared.record_type import RecordType
from shared.validate import Problem, complete, is_shown
from sync.view import Sealed

WIDE = frozenset({"long", "choices", "rows", "photos", "files", "figures", "geo"})
"""Inputs that take the whole width."""

__all__ = ["FormMaker", "Input", "RowView", "SectionView", "Told"]


@dataclass(frozen=True, kw_only=True)
class Told:
    """One sentence of what is wrong at a place; ``doubt`` for a warning, which ``code`` names."""

    text: str
    code: str
    doubt: bool = False


@dataclass(frozen=True, kw_only=True)
class RowView:
    """One row of a field of rows: its id, the words of a fixed one, its inputs."""

    id: str
    words: str
    inputs: list["Input"]


@dataclass(frozen=True, kw_only=True)
class Input:
    """One field of a form. ``widget`` names its look; ``live``: the form is drawn anew when it changes; ``locked``: sealed.
    ``begins``: it stands at the beginning of a line, a total beside its «of whom women».
    """

    name: str
    label: str
    widget: str
    text: str = ""
    help: str = ""
    required: bool = False
    live: bool = False
    locked: bool = False
    computed: bool = False
    wide: bool = False
    begins: bool = False
    measure: str = ""
    longest: int | None = None
    options: list[Option] = field(default_factory=list)
    rows: list[RowView] = field(default_factory=list)
    fixed: bool = False
    files: list[Mapping[str, Any]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    @property
    def wrong(self) -> bool:
        """Whether something stops sending here."""
        return any(not one.doubt for one in self.told)


@dataclass(frozen=True, kw_only=True)
class SectionView:
    """A section; ``open`` where it is not folded, holds something or has something wrong."""

    code: str
    label: str
    inputs: list[Input]
    folded: bool
    open: bool


class FormMaker:
    """Makes the form of one record.

    Args:
        values: what stands in it, typed text included; sealed values as ``Sealed``.
        opened: whether confidential fields are shown (a new record, or one that was opened with a reason).
    """

    def __init__(
        self, user: User, record_type: RecordType, unit: str, values: Mapping[str, Any], problems: Sequence[Problem] = (), *,
        opened: bool = True,
    ) -> None:  # fmt: skip
        held = services()
        self.type = record_type
        self.user = user
        self.unit = unit
        self.catalogue = held.catalogue
        self.today = held.clock.today()
        self.values = values
        self.opened = opened
        self.titles = Titles(user)
        plain = {code: value for code, value in values.items() if not isinstance(value, Sealed)}
        self.full = complete(record_type, {**plain, "unit": unit}, held.catalogue, self.today)
        self.day = record_type.day_of(self.full)
        self.problems: dict[str, list[Problem]] = {}
        for problem in problems:
            self.problems.setdefault(problem.path, []).append(problem)
        self.live = self._asked()

    def _asked(self) -> frozenset[str]:
        """The names on which other fields hang: their change draws the form anew."""
        of_type = (self.type.shown, self.type.wanted, self.type.computed)
        names = {name for table in of_type for expression in table.values() for name in expression.names}
        return frozenset(names | ({self.type.date} if self.type.date else set()))

    def sections(self) -> Iterator[SectionView]:
        """All sections in which something is shown."""
        for section in self.type.sections:
            inputs = [made for code in section.fields if (made := self._field(code)) is not None]
            inputs = [replace(one, begins=_is_pair(one, after)) for one, after in zip_longest(inputs, inputs[1:])]
            there = any(self._written(code) for code in section.fields)
            told = any(one.told or any(sub.told for row in one.rows for sub in row.inputs) for one in inputs)
            if inputs:
                label = section.label.get(lang())
                opened = told or there or not section.folded
                yield SectionView(code=section.code, label=label, inputs=inputs, folded=section.folded, open=opened)

    def _written(self, code: str) -> bool:
        """Whether something else stands in a field than what every new form begins with."""
        return self.values.get(code) not in (None, "", [], self.type.fields[code].default)

    def unplaced(self) -> list[Told]:
        """What is wrong at places that the form does not show."""
        names = {one.name for section in self.sections() for one in section.inputs}
        return [told for path in self.problems if path.split("/")[0] not in names for told in self._told(path)]

    def _told(self, path: str) -> list[Told]:
        found = self.problems.get(path, [])
        return [Told(text=one.text(lang()), code=one.code, doubt=one.level == "warning") for one in found]

    def _field(self, code: str) -> Input | None:
        one = self.type.fields[code]
        if one.kind == "flow" or not is_shown(self.type, code, self.full, today=self.today, catalogue=self.catalogue):
            return None
        value = self.full.get(code) if one.computed is not None else self.values.get(code)
        if one.computed is not None or one.kind == "figures":
            if value is None:
                return None
            words = value_words(one, value, self.titles)
            return Input(name=code, label=one.label.get(lang()), widget="computed", computed=True, text=words, measure=_measure(one))
        return self.input(one, code, code, value)

    def input(self, one: Field, name: str, rule_path: str, value: Any) -> Input:
        """The input of a field, or of a row's field under its path."""
        locked = isinstance(value, Sealed) or (one.confidential and not self.opened)
        wanted = self.type.wanted.get(rule_path)
        required = one.required or (wanted is not None and bool(wanted.evaluate(self.full, self.today, self.catalogue.value_of_series)))
        rows = [] if locked or one.kind != "rows" else list(self._rows(one, value or []))
        text = "" if locked or one.kind in ("rows", "choices", "photos", "files") else text_of(one, value)
        below = self.problems if one.kind in ("choices",) else {}
        told = self._told(name) + [more for path in below if path.startswith(f"{name}/") for more in self._told(path)]
        return Input(
            name=name, label=one.label.get(lang()), widget=KINDS[one.kind].widget, text=text, required=required,
            help=one.help.get(lang()) if one.help else "", live=rule_path.split("/")[0] in self.live, locked=locked,
            wide=one.kind in WIDE or (one.kind == "text" and longest(one) > 200), measure=_measure(one),
            longest=longest(one) if one.kind in ("text", "long", "url") else None,
            options=[] if locked else options_of(one, value, self), rows=rows, fixed=one.rows_from is not None,
            files=[] if locked or one.kind not in ("photos", "files") else list(value or []), told=told,
        )  # fmt: skip

    def _rows(self, one: Field, rows: Sequence[Mapping[str, Any]]) -> Iterator[RowView]:
        held = {row["id"]: row for row in rows}
        order = list(held)
        items: dict[str, Mapping[str, Any]] = {}
        if one.rows_from:
            items = {item["code"]: item for item in self.catalogue.instruments[one.rows_from]["items"]}
            order = list(dict.fromkeys([*items, *held]))
        for row_id in order:
            row = held.get(row_id, {"id": row_id})
            inputs = []
            for code, sub in one.fields.items():
                path = f"{one.code}/{code}"
                shown = is_shown(self.type, path, self.full, today=self.today, catalogue=self.catalogue, row=row)
                if sub.computed is None and shown:
                    inputs.append(self.input(sub, f"{one.code}/{row_id}/{code}", path, row.get(code)))
            words = item_words(items[row_id], row_id) if row_id in items else ""
            yield RowView(id=row_id, words=words, inputs=inputs)


def _is_pair(one: Input, after: Input | None) -> bool:
    stem = one.name.removesuffix("_total")
    return after is not None and stem != one.name and after.name.startswith(stem + "_")


def _measure(one: Field) -> str:
    if one.unit_of_measure:
        return one.unit_of_measure.get(lang())
    return _("đồng") if one.kind == "money" else ""
