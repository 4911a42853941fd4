"""Sheets: what lies over a screen for one question and goes away with its answer."""

import io
from collections.abc import Callable, Sequence
from typing import Any

from kivy.core.image import Image as CoreImage
from kivy.core.window import Window
from kivy.metrics import dp
from kivy.properties import StringProperty
from kivy.uix.image import Image
from kivy.uix.modalview import ModalView

from mobile.widgets.basics import Column, Link, RoundButton, Words
from mobile.widgets.entry import InputBox

ROWS_MOST = 60
"""A history shows at most so many of its newest rows."""

PICTURE_NARROWEST_DP, MOST_ENLARGED = 360, 2
"""A sheet around a small photo has room for its name; a point of a photo is drawn at most so many dp wide."""

SIDES_DP, AROUND_WIDE_DP, AROUND_HIGH_DP = 40, 72, 112
"""What stands left and right of a photo inside the sheet; that with the window's edge; above and below it, beside title and deeds."""

__all__ = ["AskSheet", "HistorySheet", "PictureSheet", "ReasonSheet", "Sheet"]


class Sheet(ModalView):
    """A white sheet with a title, a body (``ids.body``) and a row of deeds (``ids.deeds``).

    It is as high as its content, at most the window's height; the body scrolls.
    """

    title = StringProperty("")
    width_dp: float = 560
    fixed_body = False
    """True: the body takes the whole height that is left (lists), instead of scrolling as one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(size_hint=(None, None), auto_dismiss=True, **kwargs)
        Window.bind(size=self._fit)
        body, deeds, head = self.ids.body, self.ids.deeds, self.ids.head
        for part in (body, deeds, head):
            part.bind(height=self._fit)
        self._fit()

    def _fit(self, *_: Any) -> None:
        wide, high = Window.size
        self.width = min(dp(self.width_dp), wide - dp(32))
        ids = self.ids
        needed = ids.head.height + ids.deeds.height + dp(64)
        limit = high - dp(32)
        body = dp(4000) if self.fixed_body else ids.body.height
        self.height = min(limit, needed + body)

    def deed(self, text: str, done: Callable[[], None] | None, *, filled: bool = False, danger: bool = False) -> Any:
        """Add a button that closes the sheet and then does something."""
        button = RoundButton(text=text, filled=filled, danger=danger)

        def released(*_: Any) -> None:
            self.dismiss(animation=False)
            if done is not None:
                done()

        button.bind(on_release=released)
        self.ids.deeds.add_widget(button)
        return button

    def link(self, text: str, done: Callable[[], None]) -> None:
        """Add a deed of lesser weight."""
        link = Link(text=text)

        def released(*_: Any) -> None:
            self.dismiss(animation=False)
            done()

        link.bind(on_release=released)
        self.ids.deeds.add_widget(link)

    def on_dismiss(self) -> None:
        """Let the window forget this sheet."""
        Window.unbind(size=self._fit)


class AskSheet(Sheet):
    """One question in words and its answers, each with what it does."""

    def __init__(
        self, *, title: str, words: str, answers: Sequence[tuple[str, Callable[[], None] | None]], danger: bool = False
    ) -> None:
        super().__init__(title=title)
        if words:
            self.ids.body.add_widget(Words(text=words))
        for index, (text, done) in enumerate(answers):
            self.deed(text, done, filled=index == 0, danger=danger and index == 0)


class HistorySheet(Sheet):
    """What was written, the newest first: each value, and below it who wrote it and when."""

    def __init__(self, *, title: str, rows: Sequence[tuple[str, str, str]], close: str) -> None:
        super().__init__(title=title)
        for words, who, when in rows[:ROWS_MOST]:
            line = Column(spacing=dp(2))
            line.add_widget(Words(text=words))
            line.add_widget(Words(role="small", text=f"{who} · {when}"))
            self.ids.body.add_widget(line)
        self.deed(close, None)


class PictureSheet(Sheet):
    """One photo as large as the window lets it be, drawn from memory: nothing of it is written on the disk in the clear."""

    picture: Image | None = None

    def __init__(self, *, title: str, picture: bytes, close: str) -> None:
        super().__init__(title=title)
        texture = CoreImage(io.BytesIO(picture), ext="jpg").texture
        self.picture = Image(texture=texture, fit_mode="contain", size_hint_y=None)
        self.ids.body.add_widget(self.picture)
        self.deed(close, None)
        self._fit()

    def _fit(self, *_: Any) -> None:
        if self.picture is not None:
            wide, high = self.picture.texture.size
            room = Window.height - self.ids.head.height - self.ids.deeds.height - dp(AROUND_HIGH_DP)
            scale = min((Window.width - dp(AROUND_WIDE_DP)) / wide, room / high, dp(MOST_ENLARGED))
            self.picture.height = high * scale
            self.width_dp = max(PICTURE_NARROWEST_DP, wide * scale / dp(1) + SIDES_DP)
        super()._fit()


class ReasonSheet(Sheet):
    """Asks for a reason in a sentence; an empty one is not taken."""

    def __init__(
        self, *, title: str, words: str, ok: str, cancel: str, missing: str, typing: str, then: Callable[[str], None]
    ) -> None:
        super().__init__(title=title)
        if words:
            self.ids.body.add_widget(Words(text=words))
        self.box = InputBox(multiline=True, typing=typing, label=missing)
        self.ids.body.add_widget(self.box)
        button = RoundButton(text=ok, filled=True)
        button.bind(on_release=lambda *_: self._done(then))
        self.ids.deeds.add_widget(button)
        self.deed(cancel, None)

    def _done(self, then: Callable[[str], None]) -> None:
        text = self.box.text.strip()
        if not text:
            self.box.wrong = True
            return
        self.dismiss(animation=False)
        then(text)
