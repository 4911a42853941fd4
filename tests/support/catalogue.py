"""A small catalogue for the tests of the protocol: one type with a field of each merge policy."""

from shared.catalogue import DATA, Catalogue

KEPT = ("units.yaml", "flows.yaml", "periods.yaml", "roles.yaml")

NOTE = """
code: note
label: {vi: Ghi nhận, en: Note}
icon: note
group: management
letter: ["9"]
title: title
date: held_on
fields:
  title: {kind: text, label: {vi: Tên, en: Title}}
  held_on: {kind: date, label: {vi: Ngày, en: Date}}
  people: {kind: int, label: {vi: Số người, en: People}}
  women: {kind: int, label: {vi: Trong đó nữ, en: Women}}
  seen_at: {kind: text, merge: latest, label: {vi: Lần xem cuối, en: Last seen}}
  story: {kind: long, label: {vi: Diễn biến, en: Story}}
  topics: {kind: choices, label: {vi: Nội dung, en: Topics}, choices: [{code: law, vi: Luật, en: Law}, {code: gbv, vi: Bạo lực, en: Violence}]}
  guests: {kind: rows, label: {vi: Khách, en: Guests}, fields: {name: {kind: text, label: {vi: Tên, en: Name}}, age: {kind: int, label: {vi: Tuổi, en: Age}}}}
sections:
  - {code: main, label: {vi: Chính, en: Main}, fields: [title, held_on, people, women, seen_at, story, topics, guests]}
"""


def small_catalogue() -> Catalogue:
    """The units, flows, periods and roles that ship, and the one type ``note`` that has a field of each policy."""
    texts = {name: (DATA / name).read_text("utf-8") for name in KEPT}
    return Catalogue.from_texts(texts | {"record_types/note.yaml": NOTE})
