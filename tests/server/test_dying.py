"""The server's process dies at every step of an exchange, or loses its database's answer: what was answered is there, and nothing is there twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from server.models import LineRow
from shared.catalogue import load_catalogue
from shared.errors import SenError
from tests.bench.ours import BenchTablet
from tests.server.test_damage_process import opened
from tests.support.processes import ROOT

UNIT = "long_khanh_a"
TABLETS = 8
AT_ONCE = 6
"""How many of the steps of eight pushes at once are a death."""


class Doomed:
    """A server that is begun again and again, each time with a fate (``tests.support.dying``), and its tablets."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.database = folder, database
        words = ["-m", "tests.support.dying", str(folder / "var"), f"{UNIT}:{TABLETS}"]
        self._process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, stderr=(folder / "log").open("wb"),
            env=os.environ | {"PYTHONPATH": str(ROOT), "SEN_DATABASE": database},
        )  # fmt: skip
        self._codes = self._read()["codes"][UNIT]
        self.tablets: list[BenchTablet] = []
        with self.serving("kill", 0) as address:
            catalogue = load_catalogue()
            for n, code in enumerate(self._codes):
                self.tablets.append(BenchTablet.enrol(folder / str(n), address, code, catalogue))
                self.tablets[-1].exchange()
        self.ended: dict[str, Any] = {}

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    @contextmanager
    def serving(self, what: str, at: int) -> Iterator[str]:
        """A server with this fate; one that lives to the end of the block is ended. ``ended`` tells how it went."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what} {at}\n")
        self._process.stdin.flush()
        told = self._read()
        address = f"http://127.0.0.1:{told['port']}"
        for tablet in self.tablets:
            tablet.address = address
        try:
            yield address
        finally:
            with suppress(ProcessLookupError):
                os.kill(told["pid"], signal.SIGTERM)
            self.ended = self._read()

    def close(self) -> None:
        """End what is left of it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()
        for tablet in self.tablets:
            tablet.store.database.close()

    def lines(self) -> Counter[tuple[str, int]]:
        """Every line of the database, by log and number, read from outside."""
        with opened(self.folder / "var", self.database) as engine, engine.connect() as connection:
            return Counter((row.log, row.number) for row in connection.execute(select(LineRow.log, LineRow.number)))

    def everything_answered_is_there(self) -> None:
        """What a tablet was told to be read is in the database, and nothing twice."""
        held = self.lines()
        assert set(held.values()) <= {1}
        for tablet in self.tablets:
            for log in tablet.store.own_logs():
                assert all((log.log, number) in held for number in range(1, log.acknowledged + 1))

    def quiet(self) -> None:
        """Nothing more befalls: all is handed in, all hold the same, all chains verify."""
        with self.serving("kill", 0):
            for tablet in self.tablets * 2:
                tablet.exchange()
        assert len({tablet.store.digest() for tablet in self.tablets}) == 1
        wanted = {(log.log, n) for tablet in self.tablets for log in tablet.store.own_logs() for n in range(1, log.head.number + 1)}
        assert self.lines() == Counter(wanted) and all(tablet.store.unsent_count() == 0 for tablet in self.tablets)
        words = ["-m", "server", "verify", "--var", str(self.folder / "var"), "--database", self.database]
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)


@pytest.fixture
def doomed(tmp_path: Path, database: str) -> Iterator[Doomed]:
    made = Doomed(tmp_path, database)
    yield made
    made.close()


def tried(tablet: BenchTablet) -> str:
    """Exchange; gives the code of what went wrong."""
    try:
        tablet.exchange()
    except SenError as error:
        tablet.half.cut()
        return error.code
    return ""


def deaths_in_turn(doomed: Doomed, how: str) -> int:
    """Let the server die in this way at the first step of a push, at the second, and so on until it outlives one; gives how often it died."""
    for at in range(1, 1000):
        tablet = doomed.tablets[at % TABLETS]
        tablet.enter(1)
        with doomed.serving(how, at):
            told = tried(tablet)
        doomed.everything_answered_is_there()
        if doomed.ended["signal"] != signal.SIGKILL:
            assert told == ""
            return at - 1
    raise AssertionError("it never outlived a push")


def test_f15_a_server_that_is_killed_at_any_step_has_what_it_answered(doomed: Doomed) -> None:
    """Each of a push's statements and commits in turn, the tablets taking turns; then some of those of eight pushes at once."""
    deaths = deaths_in_turn(doomed, "kill")
    assert deaths > 12, "a push has more steps than that"
    draw = random.Random(15)
    for at in sorted(draw.sample(range(2, deaths * TABLETS // 2), AT_ONCE)):
        with doomed.serving("kill", at):
            threads = [threading.Thread(target=tried, args=(tablet,)) for tablet in doomed.tablets]
            for tablet, thread in zip(doomed.tablets, threads, strict=True):
                tablet.enter(2)
                thread.start()
            for thread in threads:
                thread.join()
        assert doomed.ended["signal"] == signal.SIGKILL
        doomed.everything_answered_is_there()
    doomed.quiet()


def test_f14_f15_a_server_that_is_killed_within_any_write_to_its_file_has_what_it_answered(tmp_path: Path) -> None:
    """Each write of SQLite's in turn, to the database or to its log, of which the half reaches the file."""
    doomed = Doomed(tmp_path, str(tmp_path / "var" / "sen.sqlite3"))
    try:
        assert deaths_in_turn(doomed, "tear") > 20, "a push writes more pages than that"
        doomed.quiet()
    finally:
        doomed.close()


def test_f29_a_commit_whose_answer_is_lost_is_resolved_by_telling_again(doomed: Doomed) -> None:
    """The database commits, and the connection is gone before it says so: the tablet is told no, tells again, and nothing is there twice.

    What is noted behind an answer (when a tablet was last heard of) fails without breaking the connection.
    """
    tablet, committed = doomed.tablets[0], 0
    for at in range(1, 1000):
        before = sum(doomed.lines().values())
        tablet.enter(1)
        with doomed.serving("cut", at):
            told = [tried(tablet)]
            after = sum(doomed.lines().values())
            told += [tried(tablet), tried(tablet)]
            refused = [code for code in told if code]
            assert len(refused) <= 1 and set(refused) <= {"database_away", "storage_failed"}
            assert after - before in (0, 1) and sum(doomed.lines().values()) == before + 1
        committed += told[0] != "" and after > before
        if doomed.ended["steps"] < at:
            break
    assert committed > 1, "the push itself was committed, and its tablet was told no"
    doomed.quiet()
