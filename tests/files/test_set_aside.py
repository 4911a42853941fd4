"""Photos whose records the server set aside: of a revoked tablet, of a person whose right was gone. None is lost, none is shown."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from pathlib import Path

import pytest

from mobile.screens.form.presenter import FormPresenter
from shared.errors import SenError
from sync.files import Put, open_request
from sync.over_http import post_file
from tests.fieldday.office import Office
from tests.files.office import files_of, photo, record_with, tablet_of, there


def stored(folder: Path) -> set[str]:
    """The hashes of the files that an SQLite server has whole."""
    with contextlib.closing(sqlite3.connect(folder / "sen.sqlite3")) as connection:
        return {row[0] for row in connection.execute("SELECT hash FROM file")}


def test_p10_f38_a_revoked_tablet_hands_in_its_photos_before_it_wipes_itself(own: tuple[Office, Path], tmp_path: Path) -> None:
    """One photo of a record that was sent before, one of a record that was not; the upload is cut, and the tablet waits with the wipe."""
    office, folder = own
    with tablet_of(office, tmp_path / "mai", "Mai") as mai, tablet_of(office, tmp_path / "hoa") as hoa:
        sent = record_with(mai, photo(tmp_path, 50))
        mai.syncer.sync()
        held = record_with(mai, photo(tmp_path, 51))
        (first,), (second,) = files_of(mai, sent), files_of(mai, held)
        content = {digest: mai.files.read(digest) for digest in (first, second)}
        office.desk("Quân").revoke("Mai")
        puts = 0

        def cut(address: str, data: bytes) -> bytes:
            nonlocal puts
            if isinstance(open_request(data, lambda device: mac_key).asks, Put):
                puts += 1
                if puts == 3:
                    raise SenError("no_network")
            return post_file(address, data)

        mac_key, mai.carrier._post = mai.store.device().mac_key, cut
        with pytest.raises(SenError, match="no_network"):
            mai.syncer.sync()
        assert mai.enrolled and mai.store.unsent_count() == 0 and mai.files.waiting(), "what is not handed in is not wiped"
        assert "mạng" in mai.syncer.words()
        mai.syncer.sync()
        assert not mai.enrolled and not (tmp_path / "mai" / "files").exists()
        assert stored(folder) == {first, second}
        hoa.syncer.sync()
        form = FormPresenter(hoa).open(sent)
        form.fetch("photos", first)
        assert form.open_file(first) == content[first]
        assert hoa.store.show(held) is None
        office.desk("Thảo").take_up(held)
        hoa.syncer.sync()
        form = FormPresenter(hoa).open(held)
        form.fetch("photos", second)
        assert form.open_file(second) == content[second], "taken up, the record has its photo"


def test_a_revoked_tablet_that_is_locked_hands_in_a_confidential_photo_and_wipes_itself(own: tuple[Office, Path], tmp_path: Path) -> None:
    office, folder = own
    with tablet_of(office, tmp_path / "lan", "Lan") as lan:
        case = {"code": "HS-01", "opened_on": "2022-05-20", "legal_ground": "emergency"}
        record = record_with(lan, photo(tmp_path, 52), type="gbv_case", values=case, field="attachments")
        (digest,) = files_of(lan, record, "attachments")
        office.desk("Quân").revoke("Lan")
        lan.lock()
        lan.syncer.sync()
        assert not lan.enrolled and stored(folder) == {digest}


def test_a_photo_that_is_harmed_does_not_keep_a_revoked_tablet_from_its_wipe(own: tuple[Office, Path], tmp_path: Path) -> None:
    office, folder = own
    with tablet_of(office, tmp_path / "mai", "Mai") as mai:
        record = record_with(mai, photo(tmp_path, 53), photo(tmp_path, 54, name="ảnh 2.jpg"))
        first, second = files_of(mai, record)
        (tmp_path / "mai" / "files" / first[:2] / first).unlink()
        office.desk("Quân").revoke("Mai")
        mai.syncer.sync()
        assert not mai.enrolled and stored(folder) == {second}


def test_the_photo_of_a_line_that_was_set_aside_goes_up_and_is_there_when_the_line_is_mended(own: tuple[Office, Path], tmp_path: Path) -> None:
    """The officer lost the right while the record was made; it is taken up by the district, and the same photo is used again."""
    office, folder = own
    with tablet_of(office, tmp_path / "mai", "Mai") as mai, tablet_of(office, tmp_path / "hoa") as hoa:
        held = record_with(mai, photo(tmp_path, 55))
        (digest,) = files_of(mai, held)
        content = mai.files.read(digest)
        office.desk("Quân").move_officer("Mai", ["collector"], "long_thuan")
        mai.syncer.sync()
        assert [code for _, code in mai.store.set_aside()] == ["no_right"]
        mai.carrier.carry()
        assert mai.files.waiting() == [] and mai.files.refused() == [] and stored(folder) == {digest}, "it does not wait for ever"
        with pytest.raises(SenError, match="not_found"):
            there(hoa, digest)
        office.desk("Thảo").take_up(held)
        hoa.syncer.sync()
        form = FormPresenter(hoa).open(held)
        form.fetch("photos", digest)
        assert form.open_file(digest) == content and hashlib.sha256(content).hexdigest() == digest
        again = record_with(mai, photo(tmp_path, 55))
        assert files_of(mai, again) == [digest]
        before = mai.carrier.sent_bytes
        mai.syncer.sync()
        mai.carrier.carry()
        assert mai.store.set_aside()[0][0] == held and there(mai, digest) == digest and mai.carrier.sent_bytes == before
