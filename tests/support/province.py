"""Two real servers, a district's and a province's, each on a real database with a process of its own; and a look into the wire between them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from flask import Flask
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from server import db
from server.app import create_app
from server.clock import VIETNAM
from server.config import Config
from server.enrolment import make_code, revoke
from server.models import LineRow
from server.people import Device, User, add_user, end_role, give_role
from server.places import Places
from server.records import plain_records, state_of
from server.schema import upgrade
from server.services import services
from server.upward import link
from server.upward.courier import Done, exchange
from sync.log import Change
from sync.state import RecordState
from tests.support.browser import Browser
from tests.support.processes import ROOT, Watched
from tests.support.tables import dump_of

TODAY = datetime(2022, 5, 30, 8, 0, tzinfo=VIETNAM)
PASSWORD = "Sen-du-lieu-mau-2022"
DISTRICT, PROVINCE = "hong_ngu", "dong_thap"
PERIOD = "2022-H1"
PATIENCE_S, LOOK_S = 120, 0.1


class Level:
    """One server: its folder, its database, its commands, its process; and its app in this process, to write and to look."""

    def __init__(self, folder: Path, database: str, name: str) -> None:
        self.folder, self.database, self.name = folder, database, name
        self.address = ""
        self.process: subprocess.Popen[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.app: Flask = self._new_app()

    def _new_app(self) -> Flask:
        return create_app(Config(var=self.folder, database=self.database, today=TODAY, name=self.name))

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SEN_VAR": str(self.folder), "SEN_DATABASE": self.database, "SEN_TODAY": TODAY.strftime("%Y-%m-%dT%H:%M"), "SEN_NAME": self.name,
            "SEN_UPWARD_MINUTES": "0", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1",
        }  # fmt: skip

    def command(self, *words: str, fails: bool = False) -> str:
        """What a command of the server prints; where it ``fails``, what it says of it."""
        done = subprocess.run(
            [sys.executable, "-m", "server", *words], env=os.environ | self.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stderr if fails else done.stdout

    def begin(self) -> None:
        """Make the tables."""
        upgrade(self.app)

    def add(self, login: str, *roles: str) -> None:
        """A person."""

        def work(session: Session) -> None:
            held = services()
            user = add_user(session, login=login, name=f"{login} (dữ liệu mẫu)", password=PASSWORD, now_ms=held.clock.now_ms(), demo=True)
            for role, _, unit in (one.partition("@") for one in roles):
                give_role(session, held.catalogue, user, role, unit)

        with self.inside():
            db.transaction(work)

    def give(self, login: str, *roles: str) -> None:
        """Give a person roles."""

        def work(session: Session) -> None:
            user = session.scalars(select(User).where(User.login == login)).one()
            for role, _, unit in (one.partition("@") for one in roles):
                give_role(session, services().catalogue, user, role, unit)

        with self.inside():
            db.transaction(work)

    def end_roles(self, login: str) -> None:
        """End all roles of a person."""

        def work(session: Session) -> None:
            held, user = services(), session.scalars(select(User).where(User.login == login)).one()
            for role in list(user.roles):
                end_role(session, held.keys, user, role, held.clock.now_ms())

        with self.inside():
            db.transaction(work)

    def code(self, login: str, unit: str) -> str:
        """A code for one enrolment."""

        def work(session: Session) -> str:
            held = services()
            user = session.scalars(select(User).where(User.login == login)).one()
            return make_code(session, held.catalogue, user=user, unit=unit, made_by=None, now_ms=held.clock.now_ms(), hours=24)

        with self.inside():
            return db.transaction(work)

    @contextlib.contextmanager
    def serving(self, **more: str) -> Iterator[None]:
        """Let its process serve while the block runs; it may be killed before."""
        port = self.address.rpartition(":")[2] or free_port()
        words = ["-m", "server", "run", "--json", "--port", port]
        with Watched(words, self.folder / "server.log", self.environment | more) as server:
            self.address, self.process = server.told["address"], server.process
            try:
                yield
            finally:
                self.process = None

    def kill(self) -> None:
        """SIGKILL its process."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """The app's context in this process."""
        with self.app.app_context():
            yield

    def end(self) -> None:
        """Close what this process holds of the database, so that it may be replaced under it."""
        with self.inside():
            db.db.engine.dispose()
        self.app = self._new_app()

    def user(self, login: str) -> User:
        """A person, for the server's own functions."""
        with db.db.session.no_autoflush:
            return db.db.session.scalars(select(User).where(User.login == login)).one()

    def state(self, record: str) -> RecordState:
        """A record's registers."""
        with self.inside(), db.reading() as connection:
            return state_of(connection, record)

    def values(self, type_code: str, *units: str) -> dict[str, Mapping[str, Any]]:
        """The values of all records of a type in these units, by record."""
        with self.inside():
            return {one["id"]: {**one["values"], "state": one["state"], "unit": one["unit"]} for one in plain_records(units, types=[type_code])}

    def lines(self, record: str) -> list[Change]:
        """The changes of a record in the order of their arrival."""
        with self.inside(), db.reading() as connection:
            bodies = connection.scalars(select(LineRow.body).where(LineRow.record == record).order_by(LineRow.place))
            return [Change.parse(body) for body in bodies if body is not None]

    def browser(self, login: str) -> Browser:
        """A person's browser at its console, signed in."""
        browser = Browser(self.address)
        page = browser.open("/sign-in")
        browser.send(page, page.form("/sign-in"), login=login, password=PASSWORD)
        return browser

    def upward(self) -> Done:
        """Exchange with the server above, in this process."""
        with self.inside():
            return exchange()

    def revoke(self, login: str) -> None:
        """Revoke the devices of a person."""

        def work(session: Session) -> None:
            held = services()
            user = session.scalars(select(User).where(User.login == login)).one()
            for device in session.scalars(select(Device).where(Device.user == user.id)):
                revoke(session, held.keys, device, by="", now_ms=held.clock.now_ms())

        with self.inside():
            db.transaction(work)

    def copied(self) -> str:
        """A backup: the setting of a copy of the database as it is now; its server may run on."""
        self.end()
        if "://" not in self.database:
            copy = self.folder / f"copy-{uuid.uuid4().hex[:8]}.sqlite3"
            with contextlib.closing(sqlite3.connect(self.database)) as here, contextlib.closing(sqlite3.connect(copy)) as there:
                here.backup(there)
            return str(copy)
        name = urlsplit(self.database).path.strip("/")
        copied = f"{name}_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(self.database.replace(f"/{name}", "/postgres", 1), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            connection.execute(f'CREATE DATABASE "{copied}" TEMPLATE "{name}"'.encode())
        return self.database.replace(f"/{name}", f"/{copied}", 1)

    @contextlib.contextmanager
    def restored(self, copy: str, *, serves: bool = True) -> Iterator[None]:
        """Go on with a backup in the database's place while the block runs; the process that serves is killed, another one begins."""
        if self.process is not None:
            self.kill()
        self.end()
        self.database = copy
        self.app = self._new_app()
        with self.serving() if serves else contextlib.nullcontext():
            yield

    def dump(self) -> str:
        """All that its tables hold, in one text."""
        engine = create_engine(Places(Config(var=self.folder, database=self.database)).database_url)
        try:
            return repr(dump_of(engine))
        finally:
            engine.dispose()


