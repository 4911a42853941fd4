"""Rows of a field: each a card that opens for editing; added, moved and taken away one by one.

Only the open row has widgets of its own, so that a long list costs no more than its lines.
"""

from typing import Any

from kivy.metrics import dp
from kivy.properties import StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout

from mobile.widgets import theme
from mobile.widgets.basics import Card, Column, Icon, Pill, RoundButton
from mobile.widgets.field import FieldGrid, FieldWidget

__all__ = ["RowCard", "RowIcon", "RowsField"]

OPEN_AT_ONCE = 16
"""Fixed rows with no more answers than this in all are open at once: nothing is gained by opening each."""


class RowIcon(ButtonBehavior, Icon):
    """A deed upon a row: up, down, away."""


class RowHead(ButtonBehavior, BoxLayout):
    """The line of a row; pressing it opens or closes the row."""

    words = StringProperty("")


class RowCard(Card):
    """One row: its line and, while it is open, its fields."""

    def __init__(self, *, rows: "RowsField", row: str, number: int) -> None:
        super().__init__(padding=(dp(12), dp(4)), spacing=dp(8))
        self.rows, self.row, self.number = rows, row, number
        self.grid: FieldGrid | None = None
        self.fields: dict[str, FieldWidget] = {}
        self.head = RowHead()
        self.mark = Pill(tone="danger", opacity=0)
        self.head.bind(on_release=lambda *_: rows.toggle(row))
        if not rows.fixed:
            for name, step in (("arrow-up", -1), ("arrow-down", 1), ("delete-outline", 0)):
                self.head.add_widget(self._icon(name, step))
        self.add_widget(self.head)

    def _icon(self, name: str, step: int) -> RowIcon:
        icon = RowIcon(name=name)
        desk, path = self.rows.desk, self.rows.path
        if step:
            icon.bind(on_release=lambda *_: desk.later(lambda: desk.move_row(path, self.row, step)))
        else:
            icon.color = theme.RED
            icon.bind(on_release=lambda *_: desk.later(lambda: desk.delete_row(path, self.row)))
        return icon

    def open(self) -> None:
        """Build the fields of this row."""
        if self.grid is not None:
            return
        from mobile.widgets.fields import build_field

        self.grid = FieldGrid()
        for code, field in self.rows.field.fields.items():
            path = f"{self.rows.path}/{self.row}/{code}"
            widget = build_field(field, path, self.rows.desk)
            self.fields[code] = widget
        self.add_widget(self.grid)
        self.refresh()

    def close(self) -> None:
        """Take the fields of this row away."""
        if self.grid is not None:
            self.flush()
            self.remove_widget(self.grid)
            self.grid, self.fields = None, {}

    def flush(self) -> None:
        """Hand on what was typed in this row."""
        for widget in self.fields.values():
            widget.flush()

    def refresh(self) -> None:
        """Show what the desk says of this row and its fields."""
        desk, path = self.rows.desk, self.rows.path
        words = desk.row_words(path, self.row)
        self.head.words = words if self.rows.fixed and words else f"{self.number}. {words}"
        wrong = any(desk.remark(f"{path}/{self.row}/{code}").error for code in self.rows.field.fields)
        self.edge = theme.RED if wrong else theme.EDGE
        if self.grid is None:
            return
        wanted = [w for w in self.fields.values() if desk.shown(w.path)]
        self.grid.show(wanted)
        for widget in wanted:
            widget.refresh()


class RowsField(FieldWidget):
    """The rows of one field."""

    def build(self) -> None:
        """Add the column of rows and «Thêm dòng»."""
        self.fixed = bool(self.field.rows_from)
        self.opened: str | None = None
        self.column = Column(spacing=dp(8))
        self.cards: dict[str, RowCard] = {}
        self.add_widget(self.column)
        if not self.fixed:
            self.more = RoundButton(text=self.desk.say("mobile.field.add_row"))
            self.more.bind(on_release=lambda *_: self.desk.later(self.add))
            self.add_widget(self.more)

    @property
    def all_open(self) -> bool:
        """Whether every row shows its fields at once."""
        return self.fixed and len(self.field.fields) * len(self.cards) <= OPEN_AT_ONCE

    def add(self) -> None:
        """Add a row and open it."""
        self.flush()
        self.opened = self.desk.add_row(self.path)
        self.refresh()

    def toggle(self, row: str) -> None:
        """Open a row, or close the open one."""
        if self.all_open:
            return
        self.flush()
        self.opened = None if self.opened == row else row
        self.refresh()

    def open_row(self, row: str) -> None:
        """Open a row, as something in it is asked for."""
        self.opened = row
        self.refresh()

    def show(self, value: Any) -> None:
        """Draw the rows; cards of rows that stay are kept."""
        super().show(value)
        ids = [row["id"] for row in value or []]
        for row in list(self.cards):
            if row not in ids:
                del self.cards[row]
        for number, row in enumerate(ids, 1):
            card = self.cards.get(row)
            if card is None:
                card = self.cards[row] = RowCard(rows=self, row=row, number=number)
            card.number = number
        wanted = [self.cards[row] for row in ids]
        if list(reversed(self.column.children)) != wanted:
            self.column.clear_widgets()
            for card in wanted:
                self.column.add_widget(card)
        for row, card in self.cards.items():
            if self.all_open or row == self.opened:
                card.open()
            else:
                card.close()
            card.refresh()

    def flush(self) -> None:
        """Hand on what was typed in any row."""
        for card in self.cards.values():
            card.flush()
