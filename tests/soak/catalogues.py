"""The catalogues of a history: few fields, one of each merge policy, a sealed type; and the same a version later."""

from functools import cache

from shared.catalogue import DATA, Catalogue
from shared.former import evolved
from tests.support.catalogue import KEPT, NOTE

RICH = NOTE.replace(
    "age: {kind: int, label: {vi: Tuổi, en: Age}}}}",
    "age: {kind: int, label: {vi: Tuổi, en: Age}}, "
    "signs: {kind: choices, label: {vi: Dấu hiệu, en: Signs}, choices: [{code: red, vi: Đỏ, en: Red}, {code: blue, vi: Xanh, en: Blue}]}}}",
)

LATER = RICH.replace("  women: {kind: int, label: {vi: Trong đó nữ, en: Women}}\n", "").replace(
    "seen_at, story", "seen_at, place, story"
).replace("people, women,", "people,").replace(
    "  seen_at:", "  place: {kind: text, label: {vi: Nơi, en: Place}}\n  seen_at:"
)  # fmt: skip
"""One field dropped, one added."""

FILE = """
code: file
label: {vi: Hồ sơ, en: File}
group: gbv
letter: ["9"]
title: code
date: opened_on
sealed_by: self
fields:
  code: {kind: text, label: {vi: Mã, en: Code}}
  opened_on: {kind: date, label: {vi: Ngày lập, en: Opened on}}
  name: {kind: text, label: {vi: Họ tên, en: Name}, sensitivity: confidential}
  steps: {kind: int, label: {vi: Số bước, en: Steps}}
sections:
  - {code: main, label: {vi: Chính, en: Main}, fields: [code, opened_on, name, steps]}
"""

__all__ = ["catalogues"]


@cache
def catalogues() -> tuple[Catalogue, Catalogue]:
    """The first catalogue and the later one; each carries what the other has and it has not, so that no line is refused for being old."""
    texts = {name: (DATA / name).read_text("utf-8") for name in KEPT} | {"record_types/file.yaml": FILE}
    rich, shorter = (texts | {"record_types/note.yaml": note} for note in (RICH, LATER))
    first = Catalogue.from_texts(evolved(Catalogue.from_texts(shorter), rich))
    later = Catalogue.from_texts(evolved(first, shorter))
    assert later.types["note"].former.keys() == {"women"} and first.types["note"].former.keys() == {"place"}
    return first, later
