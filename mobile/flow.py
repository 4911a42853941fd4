"""Which screens there are, what each is told when it opens, and what follows what. A table, tested without a window.

What may live here: one row a screen. A screen that needs an unlocked tablet is never shown on a locked one: «unlock» comes
first, and the way goes on afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["SCREENS", "Screen", "allowed", "first_screen"]


@dataclass(frozen=True, kw_only=True)
class Screen:
    """One screen.

    ``takes`` names what ``Shell.go`` may tell it; ``needs`` is what must be true: ``nothing``, ``enrolled`` or ``unlocked``;
    ``back`` is the screen that «back» leads to where the way there is not known; ``typing`` says that a half-typed form is kept
    when it is left.
    """

    takes: tuple[str, ...] = ()
    needs: str = "unlocked"
    back: str = "home"
    typing: bool = False


SCREENS: Final[Mapping[str, Screen]] = {
    "enrol": Screen(needs="nothing", back="enrol"),
    "unlock": Screen(needs="enrolled", back="unlock"),
    "home": Screen(back="home"),
    "records": Screen(takes=("type", "state", "only", "heading")),
    "form": Screen(takes=("record", "type", "path"), typing=True),
    "submit": Screen(takes=("record",), back="form", typing=True),
    "conflict": Screen(takes=("record", "path")),
    "incident": Screen(takes=("record",), typing=True),
    "report": Screen(takes=("record", "period"), typing=True),
    "sync": Screen(),
    "settings": Screen(),
}
"""Every screen by its name, which is also its folder's."""


def first_screen(*, enrolled: bool, unlocked: bool) -> str:
    """The screen that a tablet starts with."""
    if not enrolled:
        return "enrol"
    return "home" if unlocked else "unlock"


def allowed(name: str, where: Mapping[str, Any], *, enrolled: bool, unlocked: bool) -> str:
    """The screen that is really shown when a screen is asked for: itself, or the one that must come before it.

    Raises:
        KeyError: there is no such screen, or it is told something that it does not take.
    """
    screen = SCREENS[name]
    unknown = set(where) - set(screen.takes)
    if unknown:
        raise KeyError(f"{name} does not take {', '.join(sorted(unknown))}")
    if screen.needs == "nothing" or (screen.needs == "enrolled" and enrolled) or (enrolled and unlocked):
        return name
    return first_screen(enrolled=enrolled, unlocked=unlocked)
