"""Backups: taken while people work, opened before they count, brought back with the present database set aside."""

from __future__ import annotations

import sqlite3
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from server import create_app
from server.audit import note_reading
from server.backup import DATABASE, KEYS_SUFFIX, MANIFEST, back_up, back_up_keys, check, restore, would_lose
from server.cli import cli
from server.clock import Clock
from server.config import Config
from server.db import db, transaction, writing
from server.enrolment import revoke
from server.models import StreamRow
from server.people import Device, User, add_user
from server.places import Places, held
from server.process import ready_app
from server.schema import upgrade
from server.services import services
from shared.errors import SenError
from shared.ids import new_id, new_record_id

CLOCK = Clock()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Config]:
    """An office's server on SQLite, with a person."""
    config = Config(var=tmp_path / "var")
    app = create_app(config)
    upgrade(app)
    add(app, "lan")
    yield config


def add(app: Flask, login: str) -> None:
    with app.app_context():
        transaction(lambda session: add_user(session, login=login, name=login.title(), password=None, now_ms=1))
        db.engine.dispose()


def logins(config: Config) -> set[str]:
    app = ready_app(config)
    with app.app_context():
        with Session(db.engine) as session:
            found = set(session.scalars(select(User.login)))
        db.engine.dispose()
    return found


def test_m01_m02_m03_a_backup_is_whole_checked_and_comes_back(tmp_path: Path, office: Config) -> None:
    places, file = Places(office), tmp_path / "sao lưu" / "thứ hai.sen"
    manifest = back_up(places, file, CLOCK)
    assert manifest.counts["person"] == 1
    assert check(file) == manifest
    assert sorted(one.name for one in file.parent.iterdir()) == sorted([file.name, file.name + KEYS_SUFFIX])
    add(create_app(office), "hoa")
    assert would_lose(places, file) == {"person": 1}
    aside = restore(places, file, CLOCK)
    assert logins(office) == {"lan"}
    assert aside is not None
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT count(*) FROM person").fetchone() == (2,)


def test_m03_restore_tells_what_will_be_lost_and_waits_for_a_yes(tmp_path: Path, office: Config) -> None:
    file = tmp_path / "b.sen"
    back_up(Places(office), file, CLOCK)
    assert "nothing more" in CliRunner().invoke(cli, ["restore", str(file), "--var", str(office.var)]).output
    add(create_app(office), "hoa")
    asked = CliRunner().invoke(cli, ["restore", str(file), "--var", str(office.var)])
    assert "Không có trong bản sao lưu · not in the backup: 1 người dùng · people" in asked.output
    assert isinstance(asked.exception, SenError) and asked.exception.code == "backup_wanted"
    assert logins(office) == {"lan", "hoa"}
    done = CliRunner().invoke(cli, ["restore", str(file), "--yes", "--var", str(office.var)])
    assert done.exit_code == 0 and "Bản trước đó · the former database" in done.output
    with closing(sqlite3.connect(office.var / DATABASE)) as connection:
        told = connection.execute("SELECT action FROM audit ORDER BY number").fetchall()
    assert logins(office) == {"lan", "hoa"} and told == [("person_again",), ("restored",)], "the key store knew of Hoa"


def test_a_database_that_another_program_has_open_stays_in_its_place(tmp_path: Path, office: Config) -> None:
    file = tmp_path / "b.sen"
    back_up(Places(office), file, CLOCK)
    add(create_app(office), "hoa")
    with closing(sqlite3.connect(office.var / DATABASE)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM person").fetchone()
        with pytest.raises(SenError, match="database_busy"):
            restore(Places(office), file, CLOCK)
    assert logins(office) == {"lan", "hoa"}


def test_t10_a_backup_holds_no_key(tmp_path: Path, office: Config) -> None:
    places, file = Places(office), tmp_path / "b.sen"
    app = create_app(office)
    with app.app_context():
        keys = services().keys
        case = keys.new_case_key(new_record_id())
        secrets = [case, keys.run_key, keys.cookie_secret, keys.identity.box.private]
    back_up(places, file, CLOCK)
    with zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == sorted([MANIFEST, DATABASE])
        data = archive.read(DATABASE) + archive.read(MANIFEST)
    data += file.with_name(file.name + KEYS_SUFFIX).read_bytes()
    assert places.master_key.read_bytes().strip() not in data
    assert not [secret for secret in secrets if secret in data]


def test_m01_a_backup_under_writers_is_one_moment(tmp_path: Path, office: Config) -> None:
    app, ended = create_app(office), threading.Event()

    def work() -> None:
        with app.app_context():
            number = 0
            while not ended.is_set():
                number += 1
                with writing() as connection:
                    connection.execute(insert(StreamRow), [{"code": f"{number}-{one}", "number": 0, "hash": b""} for one in range(3)])

    writer = threading.Thread(target=work)
    writer.start()
    try:
        files = [tmp_path / f"{number}.sen" for number in range(5)]
        streams = [len(back_up(Places(office), file, CLOCK).streams) for file in files]
    finally:
        ended.set()
        writer.join()
    assert [count % 3 for count in streams] == [0] * 5
    assert streams == sorted(streams)


def test_a_backup_never_writes_over_a_file(tmp_path: Path, office: Config) -> None:
    file = tmp_path / "b.sen"
    file.write_text("keep me")
    with pytest.raises(SenError, match="backup_exists"):
        back_up(Places(office), file, CLOCK)
    assert file.read_text() == "keep me"


@pytest.mark.parametrize("place", range(20))
def test_m02_a_backup_changed_anywhere_is_found_and_changes_nothing(tmp_path: Path, office: Config, place: int) -> None:
    places, file = Places(office), tmp_path / "b.sen"
    back_up(places, file, CLOCK)
    data = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:  # somewhere in what is packed, not in a name's filler
        one = archive.getinfo(DATABASE)
    at = one.header_offset + 200 + place * (one.compress_size - 300) // 20
    data[at] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(SenError) as told:
        restore(places, file, CLOCK)
    assert told.value.code in ("backup_changed", "backup_not_ours")
    assert logins(office) == {"lan"}
    assert not [path for path in office.var.iterdir() if "before" in path.name or "restore" in path.name]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"x" * 1000])
