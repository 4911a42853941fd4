"""The catalogue: every form, unit, period, indicator and report as data, read from YAML and checked.

A catalogue is made from texts by path, so that it can be shipped, sent to tablets, and told apart by its version (a hash of the
texts). A mistake anywhere raises ``CatalogueError`` with file and line; a tablet keeps the last good one.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from shared.field import Choice, Field
from shared.flow import Flow, Role, Transition, read_flow, read_role
from shared.former import FORMER_FILE, Former
from shared.indicator import check_indicators, read_indicator
from shared.periods import Period, Periods
from shared.record_type import RecordType, Rule, Section
from shared.series import read_series
from shared.shape import check_shape
from shared.type_reader import TypeReader, read_choices
from shared.units import Unit, UnitTree, read_units
from shared.upward import read_upward
from shared.yaml_source import CatalogueError, Source, fault, read_yaml

DATA = Path(__file__).parent / "data"

NAMES = (
    "campaigns", "choices", "flows", "indicators", "instruments", "periods", "roles", "series", "targets", "units", "upward",
)  # fmt: skip
"""The files of a catalogue beside its two folders; each may go on in ``NAME_*.yaml``."""

FOLDERS = ("record_types", "reports")

VERSIONS_KEPT = 4

__all__ = [
    "Catalogue", "CatalogueError", "Choice", "Field", "Flow", "Period", "RecordType", "Role", "Rule", "Section", "Transition", "Unit",
    "load_catalogue",
]  # fmt: skip


class Catalogue:
    """A whole catalogue; frozen once it is read, so that one is shared by all who ask for its version."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(sorted(texts.items()))
        self.version = version_of(self.texts)
        self._read()

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> "Catalogue":
        """Read and check a catalogue; one that was read before is not read again. Raises CatalogueError at the first mistake."""
        version = version_of(dict(sorted(texts.items())))
        known = _by_version.pop(version, None) or cls(texts)
        _by_version[version] = known
        while len(_by_version) > VERSIONS_KEPT:
            del _by_version[next(iter(_by_version))]
        return known

    def _read(self) -> None:
        self._known_files()
        self.roles = {row["code"]: read_role(row) for row in self._coded("roles", "role")}
        self.choices = {
            name: read_choices(_list_of(entry, name), entry.file, entry.line_of(name)) for name, entry in self._entries("choices")
        }  # fmt: skip
        self.flows = {name: read_flow(name, row, self.roles) for name, row in self._named("flows", "flow").items()}
        self.instruments: Mapping[str, Any] = self._instruments()
        self.series: Mapping[str, Any] = self._named("series", "series")
        self._dated = {name: read_series(name, row) for name, row in self.series.items()}
        self.units: UnitTree = read_units(self._coded("units", "unit"))
        self.periods = Periods(self._coded("periods", "period"))
        self.targets: Sequence[Mapping[str, Any]] = self._coded("targets")
        self.campaigns: Sequence[Mapping[str, Any]] = self._coded("campaigns", "campaign")
        self.types: Mapping[str, RecordType] = self._types()
        self.upward = read_upward(self._coded("upward", "upward"), self.types)
        self.indicators: Sequence[Mapping[str, Any]] = self._indicators()
        self.reports: Mapping[str, Any] = {
            PurePosixPath(path).stem: _mapping(read_yaml(path, self.texts[path]), path) for path in self._folder("reports")
        }

    def _known_files(self) -> None:
        for path in self.texts:
            folder, _, file = path.rpartition("/")
            name = file.removesuffix(".yaml")
            known = folder in FOLDERS if folder else path == FORMER_FILE or any(name == one or name.startswith(f"{one}_") for one in NAMES)
            if not known or name == file:
                raise CatalogueError("catalogue_unknown_file", file=path, line=1)

    def _folder(self, name: str) -> list[str]:
        return [path for path in self.texts if path.startswith(f"{name}/")]

    def _documents(self, name: str) -> Iterator[tuple[str, Any]]:
        """The files of a name with what they hold: ``name.yaml`` and every ``name_*.yaml``; empty ones are left out."""
        for path, text in self.texts.items():
            if path == f"{name}.yaml" or path.startswith(f"{name}_"):
                document = read_yaml(path, text)
                if document is not None:
                    yield path, document

    def _entries(self, name: str) -> Iterator[tuple[str, Source]]:
        """The keys of the mappings in the files of a name, each with the mapping where it stands. Raises for a key twice."""
        seen: set[str] = set()
        for path, document in self._documents(name):
            for key in _mapping(document, path):
                if key in seen:
                    raise fault("catalogue_code_twice", document, key, name=key)
                seen.add(key)
                yield key, document

    def _named(self, name: str, shape: str) -> dict[str, Source]:
        return {key: check_shape(body[key], shape, file=body.file, line=body.line_of(key)) for key, body in self._entries(name)}

    def _coded(self, name: str, shape: str = "") -> list[Source]:
        """The entries of the lists in the files of a name, each with a ``code`` of its own."""
        rows: dict[str, Source] = {}
        for path, document in self._documents(name):
            if not isinstance(document, list):
                raise CatalogueError("catalogue_not_a_list", file=path, line=1)
            for entry in document:
                row = check_shape(entry, shape, file=path) if shape else _mapping(entry, path)
                code = row.get("code")
                if not isinstance(code, str) or not code:
                    raise fault("catalogue_missing_key", row, "code")
                if code in rows:
                    raise fault("catalogue_code_twice", row, "code", name=code)
                rows[code] = row
        return list(rows.values())

    def _instruments(self) -> dict[str, Source]:
        found = self._named("instruments", "instrument")
        for row in found.values():
            codes: set[str] = set()
            for item in row["items"]:
                if item["code"] in codes:
                    raise fault("catalogue_code_twice", item, "code", name=item["code"])
                codes.add(item["code"])
            if "extends" in row and row["extends"] not in found:
                raise fault("catalogue_unknown_name", row, "extends", name=row["extends"])
        return found

    def _types(self) -> dict[str, RecordType]:
        paths = self._folder("record_types")
        former = Former.read(self.texts.get(FORMER_FILE))
        codes = frozenset(PurePosixPath(path).stem for path in paths)
        reader = TypeReader(self.choices, self.flows, self.instruments, codes | former.types.keys(), former)
        self.former_types: Mapping[str, RecordType] = {
            code: reader.read(FORMER_FILE, row, dropped=True) for code, row in former.types.items() if code not in codes
        }
        types = {PurePosixPath(path).stem: reader.read(path, read_yaml(path, self.texts[path])) for path in paths}
        every = {**self.former_types, **types}
        for path, one in zip(paths, types.values(), strict=True):
            if one.sealed_by not in (None, "self") and every[one.fields[one.sealed_by or ""].ref or ""].sealed_by != "self":
                raise CatalogueError("catalogue_sealed_by", file=path, line=1, key="sealed_by")
        return types

    def _indicators(self) -> list[Source]:
        rows = {row["code"]: row for row in self._coded("indicators", "indicator")}
        found = {}
        for code, row in rows.items():
            try:
                found[code] = read_indicator(row)
            except (ValueError, TypeError, AttributeError, KeyError) as wrong:
                raise fault("catalogue_indicator", row, "code", name=code, why=str(wrong)[:120]) from wrong
        for code, why in check_indicators(found, self.types):
            raise fault("catalogue_indicator", rows[code], "code", name=code, why=why)
        return list(rows.values())

    def value_of_series(self, name: str, day: Any) -> Any:
        """The value of a dated series on a day (a date or its ISO form); None before its first or where there is none."""
        if name not in self._dated or not day:
            return None
        return self._dated[name].on(date.fromisoformat(day[:10]) if isinstance(day, str) else day)

    @cached_property
    def all_types(self) -> Mapping[str, RecordType]:
        """The record types with those that only earlier catalogues had: asked for what a record that is there means.

        What is offered and counted comes from ``types`` alone.
        """
        return {**self.former_types, **self.types}

    @cached_property
    def sealed_types(self) -> frozenset[str]:
        """The types that hold confidential values, former ones too."""
        return frozenset(code for code, one in self.all_types.items() if one.sealed_by)


