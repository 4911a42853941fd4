"""The migrations make exactly the tables that the code speaks of."""

from __future__ import annotations

from flask import Flask

from server.config import Config
from server.places import Places
from server.process import ready_app
from server.schema import differences, newest, present


def test_the_migrations_make_the_tables_of_the_code(app: Flask) -> None:
    with app.app_context():
        assert present() == newest()
        assert not differences(), "write a migration: python -m server migration"


def test_a_start_on_an_empty_database_makes_the_tables_and_a_second_changes_nothing(config: Config) -> None:
    for _ in range(2):
        with ready_app(config).app_context():
            assert present() == newest()
    assert Places(config).var.is_dir()
