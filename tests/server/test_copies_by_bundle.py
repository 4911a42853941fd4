"""A tablet's storage is copied and both send by bundles: the copy becomes a device of its own, whatever is late, lost, doubled or mixed up.

Real tablets on real folders at the real app, on both databases.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mobile import separation
from mobile.keys import DeviceKeys
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from server.audit import AuditEntry
from server.db import db, reading
from server.models import LineRow, LogRow
from server.people import Device, User
from sync.copies import Marks
from tests.mobile.test_forms import talk
from tests.server.conftest import AddUser
from tests.server.test_scope import HERE, PIN, Enrol, enrol
from tests.support.stick import Stick

__all__ = ["enrol"]

COPY = "(bản sao)"


class Twins:
    """A tablet and a copy of it, made while nothing waited; both go on by bundles."""

    def __init__(self, stick: Stick, first: Tablet, copy: Tablet, reopen: Callable[[Tablet], Tablet]) -> None:
        self.stick, self.first, self.copy, self.reopen = stick, first, copy, reopen
        self.device = first.who.device
        self.written: list[str] = []

    def write(self, *tablets: Tablet) -> None:
        """A record on each of these."""
        for tablet in tablets:
            self.written.append(talk(FormPresenter(tablet), title=f"Ghi lần {len(self.written)} (dữ liệu mẫu)"))
            tablet.forms.close_all()

    def rows(self, query: Any) -> list[Any]:
        with self.stick.app.app_context(), reading() as connection:
            found = list(connection.execute(query))
            db.session.remove()
        return found

    def marks(self) -> Marks:
        """What the server knows of the first device's being used in two places."""
        return Marks.load(self.rows(select(Device.marks).where(Device.id == self.device))[0].marks)

    def copies(self) -> list[str]:
        """The devices that were copies of the first."""
        return [row.id for row in self.rows(select(Device.id).where(Device.copy_of == self.device))]

    def noticed(self) -> None:
        """Both write and send in turn until the server knows which of them is the copy."""
        for _ in range(6):
            self.write(self.first, self.copy)
            for tablet in (self.first, self.copy):
                self.stick.journey(tablet)
            if self.marks().copies:
                return
        raise AssertionError("it was never noticed")

    def told(self) -> None:
        """And until the copy was told."""
        self.noticed()
        if not separation.asked(self.copy):
            self.stick.journey(self.copy)
        assert separation.asked(self.copy) and not separation.asked(self.first)

    def alone(self) -> None:
        """The copy is a device of its own, the first one what it was, and all that either wrote is on both."""
        (own,) = self.copies()
        assert (self.first.who.device, self.copy.who.device) == (self.device, own)
        assert self.copy.who.name.endswith(COPY) and COPY not in self.first.who.name
        assert self.first.store.note(separation.COPY) is None and self.first.hardware.secret(separation.SECRET) is None
        assert self.copy.hardware.secret(separation.SECRET) is None and self.copy.store.note(separation.BECOME) is None
        (words,) = [one for one in SyncPresenter(self.copy).remarks() if "bản sao" in one]
        assert "Không mất gì" in words
        self.write(self.first, self.copy)
        mine = self.written[-2:]
        for tablet in (self.first, self.copy, self.first, self.copy):
            self.stick.journey(tablet)
        self.same()
        owners = [self.rows(select(LogRow.device).join(LineRow, LineRow.log == LogRow.id).where(LineRow.record == one).distinct()) for one in mine]
        assert [[row.device for row in some] for some in owners] == [[self.device], [own]]
        assert not self.marks().copies and self.copies() == [own]

    def same(self) -> None:
        """Everything that was written is on both, and nothing waits."""
        for tablet in (self.first, self.copy):
            assert set(self.written) <= set(tablet.store.records()) and tablet.store.unsent_count() == 0
            assert tablet.store.set_aside() == [] and not tablet.store.outbox.unsettled()
        assert self.first.store.digest() == self.copy.store.digest()
        assert {row.verdict for row in self.rows(select(LineRow.verdict))} == {""}


def open_again(folder: Path, like: Tablet) -> Tablet:
    """The tablet of a folder, unlocked, with the clock and the network of another one."""
    tablet = Tablet(folder, like.clock, cheap_pin=True)
    tablet.unlock(PIN)
    tablet.syncer._post, tablet.carrier._post = like.syncer._post, like.carrier._post
    return tablet


@pytest.fixture
def stick(app: Flask, add_person: AddUser, tmp_path: Path) -> Stick:
    return Stick(app, add_person("huyen", "district_officer@hong_ngu"), tmp_path / "sticks")


@pytest.fixture
def twins(app: Flask, add_person: AddUser, enrol: Enrol, stick: Stick, monkeypatch: pytest.MonkeyPatch) -> Iterator[Twins]:
    opened: list[Tablet] = []
    client = app.test_client()

    def post_json(address: str, path: str, body: Any) -> Any:
        answer = client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json

    monkeypatch.setattr(separation, "post_json", post_json)

    def reopen(tablet: Tablet, folder: Path | None = None) -> Tablet:
        tablet.close()
        opened.append(open_again(folder or tablet.profile.folder, tablet))
        return opened[-1]

    original = enrol(add_person("lan", f"collector@{HERE}"), HERE)
    talk(FormPresenter(original))
    original.forms.close_all()
    stick.journey(original)
    original.close()
    folder = original.profile.folder
    shutil.copytree(folder, folder.with_name("copy"))
    yield Twins(stick, reopen(original), reopen(original, folder.with_name("copy")), reopen)
    for tablet in opened:
        tablet.close()


def test_m84_a_copy_becomes_a_device_of_its_own_by_bundles_alone(twins: Twins) -> None:
    twins.told()
    assert twins.first.store.note("forked") is None, "who came first goes on in its logs"
    twins.write(twins.first, twins.copy)
    found = twins.stick.journey(twins.copy)
    assert found.separated
    twins.alone()
