"""«Danh sách»: a search box, chips, and the records that are left; only the rows in sight have widgets."""

from collections.abc import Sequence
from typing import Any

from kivy.properties import ObjectProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.recycleview import RecycleView

from mobile.screens.page import Page
from mobile.screens.records.presenter import RecordsPresenter
from mobile.widgets.basics import Chip

__all__ = ["RecordsScreen"]

INCIDENT = "gbv_incident"


class RecordRow(ButtonBehavior, BoxLayout):
    """One record."""

    words = StringProperty("")
    below = StringProperty("")
    figure = StringProperty("")
    pill = StringProperty("")
    tone = StringProperty("plain")
    choose = ObjectProperty(None, allownone=True)

    def on_release(self) -> None:
        """Open it."""
        if self.choose is not None:
            self.choose()


class RecordList(RecycleView):
    """The list of records."""


class RecordsBody(BoxLayout):
    """Search, chips, list."""


class RecordsScreen(Page):
    """The records of one type."""

    presenter: RecordsPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = RecordsBody()
        self.ids.body.add_widget(self.body)
        self.search = self.body.ids.search
        self.search.label, self.search.icon = self.shell.say("mobile.sheet.search"), "magnify"
        self.search.bind(on_typed=lambda _, text: self.searched(text))
        new = self.body.ids.new
        new.text = self.shell.say("mobile.home.new")
        new.bind(on_release=lambda *_: self.new())

    def enter(self, *, type: str = "", state: str = "", only: Sequence[str] = (), heading: str = "", **where: Any) -> None:
        """Show a type's records, or those behind a figure; coming back, the search and the place in the list are as they were."""
        fresh = {"type": type, "state": state, "only": tuple(only), "heading": heading}
        if getattr(self, "shown", None) != fresh:
            self.presenter.show(type, state, only=only, heading=heading)
            self.search.show("")
            self.body.ids.list.scroll_y = 1
            self.shown = fresh
        self.where = fresh
        self.search.typing = self.shell.typing
        self.body.ids.new.opacity = 1 if type else 0
        self.body.ids.new.disabled = not type
        self.title = self.presenter.title
        self.news()

    def searched(self, text: str) -> None:
        """Narrow by what was typed."""
        self.presenter.search(text)
        self.body.ids.list.scroll_y = 1
        self.news()

    def toggled(self, code: str) -> None:
        """Choose or leave a chip."""
        self.presenter.toggle(code)
        self.body.ids.list.scroll_y = 1
        self.news()

    def news(self) -> None:
        """Draw chips and rows again."""
        box, chips = self.body.ids.chips, self.presenter.chips()
        if self.differs("chips", chips):
            box.clear_widgets()
            for one in chips:
                chip = Chip(text=one.words, chosen=one.chosen)
                chip.bind(on_release=lambda _, code=one.code: self.toggled(code))
                box.add_widget(chip)
        rows = self.presenter.rows()
        self.body.ids.said.text = self.presenter.said()
        self.body.ids.list.data = [
            {
                "words": row.words,
                "below": row.below,
                "figure": row.figure,
                "pill": row.pill,
                "tone": row.tone,
                "choose": lambda row=row: self.open(row.record, row.type),
            }
            for row in rows
        ]

    def open(self, record: str, type: str) -> None:
        """Open a record of a type."""
        self.search.flush()
        name = {INCIDENT: "incident", "periodic_report": "report"}.get(type, "form")
        self.shell.go(name, record=record)

    def new(self) -> None:
        """Begin a new record of this type."""
        kind = self.shown["type"]
        if kind == INCIDENT:
            self.shell.go("incident")
        elif kind == "periodic_report":
            self.shell.go("report")
        else:
            self.shell.go("form", type=kind)
