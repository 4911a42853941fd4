"""A hand at the tablet's window: touches what it sees, types into what has the focus, waits until something is so."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from kivy.base import EventLoop
from kivy.clock import Clock
from kivy.core.window import Window
from kivy.lang import Builder
from kivy.tests.common import UnitTestTouch
from kivy.uix.modalview import ModalView
from kivy.uix.widget import Widget

PATIENCE_S = 60
"""Seconds after which what does not come is a failure."""
FRAME_S = 1 / 120
"""What the app's own loop rests between two frames, so that its other threads get their turn."""
ENTER, BACKSPACE = 13, 8


def frames(count: int = 2) -> None:
    """Let the window live for some frames, each drawn."""
    for _ in range(count):
        EventLoop.idle()


def ticks(count: int = 2) -> None:
    """Let the window live for some frames that are laid out and not drawn: software GL draws slowly."""
    for _ in range(count):
        Clock.tick()
        EventLoop.dispatch_input()
        Builder.sync()
        Clock.tick_draw()
        Builder.sync()


def until(true: Callable[[], Any], what: str = "") -> Any:
    """Let the window live until something is so; gives what it is."""
    end = time.monotonic() + PATIENCE_S
    while True:
        found = true()
        if found:
            return found
        assert time.monotonic() < end, f"it did not come: {what or true}; there stands: {said()}"
        time.sleep(FRAME_S)
        ticks(1)


def everything(widget: Any) -> Iterator[Widget]:
    """Every widget below one, itself first."""
    yield widget
    for child in reversed(widget.children):
        yield from everything(child)


def top() -> Any:
    """What takes the touches now: the sheet that lies over the screen, or the window."""
    sheets = [child for child in Window.children if isinstance(child, ModalView)]
    return sheets[0] if sheets else Window


def find(kind: str, text: str = "", *, within: Any = None) -> list[Any]:
    """The widgets of a class whose text (or words) is this, in reading order; all of the class where no text is named."""
    found = []
    for widget in everything(within or top()):
        names = {one.__name__ for one in type(widget).__mro__}
        words = getattr(widget, "text", None) or getattr(widget, "words", None) or getattr(widget, "label", None)
        if kind in names and (not text or words == text):
            found.append(widget)
    return found


def said() -> list[str]:
    """All words that stand in the window now, sheets and notices included."""
    texts = (getattr(widget, "text", "") for child in Window.children for widget in everything(child))
    return [text for text in texts if isinstance(text, str) and text]


def viewport(widget: Any) -> Any:
    """The scroll view that holds a widget; None where none does."""
    parent = widget.parent
    while parent is not None and parent is not Window and not hasattr(parent, "scroll_to"):
        parent = parent.parent
    return parent if hasattr(parent, "scroll_to") else None


def in_sight(widget: Any) -> bool:
    """Whether the middle of a widget is inside the window, and inside the scroll view that holds it."""
    x, y = widget.to_window(*widget.center)
    view = viewport(widget)
    if view is not None:
        left, low = view.to_window(*view.pos)
        if not (left <= x <= left + view.width and low <= y <= low + view.height):
            return False
    return bool(0 <= x <= Window.width and 0 <= y <= Window.height)


def scroll_to(widget: Any) -> None:
    """Bring a widget into sight by its scroll view, as a finger would."""
    ticks(1)
    view = viewport(widget)
    for _ in range(4):
        inside = view.children[0] if view is not None and view.children else None
        if in_sight(widget) or inside is None:
            return
        if inside.height > view.height or inside.width > view.width:
            view.scroll_to(widget, padding=60, animate=False)
        ticks()


def touch(widget: Any) -> None:
    """Touch the middle of a widget; it must be in sight."""
    scroll_to(widget)
    x, y = widget.to_window(*widget.center)
    assert in_sight(widget), f"{widget} is out of sight at {x:.0f}, {y:.0f}"
    press(x, y)


def press(x: float, y: float) -> None:
    """Touch the window at a place."""
    finger = UnitTestTouch(x, y)
    finger.touch_down()
    ticks(1)
    finger.touch_up()
    ticks(3)


def focused() -> Any:
    """The input that has the focus."""
    inputs = [widget for widget in find("TextInput") if widget.focus]
    assert len(inputs) == 1, "no input has the focus"
    return inputs[0]


def key(code: int) -> None:
    """Press one key that is no letter, as the window's own loop hands it on."""
    if not Window.dispatch("on_key_down", code, 0, None, []):
        Window.dispatch("on_keyboard", code, 0, None, [])
    Window.dispatch("on_key_up", code, 0)


def write(text: str) -> None:
    """Type a text with the keyboard into what has the focus."""
    focused()
    for char in text:
        if char == "\n":
            key(ENTER)
        else:
            Window.dispatch("on_textinput", char)
    ticks(1)


def type_into(box: Any, text: str) -> None:
    """Touch an input box, empty it by its keys, and type."""
    touch(box)
    until(lambda: box.entry.focus, f"focus of {box.label}")
    if box.entry.text:
        Window.dispatch("on_key_down", ord("a"), 0, "a", ["ctrl"])
        key(BACKSPACE)
    write(text)
