"""Every screen in both layouts, both languages, and with letters 1.3 times as large: nothing cut, nothing over another."""

from collections.abc import Iterator
from typing import Any

import pytest
from kivy.core.window import Window
from kivy.metrics import Metrics

from shared.catalogue import load_catalogue
from tests.mobile.window.busy import PERIOD, Make, busy
from tests.mobile.window.hand import frames, ticks, until
from tests.mobile.window.looks import faults

SIZES = {"landscape": (960, 640), "portrait": (600, 960)}
TYPES = tuple(load_catalogue().types)


@pytest.fixture()
def layout(request: pytest.FixtureRequest) -> Iterator[str]:
    """One of the layouts, put back afterwards."""
    yield request.param
    Metrics.fontscale = 1.0
    Window.size = SIZES["landscape"]
    frames(2)


def shown(app: Any, page: str, **where: Any) -> list[str]:
    """Show a screen and judge its looks."""
    app.home()
    app.go(page, **where)
    ticks(8)
    return faults(app.root)


@pytest.mark.parametrize("layout", list(SIZES), indirect=True)
def test_screens(on: Any, make: Make, layout: str) -> None:
    tablet, asked = busy(make)
    app, wrong = on(tablet), {}
    for language in ("vi", "en"):
        for scale in (1.0, 1.3):
            tablet.profile.set(language=language)
            Metrics.fontscale = scale
            Window.size = SIZES[layout]
            app.forget_pages()
            for name, told in every_screen(app, asked):
                if told:
                    wrong[f"{name}, {language}, {scale}"] = told
    tablet.lock()
    app.home()
    ticks(4)
    assert (faults(app.root), wrong) == ([], {})


def every_screen(app: Any, asked: str) -> Iterator[tuple[str, list[str]]]:
    """Show one screen after the other; gives its name and what is wrong with its looks."""
    incident = app.tablet.index.find("gbv_incident")[0].id
    for name, where in (
        ("home", {}),
        ("records", {"type": "communication_activity"}),
        ("form", {"record": asked}),
        ("conflict", {"record": asked}),
        ("incident", {"record": incident}),
        ("submit", {"record": incident}),
        ("sync", {}),
        ("settings", {}),
        ("report", {}),
    ):
        yield name, shown(app, name, **where)
    shown(app, "report", period=PERIOD)
    until(lambda: app.front.computed, "the figures")
    ticks(6)
    yield "figures", faults(app.root)
    app.front.choose(app.front.presenter.form.sections()[2].code)
    ticks(6)
    yield "narratives", faults(app.root)


@pytest.mark.parametrize("layout", list(SIZES), indirect=True)
@pytest.mark.parametrize("code", TYPES)
def test_forms(home: Any, layout: str, code: str) -> None:
    Window.size = SIZES[layout]
    home.go("form", type=code)
    ticks(6)
    page, wrong = home.front, {}
    for section in list(page.buttons):
        page.choose(section)
        ticks(5)
        for widget in page.grid.fields:
            if widget.field.kind == "rows":
                widget.toggle(next(iter(widget.cards))) if widget.fixed else widget.add()
        ticks(5)
        found = faults(home.root)
        if found:
            wrong[section] = found
    assert wrong == {}


@pytest.mark.parametrize("layout", list(SIZES), indirect=True)
def test_sheets(home: Any, layout: str) -> None:
    from tests.mobile.window.hand import find, key, top

    Window.size = SIZES[layout]
    home.home()
    ticks(4)
    home.front.choose_new()
    ticks(6)
    wrong = {"types": faults(top())}
    key(27)
    until(lambda: not find("ListSheet"), "the sheet is closed")
    home.go("form", type="communication_activity")
    ticks(5)
    for path, kind in (("topics", "OfferSheet"), ("partners", "OfferSheet"), ("held_on", "DateSheet")):
        home.front.choose(home.front.presenter.section_of(path))
        ticks(4)
        widget = home.front.grid.widgets[path]
        widget.choose() if kind == "DateSheet" else widget.search()
        ticks(6)
        wrong[path] = faults(top())
        key(27)
        until(lambda kind=kind: not find(kind), "the sheet is closed")
    assert {name: told for name, told in wrong.items() if told} == {}
