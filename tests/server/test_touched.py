"""What was touched behind a number comes once each and in order, however many units and stretches it is read from."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event, insert

from server import touched
from server.db import reading, writing
from server.models import PastUnit, RecordRow, StreamRow
from server.touched import Kinds, touched_behind
from sync.state import RecordState

STREAM, OTHER = "hong_ngu", "tam_nong"
UNITS = ("long_khanh_a", "long_khanh_b", "long_thuan", "phu_thuan_a", "phu_thuan_b")
TYPES = ("talk", "case", "visit")


def registers_of(row: Any) -> RecordState:
    """The registers of a row."""
    return RecordState.load(json.loads(row.registers))


def fill(connection: Connection, seed: int, number: int) -> list[tuple[int, str, tuple[str, ...], str, str]]:
    """Invented records, some of which were in other units before; gives (touched, id, units, type, stream) of each."""
    rng, rows = random.Random(seed), []
    for stream in (STREAM, OTHER):
        connection.execute(insert(StreamRow).values(code=stream, number=number, hash=bytes(32), segments=0))
    for at in rng.sample(range(1, 3 * number), number):
        units = tuple(rng.sample(UNITS, rng.choice((1, 1, 1, 2, 3))))
        rows.append((at, f"r{at}", units, rng.choice(TYPES), OTHER if rng.random() < 0.1 else STREAM))
    for at, record, units, kind, stream in rows:
        state = RecordState(record, kind, list(units))
        connection.execute(
            insert(RecordRow).values(
                id=record, stream=stream, type=kind, unit=units[-1], touched=at, created_ms=0, updated_ms=0, digest=bytes(16),
                digest_sealed=bytes(16), **({"sole": "name"} if len(units) == 1 else {"registers": json.dumps(state.dump())}),
            )
        )  # fmt: skip
        for past in units[:-1]:
            connection.execute(insert(PastUnit).values(record=record, unit=past, touched=at))
    return rows


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_touched_record_comes_once_and_in_order(app: Flask, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(touched, "STRETCH", 7)
    monkeypatch.setattr(touched, "FIRST_STRETCH", 2)
    monkeypatch.setattr(touched, "ARMS", 3)
    with app.app_context():
        with writing() as connection:
            rows = fill(connection, seed, 120)
        rng = random.Random(seed)
        for _ in range(20):
            units, after = rng.sample(UNITS, rng.randint(0, len(UNITS))), rng.randrange(360)
            kinds = rng.choice((Kinds("", ()), Kinds("", ("case", "visit")), Kinds("talk", ())))
            wanted = [
                (at, record, len(was) > 1)
                for at, record, was, kind, stream in sorted(rows)
                if stream == STREAM and at > after and set(was) & set(units) and kind not in kinds.hidden and kinds.only in ("", kind)
            ]
            with reading() as connection:
                found = list(touched_behind(connection, STREAM, units, after, kinds, registers_of))
            assert [(one.touched, one.id, one.moved) for one in found] == wanted


def test_what_was_read_is_not_read_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit with many records costs as many statements as stretches, one with few none beyond the first."""
    monkeypatch.setattr(touched, "STRETCH", 10)
    monkeypatch.setattr(touched, "FIRST_STRETCH", 10)
    with app.app_context():
        with writing() as connection:
            rows = fill(connection, 4, 120)
        with reading() as connection:
            asked = list[str]()
            event.listen(connection, "before_cursor_execute", lambda *told: asked.append(told[2]))
            found = list(touched_behind(connection, STREAM, UNITS, 0, Kinds("", ()), registers_of))
        assert len(found) == sum(stream == STREAM for *_, stream in rows)
        assert all(one.touched < other.touched for one, other in pairwise(found))
        arms = len(rows) + sum(len(units) - 1 for _, _, units, _, _ in rows)
        assert len(asked) <= 1 + arms // 10
