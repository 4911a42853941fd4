"""The way through the screens: which lie behind the one in front, and what each was told. Knows no window.

``unlock`` and ``enrol`` never lie behind anything; what was asked for while they stood in the way is shown afterwards.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Place", "Way"]


class Place(NamedTuple):
    """A screen and what it was told."""

    name: str
    where: Mapping[str, Any]


HOME = Place("home", {})


class Way:
    """The screens behind the one in front, the oldest first, and the one in front last."""

    def __init__(self) -> None:
        self.places: list[Place] = [HOME]

    @property
    def front(self) -> Place:
        """The screen in front."""
        return self.places[-1]

    def go(self, name: str, where: Mapping[str, Any]) -> Place:
        """Put a screen in front; the same screen twice in a row is one place."""
        place = Place(name, dict(where))
        if name == "home":
            self.places = [HOME]
        elif place != self.front:
            self.places.append(place)
        return self.front

    def remember(self, where: Mapping[str, Any]) -> None:
        """Note what the screen in front would have to be told to stand as it does now."""
        self.places[-1] = Place(self.front.name, dict(where))

    def back(self) -> Place | None:
        """Take the screen in front away; None where nothing lies behind it."""
        if len(self.places) == 1:
            return None
        self.places.pop()
        return self.front

    def return_to(self, name: str, where: Mapping[str, Any]) -> Place:
        """Go back as far as a screen, or put it in the place of the one in front where the way did not lead through it."""
        names = [place.name for place in self.places]
        keep = len(names) - 1 - names[::-1].index(name) if name in names else len(names) - 1
        self.places = [*self.places[: max(keep, 1)], Place(name, dict(where))]
        return self.front

    def home(self) -> Place:
        """Forget the way."""
        self.places = [HOME]
        return HOME
