"""The frame of every field's widget: label, help, the control, and below it what is wrong or doubtful.

A widget draws what the desk says of its path (:meth:`FieldWidget.refresh`) and hands an answer back; it
decides nothing.
"""

from collections.abc import Sequence
from typing import Any

from kivy.metrics import dp
from kivy.properties import BooleanProperty, ListProperty, ObjectProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.layout import Layout

from mobile.widgets import theme
from mobile.widgets.basics import Icon, Link, Words
from mobile.widgets.desk import Desk
from shared.field import Field
from shared.retyped import is_old_answer

__all__ = ["FieldGrid", "FieldWidget", "Message"]


class Message(Words):
    """A sentence on a tinted ground: what is wrong (``danger``), doubtful (``soon``), or good to know (``accent``)."""

    tone = StringProperty("danger")


class Note(BoxLayout):
    """A message, and beside it what may be done about it."""

    def __init__(self, *, words: str, tone: str, deed: Any = None) -> None:
        super().__init__()
        self.add_widget(Message(text=words, tone=tone))
        if deed is not None:
            self.add_widget(deed)


class HelpMark(ButtonBehavior, Icon):
    """The mark that opens a field's help; it takes touches in the 8 dp above and below it too, as a finger needs."""

    def collide_point(self, x: float, y: float) -> bool:
        """Whether a touch is meant for the mark."""
        around = max(dp(theme.TOUCH_DP) - self.height, 0) / 2
        return bool(self.x <= x <= self.right and self.y - around <= y <= self.top + around)


class FieldWidget(BoxLayout):
    """One field of a form. ``span`` is the share of a wide row that it takes, ``narrow_span`` of a narrow one."""

    span = 1.0
    narrow_span = 1.0
    label_inside = False
    """True where the control shows the label itself."""
    error = StringProperty("")
    warning = StringProperty("")
    help_open = BooleanProperty(False)
    field = ObjectProperty(None)
    notes = ListProperty([])

    def __init__(self, *, field: Field, path: str, desk: Desk, **kwargs: Any) -> None:
        super().__init__(orientation="vertical", size_hint_y=None, spacing=dp(6), **kwargs)
        self.field, self.path, self.desk = field, path, desk
        self.value: Any = None
        self.bind(minimum_height=self.setter("height"))
        self._head()
        self.build()

    @property
    def label(self) -> str:
        """The field's label, with a star where an answer is needed."""
        words: str = self.field.label.get(self.desk.language)
        return words + (" *" if self.field.required else "")

    @property
    def help_text(self) -> str:
        """The catalogue's help for this field; empty where it has none."""
        return self.field.help.get(self.desk.language) if self.field.help else ""

    def _head(self) -> None:
        if self.label_inside:
            return
        head = BoxLayout(size_hint_y=None, spacing=dp(4))
        words = Words(role="small", text=self.label, pos_hint={"center_y": 0.5})
        words.bind(height=lambda *_: setattr(head, "height", max(words.height, dp(32) if self.help_text else 0)))
        head.add_widget(words)
        if self.help_text:
            mark = HelpMark(name="help-circle-outline", size_hint=(None, None), size=(dp(48), dp(32)))
            mark.bind(on_release=self.toggle_help)
            head.add_widget(mark)
        self.add_widget(head)

    def toggle_help(self, *_: Any) -> None:
        """Open or close the help."""
        self.help_open = not self.help_open

    def build(self) -> None:
        """Add the control; every kind has its own."""

    def show(self, value: Any) -> None:
        """Show a value (``None``: unknown) without telling an answer."""
        self.value = value

    def refresh(self) -> None:
        """Show what the desk now says of this field; an answer of another kind, which cannot be read, is told by the remark alone."""
        value = self.desk.value(self.path)
        self.show(None if is_old_answer(self.field, value) else value)
        self.error, self.warning = self.desk.remark(self.path)

    def answer(self, value: Any) -> None:
        """Hand on what a person answered."""
        self.value = value
        self.desk.answered(self.path, value)

    def flush(self) -> None:
        """Tell at once what was typed and not yet told."""

    def on_error(self, *_: Any) -> None:
        """Show or take away the sentence about what is wrong."""
        self._note()
        self.mark()

    on_warning = on_error

    def on_help_open(self, *_: Any) -> None:
        """Show or hide the help."""
        self._note()

    def _note(self) -> None:
        """Make the sentences that the grid places below the row of this field."""
        notes = []
        if self.help_open:
            notes.append(Note(words=self.help_text, tone="accent"))
        if self.error:
            notes.append(Note(words=self.error, tone="danger"))
        if self.warning:
            keep = Link(text=self.desk.say("mobile.field.keep"), pos_hint={"center_y": 0.5})
            keep.bind(on_release=lambda *_: self.desk.keep(self.path))
            notes.append(Note(words=self.warning, tone="soon", deed=keep))
        self.notes = notes

    def mark(self) -> None:
        """Colour the control after ``error`` and ``warning``; kinds with a box do."""


