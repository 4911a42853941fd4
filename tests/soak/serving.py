"""The server of a history: its database in memory, and the server's half with a catalogue that changes and a process that can die."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, delete, event

from server.db import db
from server.models import (
    Blob,
    CatalogueRow,
    Damage,
    FallenValue,
    LineRow,
    LogRow,
    PartRow,
    PastUnit,
    RecordRow,
    Review,
    StreamRow,
)
from shared.catalogue import Catalogue
from sync.store import Device
from tests.soak.catalogues import FIRST, folder_of
from tests.soak.tablets import Crash
from tests.support.engines import blank_memory
from tests.support.pair import PairServer

_MODELS: tuple[Any, ...] = (StreamRow, LogRow, LineRow, RecordRow, PastUnit, PartRow, FallenValue, Blob, Review, CatalogueRow, Damage)

__all__ = ["SoakServer", "empty", "memory_engine"]


def memory_engine() -> Engine:
    """An empty database in memory with the tables of the stream."""
    engine = blank_memory()
    db.metadata.create_all(engine, tables=[model.__table__ for model in _MODELS])
    return engine


def empty(engine: Engine) -> None:
    """Forget everything but the catalogue that was published first, so that one database serves many histories."""
    with engine.begin() as connection:
        for model in reversed(_MODELS):
            gone = delete(model.__table__)
            connection.execute(gone.where(CatalogueRow.number > 1) if model is CatalogueRow else gone)


class SoakServer(PairServer):
    """The server's half with a catalogue that changes, and a process that can die at any statement."""

    def __init__(self, engine: Engine, catalogue: Catalogue) -> None:
        super().__init__(engine, catalogue)
        self.left = 0
        self.forgot = False

        @event.listens_for(engine, "before_cursor_execute")
        def _count(*_: object) -> None:
            if self.left:
                self.left -= 1
                if not self.left:
                    raise Crash

        self._listener = _count

    def close(self) -> None:
        event.remove(self.engine, "before_cursor_execute", self._listener)

    def documents(self, device: Device, versions: Mapping[str, str]) -> dict[str, Any]:
        if versions.get("catalogue", folder_of(FIRST).version) == self.catalogue.version:
            return {}
        return {"catalogue": {"version": self.catalogue.version}}
