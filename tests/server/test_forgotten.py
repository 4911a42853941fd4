"""A server is restored from a backup that is older than a tablet's enrolment: the tablet goes on, and nobody has to do anything.

Real tablet processes on real folders at a real server process, on both databases. Where the machine is lost with its keys, the tablet's own
certificate tells who it is; else the key store does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from mobile.keys import DeviceKeys
from mobile.profile import Profile
from server.audit import AuditEntry
from server.config import Config
from server.keystore import KeyStore
from server.models import LineRow, LogRow, RecordRow
from server.people import Device, EnrolmentCode, User
from server.places import Places
from shared.ids import b64
from shared.sealing import sign
from sync.again import again_proof
from tests.fieldday.desk import Desk
from tests.fieldday.office import PASSWORD
from tests.fieldday.screen import Refused
from tests.server.test_copies import COPY, NAME, PIN, enter, in_window, proven, rows
from tests.support import restoring
from tests.support.databases import DATABASES
from tests.support.device import Answered, knock
from tests.support.headless import Headless
from tests.support.place import Place, place_on

LOST = pytest.mark.parametrize("lost", [False, True], ids=["keys-stay", "keys-lost"])
"""Whether the machine is lost with its keys, which come back from the backup too."""

TITLE = "Sau bản sao lưu (dữ liệu mẫu)"


@pytest.fixture(scope="module", params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_on(request.param, tmp_path_factory.mktemp("forgotten")) as place:
        yield place


def back_up(place: Place) -> None:
    restoring.back_up(place.office, place.folder.parent)


def restore(place: Place, *tablets: Headless, lost: bool) -> None:
    """The server goes back to its backup; tablets find it at its new port."""
    restoring.restore(place.office, place.folder.parent, with_keys=lost)
    for tablet in tablets:
        tablet.ask("address", address=place.office.address)


def enrolled(place: Place, folder: Path, code: str) -> Headless:
    tablet = Headless(folder)
    tablet.ask("enrol", address=place.office.address, code=code, pin=PIN, name=NAME)
    return tablet


def devices(place: Place) -> dict[str, str]:
    """Device → its person's login, for all that are not revoked."""
    query = select(Device.id, User.login).join(User, User.id == Device.user).where(Device.revoked_ms.is_(None), User.disabled_ms.is_(None))
    return {row.id: row.login for row in rows(place, query)}


def acts(place: Place, action: str, *about: str) -> list[str]:
    """Of which of these, in what order and how often, the audit trail says that this was done."""
    query = select(AuditEntry.subject).where(AuditEntry.action == action, AuditEntry.subject.in_(about))
    return [row.subject for row in rows(place, query.order_by(AuditEntry.number))]


def asked(place: Place, code: str) -> Answered:
    """Ask for an enrolment with new keys."""

    def post(path: str, body: bytes, kind: str) -> Answered:
        return Answered.of(requests.post(place.office.address + path, data=body, headers={"Content-Type": kind}, timeout=30))

    return knock(post, code)[0]


@LOST
def test_m80_p12_f23_a_tablet_that_was_enrolled_after_the_backup_goes_on(place: Place, tmp_path: Path, lost: bool) -> None:
    code = place.code()
    back_up(place)
    with enrolled(place, tmp_path / "lan", code) as tablet:
        record = enter(tablet, TITLE)
        tablet.ask("sync")
        waits = enter(tablet, "Chưa gửi (dữ liệu mẫu)")
        who = tablet.ask("ready")["device"]
        restore(place, tablet, lost=lost)
        assert (who in devices(place)) is not lost, "the key store knows it at once"
        tablet.ask("sync")
        assert tablet.ask("status")["unsent"] == 0 and tablet.ask("ready")["device"] == who
        shown = tablet.ask("dump")["records"]
        assert {record, waits} <= set(shown)
        tablet.ask("sync")
    assert devices(place)[who] == "lan" and acts(place, "enrol_again", who) == [who]
    there = {row.id for row in rows(place, select(RecordRow.id))}
    assert {record, waits} <= there
    (used,) = rows(place, select(EnrolmentCode.device).where(EnrolmentCode.device == who))
    assert used.device == who
    again = asked(place, code)
    assert (again.status, again.problem["code"]) == (409, "code_used"), "the code makes no second tablet"


