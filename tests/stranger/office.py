"""A real server process with officers to enrol, for a client that knows the protocol from its page alone."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.fieldday.evidence import connect
from tests.stranger.client import Client, Device
from tests.support.processes import ROOT, Watched

UNIT, HAMLET = "long_khanh_a", "long_khanh_a_long_hau"
OFFICERS = ("lan", "hoa", "mai")
ROLES = ("collector", "case_worker")


class Office:
    """The commands of a server and what its tables hold."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.database, self.address = folder, database, ""

    @property
    def environment(self) -> dict[str, str]:
        return {"SEN_VAR": str(self.folder), "SEN_DATABASE": self.database, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}

    def command(self, *words: str, told: str = "") -> str:
        """What a module of the server's or the tests' prints."""
        environment = os.environ | self.environment
        done = subprocess.run(
            [sys.executable, "-m", *words], input=told, env=environment, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
        )
        return done.stdout

    def open(self) -> None:
        """Make the database and the officers, each with a code for one tablet."""
        people = [
            {"name": f"{login} (dữ liệu mẫu)", "login": login, "unit": UNIT, "roles": ROLES, "tablet": True, "password": "Sen-du-lieu-mau-2022"}
            for login in OFFICERS
        ]
        self.codes = json.loads(self.command("tests.fieldday.prepare", str(self.folder), told=json.dumps(people)))

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Let a server run on the database while the block runs."""
        with Watched(["-m", "server", "run", "--json", "--port", "0"], self.folder / "server.log", self.environment) as server:
            self.address = server.told["address"]
            yield

    def client(self, login: str) -> Client:
        """The tablet that an officer's code enrols."""
        return Client(Device(self.address, self.codes[login], f"{login}'s"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the tables hold."""
        with contextlib.closing(connect(self.database)) as connection:
            return list(connection.cursor().execute(query).fetchall())

    def copied(self) -> str:
        """The setting of a copy of the database; no server may run on it."""
        if "://" not in self.database:
            copy = str(self.folder / "copy.sqlite3")
            with contextlib.closing(sqlite3.connect(self.database)) as here, contextlib.closing(sqlite3.connect(copy)) as there:
                here.backup(there)
            return copy
        name = urlsplit(self.database).path.strip("/")
        with psycopg.connect(self.database.replace(f"/{name}", "/postgres", 1), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"'.encode())
        return self.database.replace(f"/{name}", f"/{name}_copy", 1)
