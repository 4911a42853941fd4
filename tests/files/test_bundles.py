"""Photos by bundles: from a tablet without a network to the district and, asked for, back; lost parts, wrong orders, restored servers."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import mobile.bundles
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from sync.file_entries import write_file
from sync.files import FIRST_CHUNK
from sync.over_file import SIZES, Entry
from tests.fieldday.desk import Refused
from tests.fieldday.office import Office
from tests.files.office import CASE, files_of, photo, record_with, tablet_of, there
from tests.support.marks import NAME, found_in


class Stick:
    """Carries files between tablets and the district; each journey has a folder of its own."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office, self.folder, self.count = office, folder, 0

    def new(self) -> Path:
        self.count += 1
        folder = self.folder / f"usb-{self.count}"
        folder.mkdir(parents=True)
        return folder

    def written(self, tablet: Tablet, largest: int = SIZES[-1]) -> list[Path]:
        folder = self.new()
        return [folder / name for name in tablet.bundles.write(folder, largest=largest).files]

    def imported(self, files: list[Path]) -> list[Path]:
        """The district's answer to files, which come in an order of their own."""
        return self.office.desk("Thảo").import_bundle(random.Random(self.count).sample(files, len(files)), self.new())

    def journey(self, tablet: Tablet) -> mobile.bundles.Read:
        return tablet.bundles.read(self.imported(self.written(tablet)))

    def page(self) -> str:
        """What the district's page of files says."""
        return self.office.desk("Thảo").waiting_files()


@pytest.fixture
def stick(own: tuple[Office, Path], tmp_path: Path) -> Stick:
    return Stick(own[0], tmp_path / "sticks")


@pytest.fixture
def far(own: tuple[Office, Path], tmp_path: Path) -> Iterator[Tablet]:
    """A tablet that has no network any more."""
    with tablet_of(own[0], tmp_path / "far") as tablet:
        tablet.profile.set(offline=True)
        yield tablet


def stored(folder: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(folder / "sen.sqlite3")) as connection:
        return {row[0] for row in connection.execute("SELECT hash FROM file")}


def test_f47_photos_reach_the_district_by_bundle_and_are_seen_there(own: tuple[Office, Path], far: Tablet, stick: Stick, tmp_path: Path) -> None:
    office, folder = own
    talk = record_with(far, photo(tmp_path, 60), photo(tmp_path, 61, name="ảnh 2.jpg"))
    case = record_with(far, photo(tmp_path, 62), type="gbv_case", values=CASE, field="attachments")
    digests = {*files_of(far, talk), *files_of(far, case, "attachments")}
    files = stick.written(far)
    assert len(files) >= 2, "the records are in a bundle of their own"
    answer = stick.imported(files)
    assert stored(folder) == digests and "2 thay đổi mới, 3 ảnh/tệp" in stick.page()
    found = far.bundles.read(answer)
    assert found.handed_in == 3 and far.files.waiting() == [] and far.store.unsent_count() == 0
    assert SyncPresenter(far).photos() == "" and "chưa" not in FormPresenter(far).open(talk).file_words(FormPresenter(far).open(talk).value("photos")[0])
    assert len(stick.written(far)) == 1, "what is there is not written again"
    answer = stick.imported(files)
    assert far.bundles.read(answer).handed_in == 0 and stored(folder) == digests, "twice is once"
    assert "0 thay đổi mới, 2 đã có từ trước, 3 ảnh/tệp đã có từ trước" in stick.page()
    with tablet_of(office, tmp_path / "near") as near:
        form = FormPresenter(near).open(talk)
        for digest in files_of(near, talk):
            form.fetch("photos", digest)
            assert form.open_file(digest) == far.files.read(digest)
        assert there(near, files_of(far, case, "attachments")[0]) in digests


