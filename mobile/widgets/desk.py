"""What a field's widget may ask of the screen it stands on; nothing else of the application is known to it.

A path is a field's code (``title``) or a field of a row (``speakers/ROW/name``).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol

from mobile.offers import Offer

__all__ = ["Desk", "Offer", "Remark"]


class Remark(NamedTuple):
    """What is wrong and what is doubtful at a path, in words; empty where nothing is."""

    error: str = ""
    warning: str = ""


class Desk(Protocol):
    """The screen around a field, as its widget sees it."""

    @property
    def language(self) -> str:
        """``vi`` or ``en``."""

    @property
    def typing(self) -> str:
        """``off``, ``telex`` or ``vni``."""

    @property
    def today(self) -> date:
        """The local date."""

    def say(self, code: str, **params: object) -> str:
        """Give a phrase of ``messages.yaml`` in the officer's language."""

    def value(self, path: str) -> Any:
        """Give the value at a path, None where it is unknown."""

    def remark(self, path: str) -> Remark:
        """Give what is wrong or doubtful at a path."""

    def answered(self, path: str, value: Any) -> None:
        """Take the value that a person gave (None: taken away)."""

    def keep(self, path: str) -> None:
        """Ask why a doubtful value shall stand."""

    def offers(self, path: str, text: str = "") -> Sequence[Offer]:
        """Give what may be chosen at a path; ``text`` narrows it, without tone marks."""

    def words_for(self, path: str, value: Any) -> str:
        """Give the words that show a value of the field at a path; «–» for None."""

    def shown(self, path: str) -> bool:
        """Say whether the field at a path is asked at all, as the other answers are."""

    def add_row(self, path: str) -> str:
        """Add an empty row at the end; gives its id."""

    def move_row(self, path: str, row: str, step: int) -> None:
        """Move a row up (-1) or down (1)."""

    def delete_row(self, path: str, row: str) -> None:
        """Take a row away, after asking."""

    def row_words(self, path: str, row: str) -> str:
        """Give a short name of a row: the fixed item's own, else what its first answers say."""

    def pick_files(self, path: str, *, photos: bool) -> None:
        """Let the officer choose files of the disk and add them to the field at a path."""

    def file_words(self, item: Mapping[str, Any]) -> str:
        """Give what stands below a file's name: its size, that it has not left, that it has not come here."""

    def open_file(self, path: str, item: Mapping[str, Any]) -> None:
        """Show a photo; bring it first where it has not come here."""

    def later(self, work: Callable[[], None]) -> None:
        """Do something after the present touch has been dealt with."""

    def now(self) -> str:
        """Give this minute as a stored datetime."""

    def locate(self) -> tuple[float, float] | None:
        """Give the place of this tablet as (latitude, longitude), None where it has no way to know."""
