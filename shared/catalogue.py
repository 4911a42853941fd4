"""The catalogue: every form, unit, period, indicator and report as data, read from YAML and checked.

A catalogue is made from texts by path, so that it can be shipped, sent to tablets, and told apart by its version (a hash of the
texts). A mistake anywhere raises ``CatalogueError`` with file and line; a tablet keeps the last good one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from shared.field import Choice, Field
from shared.labels import Label
from shared.periods import Period, Periods
from shared.record_type import RecordType, Rule, Section
from shared.type_reader import TypeReader, fault, read_choices
from shared.units import Unit, UnitTree, read_units
from shared.yaml_source import CatalogueError, Source, read_yaml

DATA = Path(__file__).parent / "data"

__all__ = [
    "Catalogue", "CatalogueError", "Choice", "Field", "Flow", "Period", "RecordType", "Role", "Rule", "Section", "Transition", "Unit",
    "load_catalogue",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A legal move of a workflow, and the roles that may make it."""

    start: str
    to: str
    roles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """A named workflow."""

    code: str
    start: str
    states: Mapping[str, Label]
    transitions: tuple[Transition, ...]

    def move(self, start: str | None, to: str) -> Transition | None:
        """The move from a state (None: the first one) to another, if there is one."""
        begin = start or self.start
        return next((one for one in self.transitions if one.start == begin and one.to == to), None)

    def moves_from(self, state: str | None, roles: Sequence[str]) -> list[Transition]:
        """The moves that people of these roles may make from a state."""
        begin = state or self.start
        return [one for one in self.transitions if one.start == begin and set(one.roles) & set(roles)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """What a role may do: ``scope`` own or below, ``confidential`` none, own or granted, ``may`` a set of words."""

    code: str
    label: Label
    scope: str
    confidential: str
    may: frozenset[str]


class Catalogue:
    """A whole catalogue; frozen once it is read."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(sorted(texts.items()))
        told = "\0".join(f"{path}\0{text}" for path, text in self.texts.items())
        self.version = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._read()

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> "Catalogue":
        """Read and check a catalogue. Raises CatalogueError at the first mistake."""
        return cls(texts)

    def _read(self) -> None:
        self.choices = {name: read_choices(rows, rows[0].file) for name, rows in self._merged("choices").items() if rows}
        self.flows = {code: _flow(code, row) for code, row in self._merged("flows").items()}
        self.instruments: Mapping[str, Any] = self._merged("instruments")
        self.series: Mapping[str, Any] = self._merged("series")
        self.units = self._units()
        self.periods = Periods(self._rows("periods"))
        self.roles = {row["code"]: _role(row) for row in self._rows("roles")}
        self.indicators: Sequence[Mapping[str, Any]] = self._coded("indicators")
        self.targets: Sequence[Mapping[str, Any]] = self._coded("targets")
        self.campaigns: Sequence[Mapping[str, Any]] = self._rows("campaigns")
        self.types: Mapping[str, RecordType] = self._types()
        self.reports: Mapping[str, Any] = {
            Path(path).stem: read_yaml(path, text) for path, text in self.texts.items() if path.startswith("reports/")
        }

    def _documents(self, name: str) -> list[Any]:
        """The files of a name: ``name.yaml`` and every ``name_*.yaml``."""
        paths = [path for path in self.texts if path == f"{name}.yaml" or path.startswith(f"{name}_") and path.endswith(".yaml")]
        return [read_yaml(path, self.texts[path]) for path in paths]

    def _rows(self, name: str) -> list[Any]:
        return [row for document in self._documents(name) for row in document or ()]

    def _merged(self, name: str) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for document in self._documents(name):
            for key, value in (document or {}).items():
                if key in merged:
                    raise fault("catalogue_code_twice", document, key)
                merged[key] = value
        return merged

    def _coded(self, name: str) -> list[Any]:
        seen: set[str] = set()
        rows = self._rows(name)
        for row in rows:
            if not row.get("code"):
                raise fault("catalogue_value", row, "code", value="")
            if row["code"] in seen:
                raise fault("catalogue_code_twice", row, "code", name=row["code"])
            seen.add(row["code"])
        return rows

    def _units(self) -> UnitTree:
        rows = self._coded("units")
        codes = {row["code"] for row in rows}
        for row in rows:
            if row.get("parent") is not None and row["parent"] not in codes:
                raise fault("catalogue_unknown_name", row, "parent", name=row["parent"])
            for successor in row.get("successors", ()):
                if successor not in codes:
                    raise fault("catalogue_unknown_name", row, "successors", name=successor)
        return read_units(rows)

    def _types(self) -> dict[str, RecordType]:
        paths = [path for path in self.texts if path.startswith("record_types/")]
        reader = TypeReader(self.choices, self.flows, self.instruments, frozenset(Path(path).stem for path in paths))
        types = {}
        for path in paths:
            body = read_yaml(path, self.texts[path])
            if not isinstance(body, Source):
                raise CatalogueError("catalogue_field", file=path, line=1, key="")
            record_type = reader.read(path, body)
            types[record_type.code] = record_type
        return types

    def value_of_series(self, name: str, day: Any) -> Any:
        """The value of a dated series on a day (a date or its ISO form); None before its first or where there is none."""
        if name not in self.series or not day:
            return None
        at = date.fromisoformat(day[:10]) if isinstance(day, str) else day
        values = [row["value"] for row in self.series[name]["values"] if row["from"] <= at]
        return values[-1] if values else None

    @cached_property
    def sealed_types(self) -> frozenset[str]:
        """The types that hold confidential values."""
        return frozenset(code for code, one in self.types.items() if one.sealed_by)


def _flow(code: str, row: Source) -> Flow:
    states = {one["code"]: Label(one["vi"], one["en"]) for one in row["states"]}
    moves = []
    for one in row["transitions"]:
        if one["from"] not in states or one["to"] not in states:
            raise fault("catalogue_unknown_name", one, "to", name=f"{one['from']} → {one['to']}")
        moves.append(Transition(start=one["from"], to=one["to"], roles=tuple(one["roles"])))
    return Flow(code=code, start=row["start"], states=states, transitions=tuple(moves))


def _role(row: Source) -> Role:
    return Role(
        code=row["code"], label=Label.of(row["label"]), scope=row["scope"], confidential=row["confidential"], may=frozenset(row["may"])
    )  # fmt: skip


_loaded: dict[Path, tuple[tuple[float, ...], Catalogue]] = {}


def load_catalogue(directory: Path | None = None) -> Catalogue:
    """Read the catalogue of a folder (the one that ships, where none is given); read once while its files do not change.

    Raises:
        CatalogueError: a mistake, with its file and line.
    """
    root = directory or DATA
    paths = sorted(root.rglob("*.yaml"))
    stamp = tuple(path.stat().st_mtime for path in paths)
    known = _loaded.get(root)
    if known is None or known[0] != stamp:
        texts = {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in paths}
        _loaded[root] = (stamp, Catalogue.from_texts(texts))
    return _loaded[root][1]
