"""«Nhận máy»: a new tablet asks for the district's address, the one-time code and a PIN."""

from typing import Any

from mobile.screens.enrol.presenter import EnrolPresenter
from mobile.screens.page import Page
from mobile.widgets.basics import RoundButton, Scroll
from mobile.widgets.entry import InputBox
from mobile.widgets.field import Message
from shared.errors import SenError

FIELDS = ("address", "code", "pin", "again")

__all__ = ["EnrolScreen"]


class EnrolBody(Scroll):
    """The two columns of this screen."""


class EnrolScreen(Page):
    """The new tablet."""

    presenter: EnrolPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bare()
        self.body = EnrolBody()
        self.ids.body.add_widget(self.body)
        say, form = self.shell.say, self.body.ids.form
        self.boxes: dict[str, InputBox] = {}
        self.remarks: dict[str, Message] = {}
        for name in FIELDS:
            pin = name in ("pin", "again")
            box = InputBox(label=say(f"mobile.enrol.{name}"), password=pin, numeric=pin, private=pin)
            self.boxes[name], self.remarks[name] = box, Message()
            form.add_widget(box)
        self.button = RoundButton(text=say("mobile.enrol.go"), filled=True)
        self.button.bind(on_release=lambda *_: self.go())
        self.said = Message()
        form.add_widget(self.button)

    def enter(self, **where: Any) -> None:
        """Say what befell a tablet that was revoked, and offer the address that is known."""
        self.body.ids.intro.text = self.presenter.revoked() or self.shell.say("mobile.enrol.intro")
        address = self.shell.server or self.presenter.address()
        if address and not self.boxes["address"].text:
            self.boxes["address"].show(address)

    def _answers(self) -> dict[str, str]:
        return {name: box.text for name, box in self.boxes.items()}

    def go(self) -> None:
        """Show every wrong answer at its field, or enrol outside the window's thread."""
        wrong = self.presenter.wrong(**self._answers())
        form = self.body.ids.form
        for name, box in self.boxes.items():
            box.wrong = name in wrong
            remark = self.remarks[name]
            remark.text = wrong.get(name, "")
            if remark.parent is not None:
                form.remove_widget(remark)
            if name in wrong:
                form.add_widget(remark, index=form.children.index(box))
        if wrong or self.button.disabled:
            return
        self._say(self.shell.say("mobile.enrol.going"), "accent")
        self.button.disabled = True
        answers = self._answers()
        answers.pop("again")
        self.shell.work(lambda: self.presenter.enrol(**answers), self._answered)

    def _say(self, words: str, tone: str) -> None:
        form = self.body.ids.form
        self.said.text, self.said.tone = words, tone
        if words and self.said.parent is None:
            form.add_widget(self.said)
        elif not words and self.said.parent is not None:
            form.remove_widget(self.said)

    def _answered(self, result: Any) -> None:
        self.button.disabled = False
        if isinstance(result, SenError):
            self._say(result.text(self.shell.language), "danger")
            return
        self._say("", "accent")
        for name in ("code", "pin", "again"):
            self.boxes[name].show("")
        self.shell.unlocked()
