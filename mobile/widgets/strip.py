"""A line across the top of the window that stays: that what is seen is invented, and which day the clock of the demo shows."""

from typing import Any

from kivy.graphics import Color, Rectangle
from kivy.metrics import dp
from kivy.uix.label import Label

from mobile.widgets import theme

__all__ = ["Strip"]


class Strip(Label):
    """One line of small text on amber, 26 dp high."""

    def __init__(self, **kwargs: Any) -> None:
        ink, ground = theme.TONES["soon"]
        super().__init__(size_hint_y=None, height=dp(26), font_size=theme.SMALL, color=ink, shorten=True, **kwargs)
        with self.canvas.before:
            Color(*ground)
            self._ground = Rectangle(pos=self.pos, size=self.size)
        self.bind(pos=self._lie, size=self._lie)

    def _lie(self, *_: Any) -> None:
        self._ground.pos, self._ground.size = self.pos, self.size
        self.text_size = self.width, None
        self.halign = "center"
