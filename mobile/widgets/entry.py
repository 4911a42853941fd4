"""Boxes into which a person types: with Vietnamese typing inside, a label above the words, a coloured edge."""

from typing import Any

from kivy.clock import Clock
from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.textinput import TextInput

from mobile.telex import METHODS, Typist, word_before

__all__ = ["Entry", "InputBox"]


class Entry(TextInput):
    """A text input that composes Vietnamese by Telex or VNI where ``typing`` names a method.

    The keyboard's own composition (``on_textedit``) is Kivy's and stays in force; what it commits is a whole
    word, so only single letters go through the converter. Control characters never get in.
    """

    typing = StringProperty("off")
    one_line = BooleanProperty(False)
    """True: it wraps where it is long and never holds a line break; the key for one ends the typing."""

    def __init__(self, **kwargs: Any) -> None:
        self._typist: Typist | None = None
        super().__init__(**kwargs)

    def on_typing(self, _: Any, method: str) -> None:
        """Take another way of typing."""
        self._typist = Typist(METHODS[method]) if method in METHODS else None

    def insert_text(self, substring: str, from_undo: bool = False) -> None:
        """Insert what was typed, composed; a pasted text goes in as it is, without control characters."""
        if self.one_line:
            if substring == "\n":
                self.focus = False
                return
            substring = " ".join(substring.splitlines()) if "\n" in substring else substring
        text = "".join(char for char in substring if char.isprintable() or (char == "\n" and self.multiline))
        if from_undo or self._typist is None or len(text) != 1 or self.selection_text:
            super().insert_text(text, from_undo=from_undo)
            return
        column, row = self.cursor
        word = word_before(self._lines[row][:column])
        result = self._typist.type(word, text)
        same = 0
        while same < min(len(word), len(result)) and word[same] == result[same]:
            same += 1
        for _ in word[same:]:
            self.do_backspace()
        super().insert_text(result[same:])


class InputBox(BoxLayout):
    """An outlined box with its label and one :class:`Entry`; ``on_typed`` fires soon after the last key.

    ``on_typed`` is told at once when the box loses its focus or :meth:`flush` is called.
    """

    label = StringProperty("")
    suffix = StringProperty("")
    text = StringProperty("")
    hint = StringProperty("")
    typing = StringProperty("off")
    icon = StringProperty("")
    helped = BooleanProperty(False)
    """True: a mark at the right opens help."""
    wrong = BooleanProperty(False)
    doubtful = BooleanProperty(False)
    multiline = BooleanProperty(False)
    wraps = BooleanProperty(False)
    """True: one line of text, shown in as many as it needs."""
    password = BooleanProperty(False)
    readonly = BooleanProperty(False)
    numeric = BooleanProperty(False)
    private = BooleanProperty(False)
    """True: the keyboard must learn nothing of what is typed here."""
    focused = BooleanProperty(False)
    __events__ = ("on_typed", "on_icon_press", "on_help_press")

    PAUSE_S = 0.35
    """Seconds after the last key until what was typed is handed on."""

    def __init__(self, **kwargs: Any) -> None:
        self._told: str | None = None
        self._quiet = False
        super().__init__(**kwargs)
        self._soon = Clock.create_trigger(self.flush, self.PAUSE_S)

    @property
    def entry(self) -> Entry:
        """The input itself."""
        entry: Entry = self.ids.entry
        return entry

    def show(self, text: str) -> None:
        """Put a text in without telling anyone."""
        self._quiet = True
        self.text = text
        self._told = text
        self._quiet = False

    def on_text(self, _: Any, text: str) -> None:
        """Note that something was typed."""
        if not self._quiet and text != self._told:
            self._soon()

    def on_focused(self, _: Any, focused: bool) -> None:
        """Hand on what was typed when the focus leaves."""
        if not focused:
            self.flush()

    def flush(self, *_: Any) -> None:
        """Hand on at once what was typed and not yet handed on."""
        self._soon.cancel()
        if self._told is not None and self.text == self._told:
            return
        if self._told is None and not self.text:
            return
        self._told = self.text
        self.dispatch("on_typed", self.text)

    def on_typed(self, text: str) -> None:
        """A text was typed."""

    def on_icon_press(self) -> None:
        """The icon at the right was pressed."""

    def on_help_press(self) -> None:
        """The mark of help was pressed."""

    def on_touch_down(self, touch: Any) -> bool:
        """Let a touch anywhere in the box give the focus to its entry."""
        if super().on_touch_down(touch):
            return True
        if self.collide_point(*touch.pos) and not self.readonly and not touch.is_mouse_scrolling:
            touch.grab(self)
            return True
        return False

    def on_touch_up(self, touch: Any) -> bool:
        """Give the focus when the finger leaves."""
        if touch.grab_current is self:
            touch.ungrab(self)
            if self.collide_point(*touch.pos):
                self.entry.focus = True
            return True
        return bool(super().on_touch_up(touch))
