"""The catalogue is itself checked: every kind of mistake has a code, a file and a line, and two sentences."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from shared.catalogue import DATA, Catalogue, CatalogueError, load_catalogue
from tests.support.tiny import TINY, changed

MEETING = "record_types/meeting.yaml"
VICTIM = "record_types/victim.yaml"
HELP = "record_types/help.yaml"

MISTAKES = [
    # file, what stands there, what is written instead, code, words that the sentence must hold
    (MEETING, "icon: bullhorn", "icon: bullhorn\ncolour: red", "catalogue_unknown_key", "colour"),
    (MEETING, "required: true, max_length: 40", "needed: true", "catalogue_unknown_key", "needed"),
    (MEETING, "label: {vi: Cuộc họp, en: Meeting}", "label: {vi: Cuộc họp}", "catalogue_label", "label"),
    (MEETING, "label: {vi: Cuộc họp, en: Meeting}", "label: {vi: Cuộc họp, en: }", "catalogue_label", "label"),
    (MEETING, "label: {vi: Cuộc họp, en: Meeting}", "label: {vi: Cuộc họp, en: No}", "catalogue_label", "label"),
    (MEETING, "label: {vi: Cuộc họp, en: Meeting}", "label: {vi: Cuộc họp, en: Meeting, fr: Réunion}", "catalogue_unknown_key", "fr"),
    (MEETING, "label: {vi: Tên, en: Title}", "label: {en: Title}", "catalogue_label", "label"),
    (MEETING, "label: {vi: Chính, en: Main}, fields: [title", "label: {vi: Chính}, fields: [title", "catalogue_label", "label"),
    (MEETING, "group: communication", "group: sport", "catalogue_value", "sport"),
    (MEETING, "group: communication\n", "", "catalogue_missing_key", "group"),
    (MEETING, "code: meeting", "code: gathering", "catalogue_file_name", "gathering"),
    (MEETING, "title: title", "title: name", "catalogue_unknown_name", "name"),
    (MEETING, "date: held_on", "date: title", "catalogue_value", "title"),
    (MEETING, "unit_kinds: [commune, town, ward]", "unit_kinds: [commune, village]", "catalogue_value", "village"),
    (MEETING, "figure: total\n", "figure: total\nalike: [title, day]\n", "catalogue_unknown_name", "day"),
    (VICTIM, "sealed_by: self", "sealed_by: self\nalike: [name]", "catalogue_unknown_name", "name"),
    (MEETING, "figure: total\n", "figure: total\nstock: {of: total, by: [title], kind: main_topic, adds: [law], takes: [gone]}\n",
     "catalogue_unknown_name", "gone"),
    (MEETING, "figure: total\n", "figure: total\nstock: {of: sum, by: [title], kind: main_topic, adds: [law], takes: [gbv]}\n",
     "catalogue_unknown_name", "sum"),
    (MEETING, "figure: total\n", "figure: total\nstock: {of: total, by: [title]}\n", "catalogue_missing_key", "kind"),
    (MEETING, "valid_from: 2010-01-01", "valid_from: soon", "catalogue_value", "soon"),
    (MEETING, "kind: text, label: {vi: Tên, en: Title}", "kind: string, label: {vi: Tên, en: Title}", "catalogue_unknown_name", "string"),
    (MEETING, "choices: topic, max: 2", "choices: subject", "catalogue_unknown_name", "subject"),
    (MEETING, "choices: topic, max: 2", "max: 2", "catalogue_missing_key", "choices"),
    (MEETING, "choices: topic, max: 2", "choices: topic, merge: ask", "catalogue_value", "ask"),
    (MEETING, "choices: topic}", "choices: [{code: a, vi: A, en: A}, {code: a, vi: B, en: B}]}", "catalogue_code_twice", "a"),
    (MEETING, "choices: topic}", "choices: [{code: a, vi: A}]}", "catalogue_label", "a"),
    (MEETING, "choices: topic}", "choices: topic, default: sport}", "catalogue_value", "sport"),
    (MEETING, "not_future: true", "max_length: 3", "catalogue_key_of_kind", "date"),
    (MEETING, "min: 0, max: 1000}", "min: 0, max: many}", "catalogue_value", "many"),
    (MEETING, "min: 0, max: 1000}", "min: 5, max: 1}", "catalogue_value", "1"),
    (MEETING, "required: true, min: 0", "required: maybe, min: 0", "catalogue_value", "maybe"),
    (MEETING, "sections:", "sections: []\nunused:", "catalogue_unknown_key", "unused"),
    (MEETING, "women, men, school", "women, men, women, school", "catalogue_code_twice", "women"),
    (MEETING, "women, men, school", "women, boys, school", "catalogue_unknown_name", "boys"),
    (MEETING, "school, mask, hamlets]", "mask, hamlets]", "catalogue_field_unplaced", "school"),
    (MEETING, "code: more", "code: main", "catalogue_code_twice", "main"),
    (MEETING, "code: many", "code: women_le_total", "catalogue_code_twice", "women_le_total"),
    (MEETING, "level: warning", "level: hint", "catalogue_value", "hint"),
    (MEETING, "fields: [women, total]", "fields: [girls]", "catalogue_unknown_name", "girls"),
    (MEETING, "fields: [women, total]", "fields: []", "catalogue_unknown_name", ""),
    (MEETING, 'check: "women <= total"', 'check: "girls <= total"', "catalogue_rule", "girls"),
    (MEETING, "({women}) nhiều", "({girls}) nhiều", "catalogue_unknown_name", "girls"),
    (MEETING, 'computed: "total - women"', 'computed: "total - share"', "catalogue_cycle", "men"),
    (MEETING, 'computed: "total - women"', 'computed: "men + 1"', "catalogue_cycle", "men"),
    (MEETING, "show_when: 'main_topic", "show_when: 'topic", "catalogue_rule", "topic"),
    (MEETING, "rows_from: risk", "rows_from: danger", "catalogue_unknown_name", "danger"),
    (MEETING, "      yes: {kind: bool", "      yes: {kind: rows", "catalogue_unknown_name", "rows"),
    (MEETING, "  title: {kind", "  Title: {kind", "catalogue_field", "Title"),
    (MEETING, "  women: {kind", "  title: {kind", "catalogue_key_twice", "title"),
    (MEETING, "  women: {kind", "  note: {kind", "catalogue_code_twice", "note"),
    (VICTIM, "sealed_by: self\n", "", "catalogue_sealed_by", ""),
    (VICTIM, "sealed_by: self", "sealed_by: name", "catalogue_sealed_by", ""),
    (VICTIM, "title: opened_on", "title: name", "catalogue_title_confidential", ""),
    (VICTIM, "vi: Kiểm tra tuổi.", 'vi: "Tuổi {age} có đúng không?"', "catalogue_rule_tells", ""),
    (VICTIM, "en: Age}, sensitivity: confidential, min", "en: Age}, sensitivity: secret, min", "catalogue_value", "secret"),
    (VICTIM, "name: {kind: text", "name: {kind: choices, choices: topic", "catalogue_not_sealable", ""),
    (HELP, "sealed_by: case", "sealed_by: given_on", "catalogue_sealed_by", ""),
    (HELP, "ref: victim", "ref: person", "catalogue_unknown_name", "person"),
    (HELP, "kind: ref, ref: victim", "kind: ref, ref: meeting", "catalogue_sealed_by", ""),
    (HELP, "default: 0", "default: none", "catalogue_value", "none"),
    ("choices.yaml", "topic:", "topic: []\nother:", "catalogue_choices", "topic"),
    ("choices.yaml", "en: Law}", "en: Law, colour: red}", "catalogue_unknown_key", "colour"),
    ("flows.yaml", "to: submitted", "to: sent", "catalogue_unknown_name", "sent"),
    ("flows.yaml", "start: draft", "start: new", "catalogue_unknown_name", "new"),
    ("flows.yaml", "roles: [collector]", "roles: [boss]", "catalogue_unknown_name", "boss"),
    ("flows.yaml", "code: submitted", "code: draft", "catalogue_code_twice", "draft"),
    ("roles.yaml", "code: district_officer", "code: collector", "catalogue_code_twice", "collector"),
    ("roles.yaml", "scope: below", "scope: all", "catalogue_value", "all"),
    ("instruments.yaml", "code: R02", "code: R01", "catalogue_code_twice", "R01"),
    ("series.yaml", "from: 2024-07-01", "from: 2020-07-01", "catalogue_order", ""),
    ("series.yaml", "value: 500000", "value: a lot", "catalogue_value", "a lot"),
    ("units.yaml", "parent: province\n", "parent: country\n", "catalogue_unknown_name", "country"),
    ("units.yaml", "- code: province\n", "- code: province\n  parent: district\n", "catalogue_unit_cycle", ""),
    ("units.yaml", "successors: [ward]", "successors: [city]", "catalogue_unknown_name", "city"),
    ("units.yaml", "code: town", "code: district", "catalogue_code_twice", "district"),
    ("units.yaml", "bold: [true, true]", "bold: [true]", "catalogue_value", ""),
    ("units.yaml", "sort: 5, from", "sort: 5, to: 2020-01-01, from", "catalogue_order", ""),
    ("units.yaml", "en: Commune A}", "en: Commune A, of the district}", "catalogue_unknown_key", "of the district"),
    ("periods.yaml", "due: [0, 6, 1]", "due: 1 June", "catalogue_value", "1 June"),
    ("periods.yaml", "from: [-1, 11, 15]", "from: [1, 11, 15]", "catalogue_order", ""),
    ("periods.yaml", "  kind: half_year\n", "", "catalogue_missing_key", "kind"),
    ("indicators.yaml", "kind: count", "kind: guess", "catalogue_indicator", "I01"),
    ("indicators.yaml", "type: meeting", "type: party", "catalogue_indicator", "I01"),
    ("indicators.yaml", "total > 0", "sum > 0", "catalogue_indicator", "I01"),
    ("indicators.yaml", "- code: I01\n ", "-", "catalogue_missing_key", "code"),
    ("reports/half_year.yaml", "code: half_year\nlabel: {vi: Báo cáo, en: Report}", "- a\n- b", "catalogue_not_a_mapping", ""),
]  # fmt: skip

TOLD_ELSEWHERE = {"catalogue_sealed_by", "catalogue_field_unplaced", "catalogue_cycle", "catalogue_missing_key", "catalogue_indicator"}
"""Mistakes that are found at another line than the one that was changed: at the entry's first, or at the other of two."""


