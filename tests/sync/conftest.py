"""A small catalogue with one field of each policy, and tablets with a server, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.catalogue import Catalogue
from shared.ids import new_record_id
from tests.support.bundles import Courier
from tests.support.catalogue import small_catalogue
from tests.support.databases import DATABASES
from tests.support.engines import emptied, memory_engine, postgresql_engine
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet

UNIT = "long_khanh_a"
OTHER = "long_khanh_b"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The small catalogue of the stories."""
    return small_catalogue()


@pytest.fixture(scope="session")
def postgresql_tables(postgresql_server: Any) -> Iterator[Engine]:
    """A database of a real PostgreSQL with the server's tables."""
    with postgresql_engine(postgresql_server) as engine:
        yield engine


@pytest.fixture
def in_memory() -> Iterator[Engine]:
    """An empty database of SQLite with the server's tables."""
    engine = memory_engine()
    yield engine
    engine.dispose()


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An empty database of either kind with the server's tables."""
    if request.param == "sqlite":
        return request.getfixturevalue("in_memory")
    return emptied(request.getfixturevalue("postgresql_tables"))


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
