"""Who is in the office, and what a tablet of theirs does with photos."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from mobile.clock import Clock
from mobile.enrolment import Request, enrol
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from sync.files import LARGEST_CHUNK, Get, open_answer, seal_request
from sync.over_http import post_file
from tests.fieldday.office import PASSWORD, Office, login_of
from tests.fieldday.scenario import Person
from tests.support.browser import Browser

TODAY, PIN, UNIT = datetime.date(2022, 5, 30), "280822", "long_khanh_a"
PEOPLE = {
    one.name: one
    for one in (
        Person(name="Lan", unit=UNIT, roles=("collector", "case_worker", "unit_lead"), tablet=True),
        Person(name="Thu", unit="long_thuan", roles=("collector", "case_worker"), tablet=True),
        Person(name="Mai", unit=UNIT, roles=("collector",), tablet=True),
        Person(name="Sáu", unit=UNIT, roles=("case_worker",), tablet=False),
        Person(name="Thảo", unit="hong_ngu", roles=("district_officer",), tablet=False),
        Person(name="Quân", unit="hong_ngu", roles=("admin",), tablet=False),
        *(Person(name=f"Hoa {number}", unit=UNIT, roles=("collector", "case_worker", "unit_lead"), tablet=True) for number in range(12)),
    )
}
"""Each Hoa has a tablet of her own, for one test."""

TALK = {"title": "Buổi truyền thông (dữ liệu mẫu)", "held_on": "2022-05-20"}
CASE = {"code": "HS-01", "opened_on": "2022-05-20", "legal_ground": "emergency"}


def photo(folder: Path, seed: int = 0, size: tuple[int, int] = (1500, 1100), name: str = "ảnh.jpg") -> Path:
    """An invented photograph of noise, which does not get smaller."""
    path = folder / name
    noise = Image.frombytes("L", (size[0] // 2, size[1] // 2), random.Random(seed).randbytes(size[0] // 2 * (size[1] // 2)))
    noise.resize(size).save(path, "JPEG")
    return path


def next_code(office: Office) -> str:
    """The code of the next Hoa; each can be used once."""
    codes = office.codes
    assert isinstance(codes, dict)
    return str(codes.pop(next(name for name in codes if name.startswith("Hoa"))))


@contextlib.contextmanager
def tablet_of(office: Office, folder: Path, name: str = "") -> Iterator[Tablet]:
    """An enrolled, unlocked tablet of a person, or of the next Hoa, in this process."""
    tablet = Tablet(folder, Clock(TODAY), cheap_pin=True)
    enrol(tablet, Request(address=office.address, code=office.codes[name] if name else next_code(office), pin=PIN))
    tablet.syncer.sync()
    try:
        yield tablet
    finally:
        tablet.close()


def record_with(tablet: Tablet, *files: Path, type: str = "communication_activity", values: dict[str, Any] = TALK, field: str = "photos") -> str:
    """A record with files; gives its id."""
    form = FormPresenter(tablet)
    record = form.start(type)
    for path, value in values.items():
        form.set(path, value)
    form.attach(field, list(files))
    form.leave()
    return record


def files_of(tablet: Tablet, record: str, field: str = "photos") -> list[str]:
    value = FormPresenter(tablet).open(record).value(field)
    return [item["sha256"] for item in value or []]


def there(tablet: Tablet, digest: str) -> str:
    """The SHA-256 of what the server gives back."""
    device, data = tablet.store.device(), b""
    while True:
        request = seal_request(device.id, device.mac_key, Get(digest, len(data), LARGEST_CHUNK))
        head, chunk = open_answer(request, post_file(tablet.who.address, request), device.mac_key)
        data += chunk
        if len(data) >= head["size"]:
            return hashlib.sha256(data).hexdigest()


def seen(office: Office, record: str) -> tuple[Browser, Any]:
    """A record's page as Sáu sees it."""
    browser = Browser(office.address)
    page = browser.open("/sign-in")
    browser.send(page, page.form("/sign-in"), login=login_of("Sáu"), password=PASSWORD)
    return browser, browser.open(f"/records/{record}")