def test_the_tiny_catalogue_is_right() -> None:
    catalogue = Catalogue.from_texts(TINY)
    assert list(catalogue.types) == ["help", "meeting", "victim"]
    assert catalogue.sealed_types == {"victim", "help"}
    assert len(catalogue.version) == 16 and catalogue.texts == dict(sorted(TINY.items()))


@pytest.mark.parametrize(("path", "old", "new", "code", "word"), MISTAKES)
def test_a_mistake_is_told_with_file_and_line(path: str, old: str, new: str, code: str, word: str) -> None:
    texts = changed(path, old, new)
    with pytest.raises(CatalogueError) as told:
        Catalogue.from_texts(texts)
    error = told.value
    assert (error.code, error.file) == (code, path)
    first = TINY[path][: TINY[path].index(old)].count("\n") + 1
    assert 1 <= error.line <= texts[path].count("\n") + 1
    if new and code not in TOLD_ELSEWHERE:
        assert abs(error.line - first) <= 2
    for lang in ("vi", "en"):
        sentence = error.text(lang)
        assert path in sentence and str(error.line) in sentence and word in sentence and "–" not in sentence.replace(" – ", "")


def test_a_stray_file_is_told() -> None:
    for path in ("chioces.yaml", "record_types/deep/meeting.yaml", "notes.txt", "other/meeting.yaml"):
        with pytest.raises(CatalogueError) as told:
            Catalogue.from_texts({**TINY, path: ""})
        assert (told.value.code, told.value.file) == ("catalogue_unknown_file", path)


