"""A real server process on a real database with one enrolled device, for tests of what bad input gets.

What may live here: starting it, looking at all that it keeps and says, and the claims that every row of bad input shares.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from sqlalchemy import create_engine

from server.config import Config
from server.places import Places
from tests.fieldday.office import Office, open_office
from tests.fieldday.scenario import Person
from tests.support.databases import fresh_database
from tests.support.device import Answered, HandDevice
from tests.support.marks import NAME, found_in, found_in_folder
from tests.support.processes import ROOT
from tests.support.tables import dump_of
from tests.support.wrong import GOOD

TODAY = datetime.date(2022, 5, 30)
LAN = Person(name="Lan", unit="long_khanh_a", roles=("collector", "case_worker"), tablet=True)

Dump = dict[str, list[tuple[Any, ...]]]


class Place(NamedTuple):
    """A real server process on a real database, and one enrolled device."""

    office: Office
    device: HandDevice
    folder: Path
    database: str

    def dump(self) -> Dump:
        """All rows of all tables, read from outside the server's process."""
        engine = create_engine(Places(Config(var=self.folder, database=self.database)).database_url)
        try:
            return dump_of(engine)
        finally:
            engine.dispose()

    def admin(self, *words: str, typed: str = "", **settings: str) -> str:
        """A command of the administrator, beside the running server; what it says. ``typed``: what it reads."""
        command = [sys.executable, "-m", "server", *words, "--var", str(self.folder), "--database", self.database]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, input=typed, capture_output=True, text=True, check=True)
        return done.stdout

    def code(self, login: str = "lan", **settings: str) -> str:
        """One more enrolment code for Lan, or somebody else of her unit."""
        return str(json.loads(self.admin("enrol-code", login, "--unit", "long_khanh_a", "--json", **settings))["code"])

    def log(self) -> bytes:
        """All that the server's process has logged."""
        return (self.folder / "server.log").read_bytes()

    def exchange(self, data: bytes) -> bytes:
        """What these bytes on a socket of their own are answered by, as far as it came."""
        with socket.create_connection(self.office.place, timeout=60) as line:
            answer = b""
            with contextlib.suppress(OSError):  # a server that has said no need not read to the end
                line.sendall(data)
                line.shutdown(socket.SHUT_WR)
                while piece := line.recv(65536):
                    answer += piece
            return answer

    def nobody_is_named(self) -> None:
        """No file of the server's folder, its log among them, holds the marked name."""
        assert found_in_folder(self.folder, [NAME]) == {}


@contextlib.contextmanager
def working(folder: Path, database: str) -> Iterator[Place]:
    """A server on an empty database, with one enrolled device whose first line is accepted."""
    with open_office(folder, database, {"Lan": LAN}, TODAY) as office:

        def post(path: str, body: bytes, kind: str) -> Answered:
            answer = requests.post(office.address + path, data=body, headers={"Content-Type": kind}, timeout=60)
            return Answered.of(answer)

        device = HandDevice.enrol(post, office.codes["Lan"])
        device.push([device.line(GOOD)])
        yield Place(office, device, folder, database)


@contextlib.contextmanager
def place_on(kind: str, folder: Path) -> Iterator[Place]:
    """The same on a fresh database of this kind, whose server waits a second for a lock."""
    with pytest.MonkeyPatch.context() as patch, fresh_database(kind, folder / "var") as database:
        patch.setenv("SEN_DATABASE_WAIT_S", "1")
        with working(folder / "var", database) as place:
            yield place


def says(answer: Answered, status: int, code: set[str], vi: str, en: str) -> None:
    """The answer is this problem and says what to do in both languages."""
    told = answer.problem
    assert answer.status == status and told["code"] in code, told
    assert vi in told["errors"][0]["vi"] and en in told["errors"][0]["en"], told
    assert not found_in(answer.body, [NAME])


def named(device: HandDevice) -> bytes:
    """A right message whose line holds the marked name."""
    return device.request([device.line([*GOOD, {"p": "note", "v": f"{NAME} {'x' * 400}"}])])


def goes_on(place: Place) -> None:
    """The next right message is accepted."""
    assert "aside" not in place.device.push([place.device.line(GOOD)])