class FieldGrid(Layout):
    """Fields beside each other by their spans, in rows as high as their highest; one narrow column below 760 dp."""

    def __init__(self, **kwargs: Any) -> None:
        self._notes: dict[FieldWidget, list[Any]] = {}
        super().__init__(size_hint_y=None, **kwargs)
        trigger = self._trigger_layout
        self.bind(children=trigger, pos=trigger, width=trigger)

    GAP_DP = 14

    def add_widget(self, widget: Any, *args: Any, **kwargs: Any) -> None:
        """Add a field; its height and its notes move those below it."""
        widget.bind(height=self._trigger_layout)
        if isinstance(widget, FieldWidget):
            widget.bind(notes=self._trigger_layout)
        super().add_widget(widget, *args, **kwargs)

    def remove_widget(self, widget: Any, *args: Any, **kwargs: Any) -> None:
        """Take a field away, and its notes."""
        widget.unbind(height=self._trigger_layout)
        if isinstance(widget, FieldWidget):
            widget.unbind(notes=self._trigger_layout)
            for note in self._notes.pop(widget, []):
                super().remove_widget(note)
        super().remove_widget(widget, *args, **kwargs)

    @property
    def fields(self) -> list[FieldWidget]:
        """The fields in their order."""
        return [child for child in reversed(self.children) if isinstance(child, FieldWidget)]

    def show(self, fields: Sequence[FieldWidget]) -> None:
        """Hold just these fields, in this order; those that stay are not touched where nothing moves."""
        if self.fields != list(fields):
            for field in self.fields:
                self.remove_widget(field)
            for field in fields:
                self.add_widget(field)

    def _rows(self) -> list[list[tuple[FieldWidget, float]]]:
        wide = self.width >= dp(theme.WIDE_DP - 140)
        rows: list[list[tuple[FieldWidget, float]]] = []
        used = 1.0
        for child in self.fields:
            span = child.span if wide else child.narrow_span
            if used + span > 1.001:
                rows.append([])
                used = 0.0
            rows[-1].append((child, span))
            used += span
        return rows

    def _take_notes(self) -> None:
        """Hold the notes that the fields have now."""
        for field in self.fields:
            held = self._notes.get(field, [])
            if held != field.notes:
                for note in held:
                    super().remove_widget(note)
                for note in field.notes:
                    note.bind(height=self._trigger_layout)
                    super().add_widget(note)
                self._notes[field] = list(field.notes)

    def do_layout(self, *_: Any) -> None:
        """Place every field, below each row its notes, and take the height of all."""
        self._take_notes()
        gap, near = dp(self.GAP_DP), dp(6)
        blocks: list[tuple[float, list[tuple[Any, float]]]] = []
        for row in self._rows():
            blocks.append((gap, list(row)))
            blocks.extend((near, [(note, 1.0)]) for field, _ in row for note in self._notes.get(field, []))
        total = sum(space + max(child.height for child, _ in row) for space, row in blocks) - (gap if blocks else 0)
        self.height = max(total, 0)
        top = self.y + total + gap
        for space, row in blocks:
            top -= space
            left = self.x
            for child, span in row:
                child.width = (self.width + gap) * span - gap
                child.pos = (left, top - child.height)
                left += child.width + gap
            top -= max(child.height for child, _ in row)
