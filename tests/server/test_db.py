"""The writing transaction: durable, immediate, tried again a bounded number of times, its errors named."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, event, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from server import db as database_module
from server.config import Config
from server.db import TRIES, code_of, db, fold, reading, retrying, transaction, writing
from server.editing import sql_server
from server.models import StreamRow
from server.people import User, add_user
from server.places import Places
from server.problems import problem_of
from shared.errors import SenError
from shared.messages import codes
from tests.server.conftest import AddUser


def add_stream(code: str) -> None:
    with writing() as connection:
        connection.execute(insert(StreamRow).values(code=code, number=0, hash=b"0"))


def count(table: type[StreamRow] = StreamRow) -> int:
    with reading() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_f14_sqlite_is_wal_and_full_and_keeps_foreign_keys(tmp_path: Path, app: Flask) -> None:
    with app.app_context(), reading() as connection:
        if connection.dialect.name == "sqlite":
            told = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
            assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        else:
            assert connection.scalar(text("SHOW fsync")) == "on"
            assert connection.scalar(text("SHOW synchronous_commit")) == "on"


def test_a_push_does_not_wait_for_the_log_to_be_folded(app: Flask, config: Config) -> None:
    with app.app_context():
        if db.engine.dialect.name != "sqlite":
            fold()  # there is nothing to fold
            return
        file = Path(Places(config).database_url.removeprefix("sqlite:///"))
        before = file.stat().st_size
        with writing() as connection:
            rows = [{"code": f"s{n}", "number": n, "hash": b"0" * 4000, "segments": 0} for n in range(2000)]
            connection.execute(insert(StreamRow), rows)
        assert file.stat().st_size == before, "a commit that wrote eight megabytes folded nothing"
        assert count() == 2000
        fold()
        assert file.stat().st_size > before + 8_000_000
        with closing(sqlite3.connect(f"file:{file}?immutable=1", uri=True)) as alone:
            assert alone.execute("SELECT count(*) FROM stream").fetchone() == (2000,), "the file alone has it now"


def test_an_exception_leaves_nothing(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(ZeroDivisionError), writing() as connection:
            connection.execute(insert(StreamRow).values(code="x", number=0, hash=b"0"))
            raise ZeroDivisionError
        assert count() == 0
        with pytest.raises(IntegrityError):
            transaction(lambda session: session.execute(insert(StreamRow), [{"code": "a", "number": 1, "hash": b""}] * 2))
        assert count() == 0


def test_the_session_of_a_request_refuses_to_write(app: Flask, add_person: AddUser) -> None:
    user = add_person("lan")
    with app.app_context():
        found = db.session.get(User, user.id)
        assert found is not None
        found.name = "Khác"
        with pytest.raises(RuntimeError):
            db.session.commit()


def test_f31_a_locked_database_is_tried_again_then_told(app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another transaction holds the lock: the work is run a bounded number of times, then the code says so."""
    monkeypatch.setattr(database_module, "FIRST_PAUSE_S", 0.001)
    tried = []

    def work() -> None:
        tried.append(1)
        with writing() as connection:
            wait = "SET LOCAL lock_timeout = '10ms'" if connection.dialect.name == "postgresql" else "SELECT 1"
            connection.execute(text(wait))
            connection.execute(update(StreamRow).values(number=StreamRow.number + 1))

    with app.app_context():
        add_stream("hong_ngu")
        short_waits()
        with db.engine.execution_options(writes=True).begin() as other:
            other.execute(update(StreamRow).values(number=StreamRow.number + 1))
            with pytest.raises(SenError) as told:
                retrying(work)
        assert told.value.code == "database_busy"
        assert problem_of(told.value).status == 503
        assert len(tried) == TRIES
        retrying(work)


