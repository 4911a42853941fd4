"""A catalogue follows another: what it drops, renames and retypes, and what it may not do."""

import pytest

from shared.catalogue import Catalogue, CatalogueError
from shared.former import FORMER_FILE, evolved
from shared.retyped import in_kind, is_old_answer
from tests.support.catalogue import NOTE
from tests.support.evolution import DROPPED, OTHER, RENAMED, RETYPED, SHORTER, catalogue_of, texts_of, through


def refused(*steps: dict[str, str]) -> CatalogueError:
    with pytest.raises(CatalogueError) as wrong:
        through(*steps)
    return wrong.value


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if words in line)


def test_where_nothing_is_lost_a_catalogue_stays_as_it_was_written() -> None:
    longer = NOTE.replace("vi: Số người, en: People", "vi: Tổng số người, en: All people")
    assert evolved(catalogue_of(), texts_of(longer)) == texts_of(longer)


def test_a_renamed_field_keeps_its_first_name_in_lines() -> None:
    note = through(texts_of(), texts_of(RENAMED)).types["note"]
    assert note.fields["heads"].path == "people" and note.path_of("heads") == "people" and "people" not in note.fields
    assert note.field_at("people") is note.fields["heads"] is note.field_at("heads")
    again = RENAMED.replace("heads: {kind: int, was: people,", "souls: {kind: int, was: [people, heads],").replace("heads, women", "souls, women")
    assert through(texts_of(), texts_of(RENAMED), texts_of(again)).types["note"].fields["souls"].path == "people"
    back = RENAMED.replace("heads: {kind: int, was: people,", "people: {kind: int, was: [people, heads],").replace("heads, women", "people, women")
    assert through(texts_of(), texts_of(RENAMED), texts_of(back)).types["note"].fields["people"].path == "people"


def test_a_dropped_field_is_kept_with_its_label_and_kind() -> None:
    held = through(texts_of(), texts_of(DROPPED))
    note = held.types["note"]
    assert "women" not in note.fields
    was = note.former["women"]
    assert (was.kind, was.label.vi, was.dropped) == ("int", "Trong đó nữ", True) and note.field_at("women") is was
    assert FORMER_FILE in held.texts and Catalogue.from_texts(held.texts).version == held.version
    assert through(texts_of(), texts_of(DROPPED), texts_of(DROPPED + "\n")).types["note"].former["women"].label.vi == "Trong đó nữ"
    returned = through(texts_of(), texts_of(DROPPED), texts_of()).types["note"]
    assert not returned.former and returned.fields["women"].kind == "int"


def test_a_retyped_field_knows_what_it_was() -> None:
    note = through(texts_of(), texts_of(RETYPED)).types["note"]
    assert [one.kind for one in note.fields["women"].earlier] == ["int"] and not note.former
    assert in_kind(note.fields["women"], 48) == "48"
    assert in_kind(note.fields["seen_at"], "1.234") == 1234
    assert in_kind(note.fields["seen_at"], "hôm kia") == "hôm kia" and is_old_answer(note.fields["seen_at"], "hôm kia")
    assert not is_old_answer(note.fields["seen_at"], ["hôm kia"])


@pytest.mark.parametrize(
    ("was", "now", "value", "read"),
    [
        ("kind: text", "kind: int", "1.234", 1234),
        ("kind: text", "kind: int", "12,5", "12,5"),
        ("kind: text", "kind: decimal", "12,5", 12.5),
        ("kind: decimal", "kind: int", 48.0, 48),
        ("kind: decimal", "kind: int", 48.5, 48.5),
        ("kind: decimal", "kind: text", 48.5, "48,5"),
        ("kind: int", "kind: decimal", 48, 48),
        ("kind: bool", "kind: text", True, "Có"),
        ("kind: text", "kind: bool", "Không", False),
        ("kind: text", "kind: date", "28/5/2022", "2022-05-28"),
        ("kind: text", "kind: date", "31/2/2022", "31/2/2022"),
        ("kind: datetime", "kind: date", "2022-05-28T08:00+07:00", "2022-05-28"),
        ("kind: choice, choices: [{code: law, vi: Luật, en: Law}]", "kind: text", "law", "Luật"),
        ("kind: text", "kind: choice, choices: [{code: law, vi: Luật, en: Law}]", "luật", "law"),
        ("kind: choice, choices: [{code: law, vi: Luật, en: Law}]", "kind: choices, choices: [{code: law, vi: Luật, en: Law}]", "law", ["law"]),
        ("kind: text", "kind: geo", "chợ", "chợ"),
    ],
)
def test_an_answer_of_another_kind_is_read_where_it_can_be(was: str, now: str, value: object, read: object) -> None:
    """What cannot be read stays as it was written."""
    old, new = (NOTE.replace("people: {kind: int,", f"people: {{{kind},") for kind in (was, now))
    found = in_kind(through(texts_of(old), texts_of(new)).types["note"].fields["people"], value)
    assert found == read and type(found) is type(read)


