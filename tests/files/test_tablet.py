"""Photos between real tablets and a real server: missing, replaced, twice, behind the records, and seen by nobody else."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from pathlib import Path

import pytest

from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from sync.files import open_request
from sync.over_http import post_file, post_message
from tests.fieldday.office import Office
from tests.files.office import (
    CASE,
    TALK,
    files_of,
    photo,
    record_with,
    seen,
    tablet_of,
    there,
)
from tests.support.marks import NAME, found_in, found_in_folder


def test_f40_a_record_is_there_before_its_photo_and_everybody_says_so(
    office: Office, pair: tuple[Tablet, Tablet], tmp_path: Path
) -> None:  # fmt: skip
    a, b = pair
    record = record_with(a, photo(tmp_path, 11), photo(tmp_path, 12, name="ảnh 2.jpg"))
    a.syncer.sync()
    b.syncer.sync()
    first, second = files_of(b, record)
    form = FormPresenter(b).open(record)
    assert form.value("title") == TALK["title"]
    assert all("chưa tới" in form.file_words(item) for item in form.value("photos"))
    assert all("chưa gửi" in FormPresenter(a).open(record).file_words(item) for item in form.value("photos"))
    with pytest.raises(SenError, match="file_not_here"):
        form.fetch("photos", first)
    browser, page = seen(office, record)
    assert page.text.count("ảnh/tệp chưa tới") == 2
    a.carrier.carry()
    assert a.files.waiting() == []
    form.fetch("photos", first)
    assert form.open_file(first) == a.files.read(first) and "chưa" not in form.file_words(form.value("photos")[0])
    assert not b.files.has(second), "on demand, one by one"
    page = browser.open(f"/records/{record}")
    assert "chưa tới" not in page.text
    answer = browser.fetch(f"/records/{record}/files/{second}")
    assert answer.content == a.files.read(second), answer.content[:400]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment") and answer.headers["Content-Type"] == "application/octet-stream"


def test_f41_the_same_photo_in_two_records_is_stored_and_sent_once(pair: tuple[Tablet, Tablet], tmp_path: Path) -> None:
    a, b = pair
    source = photo(tmp_path, 14)
    records = [record_with(a, source), record_with(a, source)]
    other = record_with(b, source)
    assert files_of(a, records[0]) == files_of(a, records[1]) == files_of(b, other)
    (digest,) = files_of(b, other)
    assert len([path for path in (a.profile.folder / "files").rglob("*") if path.name.startswith(digest)]) == 1
    before = a.carrier.sent_bytes, b.carrier.sent_bytes
    a.syncer.sync()
    a.carrier.carry()
    size = len(a.files.travelling(digest))
    assert a.carrier.sent_bytes - before[0] == size
    b.syncer.sync()
    b.carrier.carry()
    assert b.carrier.sent_bytes == before[1] and b.files.waiting() == [], "another tablet has sent it"


@pytest.mark.parametrize(("harm", "seed"), [("gone", 30), ("replaced", 32), ("one bit", 34)])
def test_f41_a_file_that_is_harmed_on_the_tablet_is_told_and_blocks_nothing(pair: tuple[Tablet, Tablet], tmp_path: Path, harm: str, seed: int) -> None:
    a, _ = pair
    record = record_with(a, photo(tmp_path, seed), photo(tmp_path, seed + 1, name="ảnh 2.jpg"))
    first, second = files_of(a, record)
    places = [a.profile.folder / "files" / digest[:2] / digest for digest in (first, second)]
    if harm == "gone":
        places[0].unlink()
    elif harm == "replaced":
        places[0].write_bytes(places[1].read_bytes())
    else:
        body = places[0].read_bytes()
        places[0].write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    a.syncer.sync()
    a.carrier.carry()
    assert a.store.unsent_count() == 0 and a.files.waiting() == [] and there(a, second) == second
    (refused,) = a.files.refused()
    assert refused == (first, "file_not_here" if harm == "gone" else "file_damaged")
    told = SyncPresenter(a).aside()
    assert len(told) == 1 and len(told[0].below) > 20
    form = FormPresenter(a).open(record)
    form.attach("photos", [photo(tmp_path, seed), photo(tmp_path, seed + 1, name="ảnh 2.jpg")])
    form.leave()
    a.syncer.sync()
    a.carrier.carry()
    assert a.files.waiting() == [] and a.files.refused() == []
    assert there(a, first) == first, "attached again, it is whole again"


def test_records_go_before_files_and_a_file_gives_way_to_a_record(pair: tuple[Tablet, Tablet], tmp_path: Path) -> None:
    a, _ = pair
    record_with(a, photo(tmp_path, 17))
    before = a.carrier.sent_bytes
    a.carrier.carry()
    assert a.carrier.sent_bytes == before and len(a.files.waiting()) == 1, "no accepted line names it yet"
    a.syncer.sync()
    posted = list[str]()

    def post(address: str, data: bytes) -> bytes:
        posted.append(type(open_request(data, lambda device: a.store.device().mac_key).asks).__name__)
        return post_file(address, data)

    a.carrier._post = post
    a.carrier.carry(stop=lambda: posted.count("Put") == 2)
    assert posted == ["Ask", "Put", "Put"] and len(a.files.waiting()) == 1
    record_with(a, photo(tmp_path, 18))
    a.syncer.sync()
    assert a.store.unsent_count() == 0 and posted == ["Ask", "Put", "Put"], "the record left, no photo before it"
    a.carrier.carry()
    assert a.files.waiting() == []


def test_a_photo_that_was_not_sent_stays_until_it_is_when_its_record_leaves_the_tablet(pair: tuple[Tablet, Tablet], tmp_path: Path) -> None:
    a, _ = pair
    digests = [digest for seed in (40, 41) for digest in files_of(a, record_with(a, photo(tmp_path, seed)))]
    a.syncer.sync()
    a.files.forget(digests[:1])
    assert a.files.has(digests[0]) and set(a.files.waiting()) == set(digests)
    a.carrier.carry()
    assert not a.files.has(digests[0]) and a.files.has(digests[1]) and a.files.state(digests[0]) == ""
    assert [there(a, digest) for digest in digests] == digests
    a.files.forget(digests)
    assert not any(a.files.has(digest) for digest in digests)


def test_p08_t01_a_confidential_photo_and_its_name_stand_nowhere_in_the_clear(own: tuple[Office, Path], tmp_path: Path) -> None:
    office, folder = own
    source = photo(tmp_path, 21, name=f"{NAME}.jpg")
    seen_bytes = bytearray()

    def message(address: str, data: bytes) -> bytes:
        answer = post_message(address, data)
        seen_bytes.extend(data + answer)
        return answer

    def letter(address: str, data: bytes) -> bytes:
        answer = post_file(address, data)
        seen_bytes.extend(data + answer)
        return answer

    with tablet_of(office, tmp_path / "a") as a, tablet_of(office, tmp_path / "b") as b:
        for tablet in (a, b):
            tablet.syncer._post, tablet.carrier._post = message, letter
        record = record_with(a, source, type="gbv_case", values=CASE, field="attachments")
        (digest,) = files_of(a, record, "attachments")
        clear = a.files.read(digest)
        assert clear.startswith(b"\xff\xd8") and hashlib.sha256(clear).hexdigest() != digest, "named by the hash of what is sealed"
        a.syncer.sync()
        a.carrier.carry()
        b.syncer.sync()
        form = FormPresenter(b).open(record)
        assert form.value("attachments")[0]["name"] == f"{NAME}.jpg"
        form.fetch("attachments", digest)
        assert form.open_file(digest) == clear
        a.lock()
        assert a.files.has(digest)
        with pytest.raises(SenError, match="locked"):
            a.files.read(digest)
        browser, page = seen(office, record)
        assert NAME not in page.text
        assert browser.fetch(f"/records/{record}/files/{digest}").status_code >= 400
        page = browser.send(page, page.form("/open"), why="Chuẩn bị buổi thăm (dữ liệu mẫu)")
        answer = browser.post(page, page.form(digest), why="Xem ảnh (dữ liệu mẫu)")
        assert answer.content == clear and answer.headers["Content-Disposition"].startswith("attachment")
    pieces = [clear[at : at + 48] for at in range(600, len(clear) - 48, len(clear) // 40)]
    marks = [NAME, hashlib.sha256(clear).hexdigest()]
    everything = [path for base in (folder, tmp_path / "a", tmp_path / "b") for path in base.rglob("*") if path.is_file()]
    for base in (folder, tmp_path / "a", tmp_path / "b"):
        assert found_in_folder(base, marks) == {}
    assert found_in(bytes(seen_bytes), marks) == []
    for data in [bytes(seen_bytes), *(path.read_bytes() for path in everything)]:
        assert not any(piece in data for piece in pieces)
    with contextlib.closing(sqlite3.connect(folder / "sen.sqlite3")) as connection:
        read = connection.execute("SELECT why FROM audit WHERE subject = ? ORDER BY number", (record,)).fetchall()
    assert ("Xem ảnh (dữ liệu mẫu)",) in read
