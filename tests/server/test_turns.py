"""Who waits is passed by nobody who came later: at the desk, for SQLite's one writer and for a district's lock; and it is held no longer than to write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from server.config import Config
from server.db import TURNS, db, reading
from server.editing import sql_server
from server.models import LineRow
from server.turns import Turns
from server.visit import Visit
from sync.store import Device
from tests.server.conftest import AddUser
from tests.server.test_exchange_route import GOOD, code_of
from tests.support.device import Answered, HandDevice

CROWD = 200
AT_ONCE = 10
"""Requests that a server works on at once (``server.config``): so many can wait for a lock."""


@pytest.fixture
def config(config: Config) -> Config:
    """As always, but on a busy machine nobody who waits for a lock is told to come again."""
    return replace(config, database_wait_s=60)


@contextmanager
def one_after_the_other(work: Sequence[Callable[[], None]], waits: Callable[[int], bool]) -> Iterator[None]:
    """Start each of these in a thread of its own once as many wait as came before it; when the block is left, they end."""
    threads = [threading.Thread(target=one) for one in work]
    for number, thread in enumerate(threads, 1):
        thread.start()
        while not waits(number):
            thread.join(0.001)
            assert thread.is_alive(), "it did not wait"
    yield
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("places", [1, 3])
def test_places_are_given_in_the_order_in_which_they_were_asked_for(places: int) -> None:
    turns, came = Turns(places), list[int]()

    def come(number: int) -> None:
        assert turns.take()
        came.append(number)

    assert all(turns.take() for _ in range(places))
    with one_after_the_other([lambda n=n: come(n) for n in range(CROWD)], lambda count: len(turns.waiting) == count):  # type: ignore[misc]
        for number in range(CROWD):
            turns.give()
            while len(came) == number:  # it has its place, and none can have it before it
                threading.Event().wait(0.0001)
    assert came == list(range(CROWD))


def test_who_gives_up_has_left_the_queue_and_takes_nobodys_place() -> None:
    turns = Turns(1)
    assert turns.take(0.01)
    assert not turns.take(0.01) and not turns.waiting
    turns.give()
    assert turns.take(0.01) and not turns.take(0), "no place was lost, and none was made"


@pytest.fixture
def devices(app: Flask, add_person: AddUser) -> Sequence[HandDevice]:
    """Tablets of ten officers of a commune."""

    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = app.test_client().post(path, data=body, content_type=kind, buffered=True)
        return Answered(answer.status_code, answer.mimetype, answer.get_data())

    return [HandDevice.enrol(post, code_of(app, add_person(f"lan{n}", "collector@long_khanh_a"))) for n in range(AT_ONCE)]


def waiting() -> int:
    """How many transactions wait for their turn now."""
    return sum(len(one.waiting) for one in TURNS[db.engine][1].values())


def logs() -> list[str]:
    """Whose lines were read, in the order in which they were."""
    with reading() as connection:
        return list(connection.scalars(select(LineRow.log).order_by(LineRow.place)))


def test_f44_no_tablet_that_waits_for_the_lock_is_passed_by_a_later_one(app: Flask, devices: Sequence[HandDevice]) -> None:
    """All came while one wrote: they are read in the order in which they came, each by the statements that it takes alone."""
    statements: list[str] = []
    work = [lambda one=one: one.push([one.line(GOOD)]) for one in devices]
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda connection, cursor, statement, *rest: statements.append(statement))
        for _ in range(2):  # at its first time a tablet's log is opened, and its contact is noted
            statements.clear()
            for push in work:
                push()  # type: ignore[call-arg]
        alone, before = sorted(statements), logs()
        with ExitStack() as queue, sql_server().writing("hong_ngu", "", 1):
            statements.clear()
            queue.enter_context(one_after_the_other(work, lambda count: waiting() == count))  # type: ignore[arg-type]
            assert not any(one.startswith("INSERT") for one in statements), "nobody wrote beside it"
        assert sorted(statements) == alone
        assert logs()[len(before):] == [one.log for one in devices]


def test_l07_a_lock_is_held_while_lines_are_written_and_not_while_the_answer_is_made(
    app: Flask, devices: Sequence[HandDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the answer of one tablet all others are read and answered, one within the other."""
    documents, left = Visit.documents, list(devices[1:])

    def meanwhile(self: Visit, device: Device, versions: Mapping[str, str]) -> dict[str, Any]:
        assert waiting() == 0
        if left:
            other = left.pop()
            push(other)
        return documents(self, device, versions)

    def push(one: HandDevice) -> None:
        answer = one.opened(one.send(one.request([one.line(GOOD)], page=65536, c={}, v={})))
        assert answer.head["read"][one.log][0] == 1

    monkeypatch.setattr(Visit, "documents", meanwhile)
    push(devices[0])
    with app.app_context():
        assert logs() == [devices[0].log, *(one.log for one in reversed(devices[1:]))]
