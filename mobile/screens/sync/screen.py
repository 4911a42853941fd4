"""«Đồng bộ»: what goes on, the switch, the way by files, and beside it what has not left, in words."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kivy.properties import BooleanProperty, StringProperty

from mobile.screens.page import Page
from mobile.screens.sync.presenter import SyncPresenter, WaitingRow
from mobile.widgets import theme
from mobile.widgets.basics import Card, PressCard, RoundButton, Scroll, Words
from mobile.widgets.picker import FileSheet, FolderSheet
from mobile.widgets.sheets import AskSheet
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
        written, remarks = self.presenter.written_words(), self.presenter.remarks()
        if not self.differs("state", (status, state, busy, self.presenter.offline, written, remarks)):
            return
        column.clear_widgets()
        card = Card(spacing=10)
        card.add_widget(Words(role="head", text=status))
        card.add_widget(Words(text=state))
        button = RoundButton(text=say("mobile.sync.busy" if busy else "mobile.sync.now"), filled=True, disabled=busy)
        button.bind(on_release=lambda *_: self.sync())
        card.add_widget(button)
        column.add_widget(card)
        for words in remarks:
            remark = Card(stripe=theme.AMBER)
            remark.add_widget(Words(text=words))
            column.add_widget(remark)
        switch = SwitchRow(words=say("mobile.sync.offline"), yes=say("mobile.sync.on"), no=say("mobile.sync.off"))
        switch.on = self.presenter.offline
        switch.bind(on_flip=lambda *_: self.flip())
        column.add_widget(switch)
        column.add_widget(self._files(written, busy))
        link = RoundButton(text=say("mobile.settings.title"))
        link.bind(on_release=lambda *_: self.shell.go("settings"))
        column.add_widget(link)

    def _files(self, written: str, busy: bool) -> Card:
        """The way without a network: write files, read the answer."""
        say, card = self.shell.say, Card(spacing=10)
        card.add_widget(Words(role="head", text=say("mobile.sync.files")))
        card.add_widget(Words(role="small", text=say("mobile.sync.files_below")))
        if written:
            card.add_widget(Words(text=written))
        for code, pressed in (("mobile.sync.write_files", self.ask_folder), ("mobile.sync.read_files", self.ask_files)):
            button = RoundButton(text=say(code), disabled=busy)
            button.bind(on_release=lambda *_, pressed=pressed: pressed())
            card.add_widget(button)
        return card

    def _waiting(self) -> None:
        say, column = self.shell.say, self.body.ids.waiting
        aside, waiting, photos = self.presenter.aside(), self.presenter.waiting(), self.presenter.photos()
        if not self.differs("waiting", (aside, waiting, photos)):
            return
        column.clear_widgets()
        if aside:
            column.add_widget(Words(role="head", text=say("mobile.sync.aside")))
            column.add_widget(Words(role="small", text=say("mobile.sync.aside_below")))
            for row in aside:
                column.add_widget(self._row(row, self.mend))
        if waiting or not photos:
            column.add_widget(Words(role="head", text=say("mobile.sync.waiting" if waiting else "mobile.sync.nothing")))
        if waiting:
            column.add_widget(Words(role="small", text=self.presenter.size()))
        for row in waiting[:ROWS_MOST]:
            column.add_widget(self._row(row))
        if len(waiting) > ROWS_MOST:
            column.add_widget(Words(text=say("mobile.sync.more", count=len(waiting) - ROWS_MOST)))
        if photos:
            column.add_widget(Words(role="head", text=photos))

    def _row(self, row: WaitingRow, pressed: Callable[[str], object] | None = None) -> PressCard:
        card = PressCard(stripe=theme.AMBER if row.tone == "soon" else theme.NONE)
        card.add_widget(Words(role="strong", text=row.words))
        card.add_widget(Words(role="small", text=row.below))
        if row.record:
            card.bind(on_release=lambda *_: pressed(row.record) if pressed else self.shell.go("form", record=row.record))
        return card

    def mend(self, record: str) -> None:
        """Open a record's form with what was set aside of it."""
        try:
            self.presenter.mend(record)
        except SenError as error:
            self.shell.tell(error)
        else:
            self.shell.go("form", record=record)

    def sync(self) -> None:
        """Exchange now, outside the window's thread."""
        self.shell.work(self.presenter.sync_now, self._answered)
        self._state()

    def _answered(self, result: Any) -> None:
        if isinstance(result, SenError):
            self.shell.tell(result)
        self.news()

    def ask_folder(self) -> None:
        """Ask into which folder the files shall be written."""
        say = self.shell.say
        FolderSheet(say=say, start=Path.home(), ok=say("mobile.sync.folder_ok"), then=self.write_files).open()

    def write_files(self, folder: Path) -> None:
        """Write them, and say what to do next."""
        self.shell.work(lambda: self.presenter.write_files(folder), self._by_files)

    def ask_files(self) -> None:
        """Ask which files have come."""
        FileSheet(say=self.shell.say, start=Path.home(), photos=False, then=self.read_files).open()

    def read_files(self, paths: Sequence[Path]) -> None:
        """Read them, and say what they brought."""
        self.shell.work(lambda: self.presenter.read_files(paths), self._by_files)

    def _by_files(self, result: Any) -> None:
        if isinstance(result, SenError):
            self.shell.tell(result)
        else:
            close = (self.shell.say("mobile.sheet.close"), None)
            AskSheet(title=self.shell.say("mobile.sync.files_title"), words=result, answers=[close]).open()
        self.news()

    def flip(self) -> None:
        """Turn «Ngoại tuyến»."""
        self.presenter.set_offline(not self.presenter.offline)
        self.news()
