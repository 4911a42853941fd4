"""A record type and a field that are only YAML have their form in the tablet's window: filled by touch and keys, sent, read back."""

from pathlib import Path
from typing import Any

from shared.catalogue import load_catalogue
from sync.tablet_store import Page
from tests.mobile.window.filling import Filler
from tests.mobile.window.hand import everything, frames, until
from tests.mobile.window.sample import PIN, new_tablet
from tests.mobile.window.test_forms import fill_sections, read_back, submit
from tests.support.additions import FIELD, FIELD_LABEL, TITLE_LABEL, TYPE, TYPE_LABEL, added_to


def said(page: Any) -> str:
    """All words of a page."""
    return "\n".join(str(widget.text) for widget in everything(page) if getattr(widget, "text", ""))


def test_what_is_added_in_yaml_has_its_form(on: Any, home: Any, tmp_path: Path) -> None:
    added = load_catalogue(added_to(tmp_path / "catalogue"))
    tablet = new_tablet(tmp_path / "profile")
    tablet.unlock(PIN)
    synced = {"catalogue": {"version": added.version, "texts": dict(added.texts)}}
    tablet.store.keep(Page({}, (), (), (), (), {}, {}, (), {}, None, synced, (), {}, (), True))
    tablet.pulled()
    app = on(tablet)
    try:
        assert TYPE in tablet.catalogue.types
        app.go("form", type=TYPE)
        until(lambda: app.front.name == "form", "the form of the added type")
        frames(2)
        assert TYPE_LABEL in said(app.front)
        assert TITLE_LABEL in said(app.front)
        filler = Filler(TYPE)
        fill_sections(app, filler)
        record = app.front.where["record"]
        submit(app)
        app.go("form", type="communication_activity")
        until(lambda: app.front.name == "form" and FIELD in app.front.grid.widgets, "the form with the added field")
        frames(2)
        assert FIELD_LABEL in said(app.front)
    finally:
        tablet.close()
    shown = read_back(tmp_path / "profile")[record]
    assert shown["type"] == TYPE
    assert shown["values"]["state"] == "submitted"
    own = {path: filler.typed[path] for path in ("title", "held_on", "people", "women")}
    assert {path: shown["values"][path] for path in own} == own
