"""A pad of digits for a PIN: dots for what was typed, never the digits; a hardware keyboard works too."""

from typing import Any

from kivy.core.window import Window
from kivy.graphics import Color, Ellipse
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.gridlayout import GridLayout
from kivy.uix.label import Label
from kivy.uix.widget import Widget

from mobile.widgets import theme

__all__ = ["PinPad"]

PIN_MIN, PIN_MAX = 6, 12
"""Digits of a PIN."""


class PadKey(ButtonBehavior, Label):
    """One key of the pad; ``icon`` instead of a digit for erasing and for going on."""

    filled = BooleanProperty(False)
    icon = BooleanProperty(False)


class PinDots(Widget):
    """As many filled dots as digits were typed, at least six places."""

    count = NumericProperty(0)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bind(count=self._draw, pos=self._draw, size=self._draw)

    def _draw(self, *_: Any) -> None:
        places = max(PIN_MIN, int(self.count))
        gap, size = dp(20), dp(12)
        left = self.center_x - (places - 1) * gap / 2 - size / 2
        self.canvas.clear()
        with self.canvas:
            for place in range(places):
                Color(*(theme.TEAL if place < self.count else theme.EDGE))
                Ellipse(pos=(left + place * gap, self.center_y - size / 2), size=(size, size))


class PinPad(BoxLayout):
    """The pad. ``on_done`` gets the PIN, which the pad forgets at once."""

    prompt = StringProperty("")
    locked = BooleanProperty(False)
    """True while a further try is not taken yet."""
    __events__ = ("on_done",)

    def __init__(self, **kwargs: Any) -> None:
        self._typed = ""
        super().__init__(**kwargs)

    def on_kv_post(self, base_widget: Any) -> None:
        """Add the keys to the grid of the kv rule."""
        grid: GridLayout = self.ids.grid
        for digit in "123456789":
            grid.add_widget(self._key(digit, lambda d=digit: self.digit(d)))
        self.erase_key = self._key("\U000f0b5c", self.erase, icon=True)
        self.done_key = self._key("\U000f012c", self.done, icon=True, filled=True)
        for key in (self.erase_key, self._key("0", lambda: self.digit("0")), self.done_key):
            grid.add_widget(key)

    def _key(self, text: str, work: Any, **looks: Any) -> PadKey:
        key = PadKey(text=text, size_hint=(None, None), size=(dp(76), dp(64)), **looks)
        key.bind(on_release=lambda *_: work())
        return key

    def digit(self, digit: str) -> None:
        """Take one digit."""
        if not self.locked and len(self._typed) < PIN_MAX:
            self._typed += digit
            self.ids.dots.count = len(self._typed)

    def erase(self) -> None:
        """Take the last digit back."""
        self._typed = self._typed[:-1]
        self.ids.dots.count = len(self._typed)

    def clear(self) -> None:
        """Forget what was typed."""
        self._typed = ""
        self.ids.dots.count = 0

    def done(self) -> None:
        """Hand on the PIN, if it is long enough to be one."""
        if self.locked or len(self._typed) < PIN_MIN:
            return
        pin = self._typed
        self.clear()
        self.dispatch("on_done", pin)

    def on_done(self, pin: str) -> None:
        """A PIN was typed."""

    def listen(self, on: bool) -> None:
        """Take digits of a hardware keyboard as well, while this pad is in front."""
        Window.unbind(on_key_down=self._pressed)
        if on:
            Window.bind(on_key_down=self._pressed)

    def _pressed(self, _: Any, key: int, _scan: int, text: str | None, _modifiers: Any) -> bool:
        if self.get_root_window() is None:
            return False
        if text is not None and text.isdigit() and len(text) == 1:
            self.digit(text)
        elif key in (8, 127):
            self.erase()
        elif key in (13, 271):
            self.done()
        else:
            return False
        return True
