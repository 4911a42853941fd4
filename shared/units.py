"""The administrative tree: units with their dates, their successors, their order.

A unit can end, split or merge at a date; its history stays readable. The level between commune and province is whatever the tree says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.labels import Label

LEVELS_WITH_STREAM = ("district", "province", "central")
"""A unit's stream is that of the nearest of these above it: the district while there is one, else the province."""

__all__ = ["Letterhead", "Signer", "Unit", "UnitTree"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Letterhead:
    """The lines of a document's left head (Nghị định 30/2020/NĐ-CP) and which of them are bold."""

    lines: tuple[str, ...]
    bold: tuple[bool, ...]
    family: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """The authority lines above a signature and the signer's title."""

    authority: tuple[str, ...]
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A place or body in the tree. ``starts`` is its first day and ``ends`` its last, where they are known."""

    code: str
    parent: str | None
    kind: str
    name: Label
    short: str
    sort: int
    starts: date | None = None
    ends: date | None = None
    successors: tuple[str, ...] = ()
    letterhead: Letterhead | None = None
    symbol: str = ""
    signer: Signer | None = None
    must_have_committee: bool = False
    must_self_assess_ntm: bool = False
    must_report: bool = False
    receives_reports_of: tuple[str, ...] = ()
    population: int | None = None
    households: int | None = None
    demo: bool = False

    def exists_on(self, day: date | None) -> bool:
        """Whether the unit exists on a day."""
        return day is None or ((self.starts is None or self.starts <= day) and (self.ends is None or day <= self.ends))


class UnitTree(Mapping[str, Unit]):
    """All units by code."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = {unit.code: unit for unit in units}
        self._children: dict[str | None, list[Unit]] = {}
        for unit in sorted(units, key=lambda one: one.sort):
            self._children.setdefault(unit.parent, []).append(unit)

    def __getitem__(self, code: str) -> Unit:
        return self._units[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._units)

    def __len__(self) -> int:
        return len(self._units)

    def children(self, code: str | None, day: date | None = None) -> list[Unit]:
        """The units directly below one, in administrative order."""
        return [unit for unit in self._children.get(code, []) if unit.exists_on(day)]

    def ancestors(self, code: str) -> list[Unit]:
        """The units above one, the nearest first."""
        above = []
        parent = self._units[code].parent
        while parent is not None:
            above.append(self._units[parent])
            parent = self._units[parent].parent
        return above

    def subtree(self, code: str, day: date | None = None) -> list[Unit]:
        """A unit and everything below it, in administrative order."""
        units = [self._units[code]]
        for child in self.children(code, day):
            units += self.subtree(child.code, day)
        return units

    def ordered(self, codes: Sequence[str] | None = None) -> list[Unit]:
        """Units in administrative order: those of ``codes``, or all."""
        roots = [unit for root in self._children.get(None, []) for unit in self.subtree(root.code)]
        return roots if codes is None else [unit for unit in roots if unit.code in set(codes)]

    def stream_of(self, code: str) -> str:
        """The code of the stream that a unit's records belong to."""
        for unit in (self._units[code], *self.ancestors(code)):
            if unit.kind in LEVELS_WITH_STREAM:
                return unit.code
        return code

    def reporting(self, above: str, day: date | None = None) -> list[Unit]:
        """The units directly below one that owe it periodic reports, in administrative order."""
        return [unit for unit in self.children(above, day) if unit.must_report]


def read_units(rows: Sequence[Mapping[str, Any]]) -> UnitTree:
    """Read the units of ``units.yaml``."""
    return UnitTree([_unit(row) for row in rows])


def _unit(row: Mapping[str, Any]) -> Unit:
    head, signer = row.get("letterhead"), row.get("signer")
    return Unit(
        code=row["code"], parent=row.get("parent"), kind=row["kind"], name=Label.of(row["name"]), short=str(row.get("short", "")),
        sort=int(row.get("sort", 0)), starts=row.get("from"), ends=row.get("to"), successors=tuple(row.get("successors", ())),
        letterhead=None if head is None else Letterhead(lines=tuple(head["lines"]), bold=tuple(head["bold"]), family=head["family"]),
        symbol=str(row.get("symbol", "")),
        signer=None if signer is None else Signer(authority=tuple(signer["authority"]), title=signer["title"]),
        must_have_committee=bool(row.get("must_have_committee")), must_self_assess_ntm=bool(row.get("must_self_assess_ntm")),
        must_report=bool(row.get("must_report")), receives_reports_of=tuple(row.get("receives_reports_of", ())),
        population=row.get("population"), households=row.get("households"),
        demo=bool(row.get("demo")),
    )  # fmt: skip
