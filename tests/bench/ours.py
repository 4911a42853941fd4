"""Our side of the benchmarks: real tablets' stores that exchange with the real server over real HTTP."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from mobile.bulk import uncollected
from mobile.clock import Clock
from mobile.database import Database
from mobile.keys import DeviceKeys, RowKey
from mobile.outbox import Subject
from mobile.store import Store
from shared.catalogue import Catalogue
from shared.ids import b64, new_record_id, unb64
from shared.sealing import BoxKeys
from sync.compose import difference
from sync.over_http import post_message
from sync.request import FIRST_NUMBERS
from sync.store import Device, Scope
from sync.tablet_half import TabletHalf
from sync.view import Snapshot, snapshot
from tests.support.link import LINKS, Link
from tests.support.proxy import Proxy

TYPE = "communication_activity"
TODAY = datetime.date(2022, 5, 30)


@dataclass
class Cost:
    """What exchanges have cost on the wire, as a proxy counted it: HTTP's headers included."""

    round_trips: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


@dataclass(kw_only=True)
class BenchTablet:
    """One enrolled tablet, which exchanges over the transport that a tablet has; `address` is the server's, or a proxy's."""

    store: Store
    half: TabletHalf
    catalogue: Catalogue
    unit: str
    address: str

    @classmethod
    def enrol(cls, folder: Path, address: str, code: str, catalogue: Catalogue) -> BenchTablet:
        """Enrol a new tablet by a code."""
        folder.mkdir(parents=True)
        keys, officer, clock = DeviceKeys.new(), BoxKeys.new(), Clock(TODAY)
        asked = {
            "code": code, "name": folder.name, "device_sign": b64(keys.public), "device_box": b64(keys.box.public),
            "officer_box": b64(officer.public),
        }  # fmt: skip
        told = requests.post(f"{address}/api/enrol", json=asked, timeout=30)
        told.raise_for_status()
        body = told.json()
        mac_key = keys.mac_key(unb64(body["server"]["box"]), body["device"])
        scope = Scope(body["stream"], (), False, "")
        identity = Device(body["device"], keys.public, mac_key, body["user"]["id"], scope, {})
        database = Database(folder / "tablet.sqlite3")
        store = Store(database, RowKey(keys.rows), identity, catalogue=lambda: catalogue, now_ms=clock.now_ms)
        return cls(store=store, half=TabletHalf(store, first=FIRST_NUMBERS), catalogue=catalogue, unit=body["unit"], address=address)

    def exchange(self) -> None:
        """Exchange until both sides say that nothing is left."""
        more = True
        while more:
            request = self.half.request()
            answer = post_message(self.address, request)
            with uncollected():  # as mobile.syncing does
                more = self.half.receive(answer).more

    def counted(self, work: Callable[[], None], link: Link = LINKS["clean"]) -> Cost:
        """What the exchanges in some work cost, which go over a link through a proxy that counts, and breaks nothing."""
        address, port = self.address, int(self.address.rpartition(":")[2])
        with Proxy(("127.0.0.1", port), link, faults={}) as proxy:
            self.address = proxy.url
            work()
            self.address = address
        return Cost(proxy.counts.exchanges, proxy.counts.bytes_up, proxy.counts.bytes_down)

    def enter(self, number: int) -> list[str]:
        """Enter so many activities, as a form does, in one transaction (a test need not wait for each one's disk)."""
        records = []
        with self.store.database.writing():
            for n in range(number):
                record = new_record_id()
                self._write(record, Snapshot.empty(), activity(n) | {"unit": self.unit})
                records.append(record)
        return records

    def change(self, records: Sequence[str], step: int) -> None:
        """Type another number into each of these records."""
        type = self.catalogue.types[TYPE]
        for record in records:
            state = self.store.show(record)
            assert state is not None
            shown = snapshot(state, type)
            self._write(record, shown, {**shown.values, "participants_total": 100 + step})

    def _write(self, record: str, shown: Snapshot, values: Mapping[str, Any]) -> None:
        changes = difference(self.catalogue.types[TYPE], shown, values)
        self.store.outbox.write(Subject(record=record, type=TYPE, unit=self.unit, urgent=False), changes)

    def lines(self) -> list[bytes]:
        """All lines that this tablet has to send."""
        found: list[bytes] = []
        for log in self.store.own_logs():
            run = self.store.unsent(log.log, log.acknowledged, 1 << 40)
            found += run.lines if run is not None else ()
        return found


WORDS = ["truyền", "thông", "bình", "đẳng", "giới", "phòng", "chống", "bạo", "lực", "gia", "đình", "phụ", "nữ", "trẻ", "em", "gái", "cộng", "đồng", "ấp", "khóm", "hội", "viên", "đoàn", "viên", "cán", "bộ", "tuyên", "truyền", "luật", "nghị", "quyết", "chính", "sách", "hỗ", "trợ", "tư", "vấn", "pháp", "lý", "y", "tế", "nhà", "tạm", "lánh", "địa", "chỉ", "tin", "cậy", "tổ", "hòa", "giải", "câu", "lạc", "bộ", "người", "dân", "tham", "gia", "thảo", "luận", "đặt", "câu", "hỏi", "trả", "lời", "kiến", "nghị", "đề", "xuất", "tiếp", "tục", "duy", "trì", "nhân", "rộng", "mô", "hình", "hiệu", "quả"]  # fmt: skip
RESULT_WORDS = 95
"""A result of so many words makes a record of about 1 KB, which gzip shrinks to about a fifth."""


def activity(n: int) -> dict[str, Any]:
    """The values of an invented activity of about 1 KB; no two alike."""
    drawn = random.Random(n)
    day = datetime.date(2021, 11, 20) + datetime.timedelta(days=n % 180)
    return {
        "title": f"Nói chuyện chuyên đề phòng, chống bạo lực gia đình tại ấp số {n} (dữ liệu mẫu)",
        "held_on": day.isoformat(),
        "form": ("community_talk", "integrated", "conference")[n % 3],
        "topics": [("gbv", "law", "domestic_violence")[n % 3]],
        "participants_total": 40 + n % 60,
        "participants_female": 20 + n % 20,
        "place": f"Nhà văn hóa ấp {n % 97}",
        "result": " ".join(drawn.choices(WORDS, k=RESULT_WORDS)),
    }