def version_of(texts: Mapping[str, str]) -> str:
    """The version of a catalogue: 16 hex digits of SHA-256 over its texts, in the order of their paths."""
    told = "\0".join(f"{path}\0{text}" for path, text in texts.items())
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _mapping(document: Any, path: str) -> Source:
    if not isinstance(document, Source):
        raise CatalogueError("catalogue_not_a_mapping", file=path, line=1)
    return document


def _list_of(entry: Source, name: str) -> list[Any]:
    if not isinstance(entry[name], list) or not entry[name]:
        raise fault("catalogue_choices", entry, name)
    return list(entry[name])


_by_version: dict[str, Catalogue] = {}

_loaded: dict[Path, tuple[tuple[tuple[str, int, int], ...], Catalogue]] = {}


def load_catalogue(directory: Path | None = None) -> Catalogue:
    """Read the catalogue of a folder (the one that ships, where none is given); read once while its files do not change.

    Raises:
        CatalogueError: a mistake, with its file and line.
    """
    root = directory or DATA
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*.yaml")}
    stats = {name: path.stat() for name, path in sorted(paths.items())}
    stamp = tuple((name, one.st_mtime_ns, one.st_size) for name, one in stats.items())
    known = _loaded.get(root)
    if known is None or known[0] != stamp:
        known = _loaded[root] = (stamp, Catalogue.from_texts({name: _text_of(paths[name], name) for name in stats}))
    return known[1]


def _text_of(path: Path, name: str) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise CatalogueError("catalogue_not_yaml", file=name, line=1) from error