def test_a_name_may_go_on_in_a_second_file_but_no_code_twice() -> None:
    more = Catalogue.from_texts({**TINY, "choices_more.yaml": "size: [{code: big, vi: Lớn, en: Big}]"})
    assert set(more.choices) == {"topic", "size"}
    for path, text in (
        ("choices_more.yaml", TINY["choices.yaml"]),
        ("units_more.yaml", TINY["units.yaml"]),
        ("series_more.yaml", TINY["series.yaml"]),
    ):
        with pytest.raises(CatalogueError) as told:
            Catalogue.from_texts({**TINY, path: text})
        assert told.value.code == "catalogue_code_twice"


def spoilt() -> Iterator[dict[str, str]]:
    """The tiny catalogue without any one of its lines, and with any one value replaced by one of another kind."""
    for path, text in TINY.items():
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines):
            yield {**TINY, path: "".join(lines[:number] + lines[number + 1 :])}
            head, colon, tail = line.partition(": ")
            for other in ("[]", "{}", "7", "null", "true", "2022-01-01", "[[1]]", "{a: b}") if colon and tail.strip() else ():
                yield {**TINY, path: "".join([*lines[:number], f"{head}: {other}\n", *lines[number + 1 :]])}


def test_no_spoilt_catalogue_fails_otherwise_than_with_its_own_error() -> None:
    read = refused = 0
    for texts in spoilt():
        try:
            Catalogue(texts)
            read += 1
        except CatalogueError as error:
            assert error.file in texts and error.line >= 1 and error.text("vi") and error.text("en")
            refused += 1
    assert refused > read > 0


