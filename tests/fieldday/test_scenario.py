"""Scenario files: what is understood, and that a mistake is told with its line and what would be right."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from tests.fieldday.scenario import SENTENCES, Person, ScenarioError, Sentence, Step, load, read_sentence

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "tests" / "scenarios").glob("*.yaml"))

HEAD = """title: Một ngày
about: Thử
today: 2022-05-30
people:
  Lan: {unit: long_khanh_a, roles: [collector], tablet: yes}
  Huệ: {unit: long_khanh_a, roles: [collector], tablet: yes}
  Thảo: {unit: hong_ngu, roles: [district_officer]}
story:
"""


def told(folder: Path, story: str) -> tuple[Step, ...]:
    path = folder / "day.yaml"
    path.write_text(HEAD + story, encoding="utf-8")
    return tuple(load(path).story)


def test_sentences_become_steps(tmp_path: Path) -> None:
    steps = told(
        tmp_path,
        "  - Lan enters A1: {type: communication_activity, title: Hội thi}\n"
        "  - Lan and Huệ sync\n"
        "  - everybody syncs\n"
        "  - Lan is killed while syncing\n"
        "  - Lan is killed\n"
        "  - Huệ sees two answers in A1: {title: [Hội thi, Hội diễn]}\n"
        "  - figure I01 of long_khanh_a in 2022-H1 is 3\n",
    )
    assert [s.verb for s in steps] == ["enter", "sync", "sync", "kill_syncing", "kill", "see_question", "figure"]
    assert steps[0].values == {"type": "communication_activity", "title": "Hội thi"}
    assert steps[0].line == 9
    assert steps[1].who == steps[2].who == ("Lan", "Huệ")
    assert (steps[6].figure, steps[6].unit, steps[6].period, steps[6].number) == ("I01", "long_khanh_a", "2022-H1", "3")


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("  - Mai syncs\n", "line 9: nobody is called Mai"),
        ("  - Lan sings\n", "line 9: «Lan sings» is none of: WHO goes offline"),
        ("  - Thảo goes offline\n", "line 9: Thảo has no tablet"),
        ("  - Lan changes A1: {title: x}\n", "line 9: nobody has entered A1 yet"),
        ("  - Lan enters A1: {type: t}\n  - Lan enters A1: {type: t}\n", "line 10: A1 is entered twice"),
        ("  - Lan enters A1\n", "line 9: «Lan enters A1» needs values"),
        (
            "  - Lan enters A1: {type: t, title: Họp ấp, tổ}\n",
            "tổ has no value; a text with a comma in it stands in quotes",
        ),
        ("  - Lan goes offline: {a: 1}\n", "takes no values"),
        ("  - Lan enters A1: {type: t}\n  - Lan accepts A1\n", "line 10: Lan works on a tablet"),
        ("  - Lan enters A1: {type: t}\n  - Lan sees two answers in A1: {title: x}\n", "needs a list of answers"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, story: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        told(tmp_path, story)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["[", "- a", "title: x\n"])
def test_a_file_that_is_no_scenario_is_told_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "day.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"^day\.yaml: "):
        load(tmp_path / "day.yaml")


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda s: s.verb)
def test_every_sentence_stands_in_the_documentation(sentence: Sentence) -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert f"| `{sentence.written}` |" in page


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_every_scenario_that_ships_can_be_read(path: Path) -> None:
    scenario = load(path)
    assert scenario.title and scenario.about
    assert isinstance(scenario.today, datetime.date)


def test_three_scenarios_ship() -> None:
    assert len(SHIPPED) >= 3


def test_a_longer_sentence_is_not_taken_for_a_shorter_one() -> None:
    people = {"Lan": Person(name="Lan", unit="long_khanh_a", roles=("collector",), tablet=True)}
    assert read_sentence("Lan syncs and is cut", None, people).verb == "cut"
    assert read_sentence("Lan syncs", None, people).verb == "sync"
