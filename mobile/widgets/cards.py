"""Layouts of a page: two columns where there is room, and cards beside each other in rows of one height."""

from typing import Any

from kivy.metrics import dp
from kivy.properties import NumericProperty, VariableListProperty
from kivy.uix.layout import Layout

from mobile.widgets import theme

__all__ = ["CardGrid", "Split"]


class _Rows(Layout):
    """Children in rows from the top; each subclass says how many stand in a row and how high they are."""

    padding = VariableListProperty([0, 0, 0, 0])
    spacing = NumericProperty(dp(12))

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size_hint_y=None, **kwargs)
        trigger = self._trigger_layout
        self.bind(children=trigger, pos=trigger, width=trigger, padding=trigger, spacing=trigger)

    def add_widget(self, widget: Any, *args: Any, **kwargs: Any) -> None:
        """Add a child; its height moves those below it."""
        widget.fbind("height", self._trigger_layout)
        if hasattr(widget, "minimum_height"):
            widget.fbind("minimum_height", self._trigger_layout)
        super().add_widget(widget, *args, **kwargs)

    def remove_widget(self, widget: Any, *args: Any, **kwargs: Any) -> None:
        """Take a child away."""
        widget.funbind("height", self._trigger_layout)
        if hasattr(widget, "minimum_height"):
            widget.funbind("minimum_height", self._trigger_layout)
        super().remove_widget(widget, *args, **kwargs)

    def columns(self) -> int:
        """How many stand in a row."""
        return 1

    def do_layout(self, *_: Any) -> None:
        """Place the children and take their height."""
        left, above, right, below = self.padding
        columns, gap = self.columns(), self.spacing
        children = self.children[::-1]
        rows = [children[at : at + columns] for at in range(0, len(children), columns)]
        width = (self.width - left - right - gap * (columns - 1)) / columns
        for child in children:
            child.width = width
        heights = [max(self.height_of(child) for child in row) for row in rows]
        self.height = sum(heights) + gap * max(len(rows) - 1, 0) + above + below
        top = self.top - above
        for row, height in zip(rows, heights, strict=True):
            for number, child in enumerate(row):
                self.fit(child, height)
                child.pos = (self.x + left + number * (width + gap), top - child.height)
            top -= height + gap

    def height_of(self, child: Any) -> float:
        """How high a child wants to be."""
        return float(child.height)

    def fit(self, child: Any, height: float) -> None:
        """Give a child the height of its row, where it takes it."""


class Split(_Rows):
    """Two columns where the window is wide, one below the other where it is not."""

    def columns(self) -> int:
        """Two from 760 dp on."""
        return 2 if self.width >= dp(theme.WIDE_DP) else 1


class CardGrid(_Rows):
    """Cards beside each other, each row of one height; ``least_dp`` is a card's least width."""

    least_dp = NumericProperty(280)
    most = NumericProperty(3)

    def columns(self) -> int:
        """As many as have room."""
        fits = int((self.width + self.spacing) / (dp(self.least_dp) + self.spacing))
        return max(1, min(int(self.most), fits, len(self.children) or 1))

    def height_of(self, child: Any) -> float:
        """A card's own least height."""
        return float(getattr(child, "minimum_height", child.height))

    def fit(self, child: Any, height: float) -> None:
        """All cards of a row are as high as the highest."""
        child.height = height
