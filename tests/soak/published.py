"""What the servers of histories publish, and which forms each catalogue must know: those that were published before it there.

The real ``server.publishing`` does it; only what it reads and makes of the same texts is remembered from one history to the next.
"""

from collections.abc import Callable, Mapping
from unittest.mock import patch

from sqlalchemy import Connection

from server import publishing
from shared import catalogue as reading
from shared.catalogue import Catalogue, CatalogueError
from shared.former import evolved

MOST_KEPT = 2000

_published: dict[str, Catalogue] = {}
_followed: dict[tuple[Callable[..., object], str, str], dict[str, str] | CatalogueError] = {}

__all__ = ["Knowledge", "following", "version"]


def following(connection: Connection, folder: Catalogue, now_ms: int) -> Catalogue:
    """What is published of a folder after what was published before. Raises CatalogueError: it cannot follow."""
    make = evolved

    def remembered(old: Catalogue, texts: Mapping[str, str]) -> dict[str, str]:
        key = (make, old.version, folder.version)
        if key not in _followed:
            try:
                _followed[key] = make(old, texts)
            except CatalogueError as error:
                _followed[key] = error
        found = _followed[key]
        if isinstance(found, CatalogueError):
            raise found
        return found

    with patch.object(publishing, "evolved", remembered), patch.object(reading, "VERSIONS_KEPT", MOST_KEPT):
        catalogue = publishing.follow(connection, folder, now_ms)
    return _published.setdefault(catalogue.version, catalogue)


def version(name: str) -> Catalogue:
    """A catalogue that was published, by its version."""
    return _published[name]


Forms = frozenset[str]
"""The folders whose forms a catalogue knows."""


class Knowledge:
    """Which forms the server of one history knows, from which place of its stream on; and each catalogue that it published."""

    def __init__(self) -> None:
        self.forms: dict[str, Forms] = {}
        self._since: list[tuple[int, Forms]] = []
        self._kept: list[tuple[int, Forms]] = []

    @property
    def now(self) -> Forms:
        """What the server knows now."""
        return self._since[-1][1] if self._since else frozenset()

    def published(self, catalogue: str, folder: str, place: int) -> None:
        """A catalogue was published of a folder, behind a place of the stream."""
        known = self.now | {folder}
        self.forms[catalogue] = self.forms.get(catalogue, known) | known
        self._since.append((place, known))

    def backed_up(self) -> None:
        """The server was backed up."""
        self._kept = list(self._since)

    def restored(self) -> None:
        """The server went back to its backup: what was published since then was never published there."""
        self._since = list(self._kept)

    def told_again(self, known: Forms, place: int) -> None:
        """What was published last is told to a server that had forgotten it."""
        self._since.append((place, known))

    def at(self, place: int) -> Forms:
        """What the server knew when it took the line at a place."""
        return next(known for start, known in reversed(self._since) if start < place)
