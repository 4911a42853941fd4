"""The results of a run: what each figure is, how it is written, and the limits that it must keep."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(kw_only=True)
class Figure:
    """One measured thing. `value` and `floor` are rates in `unit`; `ratio` is value / floor.

    Bytes, round trips, SQL statements and commits are those of one run of the thing; `contacts` are the commits of all runs together
    that noted when a tablet was last heard of. `memory_mb` is the server's greatest memory in that time above what it had when it had started. `bytes_ratio` is bytes both ways over those of the lines, or of the
    changed records whole, packed by gzip. None: not measured for this figure.
    """

    value: float
    unit: str
    floor: float
    round_trips: int
    bytes_up: int
    bytes_down: int
    queries: float | None = None
    commits: float | None = None
    contacts: int | None = None
    bytes_ratio: float | None = None
    memory_mb: float | None = None

    @property
    def ratio(self) -> float:
        """Our rate over the floor's: 1.0 is as fast as the floor."""
        return self.value / self.floor if self.floor else 0.0

    def written(self) -> dict[str, Any]:
        """As it stands in results.json: two decimals are enough, and what was not measured is left out."""
        body = asdict(self) | {"ratio": self.ratio, "bytes": self.bytes_up + self.bytes_down}
        return {k: round(v, 2) if isinstance(v, float) else v for k, v in body.items() if v is not None}


@dataclass(frozen=True)
class Counted:
    """Counts and times of one thing that has no floor beside it, each with its unit in its name."""

    told: Mapping[str, float]

    def written(self) -> dict[str, Any]:
        """As it stands in results.json."""
        return {name: round(value, 2) for name, value in self.told.items()}


def write(path: Path, figures: Mapping[str, Figure | Counted]) -> None:
    """Write results.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {name: figure.written() for name, figure in figures.items()}
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def table(figures: Mapping[str, Figure | Counted]) -> str:
    """The figures for a person to read."""
    heads = ("", "value", "floor", "ratio", "trips", "up", "down", "queries", "commits", "MB")
    lines = ["{:<18}{:>16}{:>16}{:>7}{:>7}{:>10}{:>10}{:>9}{:>9}{:>7}".format(*heads)]
    for name, f in figures.items():
        if isinstance(f, Counted):
            lines.append(f"{name:<18}" + ", ".join(f"{member} {value:g}" for member, value in f.written().items()))
            continue
        rates = (f"{f.value:,.0f} {f.unit}", f"{f.floor:,.0f}")
        rest = (f.queries, f.commits, None if f.memory_mb is None else round(f.memory_mb))
        told = ["–" if r is None else f"{r:g}" for r in rest]
        lines.append(
            f"{name:<18}{rates[0]:>16}{rates[1]:>16}{f.ratio:>7.2f}{f.round_trips:>7}{f.bytes_up:>10}{f.bytes_down:>10}"
            f"{told[0]:>9}{told[1]:>9}{told[2]:>7}"
        )
    return "\n".join(lines)


def breaches(figures: Mapping[str, Figure | Counted], limits: Path, only: Collection[str] | None = None) -> list[str]:
    """The limits that are not kept, as sentences. A limit is `at_least` or `at_most` of one member of one figure.

    Every figure of the file must be there, or, with `only`, those.
    """
    told = []
    for name, members in yaml.safe_load(limits.read_text(encoding="utf-8")).items():
        if only is not None and name not in only:
            continue
        if name not in figures:
            told.append(f"{name}: was not measured")
            continue
        body = figures[name].written()
        for member, limit in members.items():
            value = body[member]
            if "at_least" in limit and value < limit["at_least"]:
                told.append(f"{name}: {member} is {value}, and must be at least {limit['at_least']}")
            if "at_most" in limit and value > limit["at_most"]:
                told.append(f"{name}: {member} is {value}, and must be at most {limit['at_most']}")
    return told
