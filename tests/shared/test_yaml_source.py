"""YAML as the catalogue may use it: places are known, tricks are refused, in C and in pure Python alike."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from shared.yaml_source import MAX_BYTES, MAX_DEPTH, CatalogueError, Source, read_yaml


@pytest.fixture(params=["C", "Python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With libyaml, and without it as on a tablet."""
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader")


def test_plain_values_and_their_places() -> None:
    body = read_yaml("a.yaml", "one: 1\ntwo: [x, 'y', 2.5, true, null]\nday: 2022-05-30\n# note\nin:\n  deep: văn bản\n")
    assert body == {"one": 1, "two": ["x", "y", 2.5, True, None], "day": date(2022, 5, 30), "in": {"deep": "văn bản"}}
    assert isinstance(body, Source) and (body.file, body.line) == ("a.yaml", 1)
    assert [body.line_of(key) for key in ("one", "day", "in", "absent")] == [1, 3, 5, 1]
    assert (body["in"].line, body["in"].line_of("deep")) == (6, 6)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_nothing(text: str) -> None:
    assert read_yaml("a.yaml", text) is None


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\nb: [", "catalogue_not_yaml", 2),
        ("a: 1\n\tb: 2", "catalogue_not_yaml", 2),
        ("a: 1\n---\nb: 2", "catalogue_not_yaml", 2),
        ("a: \x00", "catalogue_not_yaml", 1),
        ("a: \ud800", "catalogue_not_yaml", 1),
        ("a: 1\nb: 2\na: 3", "catalogue_key_twice", 3),
        ("a: &x [1]\nb: *x", "catalogue_alias", 1),
        ("a: 1\nb: *x", "catalogue_alias", 2),
        ("a: &x 1", "catalogue_alias", 1),
        ("a: !!python/object:os.system x", "catalogue_tag", 1),
        ("a: 1\nb: !!binary aGFsbG8=", "catalogue_tag", 2),
        ("a: !!str 1", "catalogue_tag", 1),
        ("a: 2022-05-30 10:00:00", "catalogue_tag", 1),
        ("a: 2022-13-45", "catalogue_tag", 1),
        ("a: .nan", "catalogue_tag", 1),
        ("a: -.inf", "catalogue_tag", 1),
        ("? [1, 2]\n: 3", "catalogue_tag", 1),
        ("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "catalogue_too_deep", 1),
    ],
)  # fmt: skip
def test_b13_what_is_not_plain_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(CatalogueError) as told:
        read_yaml("a.yaml", text)
    assert (told.value.code, told.value.file) == (code, "a.yaml")
    assert told.value.line in (line, line + 1) if code == "catalogue_not_yaml" else told.value.line == line


def test_b13_bombs_are_refused_before_they_grow() -> None:
    laughs = "a: &a [x, x]\n" + "".join(f"{name}: &{name} [*{before}, *{before}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True))
    for text in (laughs, "[" * 100_000, "- " * 100_000, "{a: " * 100_000, "a: b\n" * (MAX_BYTES // 5 + 1)):
        with pytest.raises(CatalogueError):
            read_yaml("a.yaml", text)


def test_the_deepest_that_is_allowed_is_read() -> None:
    value = read_yaml("a.yaml", "[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for _ in range(MAX_DEPTH - 1):
        (value,) = value
    assert value == []
