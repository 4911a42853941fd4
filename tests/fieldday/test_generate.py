"""A drawn day: the same for the same seed, and rich enough to test something."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.fieldday.generate import TEMPLATES, generate

TYPES = Path(__file__).parents[2] / "shared" / "data" / "record_types"


def test_the_same_seed_draws_the_same_day() -> None:
    one, same, other = (generate(seed=seed, tablets=4, records=40).story for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("seed", range(5))
def test_every_day_has_its_share_of_trouble(seed: int) -> None:
    story = generate(seed=seed, tablets=4, records=40).story
    verbs = Counter(step.verb for step in story)
    assert verbs["enter"] == 40
    for verb in (
        "change",
        "decide",
        "kill_syncing",
        "return",
        "cut",
        "offline",
        "report_incident",
        "write_report",
        "approve",
        "accept",
        "consolidate",
    ):
        assert verbs[verb] >= 1, verb
    assert verbs["kill"] + verbs["kill_syncing"] == verbs["return"]
    assert verbs["offline"] == verbs["online"]


@pytest.mark.parametrize("seed", range(5))
def test_two_officers_write_apart_in_the_same_field(seed: int) -> None:
    story = generate(seed=seed, tablets=2, records=12).story
    noon = max(n for n, step in enumerate(story) if step.verb == "offline")
    changed: dict[tuple[str, str], set[str]] = {}
    for step in story[noon:]:
        if step.verb == "change":
            for field in step.values:
                changed.setdefault((step.name, field), set()).add(step.who[0])
    assert any(len(who) == 2 for who in changed.values())


def test_no_value_is_drawn_twice_for_a_field_of_a_record() -> None:
    drawn = Counter(
        (step.name, field, str(value))
        for step in generate(seed=3, tablets=4, records=60).story
        for field, value in step.values.items()
        if isinstance(value, int) and not isinstance(value, bool)
    )
    assert max(drawn.values()) == 1


def test_templates_name_fields_that_exist() -> None:
    for code, template in yaml.safe_load(TEMPLATES.read_text(encoding="utf-8")).items():
        fields = set(yaml.safe_load((TYPES / f"{code}.yaml").read_text(encoding="utf-8"))["fields"])
        assert {*template["fields"], *template["later"], *template["changes"], *template["asks"]} <= fields
        assert set(template["asks"]) <= set(template["changes"]) <= {*template["fields"], *template["later"]}
