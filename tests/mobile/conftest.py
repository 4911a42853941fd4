"""Tablets in folders of their own, and a real server half on SQLite, joined by a call that a test can break."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mobile.clock import Clock
from mobile.enrolment import OFFICER
from mobile.keys import DeviceKeys
from mobile.profile import Enrolled
from mobile.tablet import Tablet
from shared.catalogue import load_catalogue
from shared.ids import b64, new_id
from shared.sealing import BoxKeys
from sync.by_file import Brought, answer_requests
from sync.over_file import SIZES, Gathering, Sender, file_name, open_part, read_head, write_bundle
from sync.store import Device, Scope
from tests.support.bundles import SigningKeys
from tests.support.engines import memory_engine
from tests.support.pair import NOON_MS, STREAM, PairServer

PIN = "280822"
UNIT = "long_khanh_a"
TODAY = date(2022, 5, 30)
ROLES = ("collector", "case_worker", "unit_lead")

Make = Callable[..., Tablet]


class Wire:
    """The way to the server; ``broken`` makes every message fail, ``lose_answer`` loses what comes back once."""

    def __init__(self, server: PairServer) -> None:
        self.server = server
        self.box, self.sign = BoxKeys.new(), SigningKeys.new()
        self.boxes: dict[str, bytes] = {}
        self.broken = False
        self.lose_answer = 0
        self.trips = 0
        self.sent: list[bytes] = []

    def post(self, address: str, data: bytes) -> bytes:
        from shared.errors import SenError

        if self.broken:
            raise SenError("no_network")
        self.trips += 1
        self.sent.append(data)
        answer = self.server.half.answer(data, now_ms=NOON_MS)
        if self.lose_answer:
            self.lose_answer -= 1
            raise SenError("network_cut")
        return answer

    def district(self, files: Iterable[Path], out: Path, *, now_ms: int = NOON_MS, largest: int = SIZES[-1]) -> Brought:
        """The district reads a tablet's files and writes its answer's files into a folder."""
        gathering = Gathering()
        for file in files:
            gathering.add(open_part(file.read_bytes(), self.box, lambda device: self.server.devices[device].key))
        brought = answer_requests(self.server.half, gathering.sender, gathering.messages(), now_ms=now_ms)
        out.mkdir(parents=True, exist_ok=True)
        for part in write_bundle(Sender.of("server-0001", self.sign.private), self.boxes[brought.device], brought.answer, largest=largest):
            (out / file_name(read_head(part))).write_bytes(part)
        return brought


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = memory_engine()
    yield engine
    engine.dispose()


@pytest.fixture
def wire(engine: Engine) -> Wire:
    return Wire(PairServer(engine, load_catalogue()))


@pytest.fixture
def make(tmp_path: Path, wire: Wire) -> Iterator[Make]:
    """Make an enrolled, unlocked tablet; the same name again opens the same folder."""
    opened: list[Tablet] = []
    box = wire.box

    def one(name: str = "A", *, unit: str = UNIT, roles: tuple[str, ...] = ROLES, cases: bool = True, unlock: bool = True) -> Tablet:
        tablet = Tablet(tmp_path / name, Clock(TODAY, source=lambda: NOON_MS), cheap_pin=True)
        opened.append(tablet)
        if not tablet.enrolled:
            keys, officer, device = DeviceKeys.new(), BoxKeys.new(), new_id()
            keys.keep(tablet.hardware)
            tablet.pin.set(OFFICER, officer, PIN)
            scope = Scope(STREAM, (unit,), cases, f"{unit}/{cases}")
            user = f"user-{name}"
            wire.boxes[device] = keys.box.public
            wire.server.devices[device] = Device(device, keys.public, keys.mac_key(box.public, device), user, scope, {})
            tablet.enrolled_as(
                Enrolled(
                    address="http://127.0.0.1:1", device=device, name=f"máy {name}", server="server-0001", server_box=b64(box.public),
                    server_sign=b64(wire.sign.public), server_name="Huyện Hồng Ngự", user=user, user_name=f"Cán bộ {name} (dữ liệu mẫu)", roles=roles, unit=unit, stream=STREAM,
                )
            )  # fmt: skip
        tablet.syncer._post = wire.post
        if unlock:
            tablet.unlock(PIN)
        return tablet

    yield one
    for tablet in opened:
        tablet.close()
