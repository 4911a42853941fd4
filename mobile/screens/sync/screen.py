"""«Đồng bộ»: what goes on, the switch, and below it what has not left, in words."""

from typing import Any

from kivy.properties import BooleanProperty, StringProperty

from mobile.screens.page import Page
from mobile.screens.sync.presenter import SyncPresenter, WaitingRow
from mobile.widgets import theme
from mobile.widgets.basics import Card, PressCard, RoundButton, Scroll, Words
from shared.errors import SenError

__all__ = ["SwitchRow", "SyncScreen"]

ROWS_MOST = 40
"""More waiting records than this are told in a count."""


class SwitchRow(Card):
    """A switch with its words."""

    words = StringProperty("")
    yes = StringProperty("")
    no = StringProperty("")
    on = BooleanProperty(False)
    __events__ = ("on_flip",)

    def on_flip(self) -> None:
        """The switch was pressed."""


class SyncBody(Scroll):
    """The two columns."""


class SyncScreen(Page):
    """What has not left, and why."""

    presenter: SyncPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = SyncBody()
        self.ids.body.add_widget(self.body)
        self.title = self.shell.say("mobile.sync.title")

    def enter(self, **where: Any) -> None:
        """Show what is true now."""
        self.news()

    def news(self) -> None:
        """Draw both columns."""
        self._state()
        self._waiting()

    def _state(self) -> None:
        say, column = self.shell.say, self.body.ids.state
        status, state, busy = self.presenter.status(), self.presenter.state(), self.presenter.busy
        if not self.differs("state", (status, state, busy, self.presenter.offline)):
            return
        column.clear_widgets()
        card = Card(spacing=10)
        card.add_widget(Words(role="head", text=status))
        card.add_widget(Words(text=state))
        button = RoundButton(text=say("mobile.sync.busy" if busy else "mobile.sync.now"), filled=True, disabled=busy)
        button.bind(on_release=lambda *_: self.sync())
        card.add_widget(button)
        column.add_widget(card)
        switch = SwitchRow(words=say("mobile.sync.offline"), yes=say("mobile.sync.on"), no=say("mobile.sync.off"))
        switch.on = self.presenter.offline
        switch.bind(on_flip=lambda *_: self.flip())
        column.add_widget(switch)
        link = RoundButton(text=say("mobile.settings.title"))
        link.bind(on_release=lambda *_: self.shell.go("settings"))
        column.add_widget(link)

    def _waiting(self) -> None:
        say, column = self.shell.say, self.body.ids.waiting
        aside, waiting = self.presenter.aside(), self.presenter.waiting()
        if not self.differs("waiting", (aside, waiting)):
            return
        column.clear_widgets()
        if aside:
            column.add_widget(Words(role="head", text=say("mobile.sync.aside")))
            for row in aside:
                column.add_widget(self._row(row))
        column.add_widget(Words(role="head", text=say("mobile.sync.waiting" if waiting else "mobile.sync.nothing")))
        if waiting:
            column.add_widget(Words(role="small", text=self.presenter.size()))
        for row in waiting[:ROWS_MOST]:
            column.add_widget(self._row(row))
        if len(waiting) > ROWS_MOST:
            column.add_widget(Words(text=say("mobile.sync.more", count=len(waiting) - ROWS_MOST)))

    def _row(self, row: WaitingRow) -> PressCard:
        card = PressCard(stripe=theme.AMBER if row.tone == "soon" else theme.NONE)
        card.add_widget(Words(role="strong", text=row.words))
        card.add_widget(Words(role="small", text=row.below))
        card.bind(on_release=lambda *_: self.shell.go("form", record=row.record))
        return card

    def sync(self) -> None:
        """Exchange now, outside the window's thread."""
        self.shell.work(self.presenter.sync_now, self._answered)
        self._state()

    def _answered(self, result: Any) -> None:
        if isinstance(result, SenError):
            self.shell.tell(result)
        self.news()

    def flip(self) -> None:
        """Turn «Ngoại tuyến»."""
        self.presenter.set_offline(not self.presenter.offline)
        self.news()
