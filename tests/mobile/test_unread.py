"""A server of a later version tells lines that this app cannot read: they are left out and said to be, and nothing waits for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from mobile.remarks import remarks
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from shared.ids import b64, new_id, new_record_id
from sync.log import chain_start
from sync.messages import Run, open_message, seal_message, write_run
from tests.mobile.conftest import UNIT, Make, Wire
from tests.mobile.test_forms import talk

ACTIVITY = "communication_activity"


def later(**members: object) -> dict[str, Any]:
    """A line's members as a later version might write them."""
    plain = {
        "n": 1, "l": new_id(), "t": [1_653_883_200_000, 0], "u": "user-later", "c": "0" * 16, "r": new_record_id(), "y": ACTIVITY, "g": UNIT,
        "o": [{"p": "title", "v": "Ghi bằng ứng dụng mới (dữ liệu mẫu)"}],
    }  # fmt: skip
    return plain | members


LATER = {
    "operations of another shape": later(o={"title": "Một cách ghi khác"}),
    "a kind that is no word": later(o=[{"p": "title", "k": ["sign", 2], "v": "Lan"}]),
    "a path in parts": later(o=[{"p": ["guests", 2, "name"], "v": "Lan"}]),
    "more operations than one may have": later(o=[{"p": f"f{n}", "v": n} for n in range(5000)]),
    "a record with another kind of id": later(r="hong-ngu/2031/17"),
    "a deletion that is not alone": later(o=[{"p": "_record", "k": "withdraw"}, {"p": "title", "v": "x"}]),
}


class LaterServer:
    """The server as a later version: its pages hold these lines too, wherever a page tells something, and its digest counts them."""

    def __init__(self, wire: Wire, tablet: Tablet, lines: Sequence[bytes]) -> None:
        self.wire, self.lines = wire, lines
        self.key = wire.server.devices[tablet.who.device].mac_key
        self.asked: list[dict[str, Any]] = []

    def post(self, address: str, data: bytes) -> bytes:
        """Carry a message there and back."""
        asked = dict(open_message(data, lambda device: self.key).head)
        self.asked.append(asked)
        answer = open_message(self.wire.post(address, data), lambda device: self.key, writer="server")
        head, lines = dict(answer.head), list(answer.lines)
        if "runs" in head or "told" in head:
            runs = [self._run(line) for line in self.lines]
            head["runs"] = [*(write_run(run) for run in runs), *head.get("runs", [])]
            lines[:0] = self.lines
        elif "d" in asked:
            with self.wire.server.reading() as reader:
                parts = reader.parts(self.wire.server.devices[self._device()].scope)
            head["parts"] = {part.part: b64((part.digest + (ACTIVITY in part.part)).to_bytes(16, "big")) for part in parts}
        return seal_message("", self.key, head, lines)

    def _device(self) -> str:
        return next(device for device, held in self.wire.server.devices.items() if held.mac_key == self.key)

    def _run(self, line: bytes) -> Run:
        log = new_id()
        return Run(log, 1, chain_start(log, b"k" * 32), [line], [[1_653_883_200_000, 1]], b"a later proof...")


@pytest.mark.parametrize("name", LATER)
def test_f43_a_pulled_line_that_cannot_be_read_is_left_out_and_the_rest_is_applied(make: Make, wire: Wire, name: str) -> None:
    mine, other = make("A"), make("B")
    form = FormPresenter(other)
    records = [talk(form, title=f"Nói chuyện {n} (dữ liệu mẫu)") for n in range(3)]
    other.forms.close_all()
    other.syncer.sync()
    own = talk(FormPresenter(mine))
    mine.forms.close_all()
    line = json.dumps(LATER[name], ensure_ascii=False, separators=(",", ":")).encode()
    server = LaterServer(wire, mine, [line])
    mine.syncer._post = server.post

    mine.syncer.sync()
    assert {*records, own} == set(mine.store.records()) and mine.store.unsent_count() == 0, "the rest is applied, and the own work arrived"
    assert [words for words in remarks(mine) if words.startswith("Có 1 thay đổi do ứng dụng mới hơn ghi")], "it is said"
    token = mine.store.cursors()
    assert token and not any("/" in place for place in token), "the cursor moved, and nothing is waited for"
    FormPresenter(mine).open(records[0])
    mine.forms.close_all()
    trips = []
    for n in range(2):
        talk(form, title=f"Thêm {n} (dữ liệu mẫu)")
        other.forms.close_all()
        other.syncer.sync()
        mine.syncer.sync()
        assert len(mine.store.records()) == 5 + n, "and it never blocks what comes later"
        mine.syncer.sync()
        trips.append(mine.syncer.trips)
    assert trips[0] == trips[1] <= 4, "an exchange ends although the digests differ"
    assert any(words.startswith("Có 1 thay đổi") for words in remarks(mine)), "said as long as it is so"

    mine.syncer._post = wire.post  # updated, it reads all that is told: the two agree
    mine.syncer.sync()
    assert not any("ứng dụng mới hơn" in words for words in remarks(mine)) and mine.store.digest() == other.store.digest()