def short_waits() -> None:
    """SQLite's own wait made short, on connections that are opened from now on."""
    if db.engine.dialect.name == "sqlite":
        db.engine.dispose()

        @event.listens_for(db.engine, "connect", insert=True)
        def busy(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA busy_timeout=10")


def test_f31_a_lock_that_is_let_go_is_waited_for(app: Flask) -> None:
    holds, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with app.app_context(), writing() as connection:
            connection.execute(update(StreamRow).values(number=StreamRow.number + 1))
            holds.set()
            let_go.wait(10)

    with app.app_context():
        add_stream("hong_ngu")
        other = threading.Thread(target=hold)
        other.start()
        holds.wait(10)
        timer = threading.Timer(0.1, let_go.set)
        timer.start()
        transaction(lambda session: session.execute(update(StreamRow).values(number=StreamRow.number + 1)))
        other.join()
        with reading() as connection:
            assert connection.scalar(select(StreamRow.number)) == 2


def test_f31_l07_a_districts_lock_holds_no_other_district(app: Flask) -> None:
    """While one district's lines are being written another district commits; SQLite has one writer, and the other is told to come again."""
    with app.app_context():
        server, stream = sql_server(), select(StreamRow.code).where(StreamRow.code == "hong_ngu")
        short_waits()
        with server.writing("hong_ngu", "", 1):
            pass
        with server.writing("hong_ngu", "", 1):
            if db.engine.dialect.name == "postgresql":
                with server.writing("tam_nong", "", 1) as other:
                    assert other.head().number == 0
                with pytest.raises(DBAPIError), db.engine.begin() as third:  # its own lock is held all the while
                    third.execute(stream.with_for_update(nowait=True))
                with reading() as connection:
                    assert connection.scalar(select(func.count()).select_from(StreamRow)) == 2
            else:
                with pytest.raises(SenError) as told, server.writing("tam_nong", "", 1):
                    pass
                assert told.value.code == "database_busy"
        with server.writing("tam_nong", "", 1), reading() as connection:
            assert connection.scalar(stream) == "hong_ngu"


def test_f50_a_database_locked_by_another_program_is_told(app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "FIRST_PAUSE_S", 0.001)
    with app.app_context():
        path = Places(config).sqlite
        if path is None:
            with pytest.raises(SenError) as told, writing() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '10ms'"))
                with db.engine.begin() as other:
                    other.execute(text("LOCK TABLE stream IN ACCESS EXCLUSIVE MODE"))
                    connection.execute(update(StreamRow).values(number=1))
        else:
            short_waits()
            with closing(sqlite3.connect(path, isolation_level=None)) as other_program:
                other_program.execute("BEGIN IMMEDIATE")
                with pytest.raises(SenError) as told:
                    transaction(lambda session: session.execute(update(StreamRow).values(number=1)))
        assert told.value.code == "database_busy"
        transaction(lambda session: session.execute(update(StreamRow).values(number=1)))


def test_f17_a_full_disk_is_told_and_recovers(app: Flask) -> None:
    """SQLite is given a limit of pages; PostgreSQL's own code stands in for its disk."""
    with app.app_context():
        add_stream("before")
        if db.engine.dialect.name == "sqlite":
            with pytest.raises(SenError) as told, writing() as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
                connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
                connection.execute(insert(StreamRow), [{"code": f"x{n}", "number": 0, "hash": b"0" * 4000} for n in range(50)])
            db.engine.dispose()
        else:
            with pytest.raises(SenError) as told, writing() as connection:
                connection.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"))
        assert told.value.code == "disk_full"
        assert problem_of(told.value).status == 507
        assert count() == 1
        add_stream("after")
        assert count() == 2


def test_an_error_of_the_database_holds_no_value(app: Flask) -> None:
    with app.app_context(), pytest.raises(DBAPIError) as told:
        transaction(lambda session: session.execute(insert(StreamRow), [{"code": "TÊN-ĐÁNH-DẤU", "number": 1, "hash": b""}] * 2))
    assert code_of(told.value) == ""
    assert "TÊN-ĐÁNH-DẤU" not in str(told.value).split("DETAIL")[0]
    assert problem_of(told.value).code == "general_error"


def test_every_code_of_a_database_has_its_sentence() -> None:
    for code in {*database_module.SQLITE_CODES.values(), *database_module.POSTGRESQL_CODES.values()}:
        assert {"vi", "en", "status"} <= set(codes()[code])


def test_a_person_added_twice_is_added_once(app: Flask) -> None:
    with app.app_context():
        def add(session: Session) -> User:
            return add_user(session, login="lan", name="Lan", password=None, now_ms=1)

        transaction(add)
        with pytest.raises(SenError, match="login_taken"):
            transaction(add)


def test_f29_a_connection_that_postgresql_closed_is_given_to_nobody(app: Flask, config: Config) -> None:
    """It is seen at the next checkout, without a question at each; work that had no part in it meets no error."""
    with app.app_context():
        if db.engine.dialect.name == "sqlite":  # a file is not closed by anybody, but another one may be put in its place
            file, older = config.var / "sen.sqlite3", config.var / "older.sqlite3"
            with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(older)) as target:
                source.backup(target)
            add_stream("later")
            assert count() == 1
            for end in ("-wal", "-shm"):
                file.with_name(file.name + end).unlink()
            older.replace(file)
            assert count() == 0
            return
        own = "SELECT pg_backend_pid()"
        with reading() as connection:
            first = connection.scalar(text(own))
        with reading() as connection:
            assert connection.scalar(text(own)) == first
        with db.engine.connect() as held, create_engine(db.engine.url).connect() as other:
            second = held.scalar(text(own))
            held.rollback()
            other.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": second})
        for _ in range(2):
            with reading() as connection:
                assert connection.scalar(text(own)) != second
