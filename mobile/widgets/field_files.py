"""Widgets of fields that are shown or attached: files and photos, computed values, states, frozen figures."""

from typing import Any

from kivy.metrics import dp

from mobile.widgets import theme
from mobile.widgets.basics import Column, PressCard, RoundButton, Words
from mobile.widgets.entry import InputBox
from mobile.widgets.field import FieldWidget
from mobile.widgets.field_rows import RowIcon

__all__ = ["ComputedField", "FilesField", "PhotosField"]


class FilesField(FieldWidget):
    """Files chosen from the disk, each with its name, its size, and what it still has to travel."""

    photos = False

    def build(self) -> None:
        """Add the list and «Chọn tệp…»."""
        self.column = Column(spacing=dp(8))
        self.add_widget(self.column)
        say = self.desk.say
        button = RoundButton(text=say("mobile.field.pick_photos" if self.photos else "mobile.field.pick_files"))
        button.bind(on_release=lambda *_: self.desk.pick_files(self.path, photos=self.photos))
        self.add_widget(button)

    def show(self, value: Any) -> None:
        """Draw the files."""
        super().show(value)
        self.column.clear_widgets()
        for item in value or []:
            self.column.add_widget(self._line(item))

    def _line(self, item: dict[str, Any]) -> PressCard:
        card = PressCard(orientation="horizontal", padding=(dp(14), dp(4)), spacing=dp(8))
        card.bind(on_release=lambda *_: self.desk.open_file(self.path, item))
        words = Column(spacing=dp(2), pos_hint={"center_y": 0.5})
        words.add_widget(Words(text=str(item.get("name", "–"))))
        words.add_widget(Words(role="small", text=self.desk.file_words(item)))
        card.add_widget(words)
        icon = RowIcon(name="delete-outline", color=theme.RED, pos_hint={"center_y": 0.5})
        icon.bind(on_release=lambda *_: self.desk.later(lambda: self._drop(item["sha256"])))
        card.add_widget(icon)
        return card

    def _drop(self, sha256: str) -> None:
        left = [item for item in self.value or [] if item["sha256"] != sha256]
        self.show(left or None)
        self.answer(left or None)


class PhotosField(FilesField):
    """Photos chosen from the disk."""

    photos = True


class ComputedField(FieldWidget):
    """A value that follows from others, is set by a machine, or is answered by those above the unit; read, never typed."""

    span = 1 / 3
    narrow_span = 0.5
    label_inside = True

    def build(self) -> None:
        """Add the grey box."""
        note = self.desk.say("mobile.field.computed") if self.field.computed else ""
        label = self.field.label.get(self.desk.language)
        long = self.field.kind == "long"
        self.span, self.narrow_span = (1.0, 1.0) if long else (self.span, self.narrow_span)
        self.box = InputBox(label=f"{label}, {note}" if note else label, readonly=True, multiline=long, wraps=not long)
        self.add_widget(self.box)

    def show(self, value: Any) -> None:
        """Write the value in words."""
        super().show(value)
        self.box.show(self.desk.words_for(self.path, value))
