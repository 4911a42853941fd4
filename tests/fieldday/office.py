"""The district's office: the real server process on an empty database, and the desks of those who work on its console."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.fieldday import forms
from tests.fieldday.desk import Desk
from tests.fieldday.scenario import Person
from tests.support.processes import ROOT, Watched

DATA = ROOT / "shared" / "data"

PASSWORD = "mot mat khau mau du dai"
"""The password of every invented person of a day; the server is on this machine alone."""


def login_of(name: str) -> str:
    """A login for a name: «Huệ 2» → hue-2."""
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    return "".join(c for c in plain if not unicodedata.combining(c)).replace(" ", "-")


class Office:
    """The server of a day (`server` is its process, `given` its settings) and its desks. `codes` has an enrolment code for each person with a tablet."""

    def __init__(
        self, folder: Path, database: str, people: Mapping[str, Person], codes: Mapping[str, str], given: Mapping[str, str]
    ) -> None:
        self.database = database
        self.forms = folder / "catalogue"
        """The folder of the server's catalogue."""
        self.codes = codes
        self.given = given
        self._folder = folder
        self._people = people
        self._starts = 0
        self.server = self._start()
        self._desks: dict[str, Desk] = {}

    @property
    def address(self) -> str:
        """Where the server is now."""
        return str(self.server.told["address"])

    def _start(self) -> Watched:
        self._starts += 1
        log = self._folder / f"server{'' if self._starts == 1 else f'-{self._starts}'}.log"
        return Watched(["-m", "server", "run", "--json", "--port", "0"], log, self.given).__enter__()

    def close(self) -> None:
        """End the server's process."""
        self.server.__exit__()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """End the server's process, and start it again when the block ends, at another port; those at a desk sign in again."""
        self.close()
        yield
        self.server = self._start()
        self._desks.clear()

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.address.removeprefix("http://").partition(":")
        return host, int(port)

    def change_forms(self, type: str, values: Mapping[str, str]) -> None:
        """Change a form in the catalogue's folder, and start the server again with it."""
        with self.closed():
            forms.change(self.forms, type, values)

    def desk(self, name: str) -> Desk:
        """A person's place at the console; they sign in when they first need it."""
        if name not in self._desks:
            person = self._people[name]
            self._desks[name] = Desk(self.address, login_of(name), PASSWORD, person.unit)
        return self._desks[name]

    def figure(self, code: str, unit: str, period: str) -> str:
        """A figure as the console shows it to whoever works there."""
        clerk = next(name for name, person in self._people.items() if not person.tablet)
        return self.desk(clerk).figure(code, unit, period)


@contextlib.contextmanager
def open_office(
    folder: Path, database: str, people: Mapping[str, Person], today: datetime.date, *, catalogue: Path = DATA
) -> Iterator[Office]:  # fmt: skip
    """Fill an empty database with the people of a day and start the server on it; it is ended with the block.

    Args:
        catalogue: the forms that the server begins with, which are copied into its folder.
    """
    given = {"SEN_VAR": str(folder), "SEN_DATABASE": database, "SEN_TODAY": today.isoformat(), "SEN_LOG": "info"}
    given["SEN_CATALOGUE"] = str(shutil.copytree(catalogue, folder / "catalogue"))
    given["SEN_ENROL_TRIES"] = "600"  # all tablets of all tests come from one address
    told = [
        {
            "name": p.name,
            "login": login_of(p.name),
            "unit": p.unit,
            "roles": p.roles,
            "tablet": p.tablet,
            "password": PASSWORD,
        }
        for p in people.values()
    ]
    prepared = subprocess.run(
        [sys.executable, "-m", "tests.fieldday.prepare", str(folder)],
        input=json.dumps(told), capture_output=True, text=True, check=False, cwd=ROOT, encoding="utf-8",
        env=os.environ | given | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )  # fmt: skip
    if prepared.returncode != 0:
        raise RuntimeError(f"the people could not be made: {prepared.stderr[-2000:]}")
    codes = json.loads(prepared.stdout)
    by_name = {p.name: codes[login_of(p.name)] for p in people.values() if p.tablet}
    office = Office(folder, database, people, by_name, given)
    try:
        yield office
    finally:
        office.close()