def test_one_version_is_read_once() -> None:
    first = Catalogue.from_texts(TINY)
    assert Catalogue.from_texts(dict(reversed(TINY.items()))) is first
    other = Catalogue.from_texts(changed("choices.yaml", "Luật", "Bộ luật"))
    assert other is not first and other.version != first.version


def test_a_folder_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "data")
    first = load_catalogue(tmp_path / "data")
    assert load_catalogue(tmp_path / "data") is first and first.version == load_catalogue().version
    choices = tmp_path / "data" / "choices.yaml"
    choices.write_text(choices.read_text("utf-8") + "\nsize:\n  - {code: big, vi: Lớn, en: Big}\n", "utf-8")
    assert "size" in load_catalogue(tmp_path / "data").choices


def test_a_file_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "choices.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(CatalogueError) as told:
        load_catalogue(tmp_path)
    assert (told.value.code, told.value.file) == ("catalogue_not_yaml", "choices.yaml")


def test_every_type_has_the_common_fields() -> None:
    catalogue = Catalogue.from_texts(TINY)
    meeting, victim = catalogue.types["meeting"], catalogue.types["victim"]
    assert list(meeting.fields)[-4:] == ["unit", "note", "attachments", "state"]
    assert meeting.fields["state"].flow == "record" and meeting.sections[-1].fields[-2:] == ("note", "attachments")
    assert not meeting.fields["note"].confidential and victim.fields["note"].confidential and victim.fields["attachments"].confidential


@pytest.mark.parametrize(
    ("path", "code"),
    [("title", "title"), ("guests", "guests"), ("guests/AAAAAAAAAAA", "guests"), ("guests/AAAAAAAAAAA/name", "name"),
     ("topics/law", "topics"), ("nothing", None), ("guests/AAAAAAAAAAA/nothing", None)],
)  # fmt: skip
def test_a_path_leads_to_its_field(path: str, code: str | None) -> None:
    field = Catalogue.from_texts(TINY).types["meeting"].field_at(path)
    assert (field and field.code) == code


def test_a_form_is_offered_by_unit_and_day() -> None:
    meeting = Catalogue.from_texts(TINY).types["meeting"]
    assert meeting.offered_to("commune") and not meeting.offered_to("police")
    assert meeting.offered_to("commune", date(2010, 1, 1)) and not meeting.offered_to("commune", date(2009, 12, 31))


def test_what_ships_is_right() -> None:
    catalogue = load_catalogue()
    assert len(catalogue.types) >= 28 and catalogue.value_of_series("decree20_standard", "2022-05-04") == 360_000