def test_a_dropped_choice_keeps_its_words_and_is_offered_no_more() -> None:
    topics = through(texts_of(), texts_of(SHORTER)).types["note"].fields["topics"]
    law = topics.choice("law")
    assert law is not None and law.label.vi == "Luật" and [one.code for one in topics.choices] == ["gbv"]


def test_the_fields_of_rows_are_renamed_and_dropped_too() -> None:
    guests = through(texts_of(), texts_of(SHORTER)).types["note"].fields["guests"]
    name, age = guests.inner("name"), guests.inner("age")
    assert name is guests.fields["full_name"] and age is not None and age.label.vi == "Tuổi" and "age" not in guests.fields


def test_a_dropped_record_type_stays_readable_and_is_offered_no_more() -> None:
    held = through(texts_of(remark=OTHER), texts_of())
    assert "remark" not in held.types and held.all_types["remark"].label.vi == "Nhận xét" and held.former_types["remark"].dropped
    assert not held.all_types["remark"].offered_to("commune") and held.all_types["remark"].fields["topics"].choice("law") is not None
    assert "remark" in through(texts_of(remark=OTHER), texts_of(), texts_of(remark=OTHER)).types


def test_a_rename_that_names_a_missing_field_is_refused_with_its_line() -> None:
    text = RENAMED.replace("was: people", "was: persons")
    wrong = refused(texts_of(), texts_of(text))
    assert (wrong.code, wrong.file, wrong.line) == ("catalogue_rename_missing", "record_types/note.yaml", line_of(text, "was:"))
    assert "persons" in wrong.text("vi")


def test_a_chain_of_renames_that_forgets_the_first_name_is_refused() -> None:
    text = RENAMED.replace("heads: {kind: int, was: people", "souls: {kind: int, was: heads").replace("heads, women", "souls, women")
    wrong = refused(texts_of(), texts_of(RENAMED), texts_of(text))
    assert (wrong.code, wrong.line) == ("catalogue_rename_chain", line_of(text, "was:")) and "people" in wrong.text("vi")


def test_a_rename_that_is_forgotten_again_is_refused() -> None:
    """Else one name would stand for two places in lines."""
    wrong = refused(texts_of(), texts_of(RENAMED), texts_of(RENAMED.replace("was: people, ", "")))
    assert wrong.code == "catalogue_rename_chain"


def test_a_rename_declared_after_the_new_name_was_used_is_refused() -> None:
    undeclared = RENAMED.replace("was: people, ", "")
    assert refused(texts_of(), texts_of(undeclared), texts_of(RENAMED)).code == "catalogue_rename_chain"


@pytest.mark.parametrize(
    "text",
    [
        RENAMED.replace("women: {kind: int,", "women: {kind: int, was: people,"),
        RENAMED.replace("was: people", "was: women"),
        RENAMED.replace("was: people", "was: women").replace("women: {kind: int,", "women: {kind: int, was: heads,"),
        RENAMED.replace("was: people", "was: [people, people]"),
    ],
    ids=["two fields of one name", "a present name", "a cycle", "one name twice"],
)
def test_names_that_clash_are_refused_with_their_line(text: str) -> None:
    """By themselves, whatever was published before."""
    with pytest.raises(CatalogueError) as wrong:
        catalogue_of(text)
    assert wrong.value.code == "catalogue_rename_clash" and "was:" in text.splitlines()[wrong.value.line - 1]


def test_a_new_name_that_a_dropped_field_had_is_refused() -> None:
    """Its old values would stand under the new field."""
    text = DROPPED.replace("people: {kind: int,", "women: {kind: int, was: people,").replace("held_on, people", "held_on, women")
    assert refused(texts_of(), texts_of(DROPPED), texts_of(text)).code == "catalogue_rename_clash"


def test_what_is_written_is_neither_unsealed_nor_newly_sealed() -> None:
    sealed = NOTE.replace("title: title\n", "title: title\nsealed_by: self\n").replace(
        "women: {kind: int,", "women: {kind: int, sensitivity: confidential,"
    )  # fmt: skip
    assert refused(texts_of(), texts_of(sealed)).code == refused(texts_of(sealed), texts_of()).code == "catalogue_sensitivity"


def test_a_unit_or_a_state_that_is_taken_out_is_refused() -> None:
    texts, village = texts_of(), "\n- {code: village, parent: long_khanh_a, kind: hamlet, name: {vi: Ấp, en: Village}}\n"
    assert refused(texts | {"units.yaml": texts["units.yaml"] + village}, texts).code == "catalogue_gone"
    state = texts["flows.yaml"].replace("states:", "states:\n    - {code: parked, vi: Chờ, en: Parked}", 1)
    assert refused(texts | {"flows.yaml": state}, texts).code == "catalogue_gone"


@pytest.mark.parametrize("text", ["[]", "types: []", "other: {}", "fields: {note: {women: {}}}", "fields: {note: {women: []}}", "fields: {note: {women: [{kind: no}]}}"])
def test_f34_a_broken_past_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError):
        Catalogue.from_texts(texts_of() | {FORMER_FILE: text})