def test_what_is_no_backup_is_refused(tmp_path: Path, office: Config, data: bytes) -> None:
    file = tmp_path / "b.sen"
    file.write_bytes(data)
    with pytest.raises(SenError, match="backup_not_ours"):
        check(file)


def test_m01_a_full_disk_leaves_no_half_file(tmp_path: Path, office: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    from server import backup

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_pack", full)
    with pytest.raises(SenError, match="disk_full"):
        back_up(Places(office), tmp_path / "b.sen", CLOCK)
    assert [path.name for path in tmp_path.iterdir()] == ["var"]


def test_f25_a_revocation_outlives_a_restore(tmp_path: Path, office: Config) -> None:
    places, file, app = Places(office), tmp_path / "b.sen", create_app(office)
    device_id = new_id()
    with app.app_context():

        def enrolled(session: Session) -> None:
            lan = session.scalars(select(User)).one()
            session.add(Device(
                id=device_id, user=lan.id, unit="long_khanh_a", name="x", sign=b"s" * 32, box=b"b" * 32, officer_box=b"o" * 32, enrolled_ms=1
            ))  # fmt: skip

        transaction(enrolled)
    back_up(places, file, CLOCK)
    with app.app_context():
        transaction(lambda session: revoke(session, services().keys, session.get_one(Device, device_id), by="", now_ms=5))
        note_reading(user="x", record="y", fields=(), why="", at_ms=6)
        db.engine.dispose()
    restore(places, file, CLOCK)
    with ready_app(office).app_context(), Session(db.engine) as session:
        assert session.get_one(Device, device_id).revoked_ms == 5


def test_a_fresh_machine_needs_the_backup_its_keys_and_the_master_key(tmp_path: Path, office: Config) -> None:
    file = tmp_path / "b.sen"
    back_up(Places(office), file, CLOCK)
    identity = services(create_app(office)).keys.identity
    new = Config(var=tmp_path / "new")
    assert restore(Places(new), file, CLOCK, keys=True) is None
    with pytest.raises(SenError, match="master_key_missing"):
        create_app(new)
    Places(new).master_key.write_bytes(Places(office).master_key.read_bytes())
    assert services(create_app(new)).keys.identity == identity
    assert logins(new) == {"lan"}
    with pytest.raises(SenError, match="backup_exists"):
        restore(Places(new), file, CLOCK, keys=True)


def test_a_postgresql_server_is_not_backed_up_here(tmp_path: Path) -> None:
    with pytest.raises(SenError, match="backup_not_here"):
        back_up(Places(Config(var=tmp_path, database="postgresql://u@/sen")), tmp_path / "b", CLOCK)


def test_the_keys_of_a_postgresql_server_are_saved_alone(tmp_path: Path, office: Config) -> None:
    there, file = Config(var=office.var, database="postgresql://u@/sen"), tmp_path / "sao lưu" / "b"
    keys = back_up_keys(Places(there), file)
    assert [one.name for one in file.parent.iterdir()] == ["b" + KEYS_SUFFIX] == [keys.name]
    with closing(sqlite3.connect(keys)) as saved, closing(sqlite3.connect(Places(there).keys)) as present:
        assert list(saved.iterdump()) == list(present.iterdump()) != []
    with pytest.raises(SenError, match="backup_exists"):
        back_up_keys(Places(there), file)


def test_a_running_server_is_not_restored_over(tmp_path: Path, office: Config) -> None:
    file = tmp_path / "b.sen"
    back_up(Places(office), file, CLOCK)
    lock = Places(office).lock
    assert lock is not None
    with held(lock, address="http://127.0.0.1:8040"):
        done = CliRunner().invoke(cli, ["restore", str(file), "--yes", "--var", str(office.var)])
    assert isinstance(done.exception, SenError)
    assert done.exception.code == "second_server"
