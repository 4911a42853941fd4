"""Limits bite, and results have the shape that they are promised to have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.results import Counted, Figure, breaches, table, write

LIMITS = Path(__file__).parent / "limits.yaml"


def figures(**changed: object) -> dict[str, Figure]:
    """Four good figures, of which `push_10000` is changed."""
    good = {"value": 500.0, "unit": "changes/s", "floor": 1000.0, "round_trips": 1, "bytes_up": 250, "bytes_down": 150}
    good |= {"queries": 3, "commits": 0, "contacts": 0, "memory_mb": 20.0, "bytes_ratio": 0.2}
    names = ("push_10000", "pull_10000", "nothing_new", "pull_100_changed")
    return {name: Figure(**(good | (changed if name == "push_10000" else {}))) for name in names}  # type: ignore[arg-type]


def test_good_figures_keep_the_limits() -> None:
    assert breaches(figures(), LIMITS, only=figures()) == []


def test_what_was_not_measured_is_told() -> None:
    assert "crowd: was not measured" in breaches(figures(), LIMITS)
    assert breaches({"crowd": Counted({"failed": 1, "unsent": 0, "overtaken": 0})}, LIMITS, only=["crowd"]) == ["crowd: failed is 1, and must be at most 0"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"value": 100.0}, "push_10000: ratio is 0.1, and must be at least 0.5"),
        ({"round_trips": 4}, "push_10000: round_trips is 4, and must be at most 3"),
        ({"memory_mb": 65.0}, "push_10000: memory_mb is 65.0, and must be at most 64"),
    ],
)
def test_a_breach_is_told(changed: dict[str, object], said: str) -> None:
    assert breaches(figures(**changed), LIMITS, only=figures()) == [said]


def test_the_file_has_every_member_that_was_measured(tmp_path: Path) -> None:
    write(tmp_path / "bench" / "results.json", figures(queries=None))
    body = json.loads((tmp_path / "bench" / "results.json").read_text(encoding="utf-8"))
    assert set(body) == {"push_10000", "pull_10000", "nothing_new", "pull_100_changed"}
    wanted = {
        "value",
        "unit",
        "floor",
        "ratio",
        "round_trips",
        "bytes_up",
        "bytes_down",
        "bytes",
        "queries",
        "commits",
        "contacts",
        "bytes_ratio",
        "memory_mb",
    }
    assert set(body["pull_10000"]) == wanted
    assert set(body["push_10000"]) == wanted - {"queries"}
    assert "push_10000" in table(figures())
