"""A mistake in an outline stops the server with file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from server import create_app
from server.config import Config
from server.reports.check import check_outlines
from shared.catalogue import DATA, Catalogue, CatalogueError, load_catalogue

HALF_YEAR = "reports/half_year.yaml"

MISTAKES = [
    ("{I20P} quyết định", "{I99} quyết định", "no such figure: I99"),
    ("I13V_sex_female > 0", "I13V_colour_red > 0", "no such part of a figure"),
    ("{I01.part.lead}", "{I01.role.lead}", "no such part of a figure: I01.role.lead"),
    ("narrative: strengths", "narrative: strongest", "no such field of the periodic report: strongest"),
    ("{kind} số {number}", "{kind} số {nummer}", "no such field: nummer"),
    ("field: recommendations_done", "field: recommendations_over", "no such field: recommendations_over"),
    ("field: helped_total, sum_of: model_check", "field: helped_total, sum_of: model_chek", "no such record type: model_chek"),
    ("kind: submissions", "kind: punctuality", "unknown kind of table: punctuality"),
    ("          most: 40\n", "          longest: 40\n", "unknown key in list: longest"),
    ("nothing_said: Chưa", "nothing: Chưa", "missing key nothing_said"),
]


def test_what_ships_is_right() -> None:
    check_outlines(load_catalogue())


@pytest.mark.parametrize(("old", "new", "why"), MISTAKES, ids=[row[2] for row in MISTAKES])
def test_a_mistake_in_an_outline_is_told_with_file_and_line(old: str, new: str, why: str) -> None:
    texts = dict(load_catalogue().texts)
    place = texts[HALF_YEAR].index(old)
    texts[HALF_YEAR] = texts[HALF_YEAR].replace(old, new, 1)
    with pytest.raises(CatalogueError) as told:
        check_outlines(Catalogue.from_texts(texts))
    error = told.value
    assert (error.code, error.file) == ("catalogue_report", HALF_YEAR)
    if not why.startswith("missing") and "_" not in old.partition(" ")[0]:
        assert error.line == texts[HALF_YEAR].count("\n", 0, place) + 1
    for lang in ("vi", "en"):
        sentence = error.text(lang)
        assert why in sentence
        assert HALF_YEAR in sentence
        assert str(error.line) in sentence


def test_a_server_does_not_start_with_it(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "catalogue")
    path = tmp_path / "catalogue" / HALF_YEAR
    path.write_text(path.read_text("utf-8").replace("{I20P} quyết định", "{I99} quyết định", 1), "utf-8")
    with pytest.raises(CatalogueError, match="no such figure: I99"):
        create_app(Config(var=tmp_path / "var", catalogue=tmp_path / "catalogue"))
    assert not (tmp_path / "var" / "sen.sqlite3").exists()
