"""The outline of a report, read from data/reports/*.yaml and checked.

An outline is sections of blocks and annexes of tables. Each block may say for whom (`scope`: unit or district), in which
kind of period and under which condition (`when`) it stands. What the words come to stands in `prose.py`, the tables in
`annexes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

UNIT: Final = "unit"
DISTRICT: Final = "district"

BLOCKS: Final = ("subheading", "sentence", "narrative", "list")
TABLES: Final = ("units", "parts", "pairs", "lines", "submissions", "records", "estimates")

REFERENCE: Final = re.compile(r"I\d+[A-Z]*(?:\.[a-z0-9_]+\.[A-Za-z0-9_]+)?")
"""A figure, or a part of one: "I13V", "I13V.sex.female"."""

PLACEHOLDER: Final = re.compile(r"\{(?:(change|prev|money):)?([A-Za-z0-9_.]+)\}")

_CONDITIONS: Final = frozenset(("scope", "period_kind", "when"))
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "subheading": frozenset(("subheading",)),
    "sentence": frozenset(("sentence",)),
    "narrative": frozenset(("narrative", "label")),
    "list": frozenset(("list",)),
}
_SENTENCE_KEYS: Final = frozenset(("start", "clauses", "join", "end", "otherwise"))
_LIST_KEYS: Final = frozenset(("figure", "line", "most"))


class OutlineError(ValueError):
    """An outline that cannot be read: says which outline, where and what, in English; `word` is what stands wrong in its file."""

    def __init__(self, why: str, word: str = "") -> None:
        super().__init__(why)
        self.word = word


@dataclass(frozen=True, kw_only=True)
class Clause:
    """A piece of a sentence, with the condition under which it is said."""

    vi: str
    when: str = ""
    scope: str = ""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of a section; `kind` is one of BLOCKS and says which of the other fields it uses.

    A sentence is `start`, those `clauses` that hold, joined by `join`, and `end`; where none holds, the first of `otherwise`
    that does. A narrative is a field of the periodic report. A list has a line for each record behind a figure.
    """

    kind: str
    scope: str = ""
    period_kind: str = ""
    when: str = ""
    text: str = ""
    start: str = ""
    clauses: tuple[Clause, ...] = ()
    join: str = "; "
    end: str = "."
    otherwise: tuple[Clause, ...] = ()
    field: str = ""
    label: str = ""
    figure: str = ""
    line: str = ""
    most: int = 40


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section with its heading as printed, «I. TÌNH HÌNH CHUNG»."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A whole outline. `tables` of the annexes stay plain mappings; `annexes.py` names their keys."""

    code: str
    period_kind: str
    title: str
    subject: tuple[str, ...]
    basis: tuple[Mapping[str, Any], ...]
    opening: Mapping[str, str]
    closing: Mapping[str, str]
    addressees: Mapping[str, tuple[str, ...]]
    recipients: Mapping[str, tuple[str, ...]]
    nothing_said: str
    sections: tuple[Section, ...]
    annexes: tuple[Mapping[str, Any], ...]

    def references(self) -> Iterator[str]:
        """Every figure that the outline prints or asks for."""
        yield from _references([self.sections, self.annexes])

    def narratives(self) -> tuple[str, ...]:
        """The fields of the periodic report that the outline places, in order."""
        return tuple(block.field for section in self.sections for block in section.blocks if block.kind == "narrative")


def read_outline(reports: Mapping[str, Mapping[str, Any]], code: str) -> Outline:
    """The outline `code` of the catalogue's reports; `extends` takes all that it does not say from another outline.

    Raises OutlineError.
    """
    raw = _extended(reports, code)
    try:
        return Outline(
            code=code,
            period_kind=raw["period_kind"],
            title=raw["title"],
            subject=tuple(raw["subject"]),
            basis=tuple(raw["basis"]),
            opening=_by_scope(raw["opening"]),
            closing=_by_scope(raw["closing"]),
            addressees={scope: tuple(lines) for scope, lines in raw["addressees"].items()},
            recipients={kind: tuple(lines) for kind, lines in raw["recipients"].items()},
            nothing_said=raw["nothing_said"],
            sections=tuple(
                Section(heading=one["heading"], blocks=tuple(read_block(block) for block in one["blocks"]))
                for one in raw["sections"]),
            annexes=tuple(_checked_annex(one) for one in raw["annexes"]),
        )
    except KeyError as error:
        raise OutlineError(f"{code}: missing key {error.args[0]}") from None
    except OutlineError as error:
        raise OutlineError(f"{code}: {error}", error.word) from None