def free_port() -> str:
    """A port that a server may take again after it was killed: one that it was given, not one that the system chose for it."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return str(line.getsockname()[1])


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Look again and again until something is so; give up after two minutes."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"it did not come about that {what}"
        time.sleep(LOOK_S)


@contextlib.contextmanager
def two_levels(folder: Path, below: str, above: str) -> Iterator[tuple[Level, Level]]:
    """A district's and a province's server with their people, the province's serving; neither knows the other yet."""
    district, province = Level(folder / "district", below, "Huyện"), Level(folder / "province", above, "Tỉnh")
    for level in (district, province):
        level.begin()
    district.add("hien", f"unit_lead@{DISTRICT}", f"district_officer@{DISTRICT}")
    district.add("lan", "collector@long_khanh_a", "case_worker@long_khanh_a")
    province.add("tinh", f"district_officer@{PROVINCE}")
    province.add("giao", f"collector@{DISTRICT}")
    province.add("may_huyen", f"district_server@{DISTRICT}")
    with province.serving():
        try:
            yield district, province
        finally:
            district.end()
            province.end()


def enrol_inside(district: Level, province: Level) -> None:
    """Enrol the district's server where the province's has no process: its route answers in this one."""

    def post(_: str, path: str, body: Any) -> Any:
        with province.inside():
            return province.app.test_client().post(path, json=body).get_json()

    with pytest.MonkeyPatch.context() as patch, district.inside():
        patch.setattr(link, "post_json", post)
        link.enrol(services().keys, "http://province", province.code("may_huyen", DISTRICT), district.name)


def enrol(district: Level, province: Level, address: str = "") -> None:
    """Enrol the district's server at the province's."""
    with district.inside():
        link.enrol(services().keys, address or province.address, province.code("may_huyen", DISTRICT), district.name)
