"""What a push asks of the database, on both: so much a page and so much a batch, exactly, and one commit however many batches there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from server.db import db
from sync.accept import BATCH
from tests.bench.ours import activity
from tests.server.conftest import AddUser
from tests.server.test_contact import poster
from tests.server.test_exchange_route import code_of
from tests.support.device import HandDevice

BATCHES = (1, 2, 3, 7)


@pytest.fixture
def device(app: Flask, add_person: AddUser) -> HandDevice:
    return HandDevice.enrol(poster(app), code_of(app, add_person("lan", "collector@long_khanh_a")))


@contextmanager
def written(engine: Engine, what: str) -> Iterator[list[str]]:
    """The statements that an engine is given in the block; or, by the name of an event, what it does."""
    told: list[str] = []

    def note(connection: object, *rest: object) -> None:
        told.append(str(rest[1]) if len(rest) > 1 else what)

    event.listen(engine, what, note)
    yield told
    event.remove(engine, what, note)


def lines(device: HandDevice, count: int) -> list[bytes]:
    """New records of about 1 KB, as the benchmark's tablets write them."""
    made = [{path: value for path, value in activity(n).items() if not isinstance(value, list)} for n in range(count)]
    return [device.line([{"p": path, "v": value} for path, value in one.items()], offset=n) for n, one in enumerate(made, 1)]


def test_l03_a_push_asks_so_much_a_page_and_so_much_a_batch_and_commits_once(app: Flask, device: HandDevice) -> None:
    device.push(lines(device, 1))  # its log is opened, and its contact is noted
    asked: dict[int, int] = {}
    for count in [1, *(batches * BATCH for batches in BATCHES), BATCHES[-1] * BATCH + 1]:
        pushed = lines(device, count)
        with app.app_context(), written(db.engine, "before_cursor_execute") as statements, written(db.engine, "commit") as ends:
            head = device.push(pushed)
        assert head["read"][device.log][0] == device.number and "aside" not in head
        writes = [one for one in statements if one.lstrip().startswith(("INSERT", "UPDATE", "DELETE"))]
        assert writes and len([one for one in writes if one.startswith("UPDATE stream")]) == 2, "one transaction: its lock, and its end"
        asked[count] = len(statements)
        assert len(ends) == 3, "what was read before, the page, what was read for the answer"
    a_batch = asked[2 * BATCH] - asked[BATCH]
    assert 0 < a_batch <= 4
    assert [asked[batches * BATCH] for batches in BATCHES] == [asked[BATCH] + a_batch * (batches - 1) for batches in BATCHES]
    assert asked[1] == asked[BATCH] and asked[BATCHES[-1] * BATCH + 1] == asked[BATCHES[-1] * BATCH] + a_batch
