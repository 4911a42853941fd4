"""A tablet and a copy of its storage, which both go on by bundles, and what may be said of the two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from mobile import separation
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from server.db import db, reading
from server.models import LineRow, LogRow
from server.people import Device
from sync.copies import Marks
from tests.mobile.test_forms import talk
from tests.support.stick import Stick

PIN = "280822"
COPY = "(bản sao)"


class Twins:
    """A tablet and a copy of it, made while nothing waited; both go on by bundles."""

    def __init__(self, stick: Stick, first: Tablet, copy: Tablet, reopen: Callable[..., Tablet]) -> None:
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

    def noticed(self) -> int:
        """Both write and send in turn, the first one before the copy, until the server knows which is which; gives the journeys of each."""
        for times in range(1, 6):
            self.write(self.first, self.copy)
            self.stick.journey(self.first)
            if self.marks().copies:
                return times
            self.stick.journey(self.copy)
        raise AssertionError("it was never noticed")

    def told(self) -> None:
        """And until the copy was told, which asks from then on."""
        self.noticed()
        found = self.stick.journey(self.copy)
        assert [kept.copied for kept in found.kept] == [True]
        assert separation.asked(self.copy) and not separation.asked(self.first)

    def lost(self, tablet: Tablet) -> list[Path]:
        """A tablet's bundle is read at the district, and the answer does not come; it may turn up."""
        return self.stick.imported(self.stick.written(tablet))

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
