"""«Mở khóa»: the pad of digits beside the officer's name and what waits."""

from typing import Any

from kivy.clock import Clock

from mobile.screens.page import Page
from mobile.screens.unlock.presenter import UnlockPresenter
from mobile.widgets.basics import Card, Scroll, Words
from mobile.widgets.field import Message
from mobile.widgets.pin_pad import PinPad
from mobile.widgets.sheets import AskSheet
from shared.errors import SenError

__all__ = ["UnlockScreen"]


class UnlockBody(Scroll):
    """The two columns of this screen."""


class UnlockScreen(Page):
    """The locked tablet."""

    presenter: UnlockPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bare()
        self.body = UnlockBody()
        self.ids.body.add_widget(self.body)
        self.pad: PinPad = self.body.ids.pad
        self.said: Message = self.body.ids.said
        self.pad.bind(on_done=lambda _, pin: self.tried(pin))
        self.body.ids.forgotten.bind(on_release=lambda *_: self.forgotten())
        self._ticking = Clock.create_trigger(lambda _: self._tick(), 1, interval=True)

    def enter(self, **where: Any) -> None:
        """Show whose tablet it is."""
        say, ids = self.shell.say, self.body.ids
        ids.officer.text, ids.unit.text = self.presenter.officer, self.presenter.unit
        ids.forgotten.text = say("mobile.unlock.forgotten")
        self.said.text = ""
        self.pad.prompt = say("mobile.unlock.prompt")
        ids.waiting.clear_widgets()
        for words in self.presenter.waiting():
            card = Card()
            card.add_widget(Words(text=words))
            ids.waiting.add_widget(card)
        self.pad.clear()
        self.pad.listen(True)
        self._tick()
        self._ticking()

    def leave(self) -> None:
        """Forget what was typed."""
        self.pad.clear()
        self.pad.listen(False)
        self._ticking.cancel()

    def _tick(self) -> None:
        """Hold the pad while a further try has to wait, and say for how long."""
        wait = self.presenter.wait_s
        if wait:
            self.said.text = self.shell.say("mobile.unlock.wait", seconds=wait)
        elif self.pad.locked and not self._trying:
            self.said.text = ""
        self.pad.locked = bool(wait) or self._trying or self.presenter.destroyed
        if self.presenter.destroyed:
            self.said.text = self.shell.say("pin_destroyed")

    _trying = False

    def tried(self, pin: str) -> None:
        """Try a PIN; the key is derived outside the window's thread."""
        self._trying = self.pad.locked = True
        self.pad.prompt = self.shell.say("mobile.unlock.opening")
        self.shell.work(lambda: self.presenter.unlock(pin), self._answered)

    def _answered(self, result: Any) -> None:
        self._trying = self.pad.locked = False
        self.pad.prompt = self.shell.say("mobile.unlock.prompt")
        if isinstance(result, SenError):
            self.said.text = result.text(self.shell.language)
            self._tick()
            return
        self.shell.unlocked()

    def forgotten(self) -> None:
        """Say what to do when the PIN is forgotten."""
        close = (self.shell.say("mobile.sheet.close"), None)
        AskSheet(title=self.shell.say("mobile.unlock.forgotten"), words=self.presenter.forgotten(), answers=[close]).open()
