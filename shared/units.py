"""The administrative tree: units with their dates, their successors, their order.

A unit can end, split or merge at a date; its history stays readable. The level between commune and province is whatever the tree says.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shared.labels import Label
from shared.validity import in_force
from shared.yaml_source import Source, fault

LEVELS_WITH_STREAM = ("district", "province", "central")
"""A unit's stream is that of the nearest of these above it: the district while there is one, else the province."""

__all__ = ["Letterhead", "Signer", "Unit", "UnitTree", "read_units"]


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
        return in_force(day, self.starts, self.ends)


class UnitTree(Mapping[str, Unit]):
    """All units by code."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = {unit.code: unit for unit in units}
        self._children: dict[str | None, list[Unit]] = {}
        self._predecessors: dict[str, list[str]] = {}
        for unit in sorted(units, key=lambda one: one.sort):
            self._children.setdefault(unit.parent, []).append(unit)
            for successor in unit.successors:
                self._predecessors.setdefault(successor, []).append(unit.code)
        self._order = [unit for root in self._children.get(None, []) for unit in self.subtree(root.code)]

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

    def visible(self, code: str) -> frozenset[str]:
        """The units whose records a unit may see: itself, all below, and all that those took over from («lịch sử vẫn đọc được»)."""
        seen: set[str] = set()
        waiting = [code]
        while waiting:
            for unit in self.subtree(waiting.pop()):
                if unit.code not in seen:
                    seen.add(unit.code)
                    waiting += self._predecessors.get(unit.code, ())
        return frozenset(seen)

    def at(self, day: date) -> "UnitTree":
        """The tree of a day: the units that exist on it, each below the nearest unit above it that does."""
        standing = []
        for unit in self._units.values():
            if unit.exists_on(day):
                above = next((one.code for one in self.ancestors(unit.code) if one.exists_on(day)), None)
                standing.append(replace(unit, parent=above))
        return UnitTree(standing)

    def heirs(self, code: str, day: date) -> list[Unit]:
        """What became of a unit by a day: itself while it exists, else those that took over and exist, in administrative order."""
        found: set[str] = set()
        waiting, passed = [code], {code}
        while waiting:
            unit = self._units[waiting.pop()]
            if unit.exists_on(day):
                found.add(unit.code)
            else:
                waiting += [one for one in unit.successors if one not in passed]
                passed.update(unit.successors)
        return self.ordered(found)

    def ordered(self, codes: Collection[str] | None = None) -> list[Unit]:
        """Units in administrative order: those of ``codes``, or all."""
        if codes is None:
            return list(self._order)
        wanted = frozenset(codes)
        return [unit for unit in self._order if unit.code in wanted]

    def stream_of(self, code: str) -> str:
        """The code of the stream that a unit's records belong to."""
        for unit in (self._units[code], *self.ancestors(code)):
            if unit.kind in LEVELS_WITH_STREAM:
                return unit.code
        return code

    def reporting(self, above: str, day: date | None = None) -> list[Unit]:
        """The units directly below one that owe it periodic reports, in administrative order; a district owes the province its own."""
        return [unit for unit in self.children(above, day) if unit.must_report or unit.kind == "district"]


def read_units(rows: Sequence[Source]) -> UnitTree:
    """Read the units of ``units.yaml``, each already of the right shape.

    Raises:
        CatalogueError: a unit above itself, a name of no unit, days in the wrong order, a letterhead whose lists do not match.
    """
    found = {row["code"]: row for row in rows}
    for row in rows:
        for key, names in (("parent", [row.get("parent")]), ("successors", row.get("successors")),
                           ("receives_reports_of", row.get("receives_reports_of"))):  # fmt: skip
            for name in names or ():
                if name is not None and name not in found:
                    raise fault("catalogue_unknown_name", row, key, name=name)
        if row.get("from") and row.get("to") and row["to"] < row["from"]:
            raise fault("catalogue_order", row, "to")
        head = row.get("letterhead")
        if head is not None and len(head["lines"]) != len(head["bold"]):
            raise fault("catalogue_value", head, "bold", value=len(head["bold"]))
        passed = {row["code"]}
        above = row.get("parent")
        while above is not None:
            if above in passed:
                raise fault("catalogue_unit_cycle", row, "parent", name=row["code"])
            passed.add(above)
            above = found[above].get("parent") if above in found else None
    return UnitTree([_unit(row) for row in rows])


def _unit(row: Mapping[str, Any]) -> Unit:
    head, signer = row.get("letterhead"), row.get("signer")
    return Unit(
        code=row["code"], parent=row.get("parent"), kind=row["kind"], name=Label.of(row["name"]), short=row.get("short") or "",
        sort=row.get("sort") or 0, starts=row.get("from"), ends=row.get("to"), successors=tuple(row.get("successors") or ()),
        letterhead=None if head is None else Letterhead(lines=tuple(head["lines"]), bold=tuple(head["bold"]), family=head["family"]),
        symbol=row.get("symbol") or "",
        signer=None if signer is None else Signer(authority=tuple(signer["authority"]), title=signer["title"]),
        must_have_committee=bool(row.get("must_have_committee")), must_self_assess_ntm=bool(row.get("must_self_assess_ntm")),
        must_report=bool(row.get("must_report")), receives_reports_of=tuple(row.get("receives_reports_of") or ()),
        population=row.get("population"), households=row.get("households"), demo=bool(row.get("demo")),
    )  # fmt: skip