def read_block(raw: Mapping[str, Any]) -> Block:
    """One entry of a section's blocks. Raises OutlineError for an unknown kind or key."""
    kinds = [kind for kind in BLOCKS if kind in raw]
    if len(kinds) != 1:
        raise OutlineError(f"a block needs exactly one of {', '.join(BLOCKS)}")
    kind = kinds[0]
    _refuse(set(raw) - _KEYS[kind] - _CONDITIONS, kind)
    body = raw[kind]
    # Conditions may stand beside the kind or inside it; one spelling is enough where it reads better.
    said = {**{key: raw[key] for key in _CONDITIONS & set(raw)},
            **({key: body[key] for key in _CONDITIONS & set(body)} if isinstance(body, Mapping) else {})}
    if kind == "subheading":
        return Block(kind=kind, text=body, **said)
    if kind == "narrative":
        return Block(kind=kind, field=body, label=raw.get("label", ""), **said)
    own = {key: value for key, value in body.items() if key not in _CONDITIONS}
    if kind == "list":
        _refuse(set(own) - _LIST_KEYS, kind)
        return Block(kind=kind, **own, **said)
    _refuse(set(own) - _SENTENCE_KEYS, kind)
    clauses = tuple(Clause(**clause) for clause in own.pop("clauses", ()))
    otherwise = tuple(Clause(**clause) for clause in own.pop("otherwise", ()))
    return Block(kind=kind, clauses=clauses, otherwise=otherwise, **own, **said)


def figure_of(name: str) -> str:
    """The reference that a condition's name stands for: I13V_sex_female is "I13V.sex.female"."""
    return ".".join(name.split("_", 2))


def _extended(reports: Mapping[str, Mapping[str, Any]], code: str) -> dict[str, Any]:
    chain: list[str] = []
    raw: dict[str, Any] = {}
    while code:
        if code in chain or code not in reports:
            raise OutlineError(f"{code}: {'extends itself' if code in chain else 'no such outline'}")
        chain.append(code)
        raw = {**reports[code], **raw}
        code = reports[code].get("extends", "")
    return raw


def _by_scope(raw: list[Mapping[str, str]]) -> dict[str, str]:
    return {one["scope"]: one["vi"] for one in raw}


def _checked_annex(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    for table in raw["tables"]:
        if table.get("kind") not in TABLES:
            raise OutlineError(f"unknown kind of table: {table.get('kind')}", str(table.get("kind")))
    return raw


def _refuse(unknown: set[str], where: str) -> None:
    if unknown:
        raise OutlineError(f"unknown key in {where}: {', '.join(sorted(unknown))}", f"{min(unknown)}:")


def _references(node: Any) -> Iterator[str]:
    """Every reference in placeholders, conditions and `figure` keys, wherever it stands."""
    if isinstance(node, str):
        for _, name in PLACEHOLDER.findall(node):
            if REFERENCE.fullmatch(name):
                yield name
    elif isinstance(node, Mapping):
        for key in ("figure", "of", "each"):
            if isinstance(node.get(key), str):
                yield node[key]
        if "female" in node:
            yield from (node["total"], node["female"], node["share"])
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list | tuple):
        for one in node:
            yield from _references(one)
    elif isinstance(node, Section):
        yield from _references(node.blocks)
    elif isinstance(node, Block):
        yield from _references([node.start, node.end, node.clauses, node.otherwise])
        yield from _names([node.when, *(one.when for one in (*node.clauses, *node.otherwise))])
        if node.figure:
            yield node.figure
    elif isinstance(node, Clause):
        yield from _references(node.vi)


def _names(conditions: list[str]) -> Iterator[str]:
    for condition in conditions:
        for word in re.findall(r"(?:prev_)?(I\d+[A-Z]*(?:_[a-z0-9_]+)?)", condition):
            yield figure_of(word)