@LOST
def test_m81_p12_a_person_of_whom_the_restored_server_knows_nothing_comes_back_without_a_password(place: Place, tmp_path: Path, lost: bool) -> None:
    login = f"moi{lost:d}"
    person = ("user", "add", login, "--name", "Nguyễn Thị Mới (dữ liệu mẫu)", "--no-password", "--demo")
    back_up(place)
    place.admin(*person, "--role", "collector@long_khanh_a")
    with enrolled(place, tmp_path / "moi", place.code(login)) as tablet:
        record = enter(tablet, TITLE)
        tablet.ask("sync")
        restore(place, tablet, lost=lost)
        if lost:  # somebody has added the person anew before the tablet came
            place.admin(*person)
        enter(tablet, "Viết tiếp (dữ liệu mẫu)")
        tablet.ask("sync")
        ready = tablet.ask("ready")
        assert tablet.ask("status")["unsent"] == 0 and record in tablet.ask("dump")["records"]
    (known,) = rows(place, select(User).where(User.id == ready["user"]))
    assert known.login == (f"{login}-2" if lost else login) and known.password is None and known.demo
    assert acts(place, "person_again", ready["user"]) == [ready["user"]]
    assert not rows(place, select(LineRow.number).where(LineRow.verdict != "", LineRow.record == record)), "the roles came too"


@LOST
def test_m82_t08_f38_what_was_revoked_or_locked_stays_so(place: Place, tmp_path: Path, lost: bool) -> None:
    login = f"nghi{lost:d}"
    place.admin("user", "add", login, "--name", "Trần Thị Nghỉ (dữ liệu mẫu)", "--role", "collector@long_khanh_a", "--no-password", "--demo")
    codes = place.code(), place.code(login)
    back_up(place)
    revoked, locked = (enrolled(place, tmp_path / name, code) for name, code in zip(("lan", "nghi"), codes, strict=True))
    with revoked, locked:
        for tablet in (revoked, locked):
            enter(tablet, TITLE)
            tablet.ask("sync")
        ids = [tablet.ask("ready")["device"] for tablet in (revoked, locked)]
        place.admin("device", "revoke", ids[0])
        place.admin("user", "disable", login)
        if lost:  # keys that come back know what had ended when they were saved: they are younger here than the database
            (place.folder.parent / f"{restoring.BACKUP}.keys").unlink()
            restoring.admin(place.office, "backup", str(place.folder.parent / restoring.BACKUP), "--only-keys")
        restore(place, revoked, locked, lost=lost)
        assert not set(ids) & set(devices(place))
        for tablet in (revoked, locked):
            enter(tablet, "Sau khi thu hồi (dữ liệu mẫu)")
            assert tablet.ask("sync")["wiped"], "it hands in what it holds, and wipes itself"
    assert not set(ids) & set(devices(place))
    verdicts = rows(place, select(LineRow.verdict).join(LogRow, LogRow.id == LineRow.log).where(LogRow.device.in_(ids)))
    assert verdicts and {row.verdict for row in verdicts} == {"device_revoked"}, "and all of it waits for the district"


def test_m83_p12_a_copy_and_its_original_both_come_back(place: Place, tmp_path: Path) -> None:
    code = place.code()
    back_up(place)
    with enrolled(place, tmp_path / "first", code) as first:
        enter(first, TITLE)
        first.ask("sync")
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    with Headless(tmp_path / "first") as first, Headless(tmp_path / "copy") as copy:
        for tablet in (first, copy):
            tablet.ask("unlock", pin=PIN)
        proven(first, copy)
        copy.ask("sync")
        ids = [tablet.ask("ready")["device"] for tablet in (first, copy)]
        assert ids[0] != ids[1]
        restore(place, first, copy, lost=True)
        enter(copy, "Bản sao ghi tiếp (dữ liệu mẫu)")
        copy.ask("sync")  # it comes first, and its original has said nothing yet
        first.ask("sync")
        copy.ask("sync")
        assert [tablet.ask("status")["unsent"] for tablet in (first, copy)] == [0, 0]
        assert len({tablet.ask("status")["digest"] for tablet in (first, copy)}) == 1
        assert copy.ask("ready")["name"] == COPY
    assert set(ids) <= set(devices(place)) and acts(place, "enrol_again", *ids) == ids
    assert rows(place, select(Device.copy_of).where(Device.id == ids[1]))[0].copy_of == ids[0]


