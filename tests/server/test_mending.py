"""Damage in the server's tables that a digest shows: found at the next exchange, made anew from the lines, and no tablet takes it over.

Real tablets on their stores at the real app, on both databases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from server.db import db, reading, writing
from server.models import FallenValue, PartRow, RecordRow
from server.records import plain_records
from tests.server.conftest import AddUser
from tests.server.test_scope import HERE, THERE, Enrol, enrol, written

__all__ = ["enrol"]

WRONG = bytes(15) + b"\1"
TALK = "communication_activity"

DAMAGES: Mapping[str, Any] = {
    "a bit of a part's digest": update(PartRow).where(PartRow.unit == HERE, PartRow.type == TALK).values(digest=WRONG),
    "a part's digest is gone": delete(PartRow).where(PartRow.unit == HERE, PartRow.type == TALK),
    "a bit of a kept state": update(RecordRow).where(RecordRow.registers.is_not(None)).values(registers='{"broken'),
    "a kept state is gone": delete(RecordRow).where(RecordRow.registers.is_not(None)),
    "a record of one line is gone": delete(RecordRow).where(RecordRow.registers.is_(None)),
}
"""What befalls the tables → how. A state that is damaged is seen when the digests are compared for whatever reason."""


def answers(tablet: Tablet) -> list[int]:
    """Count the bytes of each answer from here on."""
    sizes: list[int] = []
    post = tablet.syncer._post

    def counted(address: str, data: bytes) -> bytes:
        answer = post(address, data)
        sizes.append(len(answer))
        return answer

    tablet.syncer._post = counted
    return sizes


def shown(tablet: Tablet, *records: str) -> list[Any]:
    """What a tablet holds of these records."""
    states = [tablet.store.show(record) for record in records]
    return [None if state is None else state.dump() for state in states]


def by_id(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records in an order of their own."""
    return sorted(records, key=lambda one: str(one["id"]))


def rows() -> list[Any]:
    """The records and parts as they stand."""
    with reading() as connection:
        records = select(RecordRow.id, RecordRow.unit, RecordRow.touched, RecordRow.digest, RecordRow.withdrawn, RecordRow.open_count)
        return [
            list(connection.execute(records.order_by(RecordRow.id))),
            list(connection.execute(select(PartRow.__table__).order_by(PartRow.unit, PartRow.type, PartRow.sealed))),
        ]


@pytest.mark.parametrize("damage", DAMAGES)
def test_f18_f52_damage_on_the_server_is_mended_at_the_next_exchange_and_nothing_is_fetched_again(
    app: Flask, add_person: AddUser, enrol: Enrol, damage: str
) -> None:
    lan, hoa = add_person("lan", f"collector@{HERE}"), add_person("hoa", f"collector@{HERE}", f"collector@{THERE}")
    a, b = enrol(lan, HERE), enrol(hoa, HERE)
    record, other = written(a), written(a)
    a.syncer.sync()
    b.syncer.sync()
    for tablet, value in ((a, 71), (b, 72)):  # two answers: a question stays open through the mending
        form = FormPresenter(tablet).open(record)
        form.set("participants_total", value)
        form.leave()
        tablet.forms.close_all()
    for tablet in (a, b, a, b):
        tablet.syncer.sync()
    digest, held = a.store.digest(), [shown(tablet, record, other) for tablet in (a, b)]
    with app.app_context():
        before, plain = rows(), by_id(plain_records([HERE]))
        with writing() as connection:
            if "gone" in damage:  # what hangs on the row is gone with it
                connection.execute(delete(FallenValue))
            assert connection.execute(DAMAGES[damage]).rowcount == 1
            if "part" not in damage:  # what a tablet compares differs for another reason
                connection.execute(update(PartRow).where(PartRow.unit == HERE, PartRow.type == TALK).values(digest=WRONG))
        db.session.remove()
    sizes = answers(a)
    a.syncer.sync()
    assert len(sizes) == 1 and sizes[0] < 400, "the server mends itself before it answers"
    with app.app_context():
        assert rows() == before and by_id(plain_records([HERE])) == plain
    b.syncer.sync()
    for tablet in (a, b):
        assert tablet.store.digest() == digest
    assert [shown(tablet, record, other) for tablet in (a, b)] == held
