"""Each record type is created, sent and edited at the console, through the forms of a real server, by whoever has no tablet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from shared.catalogue import load_catalogue
from shared.field import Field
from tests.server.console.office import PASSWORD
from tests.support.browser import Browser, Form, Page
from tests.support.processes import Watched

CATALOGUE = load_catalogue()
TODAY, LATER = date(2022, 5, 30), "2023-08-01"
ORDER = sorted((code for code, one in CATALOGUE.types.items() if not one.by_server), key=lambda code: (any(one.ref for one in CATALOGUE.types[code].fields.values()), code))
"""Those that name no other record first."""

TYPED = {
    "text": "Họp tổ phụ nữ", "long": "Dòng một", "int": "12", "money": "1.500.000", "decimal": "1,5", "date": "20/05/2022", "datetime": "30/05/2022 06:30",
    "bool": "1", "geo": "10.81, 105.31", "url": "https://dongthap.gov.vn",
}  # fmt: skip
GIVEN = {"year": "2022", "birth_year": "1990", "legal_ground": "duty"}
"""Where not just anything will do."""

EDITED = {"long": "Bổ sung theo biên bản", "text": "Bổ sung theo biên bản", "money": "1.750.000", "date": "19/05/2022", "datetime": "29/05/2022 07:15"}
"""Kind → what an edit writes into a field that is not confidential; the first kind that the form has."""

ROUNDS = 4


def writer(code: str) -> str:
    """Who fills a type in: a body of the district wherever it is offered the type, else who is."""
    if CATALOGUE.types[code].sealed_by:
        return "hoa"
    for login, kind in (("phunu", "organisation"), ("truyenthanh", "media"), ("lan", "commune")):
        if CATALOGUE.types[code].offered_to(kind, TODAY):
            return login
    raise AssertionError(code)


def field_of(code: str, name: str) -> Field | None:
    head, *rest = name.split("/")
    one = CATALOGUE.types[code].fields.get(head)
    return one if one is None or not rest else one.fields.get(rest[-1])


def starred(page: Page) -> list[str]:
    """The fields that the page says are needed."""
    return [node.attributes["id"].removeprefix("at-") for node in page.root.all("div", "field")
            if node.attributes.get("id", "").startswith("at-") and next(node.all("span", "star"), None)]  # fmt: skip


def answer(code: str, form: Form, name: str) -> Any:
    """Something for a field: of its offers the first."""
    one = field_of(code, name)
    if one is None or one.kind in ("rows", "files", "photos"):
        return None
    if name.split("/")[-1] in GIVEN:
        return GIVEN[name.split("/")[-1]]
    if one.kind == "choices":
        return next((node.attributes["value"] for node in form.node.all("input") if node.attributes.get("name") == name), None)
    select = next((node for node in form.node.all("select") if node.attributes.get("name") == name), None)
    if select is not None:
        return next((option.attributes["value"] for option in select.all("option") if option.attributes.get("value")), None)
    return TYPED.get(one.kind)


def form_of(page: Page) -> Form:
    """The record's form; beside it may stand one that opens confidential values."""
    return next(one for one in page.forms if ("go", "look") in one.buttons)


def sent(browser: Browser, page: Page, code: str) -> Page:
    """Fill in what is asked for until the form is taken: what is starred, and a reason for each doubt."""
    for _ in range(ROUNDS):
        form = form_of(page)
        wanted = {name: answer(code, form, name) for name in starred(page) if name in form.names and not form.value(name)}
        reasons = {name: "Đúng như thực tế" for name in form.names if name.startswith("keep ")}
        values = {name: value for name, value in {**wanted, **reasons}.items() if value is not None}
        button = "submit" if ("go", "submit") in form.buttons else "save"
        page = browser.send(page, form, button, **values)
        if re.search(r"/records/[0-9a-f-]{36}$", page.url):
            return page
    raise AssertionError(f"{code}: {[node.text() for node in page.root.all('div', 'said')]} {page.status} {page.text[:400]}")


def in_(address: str, login: str) -> Browser:
    browser = Browser(address)
    page = browser.open("/sign-in")
    browser.send(page, page.form("sign-in"), login=login, password=PASSWORD)
    return browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("types")
    with Watched(["-m", "tests.server.console.serve", str(folder / "var")], folder / "server.log") as server:
        yield server.told["address"]


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same office when the types of the law of 2022 are in force."""
    folder = tmp_path_factory.mktemp("later")
    with Watched(["-m", "tests.server.console.serve", str(folder / "var"), LATER], folder / "server.log") as server:
        yield server.told["address"]


def create_send_and_edit(address: str, code: str) -> None:
    browser = in_(address, writer(code))
    page = sent(browser, browser.open(f"/records/new/{code}"), code)
    record = page.url
    assert ("Đã gửi" in page.text) == (code != "periodic_report"), page.text[:300]
    label = CATALOGUE.types[code].label.vi
    assert label in page.text
    page = browser.open(record + "/edit")
    form = form_of(page)
    open_to = {one.kind: name for name in sorted(form.names, reverse=True) if (one := field_of(code, name)) and "/" not in name and not one.confidential}
    name, value = next((open_to[kind], value) for kind, value in EDITED.items() if kind in open_to)
    page = browser.send(page, form, "save", **{name: value})
    assert page.url == record, (code, name, page.text[:300])
    assert value in page.text, (code, name)
    assert record.rpartition("/")[2] in " ".join(browser.open(f"/records/of/{code}").links)


def test_every_record_type_is_created_sent_and_edited(address: str) -> None:
    """A record that another names is there before it: the order is that of the references."""
    for code in ORDER:
        if CATALOGUE.types[code].valid_from is None or CATALOGUE.types[code].valid_from <= TODAY:  # type: ignore[operator]
            create_send_and_edit(address, code)


def test_the_types_of_a_later_law_too(later: str) -> None:
    codes = [code for code in ORDER if (begins := CATALOGUE.types[code].valid_from) is not None and begins > TODAY]
    assert codes
    for code in codes:
        create_send_and_edit(later, code)