def test_t08_a_certificate_serves_its_own_device_at_its_own_server_alone(place: Place, tmp_path: Path) -> None:
    code = place.code()
    back_up(place)
    with enrolled(place, tmp_path / "lan", code) as tablet:
        tablet.ask("sync")
    profile, open_tablet = Profile.load(tmp_path / "lan"), in_window(tmp_path / "lan")
    keys = DeviceKeys.load(open_tablet.hardware)
    open_tablet.close()
    assert profile.enrolled is not None and keys is not None
    right, known = profile.enrolled.certificate, len(devices(place))

    def ask(certificate: str = right, private: bytes = keys.sign) -> requests.Response:
        body = {"certificate": certificate, "signature": b64(sign(private, again_proof(certificate)))}
        return requests.post(f"{place.office.address}/api/enrol/again", json=body, timeout=30)

    restore(place, lost=True)
    assert len(devices(place)) == known - 1
    stranger = DeviceKeys.new()
    other = KeyStore(tmp_path / "other" / "keys.sqlite3", tmp_path / "other" / "master.key")
    changed = right[:50] + ("A" if right[50] != "A" else "B") + right[51:]
    wrong = [ask(private=stranger.sign), ask(changed), ask(right[:-8]), ask("A" * 400), ask(other.certify(b"{}"))]
    assert [(one.status_code, one.json()["code"]) for one in wrong] == [(409, "certificate_wrong")] * len(wrong)
    assert len(devices(place)) == known - 1
    taken = [ask(), ask()]
    assert [one.status_code for one in taken] == [200, 200] and len(devices(place)) == known
    assert acts(place, "enrol_again", profile.enrolled.device) == [profile.enrolled.device], "told again it changes nothing"
    assert taken[0].json()["user"]["roles"] == ["case_worker", "collector"]


def test_p12_devices_of_an_earlier_version_are_kept_too(place: Place, tmp_path: Path) -> None:
    """The key store of a server that enrolled tablets before there were certificates; its database is rolled back under it later."""
    code = place.code()
    back_up(place)
    with enrolled(place, tmp_path / "lan", code) as tablet:
        enter(tablet, TITLE)
        tablet.ask("sync")
        who = tablet.ask("ready")["device"]
        places = Places(Config.read(place.office.given))
        store = KeyStore(places.keys, places.master_key)
        with store._writing() as connection:
            connection.execute("DELETE FROM enrolled")
        with place.office.closed():  # the new version starts once on the database as it is
            pass
        assert who in store.certificates()
        restore(place, tablet, lost=False)
        tablet.ask("sync")
        assert tablet.ask("status")["unsent"] == 0
    assert who in devices(place)


@LOST
def test_p12_people_roles_and_passwords_are_as_they_were(place: Place, lost: bool) -> None:
    """What was changed on the console after the backup; where the keys come from the backup too, all of it is as it was then, and is said to be."""
    boss, new = f"thao{lost:d}", "mot mat khau moi dai hon"
    place.admin("user", "add", f"admin{lost:d}", "--name", "Quản trị (dữ liệu mẫu)", "--role", "admin@hong_ngu", "--role", "district_officer@hong_ngu",
                "--password-stdin", "--demo", typed=f"{PASSWORD}\n")  # fmt: skip
    place.admin("user", "password", "lan", "--password-stdin", typed=f"{PASSWORD}\n")
    back_up(place)
    place.admin("user", "password", "lan", "--password-stdin", typed=f"{new}\n")
    place.admin("user", "role", "lan", "unit_lead@long_khanh_a")
    place.admin("user", "add", boss, "--name", "Đỗ Thị Thảo (dữ liệu mẫu)", "--role", "district_officer@hong_ngu", "--password-stdin", "--demo", typed=f"{new}\n")
    restore(place, lost=lost)
    assert signs_in(place, "lan", PASSWORD) is lost and signs_in(place, "lan", new) is signs_in(place, boss, new) is not lost
    told = Desk(place.office.address, f"admin{lost:d}", PASSWORD, "hong_ngu").recovered()
    assert (f"Đỗ Thị Thảo (dữ liệu mẫu) ({boss}): người dùng mới thêm đã có lại" in told) is not lost
    lan = "mật khẩu như đã đổi sau bản sao lưu; vai trò có lại: Lãnh đạo đơn vị – Xã Long Khánh A"
    assert lost or lan in told
    assert "mật khẩu vừa đổi (mật khẩu cũ dùng lại được, đổi lại ngay)" in told
    place.admin("user", "password", "lan", "--password-stdin", typed=f"{PASSWORD}\n")
    with place.office.closed():  # what is changed after the restore is the last word
        pass
    assert signs_in(place, "lan", PASSWORD) and not signs_in(place, "lan", new)


def signs_in(place: Place, login: str, password: str) -> bool:
    try:
        Desk(place.office.address, login, password, "hong_ngu")
    except Refused:
        return False
    return True
