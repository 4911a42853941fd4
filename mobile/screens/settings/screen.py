"""«Cài đặt»: language, typing, the PIN, and what this tablet is."""

from collections.abc import Sequence
from typing import Any

from mobile.screens.page import Page
from mobile.screens.settings.presenter import SettingsPresenter
from mobile.widgets.basics import Card, Chip, Flow, RoundButton, Scroll, Words
from mobile.widgets.entry import InputBox
from mobile.widgets.field import Message
from shared.errors import SenError

__all__ = ["SettingsScreen"]


class SettingsBody(Scroll):
    """The two columns."""


class SettingsScreen(Page):
    """How this tablet is set."""

    presenter: SettingsPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = SettingsBody()
        self.ids.body.add_widget(self.body)

    def enter(self, **where: Any) -> None:
        """Show the settings."""
        self.title = self.shell.say("mobile.settings.title")
        self.news()

    def news(self) -> None:
        """Draw both columns."""
        say, presenter = self.shell.say, self.presenter
        choices, about = self.body.ids.choices, self.body.ids.about
        choices.clear_widgets()
        about.clear_widgets()
        choices.add_widget(self._choice("language", presenter.languages, presenter.language))
        typing = self._choice("typing", presenter.typings, presenter.typing)
        self.trial = InputBox(label=say("mobile.settings.try"), typing=presenter.typing)
        typing.add_widget(self.trial)
        choices.add_widget(typing)
        card = Card(spacing=8)
        for word, value in presenter.about():
            card.add_widget(Words(role="small", text=word))
            card.add_widget(Words(text=value))
        about.add_widget(card)
        about.add_widget(self._pin())

    def _choice(self, name: str, codes: Sequence[str], chosen: str) -> Card:
        card, flow = Card(spacing=8), Flow()
        card.add_widget(Words(role="strong", text=self.shell.say(f"mobile.settings.{name}")))
        for code in codes:
            chip = Chip(text=self.shell.say(f"mobile.settings.{name}_{code}"), chosen=code == chosen)
            chip.bind(on_release=lambda *_, code=code: self.set(**{name: code}))
            flow.add_widget(chip)
        card.add_widget(flow)
        return card

    def set(self, **changes: Any) -> None:
        """Change a setting and show everything anew."""
        self.presenter.set(**changes)
        self.shell.settings_changed()
        self.enter()

    def _pin(self) -> Card:
        say, card = self.shell.say, Card(spacing=8)
        card.add_widget(Words(role="strong", text=say("mobile.settings.pin")))
        self.pins = {
            name: InputBox(label=say(f"mobile.settings.pin_{name}"), password=True, numeric=True, private=True)
            for name in ("old", "new", "again")
        }
        for box in self.pins.values():
            card.add_widget(box)
        self.said = Message(opacity=0)
        button = RoundButton(text=say("mobile.settings.pin_change"))
        button.bind(on_release=lambda *_: self.change_pin())
        card.add_widget(button)
        card.add_widget(self.said)
        return card

    def change_pin(self) -> None:
        """Set another PIN, outside the window's thread."""
        answers = {name: box.text for name, box in self.pins.items()}
        self.shell.work(lambda: self.presenter.change_pin(**answers), self._changed)

    def _changed(self, result: Any) -> None:
        wrong = isinstance(result, SenError)
        self.said.opacity, self.said.tone = 1, "danger" if wrong else "good"
        self.said.text = result.text(self.shell.language) if wrong else self.shell.say("mobile.settings.pin_changed")
        for box in self.pins.values():
            box.show("")
