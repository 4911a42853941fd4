"""A record type through the years: each step is a text of its file and what a person would call the change."""

from collections.abc import Mapping

from shared.catalogue import DATA, Catalogue
from shared.former import evolved
from tests.support.catalogue import KEPT, NOTE

RENAMED = NOTE.replace("  people: {kind: int, label: {vi: Số người, en: People}}", "  heads: {kind: int, was: people, label: {vi: Số lượt người, en: Heads}}")
RENAMED = RENAMED.replace("held_on, people, women", "held_on, heads, women")
"""``people`` is called ``heads``."""

DROPPED = NOTE.replace("  women: {kind: int, label: {vi: Trong đó nữ, en: Women}}\n", "").replace("people, women,", "people,")
"""``women`` is gone."""

RETYPED = NOTE.replace("women: {kind: int, label: {vi: Trong đó nữ, en: Women}}", "women: {kind: text, label: {vi: Về phụ nữ, en: On women}}")
RETYPED = RETYPED.replace("title: {kind: text, label: {vi: Tên, en: Title}}", "title: {kind: text, label: {vi: Tên, en: Title}}\n  place: {kind: text, label: {vi: Nơi, en: Place}}")
RETYPED = RETYPED.replace("fields: [title,", "fields: [title, place,").replace("seen_at: {kind: text, merge: latest,", "seen_at: {kind: int,")
"""``women`` is a text, ``seen_at`` a number, ``place`` is new."""

SHORTER = NOTE.replace("{code: law, vi: Luật, en: Law}, ", "").replace(
    "guests: {kind: rows, label: {vi: Khách, en: Guests}, fields: {name: {kind: text, label: {vi: Tên, en: Name}}, age: {kind: int, label: {vi: Tuổi, en: Age}}}}",
    "guests: {kind: rows, label: {vi: Khách, en: Guests}, fields: {full_name: {kind: text, was: name, label: {vi: Họ và tên, en: Full name}}}}",
)  # fmt: skip
"""A choice is gone, a row's field is renamed, another one dropped."""

OTHER = NOTE.replace("code: note", "code: remark").replace("vi: Ghi nhận, en: Note", "vi: Nhận xét, en: Remark")
"""Another record type."""

__all__ = ["DROPPED", "OTHER", "RENAMED", "RETYPED", "SHORTER", "catalogue_of", "texts_of", "through"]


def texts_of(note: str = NOTE, **more: str) -> dict[str, str]:
    """The texts of a small catalogue: the type ``note`` ("" for none) and further types by code."""
    types = {"note": note, **more}
    kept = {name: (DATA / name).read_text("utf-8") for name in KEPT}
    return kept | {f"record_types/{code}.yaml": text for code, text in types.items() if text}


def catalogue_of(note: str = NOTE, **more: str) -> Catalogue:
    """A small catalogue without a past."""
    return Catalogue.from_texts(texts_of(note, **more))


def through(*steps: Mapping[str, str]) -> Catalogue:
    """The catalogue that is published after all these, one after the other."""
    held = Catalogue.from_texts(steps[0])
    for texts in steps[1:]:
        held = Catalogue.from_texts(evolved(held, texts))
    return held
