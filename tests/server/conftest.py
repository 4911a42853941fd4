"""An app on a fresh database of either kind, a client, and people to sign in.

Whoever takes `app` (or what rests on it) runs on SQLite and on a real PostgreSQL. The tables are made once by the migrations and
copied for each test.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from server import create_app
from server.clock import VIETNAM
from server.config import Config
from server.db import db, transaction
from server.people import User, add_user, give_role
from server.schema import upgrade
from server.services import services
from tests.support.databases import DATABASES

TODAY = datetime(2022, 5, 30, 8, 0, tzinfo=VIETNAM)
PASSWORD = "sen hồng bên sông Tiền"

AddUser = Callable[..., User]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no row."""
    folder = tmp_path_factory.mktemp("sqlite-template")
    app = create_app(Config(var=folder))
    upgrade(app)
    with app.app_context():
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
    return folder / "sen.sqlite3"


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A real PostgreSQL with a database «template» that has all tables and no row."""
    postgresql_server.psql("CREATE DATABASE sen_template ENCODING 'UTF8' TEMPLATE template0;")
    app = create_app(Config(var=tmp_path_factory.mktemp("postgresql"), database=postgresql_server.get_uri("sen_template")))
    upgrade(app)
    with app.app_context():
        db.engine.dispose()
    return postgresql_server


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The setting of a fresh database with all tables."""
    if request.param == "sqlite":
        path = tmp_path / "var" / "sen.sqlite3"
        path.parent.mkdir()
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield str(path)
        return
    server, name = request.getfixturevalue("postgresql_template"), f"sen_{uuid.uuid4().hex[:12]}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE sen_template;")
    yield server.get_uri(name)
    server.psql(f"DROP DATABASE {name} WITH (FORCE);")


@pytest.fixture
def config(tmp_path: Path, database: str) -> Config:
    """The settings of the app: its clock stands at 30/05/2022, 8 o'clock."""
    return Config(var=tmp_path / "var", database=database, today=TODAY, database_wait_s=2)


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    """The app, on either database."""
    app = create_app(config)
    app.config["TESTING"] = False  # errors are answered as they are for people
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the app, signed in as nobody."""
    return app.test_client()


@pytest.fixture
def add_person(app: Flask) -> AddUser:
    """Add an invented person: `add_person("lan", "collector@long_khanh_a", password=…)`."""

    def add(login: str, *roles: str, name: str = "", password: str | None = None) -> User:
        with app.app_context():
            held = services()

            def work(session: Session) -> User:
                user = add_user(session, login=login, name=name or login.title(), password=password, now_ms=held.clock.now_ms(), demo=True)
                for role, _, unit in (one.partition("@") for one in roles):
                    give_role(session, held.catalogue, user, role, unit)
                return user

            return transaction(work)

    return add


@pytest.fixture
def sign_in(app: Flask) -> Callable[[User], FlaskClient]:
    """A client in which a person is signed in already."""

    def enter(user: User) -> FlaskClient:
        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = user.get_id()
            session["_fresh"] = True
        return client

    return enter
