"""Scenario files: what is understood, and that a mistake is told with its line and what would be right."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from tests.fieldday import __main__ as command
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

A1 = "  - Lan enters A1: {type: communication_activity}\n"


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
        "  - Lan comes back\n"
        "  - Lan is killed\n"
        "  - Lan comes back\n"
        "  - Huệ sees two answers in A1: {title: [Hội thi, Hội diễn]}\n"
        "  - figure I01 of long_khanh_a in 2022-H1 is 3\n",
    )
    assert [s.verb for s in steps] == [
        "enter", "sync", "sync", "kill_syncing", "return", "kill", "return", "see_question", "figure"
    ]  # fmt: skip
    assert steps[0].values == {"type": "communication_activity", "title": "Hội thi"}
    assert steps[0].line == 9
    assert steps[1].who == steps[2].who == ("Lan", "Huệ")
    assert (steps[-1].figure, steps[-1].unit, steps[-1].period, steps[-1].number) == (
        "I01",
        "long_khanh_a",
        "2022-H1",
        "3",
    )


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ("  - Mai syncs\n", "line 9: nobody is called Mai"),
        ("  - Lan sings\n", "line 9: «Lan sings» is no sentence; the nearest are: WHO "),
        ("  - Thảo goes offline\n", "line 9: Thảo has no tablet"),
        ("  - Lan changes A1: {title: x}\n", "line 9: nobody has entered A1 yet"),
        (f"{A1}{A1}", "line 10: A1 is entered twice"),
        ("  - Lan enters A1\n", "line 9: «Lan enters A1» needs values"),
        (
            "  - Lan enters A1: {type: t, title: Họp ấp, tổ}\n",
            "tổ has no value; a text with a comma in it stands in quotes",
        ),
        ("  - Lan goes offline: {a: 1}\n", "takes no values"),
        (f"{A1}  - Lan accepts A1\n", "line 10: Lan works on a tablet"),
        (f"{A1}  - Lan sees two answers in A1: {{title: x}}\n", "needs a list of answers"),
        (f"{A1}  - Lan and Huệ changes A1: {{title: x}}\n", "line 10: one person at a time does this"),
        ("  - Lan enters A1: {title: x}\n", "line 9: a new record has its type among its values"),
        (
            "  - Lan enters A1: {type: comunication_activity}\n",
            "there is no record type «comunication_activity»; there is communication_activity",
        ),
        (
            f"{A1}  - Lan changes A1: {{titel: x}}\n",
            "line 10: there is no field of communication_activity «titel»; there is title",
        ),
        (
            f"{A1}  - Lan changes A1: {{form: comunity_talk}}\n",
            "line 10: there is no choice of form «comunity_talk»; there is community_talk",
        ),
        (f"{A1}  - Lan changes A1: {{topics: gbv}}\n", "line 10: topics takes a list of choices, as [gbv]"),
        (f"{A1}  - Lan changes A1: {{speakers: [Mai]}}\n", "line 10: speakers takes a list of rows"),
        (f"{A1}  - Thảo returns A1: {{why: x}}\n", "line 10: a return has one value, the reason"),
        (
            "  - Lan is killed\n  - Lan syncs\n",
            "line 10: Lan's tablet was killed; «Lan comes back» must stand before this",
        ),
        ("  - Lan comes back\n", "line 9: Lan's tablet is running"),
        ("  - Lan syncs\n  - Lan enrols\n", "line 9: Lan's tablet is enrolled only further down"),
        ("  - Lan enrols\n  - Lan enrols\n", "line 10: Lan's tablet is enrolled already"),
        ("  - figure I99 of long_khanh_a in 2022-H1 is 3\n", "line 9: there is no figure «I99»"),
        ("  - figure I01 of long_khanh in 2022-H1 is 3\n", "line 9: there is no unit «long_khanh»"),
        ("  - Thảo consolidates 2022-Q9\n", "line 9: there is no period «2022-Q9»"),
        ("  - 7\n", "line 9: a sentence is a text"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, story: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        told(tmp_path, story)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("today: 2022-05-30", "today: tomorrow", "line 3: today is a date"),
        ("unit: hong_ngu", "unit: hong_ngi", "line 7: Thảo: there is no unit «hong_ngi»; there is hong_ngu"),
        ("roles: [district_officer]", "roles: [district_oficer]", "line 7: Thảo: there is no role «district_oficer»"),
        ("roles: [district_officer]", "roles: district_officer", "line 7: Thảo needs a list of roles"),
        ("  Thảo:", "  Lan:", "line 7: Lan stands here twice"),
        ("  Thảo: {", "  Thảo: {phone: 1, ", "line 7: Thảo needs a unit and roles, and may have a tablet"),
        (
            "  Thảo: {",
            "  Thảo: {tablet: yes, ",
            "line 9: a figure is read off the console, and everybody here has a tablet",
        ),
        ("story:\n", "story: later\n", "line 8: the story is a list of sentences"),
        ("about: Thử", "abuot: Thử", "look at: about, abuot"),
    ],
)
def test_a_mistake_before_the_story_is_told(tmp_path: Path, was: str, now: str, said: str) -> None:
    whole = HEAD if was == "story:\n" else HEAD + "  - figure I01 of hong_ngu in 2022-H1 is 3\n"
    assert was in whole
    (tmp_path / "day.yaml").write_text(whole.replace(was, now), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"^day\.yaml[:,]") as caught:
        load(tmp_path / "day.yaml")
    assert said in str(caught.value)


def test_a_bad_scenario_ends_the_command_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "FOLDER", tmp_path / "build")
    (tmp_path / "day.yaml").write_text(HEAD + "  - Mai syncs\n", encoding="utf-8")
    assert command.main(["--scenario", str(tmp_path / "day.yaml")]) == 2
    assert command.main(["--scenario", str(tmp_path / "none.yaml")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "field-day: day.yaml, line 9: nobody is called Mai; there are Lan, Huệ, Thảo"
    assert errors[1] == f"field-day: {tmp_path / 'none.yaml'}: cannot be read: No such file or directory"
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("text", ["[", "- a", "title: x\n", ""])
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
