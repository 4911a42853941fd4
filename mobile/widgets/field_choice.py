"""Widgets of fields that are chosen: choices as chips, yes or no, a unit, a period, another record."""

from collections.abc import Sequence
from typing import Any

from kivy.metrics import dp

from mobile.widgets.basics import Chip, Flow
from mobile.widgets.desk import Offer
from mobile.widgets.field import FieldWidget
from mobile.widgets.picker import OfferSheet

__all__ = ["BoolField", "ChoiceField", "ChoicesField", "PeriodField", "RefField", "UnitField"]

CHIPS_MAX = 7
"""More offers than this are shown in part; «Tìm thêm…» finds the others."""


class ChoiceField(FieldWidget):
    """One of several, as chips; a second press takes the answer away."""

    several = False
    chips_max = CHIPS_MAX

    def build(self) -> None:
        """Add the line of chips."""
        self.flow = Flow()
        self.flow.bind(width=self._fit)
        self.add_widget(self.flow)
        self._drawn: tuple[Any, ...] | None = None

    def chosen(self) -> list[Any]:
        """Give the values chosen now."""
        return [] if self.value is None else [self.value]

    def _fit(self, *_: Any) -> None:
        for chip in self.flow.children:
            chip.max_width = self.flow.width

    def _visible(self, offers: Sequence[Offer]) -> list[Offer]:
        """The offers shown as chips: all where they are few, else the first ones and those chosen."""
        chosen = self.chosen()
        open_ones = [offer for offer in offers if not offer.folded or offer.value in chosen]
        if len(open_ones) == len(offers) <= self.chips_max + 2:
            return open_ones
        first = open_ones[: self.chips_max]
        return first + [offer for offer in open_ones[self.chips_max :] if offer.value in chosen]

    def show(self, value: Any) -> None:
        """Draw the chips; those already there stay, so that a touch never loses its chip."""
        super().show(value)
        offers = list(self.desk.offers(self.path))
        known = {offer.value for offer in offers}
        gone = [Offer(value=v, words=self.desk.words_for(self.path, v)) for v in self.chosen() if v not in known]
        visible = self._visible(offers) + gone
        drawn = (*(offer.value for offer in visible), len(visible) < len(offers))
        if drawn != self._drawn:
            self._drawn = drawn
            self._draw(visible, more=len(visible) < len(offers))
        for chip in self.flow.children:
            chip.chosen = chip.payload is not None and chip.payload.value in self.chosen()

    def _draw(self, visible: Sequence[Offer], *, more: bool) -> None:
        self.flow.clear_widgets()
        for offer in visible:
            chip = Chip(text=offer.words, payload=offer, max_width=max(self.flow.width, dp(200)))
            chip.bind(on_release=lambda chip: self.pressed(chip.payload.value))
            self.flow.add_widget(chip)
        if more or not visible:
            chip = Chip(text=self.desk.say("mobile.field.find_more" if visible else "mobile.field.find"))
            chip.bind(on_release=lambda *_: self.search())
            self.flow.add_widget(chip)

    def pressed(self, value: Any) -> None:
        """Take or leave one value."""
        self.show(None if value == self.value else value)
        self.answer(self.value)

    def search(self) -> None:
        """Open the whole list."""
        sheet = OfferSheet(
            desk=self.desk,
            title=self.field.label.get(self.desk.language),
            path=self.path,
            chosen=self.chosen(),
            several=self.several,
            then=self.found,
        )
        sheet.open()

    def found(self, values: list[Any]) -> None:
        """Take what was chosen from the whole list."""
        self.show(values[0] if values else None)
        self.answer(self.value)


class ChoicesField(ChoiceField):
    """Several of several, as chips."""

    several = True

    def chosen(self) -> list[Any]:
        """Give the codes chosen now."""
        return list(self.value or [])

    def pressed(self, value: Any) -> None:
        """Take or leave one of them."""
        self.found([v for v in self.chosen() if v != value] if value in self.chosen() else [*self.chosen(), value])

    def found(self, values: list[Any]) -> None:
        """Take what was chosen from the whole list."""
        self.show(sorted(values) or None)
        self.answer(self.value)


class BoolField(ChoiceField):
    """Yes, no, or not said."""

    span = 1 / 3
    narrow_span = 0.5


class PeriodField(ChoiceField):
    """A reporting period: the last ones as chips."""

    chips_max = 4


class UnitField(ChoiceField):
    """A unit of the tree: the nearest ones as chips, the others by search."""

    chips_max = 3


class RefField(ChoiceField):
    """Another record on this tablet: found by search, shown by its title."""

    chips_max = 3
