"""A form of every record type is filled by touch and keys, sent, and read back from the store by another process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.catalogue import load_catalogue
from tests.mobile.window.filling import Filler
from tests.mobile.window.hand import find, frames, touch, type_into, until
from tests.mobile.window.sample import PIN, TODAY

ROOT = Path(__file__).parents[3]
FIRST = ("gbv_incident", "gbv_case", "model")
"""Types to which others refer: theirs are the first forms."""
TYPES = (*FIRST, *(code for code in load_catalogue().types if code not in FIRST and code != "periodic_report"))
PERIOD = "2022-H1"
NARRATIVE = {
    "strengths": "Cấp ủy, chính quyền quan tâm; các ấp đều có địa chỉ tin cậy.",
    "limits": "Cán bộ kiêm nhiệm, kinh phí còn ít.",
}
KEPT = "Đã kiểm tra lại, đúng như vậy"


def fill_sections(app: Any, filler: Filler) -> None:
    """Fill every section of the form in front, those too that appear meanwhile, going on by the section's own button."""
    page = app.front
    done: set[str] = set()
    while waiting := [code for code in page.buttons if code not in done]:
        code = waiting[0]
        done.add(code)
        if page.section != code:
            touch(page.buttons[code])
            until(lambda code=code: page.section == code, f"section {code}")
        frames(2)
        filler.fill(page.grid)


def submit(app: Any) -> None:
    """Press «Gửi», give a reason for every doubt, and send."""
    page = app.front
    touch(next(button for button in find("RoundButton", within=page.body) if button.filled))
    until(lambda: app.front.name == "submit", "the screen «Gửi»")
    frames(2)
    presenter = app.front.presenter
    assert presenter.errors == 0, [f"{f.path}: {f.words}" for f in presenter.findings() if not f.warning]
    while presenter.doubts:
        touch(find("RoundButton", "Giữ nguyên")[0])
        until(lambda: find("ReasonSheet"), "the question why")
        type_into(find("InputBox")[0], KEPT)
        touch(find("RoundButton", "Giữ nguyên")[0])
        frames(2)
    touch(app.front.send)
    until(lambda: app.front.name == "home", "«Hôm nay» after sending")


@pytest.fixture(scope="module")
def filled(app: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """What was typed: type → (record, answers by path). Filled as the tests go."""
    return {}


@pytest.mark.parametrize("code", TYPES)
def test_a_form_of_every_type_is_filled_by_touch_and_keys(home: Any, filled: dict[str, Any], code: str) -> None:
    home.go("form", type=code)
    until(lambda: home.front.name == "form")
    frames(2)
    filler = Filler(code)
    fill_sections(home, filler)
    record = home.front.where["record"]
    submit(home)
    filled[code] = (record, filler.typed)


def read_back(folder: Path) -> dict[str, Any]:
    """Ask another process, a tablet without a window, for every record in the profile's store."""
    command = [sys.executable, "-m", "mobile.headless", "--profile", str(folder), "--today", TODAY.isoformat(), "--look"]
    asked = "".join(json.dumps(line) + "\n" for line in ({"do": "unlock", "pin": PIN}, {"do": "dump"}))
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    done = subprocess.run(
        command, input=asked, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120, check=True
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["ok"], answer
    records: dict[str, Any] = answer["records"]
    return records


@pytest.fixture(scope="module")
def told(filled: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What another process finds in the store, by record; asked when all forms are filled."""
    assert filled, "no form was filled"
    return read_back(folder)


def value_at(values: dict[str, Any], path: str) -> Any:
    """The plain value at a path."""
    head, *rest = path.split("/")
    if not rest:
        return values.get(head)
    return next((row for row in values.get(head, []) if row["id"] == rest[0]), {}).get(rest[1])


@pytest.mark.parametrize("code", TYPES)
def test_another_process_reads_back_what_was_typed(
    filled: dict[str, Any], told: dict[str, Any], code: str
) -> None:
    record, typed = filled[code]
    shown = told[record]
    assert shown["type"] == code
    assert shown["values"]["state"] == "submitted"
    wrong = {}
    for path, value in typed.items():
        found = value_at(shown["values"], path)
        if isinstance(found, list) and found and isinstance(found[0], dict) and "sha256" in found[0]:
            found = found[0]["name"]
        if found != value:
            wrong[path] = (value, found)
    assert wrong == {}
    assert len(typed) >= 4


def test_every_kind_of_field_has_its_widget() -> None:
    from mobile.widgets.fields import WIDGETS
    from shared.kinds import KINDS

    assert {kind.widget for kind in KINDS.values()} == set(WIDGETS)


def test_the_half_year_report_is_written_approved_and_sent(home: Any, folder: Path) -> None:
    home.go("report")
    until(lambda: find("PressCard", within=home.front), "the periods")
    choices = [choice.code for choice in home.front.presenter.periods()]
    touch(find("PressCard", within=home.front)[choices.index(PERIOD)])
    until(lambda: home.front.where and home.front.computed, "the figures")
    frames(2)
    report = home.front
    record = report.where["record"]
    zero = min(report.presenter.zeros(), key=lambda one: one.count)
    touch(find("Chip", zero.words, within=report)[0])
    if zero.count:
        sheet = until(lambda: find("AskSheet"), "why it cannot be declared")[0]
        touch(find("RoundButton", within=sheet)[0])
        frames(2)
    declared = [one.code for one in report.presenter.zeros() if one.declared]
    assert declared == ([] if zero.count else [zero.code])
    touch(report.tabs["assessment"])
    until(lambda: "strengths" in report.grid.widgets)
    frames(2)
    for code, words in NARRATIVE.items():
        type_into(report.grid.widgets[code].box, words)
    for to in ("approved", "submitted"):
        move = next(move for move in report.presenter.moves() if move.to == to)
        touch(find("RoundButton", move.words, within=report)[0])
        until(lambda to=to: report.presenter.form.value("state") == to, to)
        frames(2)
    shown = read_back(folder)[record]
    assert shown["values"]["state"] == "submitted"
    assert shown["values"].get("zero_declared", []) == declared
    assert {code: shown["values"][code] for code in NARRATIVE} == NARRATIVE
    assert shown["values"]["figures"]
