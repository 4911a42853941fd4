"""A small catalogue with one field of each policy, and a pair of tablets with a server on SQLite."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from server.db import db
from shared.catalogue import Catalogue
from shared.ids import new_record_id
from tests.support.bundles import Courier
from tests.support.catalogue import small_catalogue
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet

UNIT = "long_khanh_a"
OTHER = "long_khanh_b"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The small catalogue of the stories."""
    return small_catalogue()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An empty database in memory with the server's tables."""
    import server.models  # noqa: F401  (the tables must be known)

    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]

    @event.listens_for(engine, "begin")
    def _begin(connection: object) -> None:
        connection.exec_driver_sql("BEGIN")  # type: ignore[attr-defined]

    db.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def server(engine: Engine, catalogue: Catalogue) -> PairServer:
    """The server's half."""
    return PairServer(engine, catalogue)


@pytest.fixture
def tablets(server: PairServer, catalogue: Catalogue) -> dict[str, MemoryTablet]:
    """Tablets A, B, C and D of one commune."""
    return {name: MemoryTablet(server.enrol(name, [UNIT]), catalogue) for name in "ABCD"}


@pytest.fixture
def courier(server: PairServer) -> Courier:
    """Carries bundles between the tablets and the server."""
    return Courier(server)


@pytest.fixture
def record(tablets: dict[str, MemoryTablet], server: PairServer) -> str:
    """A record that all tablets have; its field ``people`` is still empty."""
    record = new_record_id()
    tablets["A"].write(record, "note", UNIT, {"title": "Nói chuyện chuyên đề"}, now_ms=NOON_MS)
    for tablet in (*tablets.values(), *tablets.values()):
        exchange(tablet, server)
    return record