def test_p08_a_bundle_shows_neither_a_photo_nor_its_name(far: Tablet, stick: Stick, tmp_path: Path) -> None:
    case = record_with(far, photo(tmp_path, 71, name=f"{NAME}.jpg"), type="gbv_case", values=CASE, field="attachments")
    talk = record_with(far, photo(tmp_path, 72, name=f"{NAME} 2.jpg"))
    digests = [*files_of(far, case, "attachments"), *files_of(far, talk)]
    contents = [far.files.read(digest) for digest in digests]
    pieces = [data[at : at + 48] for data in contents for at in range(600, len(data) - 48, len(data) // 40)]
    for path in stick.written(far):
        data = path.read_bytes()
        assert len(data) in SIZES and found_in(data, [NAME, *digests]) == [] and not any(piece in data for piece in pieces)


def test_f47_photos_that_come_before_their_records_wait_for_them(own: tuple[Office, Path], far: Tablet, stick: Stick, tmp_path: Path) -> None:
    (digest,) = files_of(far, record_with(far, photo(tmp_path, 63)))
    records, *photos = stick.written(far)
    with pytest.raises(Refused):
        stick.imported(photos)
    assert stored(own[1]) == set() and "tệp có hồ sơ của các ảnh này" in stick.page()
    found = far.bundles.read(stick.imported([records]))
    assert stored(own[1]) == {digest} and found.handed_in == 1
    assert "tệp có hồ sơ của các ảnh này" not in stick.page()


def test_f47_a_lost_part_of_the_photos_holds_no_record_back(own: tuple[Office, Path], far: Tablet, stick: Stick, tmp_path: Path) -> None:
    record = record_with(far, photo(tmp_path, 64))
    (digest,) = files_of(far, record)
    records, *photos = stick.written(far, SIZES[2])
    assert len(photos) > 2
    found = far.bundles.read(stick.imported([records, *photos[1:]]))
    assert found.kept[0].read and far.store.unsent_count() == 0 and found.handed_in == 0 and far.files.waiting() == [digest]
    assert "phần 1" in stick.page()
    answer = stick.imported(photos[:1])
    assert stored(own[1]) == {digest} and "phần 1" not in stick.page()
    found = far.bundles.read(answer)
    assert found.handed_in == 1 and far.files.waiting() == [] and not found.refused
    (words,) = SyncPresenter(far).read_files(answer).splitlines()
    assert "không có gì thay đổi" in words, "read twice, it brings nothing"


def test_f47_a_tablet_asks_for_the_photos_of_others_and_gets_them_by_bundle(own: tuple[Office, Path], far: Tablet, stick: Stick, tmp_path: Path) -> None:
    with tablet_of(own[0], tmp_path / "near") as near:
        talk = record_with(near, photo(tmp_path, 65), photo(tmp_path, 66, name="ảnh 2.jpg"))
        case = record_with(near, photo(tmp_path, 67), type="gbv_case", values=CASE, field="attachments")
        near.syncer.sync()
        near.carrier.carry()
        stick.journey(far)
        for record, field in ((talk, "photos"), (case, "attachments")):
            digest = files_of(far, record, field)[0]
            form = FormPresenter(far).open(record)
            with pytest.raises(SenError, match="switched_offline"):
                form.fetch(field, digest)
            assert "xin huyện" in form.file_words(form.value(field)[0])
            assert not far.files.has(digest)
        found = stick.journey(far)
        assert found.photos == 2 and not found.refused
        for record, field in ((talk, "photos"), (case, "attachments")):
            digest = files_of(far, record, field)[0]
            assert FormPresenter(far).open(record).open_file(digest) == near.files.read(digest)
        assert not far.files.has(files_of(far, talk)[1]), "what nobody asked for does not travel"
        assert stick.journey(far).photos == 0


def test_what_is_not_its_hash_is_not_taken_and_the_tablet_says_so(
    own: tuple[Office, Path], far: Tablet, stick: Stick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    (digest,) = files_of(far, record_with(far, photo(tmp_path, 68)))

    def garbled(name: str, data: bytes) -> Entry:
        return write_file(name, data[:-1] + bytes([data[-1] ^ 1]))

    with monkeypatch.context() as patch:
        patch.setattr(mobile.bundles, "write_file", garbled)
        found = stick.journey(far)
    assert found.handed_in == 0 and stored(own[1]) == set()
    assert far.files.refused() == [(digest, "file_wrong_hash")] and far.store.unsent_count() == 0
    assert len(SyncPresenter(far).aside()) == 1


def test_f38_a_revoked_tablet_hands_its_photos_in_by_bundle_too(own: tuple[Office, Path], far: Tablet, stick: Stick, tmp_path: Path) -> None:
    with tablet_of(own[0], tmp_path / "mai", "Mai") as mai:
        mai.profile.set(offline=True)
        (digest,) = files_of(mai, record_with(mai, photo(tmp_path, 69)))
        own[0].desk("Quân").revoke("Mai")
        assert stick.journey(mai).handed_in == 1 and stored(own[1]) == {digest}


@pytest.mark.parametrize("way", ["bundle", "network"])
def test_p12_a_photo_that_a_restored_server_has_lost_without_a_line_is_brought_again(
    own: tuple[Office, Path], far: Tablet, stick: Stick, tmp_path: Path, way: str
) -> None:  # fmt: skip
    """The backup was made between the record's coming and its photo's: no cursor tells, so the tablet asks."""
    (digest,) = files_of(far, record_with(far, photo(tmp_path, 70)))
    assert stick.journey(far).handed_in == 1
    with contextlib.closing(sqlite3.connect(own[1] / "sen.sqlite3")) as connection, connection:
        for table in ("file", "file_chunk"):
            connection.execute(f"DELETE FROM {table}")
    if way == "bundle":
        assert stick.journey(far).handed_in == 0 and far.files.waiting() == [digest]
        assert stick.journey(far).handed_in == 1
    else:
        far.profile.set(offline=False)
        far.carrier.carry()
        assert stored(own[1]) == set() and far.files.waiting() == [], "not every time: once a week"
        far.store.set_note("files_looked", str(far.clock.now_ms() - 7 * 86_400_000))
        far.carrier.carry()
        assert far.carrier.sent_bytes == len(far.files.travelling(digest)) > FIRST_CHUNK
    assert stored(own[1]) == {digest} and far.files.waiting() == []
