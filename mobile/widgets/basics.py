"""The plain pieces of every screen: words, cards, pills, buttons, chips; their looks are in theme.kv."""

from typing import Any

from kivy.core.text import Label as CoreLabel
from kivy.metrics import dp, sp
from kivy.properties import (
    BooleanProperty,
    ColorProperty,
    NumericProperty,
    ObjectProperty,
    OptionProperty,
    StringProperty,
)
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.label import Label
from kivy.uix.scrollview import ScrollView
from kivy.uix.stacklayout import StackLayout
from kivymd.icon_definitions import md_icons

from mobile.widgets import theme

__all__ = [
    "BarButton",
    "Card",
    "Chip",
    "Column",
    "Flow",
    "Icon",
    "Link",
    "Pill",
    "PressCard",
    "RoundButton",
    "Scroll",
    "TopBar",
    "Words",
]


def _extent(text: str, size: float, font: str) -> float:
    """The width of a text in one line, in pixels."""
    return float(CoreLabel(text=text, font_size=size, font_name=font).get_extents(text)[0])


class Words(Label):
    """A text that wraps at its width and is as high as it needs to be."""

    role = OptionProperty("body", options=["body", "small", "strong", "head", "large"])


class Icon(Label):
    """One Material Design icon by its name; an unknown name shows a dot."""

    name = StringProperty("circle-small")

    def on_name(self, _: Any, name: str) -> None:
        """Take the letter of the font that draws this icon."""
        self.text = md_icons.get(name, md_icons["circle-small"])


class Card(BoxLayout):
    """A white card with an edge; ``stripe`` colours its left side, ``chosen`` draws the edge in the accent."""

    stripe = ColorProperty(theme.NONE)
    ground = ColorProperty(theme.CARD)
    edge = ColorProperty(theme.EDGE)
    edge_width = NumericProperty(1)


class PressCard(ButtonBehavior, Card):
    """A card that leads somewhere; ``payload`` is what the screen handed to it."""

    payload = ObjectProperty(None, allownone=True)


class Pill(Label):
    """A short word about the state of a thing, in one of the tones of the theme."""

    tone = OptionProperty("plain", options=list(theme.TONES))


class _Pressed(ButtonBehavior, Label):
    """A pressable text as wide as its words, wrapping only where it would pass ``max_width``."""

    max_width = NumericProperty(dp(4000))
    pad = NumericProperty(dp(20))

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("text", "max_width", "font_size", "font_name", "size_hint_x"):
            self.fbind(name, self.fit)
        self.bind(width=self._wrap)
        self.fit()

    def fit(self, *_: Any) -> None:
        """Take the width of the words, or the greatest allowed and wrap."""
        if self.size_hint_x is not None:
            return
        natural = _extent(self.text, self.font_size, self.font_name) + 2 * self.pad
        self.width = min(max(natural, dp(theme.TOUCH_DP)), max(self.max_width, dp(96)))
        self._wrap()

    def _wrap(self, *_: Any) -> None:
        self.text_size = (max(self.width - 2 * self.pad + dp(2), dp(10)), None)


class RoundButton(_Pressed):
    """A button: ``filled`` is the one main deed of a screen, the others are outlined; ``danger`` is red."""

    filled = BooleanProperty(False)
    danger = BooleanProperty(False)
    accent = ColorProperty(theme.TEAL)
    payload = ObjectProperty(None, allownone=True)


class BarButton(_Pressed):
    """A button on the bar."""


class Link(_Pressed):
    """A deed of lesser weight, underlined."""

    payload = ObjectProperty(None, allownone=True)


class Chip(_Pressed):
    """One choice among several; ``chosen`` is said by a check mark as well as by colour."""

    chosen = BooleanProperty(False)
    payload = ObjectProperty(None, allownone=True)


class Flow(StackLayout):
    """Things beside each other that go on in the next line; as high as they need."""


class Column(BoxLayout):
    """Things below each other; as high as they need."""


class Scroll(ScrollView):
    """What may be higher than the screen; scrolls up and down only."""


class TopBar(BoxLayout):
    """The bar of every screen: back, title, what is saved or sent, and «Ẩn nhanh» in its corner."""

    title = StringProperty("")
    status = StringProperty("")
    hide_text = StringProperty("")
    can_go_back = BooleanProperty(True)
    title_width, status_width = NumericProperty(0), NumericProperty(0)
    """How wide the words would be in one line."""
    __events__ = ("on_back", "on_hide", "on_status_press")

    def on_title(self, *_: Any) -> None:
        """Measure the title: it takes two lines where it must, and shortens itself where those do not do."""
        self.title_width = _extent(self.title, sp(17), theme.MEDIUM)

    def on_status(self, *_: Any) -> None:
        """Measure the words, so that the title gets all the room that they leave."""
        self.status_width = _extent(self.status, sp(16), "Roboto") + dp(4) if self.status else 0

    def on_back(self) -> None:
        """The arrow was pressed."""

    def on_hide(self) -> None:
        """«Ẩn nhanh» was pressed."""

    def on_status_press(self) -> None:
        """The words about saving or sending were pressed."""
