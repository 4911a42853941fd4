"""Many days: which are played, what the table says, and what the exit code is."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.fieldday import __main__ as command
from tests.fieldday.run import Setting
from tests.fieldday.summary import Summary

COMBINATIONS = {
    (link, db): 20 if (link, db) == ("clean", "sqlite") else 5
    for link in ("clean", "2g", "cutting")
    for db in ("sqlite", "postgresql")
}


def test_the_matrix_has_20_seeds_on_clean_sqlite_and_5_on_every_other_combination() -> None:
    days = command.matrix(command.options(["--matrix"]))
    assert Counter((day.link, day.db) for day in days) == COMBINATIONS
    assert len({day.folder for day in days}) == len(days)
    assert {(day.link, day.db) for day in days[: len(COMBINATIONS)]} == set(COMBINATIONS)


def test_a_part_of_the_matrix_is_chosen_by_link_database_and_seeds() -> None:
    days = command.matrix(command.options(["--matrix", "--link", "2g", "--db", "postgresql", "--seeds", "2"]))
    assert [(day.link, day.db, day.seed) for day in days] == [("2g", "postgresql", 1), ("2g", "postgresql", 2)]


@pytest.mark.parametrize("harmed", [False, True])
def test_the_table_is_printed_and_written_and_one_bad_day_ends_with_1(
    harmed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def play(setting: Setting, _: object) -> Summary:
        lost = int(harmed and setting.name == "cutting-postgresql-1")
        return Summary(
            scenario=setting.name, seed=setting.seed, link=setting.link, db=setting.db, tablets=4, records_entered=40,
            conflicts_made=3, cuts=2, kills=5, seconds=10.0, replicas_equal=True, lost=lost,
        )  # fmt: skip

    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "run", play)
    assert command.main(["--matrix", "--seeds", "2"]) == int(harmed)
    written = (tmp_path / "matrix.md").read_text(encoding="utf-8")
    assert written in capsys.readouterr().out
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in written.splitlines()]
    assert [row[:2] for row in rows[2:]] == [[link, db] for link, db in COMBINATIONS]
    last = dict(zip(rows[0], rows[-1], strict=True))
    assert (last["seeds"], last["good"], last["lost"]) == ("2", "1" if harmed else "2", str(int(harmed)))
    assert (last["records"], last["conflicts made"], last["cuts"], last["kills"], last["seconds a day"]) == (
        "80", "6", "4", "10", "10"
    )  # fmt: skip
    assert len(json.loads((tmp_path / "matrix.json").read_text(encoding="utf-8"))) == 12


@pytest.mark.parametrize(
    "words",
    [
        ["--seeds", "3"],
        ["--scenario", "x.yaml", "--records", "4"],
        ["--scenario", "x.yaml", "--matrix"],
        ["--tablets", "0"],
    ],
)
def test_options_that_mean_nothing_together_are_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.options(words)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
