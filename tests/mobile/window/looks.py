"""What a page must look like everywhere: no text cut, nothing beside the window, no field over another, room for fingers."""

from typing import Any

from kivy.core.window import Window
from kivy.metrics import dp

from mobile.widgets.basics import Link
from tests.mobile.window.hand import everything

TOUCH_DP = 48


def visible(widget: Any) -> bool:
    """Whether a widget is there to be seen."""
    while widget is not None and widget is not Window:
        if widget.opacity == 0 or widget.width <= 1 or widget.height <= 1:
            return False
        widget = widget.parent
    return True


def told(widget: Any) -> str:
    """A widget in a word, for a failure."""
    return f"{type(widget).__name__} «{getattr(widget, 'text', '')}» {tuple(round(v) for v in (*widget.to_window(*widget.pos), *widget.size))}"


def cut_texts(root: Any) -> list[str]:
    """The labels whose words do not fit into their place (those that shorten themselves with «…» may)."""
    found = []
    for widget in everything(root):
        names = {one.__name__ for one in type(widget).__mro__}
        if "Label" not in names or not widget.text.strip() or not visible(widget) or widget.shorten:
            continue
        wide, high = widget.texture_size
        if wide > widget.width + 1 or high > widget.height + 1:
            found.append(told(widget))
    return found


def outside(root: Any) -> list[str]:
    """What stands beyond the left or right edge of the window and is in no strip that scrolls sideways."""
    found = []
    for widget in everything(root):
        names = {one.__name__ for one in type(widget).__mro__}
        if not names & {"Label", "TextInput", "Card"} or not visible(widget) or _scrolls_sideways(widget):
            continue
        left = widget.to_window(*widget.pos)[0]
        if left < -1 or left + widget.width > Window.width + 1:
            found.append(told(widget))
    return found


def _scrolls_sideways(widget: Any) -> bool:
    while widget is not None and widget is not Window:
        if getattr(widget, "do_scroll_x", False):
            return True
        widget = widget.parent
    return False


def overlapping(root: Any) -> list[str]:
    """Children of one parent that lie over each other, in the layouts that place things side by side."""
    found = []
    for parent in everything(root):
        names = {one.__name__ for one in type(parent).__mro__}
        if not names & {"FieldGrid", "BoxLayout", "StackLayout", "GridLayout", "_Rows"}:
            continue
        children = [child for child in parent.children if visible(child)]
        for at, one in enumerate(children):
            for other in children[at + 1 :]:
                wide = min(one.right, other.right) - max(one.x, other.x)
                high = min(one.top, other.top) - max(one.y, other.y)
                if wide > 1.5 and high > 1.5:
                    found.append(f"{told(one)} over {told(other)}")
    return found


def too_small(root: Any) -> list[str]:
    """What can be pressed and is lower than a finger."""
    found = []
    for widget in everything(root):
        names = {one.__name__ for one in type(widget).__mro__}
        if "ButtonBehavior" not in names or not visible(widget) or widget.disabled:
            continue
        least = dp(TOUCH_DP) / 2 - 1
        x, y = widget.center
        if not (widget.collide_point(x, y - least) and widget.collide_point(x, y + least)) or (widget.width < 2 * least and not isinstance(widget, Link)):
            found.append(told(widget))
    return found


def faults(root: Any) -> list[str]:
    """Everything that is wrong with the looks of what is shown."""
    return [
        *(f"cut: {one}" for one in cut_texts(root)),
        *(f"outside: {one}" for one in outside(root)),
        *(f"overlap: {one}" for one in overlapping(root)),
        *(f"small: {one}" for one in too_small(root)),
    ]
