"""Cards beside each other, as many columns as have room."""

from typing import Any

from kivy.metrics import dp
from kivy.properties import NumericProperty
from kivy.uix.gridlayout import GridLayout

__all__ = ["CardGrid"]


class CardGrid(GridLayout):
    """A grid of cards, each row as high as its highest card; ``least_dp`` is a card's least width."""

    least_dp = NumericProperty(280)
    most = NumericProperty(3)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size_hint_y=None, spacing=dp(12), cols=1, **kwargs)
        self.bind(minimum_height=self.setter("height"), width=self._fit, children=self._fit)

    def _fit(self, *_: Any) -> None:
        fits = int((self.width + dp(12)) / dp(self.least_dp + 12))
        self.cols = max(1, min(int(self.most), fits, len(self.children) or 1))
