"""The result of a field day: what summary.json holds, and the table of many days."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.fieldday.compare import Findings
from tests.support.databases import DATABASES
from tests.support.link import LINKS


@dataclass(kw_only=True)
class Summary:
    """One day in numbers. Bytes and round trips are counted by the proxies, outside of server and tablets."""

    scenario: str
    seed: int
    link: str
    db: str
    tablets: int
    records_entered: int = 0
    fields_entered: int = 0
    lost: int = 0
    silently_changed: int = 0
    conflicts_made: int = 0
    conflicts_decided: int = 0
    conflicts_open: int = 0
    exchanges: int = 0
    round_trips: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    cuts: int = 0
    kills: int = 0
    claims: int = 0
    claims_failed: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    replicas_equal: bool = False
    reports: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the day may be called good: exit code 0."""
        return not (self.lost or self.silently_changed or self.claims_failed or self.findings) and self.replicas_equal

    def take(self, found: Findings) -> None:
        """Take over what the comparison found."""
        self.records_entered, self.fields_entered = found.records, found.fields
        self.lost, self.silently_changed = len(found.lost), len(found.silently_changed)
        self.conflicts_open = found.conflicts_open
        self.conflicts_made = found.conflicts_open + self.conflicts_decided
        self.replicas_equal = not found.replicas_differ
        self.findings = [*found.lost, *found.silently_changed, *found.broken, *found.replicas_differ]

    def write(self, path: Path) -> None:
        """Write summary.json."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    def told(self) -> str:
        """A few lines for the person who ran it."""
        lines = [
            f"{self.scenario}: {'good' if self.good else 'NOT GOOD'} in {self.seconds:.0f} s"
            f" ({self.link}, {self.db}, {self.tablets} tablets)",
            f"  entered {self.records_entered} records, {self.fields_entered} fields; lost {self.lost};"
            f" silently changed {self.silently_changed}",
            f"  conflicts: {self.conflicts_made} made, {self.conflicts_decided} decided, {self.conflicts_open} open",
            f"  {self.exchanges} exchanges, {self.round_trips} round trips, {self.bytes_up} bytes up,"
            f" {self.bytes_down} down, {self.cuts} cuts, {self.kills} kills",
            f"  replicas {'equal' if self.replicas_equal else 'DIFFER'}; claims {self.claims}, failed {len(self.claims_failed)}",
        ]
        lines += [f"  ! {sentence}" for sentence in (*self.claims_failed, *self.findings)]
        return "\n".join(lines)


COLUMNS = (
    "seeds", "good", "records", "fields", "lost", "silently changed", "replicas equal", "conflicts made", "decided",
    "open", "exchanges", "round trips", "bytes up", "bytes down", "cuts", "kills", "seconds a day",
)  # fmt: skip


def table(days: Sequence[Summary]) -> str:
    """The table of a matrix: one row a link and database, sums over its seeds (the last column: the mean)."""
    groups: dict[tuple[str, str], list[Summary]] = {}
    for day in sorted(days, key=lambda day: (list(LINKS).index(day.link), DATABASES.index(day.db))):
        groups.setdefault((day.link, day.db), []).append(day)
    lines = ["| link | database | " + " | ".join(COLUMNS) + " |", "|" + "---|" * (len(COLUMNS) + 2)]
    for (link, db), group in groups.items():
        numbers: list[Any] = [len(group), sum(d.good for d in group)]
        for name in ("records_entered", "fields_entered", "lost", "silently_changed", "replicas_equal", "conflicts_made",
                     "conflicts_decided", "conflicts_open", "exchanges", "round_trips", "bytes_up", "bytes_down", "cuts",
                     "kills"):  # fmt: skip
            numbers.append(sum(getattr(day, name) for day in group))
        numbers.append(round(sum(day.seconds for day in group) / len(group)))
        lines.append(f"| {link} | {db} | " + " | ".join(str(n) for n in numbers) + " |")
    return "\n".join(lines)
