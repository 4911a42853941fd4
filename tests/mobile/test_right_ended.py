"""Where the right to a case ends, every sealed value of it leaves the tablet: also those that were overwritten, and those of a record
that the disk has lost.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from server.models import Blob
from shared.ids import b64, new_record_id
from sync.log import Operation
from tests.soak.catalogues import FIRST, folder_of
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.store_tablet import StoreTablet

UNIT, OTHER = "long_khanh_a", "long_khanh_b"


@pytest.fixture
def server(engine: Engine) -> PairServer:
    return PairServer(engine, folder_of(FIRST))


@pytest.fixture
def tablets(server: PairServer, tmp_path: Path) -> Iterator[list[StoreTablet]]:
    found = [StoreTablet(server.enrol(name, [UNIT]), server.catalogue, tmp_path / f"{name}.sqlite3") for name in "AB"]
    yield found
    for tablet in found:
        tablet.store.database.close()


def seal(tablet: StoreTablet, record: str, *saw: str, unit: str = UNIT, path: str = "name", code: str = "") -> str:
    """Write a sealed name, and an open code in the same line; gives the line's name."""
    blob = os.urandom(60)
    digest = b64(hashlib.sha256(blob).digest())
    operations = [Operation("set", path, None, digest, saw, None), *([Operation("set", "code", code, None, (), None)] if code else [])]
    return tablet.log_change(record, "file", unit, operations, now_ms=NOON_MS, blobs={digest: blob})


def held(tablet: StoreTablet) -> int:
    """How many sealed values are on the disk."""
    with tablet.store.database.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM blob").fetchone()[0])


def set_scope(server: PairServer, tablet: StoreTablet, *units: str, cases: bool) -> None:
    known = server.devices[tablet.identity.id]
    scope = known.scope._replace(units=units, cases=cases, version=f"{','.join(units)}/{cases}")
    server.devices[tablet.identity.id] = known._replace(scope=scope)


def written_twice(server: PairServer, tablet: StoreTablet, unit: str = UNIT, code: str = "") -> str:
    """A record of which a tablet wrote the sealed name twice, and sent both."""
    record = new_record_id()
    first = seal(tablet, record, unit=unit, code=code)
    exchange(tablet, server)  # type: ignore[arg-type]
    seal(tablet, record, first, unit=unit)
    exchange(tablet, server)  # type: ignore[arg-type]
    return record


@pytest.mark.parametrize(("units", "cases"), [((UNIT,), False), ((OTHER,), False), ((UNIT, OTHER), False), ((OTHER,), True)])
def test_m92_what_was_overwritten_goes_with_the_right(server: PairServer, tablets: list[StoreTablet], units: tuple[str, ...], cases: bool) -> None:
    a, b = tablets
    written_twice(server, a)
    exchange(b, server)  # type: ignore[arg-type]
    assert (held(a), held(b)) == (2, 1), "B came after the first value was overwritten"
    for tablet in tablets:
        set_scope(server, tablet, *units, cases=cases)
        exchange(tablet, server)  # type: ignore[arg-type]
        assert held(tablet) == 0


@pytest.mark.parametrize("page", [1, 1 << 16])
def test_m92_what_was_overwritten_stays_where_the_right_stays(server: PairServer, tablets: list[StoreTablet], page: int) -> None:
    """A server that is set back may ask for it; also where the answer that tells the new right is cut into pages."""
    tablet = tablets[0]
    set_scope(server, tablet, UNIT, OTHER, cases=True)
    exchange(tablet, server)  # type: ignore[arg-type]
    written_twice(server, tablet, UNIT)
    stays = [written_twice(server, tablet, OTHER) for _ in range(3)]
    refused = seal(tablet, new_record_id(), unit=OTHER, path="no_such_field")
    exchange(tablet, server)  # type: ignore[arg-type]
    assert held(tablet) == 9 and list(tablet.aside) == [refused]
    set_scope(server, tablet, OTHER, cases=True)
    more, trips = True, 0
    while more:
        tablet.half.page = page
        more = tablet.half.receive(server.half.answer(tablet.half.request(), now_ms=NOON_MS)).more
        trips += 1
    assert (trips > 2) is (page == 1)
    assert set(tablet.told) == set(stays)
    assert held(tablet) == 7, "two of each record that stays, and the one that its writer may mend"


@pytest.mark.parametrize("lost", ["record", "held_line", "record, held_line"])
def test_m92_what_a_disk_lost_leaves_no_sealed_value_behind(server: PairServer, tablets: list[StoreTablet], lost: str) -> None:
    a, b = tablets
    written_twice(server, a)
    exchange(b, server)  # type: ignore[arg-type]
    for tablet in tablets:
        with tablet.store.database.writing() as connection:
            for table in lost.split(", "):
                connection.execute(f"DELETE FROM {table}")
        set_scope(server, tablet, UNIT, cases=False)
        exchange(tablet, server)  # type: ignore[arg-type]
        assert held(tablet) == 0


@pytest.mark.parametrize(("units", "cases"), [((UNIT,), False), ((OTHER,), True)])
def test_m96_what_nobody_else_has_is_asked_for_before_the_right_ends(
    server: PairServer, tablets: list[StoreTablet], units: tuple[str, ...], cases: bool
) -> None:
    """B pulls A's line after its sealed value was written over; S is set back, hears B first, and A's right ends."""
    a, b = tablets
    backup = server.save()
    written_twice(server, a, code="HS-01")
    exchange(b, server)  # type: ignore[arg-type]
    server.restore(backup)
    exchange(b, server)  # type: ignore[arg-type]
    set_scope(server, a, *units, cases=cases)
    exchange(a, server)  # type: ignore[arg-type]
    with server.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Blob)) == 2
    assert held(a) == 0
