"""«Vụ việc»: the countdown and the receipt first, whom to call, and the few questions that must be answered."""

from typing import Any

from mobile.screens.form.fields_view import FieldsView
from mobile.screens.incident.presenter import IncidentPresenter
from mobile.screens.page import Page
from mobile.widgets import theme
from mobile.widgets.basics import Card, Link, RoundButton, Scroll, Words
from mobile.widgets.cards import CardGrid
from shared.errors import SenError

__all__ = ["IncidentScreen"]


class IncidentBody(Scroll):
    """Everything of one incident."""


class IncidentScreen(Page):
    """One incident."""

    presenter: IncidentPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = IncidentBody()
        self.ids.body.add_widget(self.body)
        self.grid: FieldsView = self.body.ids.grid
        self.phones: CardGrid = self.body.ids.phones
        say, deeds = self.shell.say, self.body.ids.deeds
        send = RoundButton(text=say("mobile.incident.send"), filled=True)
        send.bind(on_release=lambda *_: self.submit())
        more = Link(text=say("mobile.incident.more"))
        more.bind(on_release=lambda *_: self.more())
        deeds.add_widget(send)
        deeds.add_widget(more)

    def enter(self, *, record: str = "", **where: Any) -> None:
        """Open an incident, or begin one."""
        if record:
            self.presenter.show(record)
        else:
            record = self.presenter.start()
        self.where = {"record": record}
        self.title = self.presenter.form.title
        self._phones()
        self.body.scroll_y = 1
        form = self.presenter.form
        self.grid.load(shell=self.shell, form=form, section=form.sections()[0].code, changed=self.news)
        self.news()

    def _phones(self) -> None:
        box = self.phones
        box.clear_widgets()
        for who, number in self.presenter.phones():
            card = Card()
            card.add_widget(Words(role="small", text=who))
            card.add_widget(Words(role="strong", text=number))
            box.add_widget(card)

    def news(self) -> None:
        """Show countdown, receipt and answers."""
        ids = self.body.ids
        progress = self.presenter.progress
        ids.countdown.text, ids.receipt.text = progress.countdown, progress.receipt
        ids.receipt.opacity = 0 if progress.acknowledged else 1
        ids.receipt.color = theme.SOFT if progress.sent else theme.RED
        ids.progress.stripe = theme.GREEN if progress.acknowledged else theme.RED
        self.status = self.presenter.form.saved_words()
        self.grid.refresh()

    def leave(self) -> None:
        """Keep what was typed; it leaves at once where there is a network."""
        self.grid.flush()
        try:
            self.presenter.form.leave()
        except SenError as error:
            self.shell.tell(error)

    def submit(self) -> None:
        """Judge and send."""
        self.grid.flush()
        self.shell.go("submit", **self.where)

    def more(self) -> None:
        """Show the whole form."""
        self.grid.flush()
        self.shell.go("form", **self.where)
