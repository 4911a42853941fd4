"""«Hai người ghi khác nhau»: the values beside each other, a third one, and «Để sau»."""

from typing import Any

from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.widget import Widget

from mobile.screens.conflict.desk import OneFieldDesk
from mobile.screens.conflict.presenter import CandidateCard as Row
from mobile.screens.conflict.presenter import ConflictPresenter
from mobile.screens.page import Page
from mobile.widgets.basics import Card, Link, RoundButton, Scroll, Words
from mobile.widgets.cards import CardGrid
from mobile.widgets.field import FieldWidget
from mobile.widgets.fields import build_field
from mobile.widgets.sheets import HistorySheet
from shared.errors import SenError

__all__ = ["ConflictScreen"]

NOT_TYPED = frozenset({"rows", "files", "photos", "choices", "figures", "flow"})
"""Kinds whose third value is not asked here."""


class CandidateCard(Card):
    """One of the values, who wrote it and when, and the button that decides for it."""

    caption = StringProperty("")
    value = StringProperty("")
    who = StringProperty("")
    when = StringProperty("")
    deed = StringProperty("")
    current = BooleanProperty(False)
    __events__ = ("on_chosen",)

    def on_chosen(self) -> None:
        """The button was pressed."""


class ConflictBody(Scroll):
    """One question."""


class ConflictScreen(Page):
    """The open questions, one after the other."""

    presenter: ConflictPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = ConflictBody()
        self.ids.body.add_widget(self.body)
        self.cards: CardGrid = self.body.ids.cards
        self.third: FieldWidget | None = None

    def enter(self, *, record: str = "", path: str = "", **where: Any) -> None:
        """Show the questions of a record, or all."""
        self.where = {"record": record, "path": path}
        self.presenter.show(record, path)
        self.title = self.shell.say("mobile.conflict.title")
        self.news()

    def news(self) -> None:
        """Draw the question that is shown."""
        presenter, ids = self.presenter, self.body.ids
        if presenter.question is None:
            self.shell.back()
            return
        self.status = presenter.progress
        ids.record.text, ids.below.text = presenter.title, presenter.below
        ids.field.text, ids.before.text = presenter.field_words, presenter.before()
        self.cards.clear_widgets()
        for card in presenter.cards():
            self.cards.add_widget(self._card(card))
        self._third()
        ids.deeds.clear_widgets()
        deeds = (("mobile.conflict.later", self.later), ("mobile.conflict.open", self.open_record), ("history_see", self.see_history))
        for code, work in deeds:
            link = Link(text=self.shell.say(code))
            link.bind(on_release=lambda *_, work=work: work())
            ids.deeds.add_widget(link)

    def _card(self, row: Row) -> CandidateCard:
        card = CandidateCard(caption=row.caption, value=row.value, who=row.who, when=row.when, current=row.current)
        card.deed = row.deed
        card.bind(on_chosen=lambda *_: self._decide(lambda: self.presenter.take(row.number)))
        return card

    def _third(self) -> None:
        field = self.presenter.field
        self.third = None
        if field is None or field.kind in NOT_TYPED or field.confidential:
            return
        desk = OneFieldDesk(shell=self.shell, tablet=self.presenter.tablet, field=field)
        self.third = build_field(field, field.code, desk)
        self.third.refresh()
        use = RoundButton(text=self.shell.say("mobile.conflict.use"))
        use.bind(on_release=lambda *_: self.write())
        card = Card(padding=self.cards.children[0].padding, spacing=12)
        card.add_widget(Words(role="small", text=self.shell.say("mobile.conflict.third")))
        card.add_widget(self.third)
        card.add_widget(Widget())
        card.add_widget(use)
        self.cards.add_widget(card)

    def write(self) -> None:
        """Decide for the third value."""
        if self.third is None:
            return
        self.third.flush()
        value = self.third.desk.value(self.third.path)
        if value is not None:
            self._decide(lambda: self.presenter.write(value))

    def _decide(self, work: Any) -> None:
        try:
            work()
        except SenError as error:
            self.shell.tell(error)
        else:
            self.shell.toast(self.shell.say("mobile.conflict.done"))
        self.news()

    def later(self) -> None:
        """Leave this one open and go on to the next."""
        if self.presenter.later():
            self.news()
        else:
            self.shell.back()

    def see_history(self) -> None:
        """Show what was ever written at this place."""
        HistorySheet(title=self.presenter.field_words, rows=self.presenter.history(), close=self.shell.say("mobile.sheet.close")).open()

    def open_record(self) -> None:
        """Show the record in its form."""
        question = self.presenter.question
        if question is not None:
            self.shell.go("form", record=question.record)
