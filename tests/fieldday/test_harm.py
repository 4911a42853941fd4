"""A real day after which harm is planted in the databases: the command finds it and its exit code says so."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fieldday import __main__ as command
from tests.fieldday import run as running
from tests.fieldday.evidence import gather
from tests.support.databases import DATABASES

STORY = """title: Một bản ghi
about: One record that is changed once, and one that is not.
today: 2022-05-30
people:
  Lan: {unit: long_khanh_a, roles: [collector], tablet: yes}
  Thảo: {unit: hong_ngu, roles: [district_officer]}
story:
  - Lan enters hop-ap:
      type: communication_activity
      title: Họp ấp (dữ liệu mẫu)
      participants_total: 60
  - Lan syncs
  - Lan changes hop-ap: {participants_total: 72}
  - Lan syncs
"""

MEMBERS = {
    "seed", "link", "db", "tablets", "records_entered", "fields_entered", "lost", "silently_changed", "conflicts_made",
    "conflicts_decided", "conflicts_open", "exchanges", "round_trips", "bytes_up", "bytes_down", "cuts", "kills",
    "replicas_equal", "reports", "seconds",
}  # fmt: skip

Harm = Callable[[Any, str], None]
"""(a cursor on the server's database, its placeholder)."""


@contextlib.contextmanager
def writing(url: str) -> Iterator[tuple[Any, str]]:
    """A cursor that writes into the server's database behind its back, and the placeholder of its SQL."""
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect("postgresql://" + url.split("://", 1)[1]) as held:
            yield held.cursor(), "%s"
        return
    with contextlib.closing(sqlite3.connect(url)) as connection, connection:
        yield connection.cursor(), "?"


def rewrite(cursor: Any, mark: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the registers of the record of the day."""
    cursor.execute("SELECT id, registers FROM record WHERE registers IS NOT NULL")
    ((id, registers),) = cursor.fetchall()
    body = json.loads(registers)
    change(body["f"])
    cursor.execute(f"UPDATE record SET registers = {mark} WHERE id = {mark}", (json.dumps(body), id))


def forget_a_field(cursor: Any, mark: str) -> None:
    rewrite(cursor, mark, lambda registers: registers.pop("title"))
    cursor.execute(f"DELETE FROM line WHERE number = {mark}", (1,))


def forget_a_record(cursor: Any, mark: str) -> None:
    cursor.execute("DELETE FROM fallen")
    cursor.execute("DELETE FROM record")


def change_a_value(cursor: Any, mark: str) -> None:
    def change(registers: dict[str, Any]) -> None:
        registers["participants_total"][1][1] = 71

    rewrite(cursor, mark, change)


def bring_an_old_value_back(cursor: Any, mark: str) -> None:
    def change(registers: dict[str, Any]) -> None:
        registers["participants_total"][1][1] = 60

    rewrite(cursor, mark, change)


def nothing(cursor: Any, mark: str) -> None:
    """Leave all as it is."""


def play(
    folder: Path, db: str, harm: Harm, monkeypatch: pytest.MonkeyPatch, tablet: str = ""
) -> tuple[int, dict[str, Any]]:
    """Play the story with harm done between its evening and the comparison; gives the exit code and summary.json."""
    (folder / "story.yaml").write_text(STORY, encoding="utf-8")
    monkeypatch.setattr(command, "FOLDER", folder / "build")

    def harmed(url: str) -> Any:
        with writing(url) as (cursor, mark):
            harm(cursor, mark)
        if tablet:
            path = folder / "build" / "story" / "tablet-1" / "tablet.sqlite3"
            with contextlib.closing(sqlite3.connect(path)) as connection, connection:
                connection.execute(tablet)
        return gather(url)

    monkeypatch.setattr(running, "gather", harmed)
    code = command.main(["--scenario", str(folder / "story.yaml"), "--db", db, "--quiet"])
    return code, json.loads((folder / "build" / "summary.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("db", DATABASES)
def test_p02_a_day_without_harm_ends_with_0_and_tells_everything(
    db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told = play(tmp_path, db, nothing, monkeypatch)
    assert code == 0, told
    assert told.keys() >= MEMBERS
    assert (told["lost"], told["silently_changed"], told["replicas_equal"]) == (0, 0, True)
    assert (told["db"], told["tablets"], told["records_entered"]) == (db, 1, 1)
    assert told["fields_entered"] == 2
    assert told["round_trips"] >= told["exchanges"] >= 4
    assert min(told["bytes_up"], told["bytes_down"], told["seconds"]) > 0


@pytest.mark.parametrize("db", DATABASES)
@pytest.mark.parametrize(
    ("harm", "member"),
    [
        (forget_a_field, "lost"),
        (forget_a_record, "lost"),
        (change_a_value, "silently_changed"),
        (bring_an_old_value_back, "silently_changed"),
    ],
)
def test_p02_harm_at_the_server_is_found(
    db: str, harm: Harm, member: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, told = play(tmp_path, db, harm, monkeypatch)
    assert code == 1
    assert told[member] >= 1, told
    assert told["replicas_equal"] is False


@pytest.mark.parametrize("db", DATABASES)
def test_p02_a_replica_that_differs_is_found(db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, told = play(tmp_path, db, nothing, monkeypatch, tablet="DELETE FROM record")
    assert code == 1
    assert (told["lost"], told["silently_changed"], told["replicas_equal"]) == (0, 0, False)
    assert "does not have communication_activity" in told["findings"][0]


def test_a_day_that_breaks_off_is_told_and_not_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(cursor: Any, mark: str) -> None:
        raise RuntimeError("the roof fell in")

    code, told = play(tmp_path, "sqlite", broken, monkeypatch)
    assert code == 1
    assert told["findings"] == ["the day broke off: RuntimeError: the roof fell in"]
    assert "the roof fell in" in (tmp_path / "build" / "story" / "broke-off.txt").read_text(encoding="utf-8")
