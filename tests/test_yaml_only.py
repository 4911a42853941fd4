"""A record type, a field, two indicators, a sentence and an annex that are only YAML: on the tablet, over the API, at the console, in
the Word file and in the workbook. A real server process, a real tablet's process, HTTP. (The tablet's window is in
``tests/mobile/window/test_yaml_only.py``.)
"""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Iterator

import docx
import openpyxl
import pytest

from shared.catalogue import load_catalogue
from tests.fieldday.office import PASSWORD, Office, login_of, open_office
from tests.fieldday.scenario import Person
from tests.support.additions import FIELD, FIELD_LABEL, RULE_SAYS, SENTENCE, TITLE_LABEL, TYPE, TYPE_LABEL, added_to
from tests.support.browser import Browser
from tests.support.headless import Headless

TODAY = datetime.date(2022, 5, 30)
PEOPLE = {
    "Lan": Person(name="Lan", unit="long_khanh_a", roles=("collector", "unit_lead"), tablet=True),
    "Quế": Person(name="Quế", unit="hong_ngu", roles=("district_officer",), tablet=False),
}
VISIT = {"title": "Thăm mô hình ở Cao Lãnh (dữ liệu mẫu)", "held_on": "2022-05-12", "people": 5}
TALK = {"title": "Nói chuyện (dữ liệu mẫu)", "held_on": "2022-05-20", "form": "community_talk", "topics": ["law"],
        "participants_total": 40, "participants_female": 25, FIELD: 2}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A server on the catalogue with the additions; a tablet has recorded a visit and an activity, and sent them."""
    root = tmp_path_factory.mktemp("yaml-only")
    with open_office(root / "var", str(root / "var" / "sen.sqlite3"), PEOPLE, TODAY, catalogue=added_to(root / "catalogue")) as place:
        yield place


@pytest.fixture(scope="module")
def sent(office: Office, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The records that a tablet entered, by type; the tablet's program knows nothing of them but what it was synced."""
    assert TYPE not in load_catalogue().types
    with Headless(tmp_path_factory.mktemp("tablet") / "profile") as tablet:
        tablet.ask("enrol", address=office.address, code=office.codes["Lan"], pin="280822")
        tablet.ask("sync")
        cards = json.dumps(tablet.ask("home")["types"], ensure_ascii=False)
        assert TYPE_LABEL in cards
        visit = tablet.ask("enter", type=TYPE, values={**VISIT, "women": 9})["record"]
        told = tablet.ask("findings", record=visit)["findings"]
        assert [one["words"] for one in told if not one["warning"]] == [RULE_SAYS]
        tablet.ask("change", record=visit, values={"women": 4})
        talk = tablet.ask("enter", type="communication_activity", values=TALK)["record"]
        for record in (visit, talk):
            tablet.ask("submit", record=record, keep="Đúng như vậy")
        figures = {row["code"]: row["value"] for row in tablet.ask("figures", period="2022-H1")["figures"]}
        assert (figures["I90"], figures["I91"]) == ("1", "2")
        assert tablet.ask("sync")["unsent"] == 0
    return {TYPE: visit, "communication_activity": talk}


def browser(office: Office, name: str) -> Browser:
    one = Browser(office.address)
    page = one.open("/sign-in")
    one.send(page, page.form("/sign-in"), login=login_of(name), password=PASSWORD)
    return one


def test_the_api_tells_them(office: Office, sent: dict[str, str]) -> None:
    one = browser(office, "Quế")
    told = one.fetch(f"/api/catalogue/types/{TYPE}").json()
    assert (told["label"]["vi"], told["group"]) == (TYPE_LABEL, "management")
    assert {"title", "held_on", "people", "women"} <= {field["code"] for field in told["fields"]}
    activity = one.fetch("/api/catalogue/types/communication_activity").json()
    assert {field["code"]: field["label"]["vi"] for field in activity["fields"]}[FIELD] == FIELD_LABEL


def test_the_console_shows_them_and_has_their_form(office: Office, sent: dict[str, str]) -> None:
    one = browser(office, "Quế")
    assert TYPE_LABEL in one.open("/records").text
    assert VISIT["title"] in one.open(f"/records/of/{TYPE}").text
    page = one.open(f"/records/{sent['communication_activity']}").text
    assert FIELD_LABEL in page
    clerk = browser(office, "Lan")
    form = clerk.open(f"/records/new/{TYPE}?unit=long_khanh_a")
    assert TITLE_LABEL in form.text
    assert FIELD_LABEL in clerk.open("/records/new/communication_activity?unit=long_khanh_a").text
    assert "Chuyến tham quan học tập" in one.open("/figures/2022-H1/I90?unit=long_khanh_a").text
    assert VISIT["title"] in one.open("/figures/2022-H1/I90?unit=long_khanh_a").text


@pytest.mark.parametrize("unit", ["long_khanh_a", "hong_ngu"])
def test_the_word_file_says_the_sentence_and_has_the_annex(office: Office, sent: dict[str, str], unit: str) -> None:
    word = docx.Document(io.BytesIO(browser(office, "Quế").fetch(f"/reports/2022-H1/{unit}/docx").content))
    paragraphs = [paragraph.text for paragraph in word.paragraphs]
    assert SENTENCE in paragraphs
    assert "Phụ lục X" in paragraphs
    rows = [[cell.text for cell in row.cells] for table in word.tables for row in table.rows]
    assert ["1", VISIT["title"], "12/5/2022", "5"] in rows


@pytest.mark.parametrize("unit", ["long_khanh_a", "hong_ngu"])
def test_the_workbook_has_the_figures_and_the_annex(office: Office, sent: dict[str, str], unit: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(browser(office, "Quế").fetch(f"/reports/2022-H1/{unit}/xlsx").content))
    lines = {row[0]: row for row in book["Số liệu"].iter_rows(values_only=True) if row[2] == "Toàn bộ"}
    assert (lines["I90"][1], lines["I90"][4], lines["I90"][9]) == ("Chuyến tham quan học tập", 1, sent[TYPE])
    assert (lines["I91"][1], lines["I91"][4]) == ("Người phiên dịch ngôn ngữ ký hiệu", 2)
    assert (1, VISIT["title"], "12/5/2022", 5) in [row[:4] for row in book["Phụ lục X"].iter_rows(values_only=True)]
