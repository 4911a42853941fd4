"""The catalogues of a history: a folder of forms that is changed through the years, as a province changes it, and what its fields are
called and hold in each state.

``FOLDERS`` are the states; what a server publishes of one follows what it published before (``server.publishing``). ``PLACES`` tells
where a value must be found, by the names and kinds that stand in the YAML above it: the oracle's own table, by other words than the code's.
"""

import random
from collections.abc import Mapping
from functools import cache

from shared.catalogue import DATA, Catalogue
from tests.support.catalogue import KEPT

FIRST = "first"

ROUTES = (
    ("first", "renamed", "retyped", "dropped", "ended"), ("first", "renamed", "retyped", "dropped", "ended"),
    ("first", "renamed", "dropped", "ended"), ("first", "retyped", "dropped", "ended"), ("first", "retyped", "ended"), ("first", "dropped", "ended"),
)  # fmt: skip
"""The ways in which a folder is changed: a district may be late and leave a state out."""

Fields = dict[str, str | None]
"""Code → how the field is written in YAML; None where it is gone."""

LAW, GBV = "{code: law, vi: Luật, en: Law}", "{code: gbv, vi: Bạo lực, en: Violence}"
MEDIA, ENDED_LAW = "{code: media, vi: Truyền thông, en: Media}", "{code: law, vi: Luật, en: Law, valid_to: 2020-12-31}"
TALK, STALL = "{code: talk, vi: Nói chuyện, en: Talk}", "{code: stall, vi: Gian hàng, en: Stall}"
SIGNS = "{kind: choices, label: {vi: Dấu hiệu, en: Signs}, choices: [{code: red, vi: Đỏ, en: Red}, {code: blue, vi: Xanh, en: Blue}]}"
AGE = "{kind: int, label: {vi: Tuổi, en: Age}}"


def _rows(**fields: str) -> str:
    inner = ", ".join(f"{code}: {row}" for code, row in fields.items())
    return f"{{kind: rows, label: {{vi: Khách, en: Guests}}, fields: {{{inner}}}}}"


def _topics(*choices: str) -> str:
    return f"{{kind: choices, label: {{vi: Nội dung, en: Topics}}, choices: [{', '.join(choices)}]}}"


def _form(kind: str) -> str:
    return f"{{kind: {kind}, label: {{vi: Hình thức, en: Form}}, choices: [{TALK}, {STALL}]}}"


NAME = "{kind: text, label: {vi: Tên, en: Name}}"
FULL_NAME = "{kind: text, was: name, label: {vi: Họ và tên, en: Full name}}"
HEADS = "{kind: int, was: people, label: {vi: Số lượt người, en: Heads}}"
TURNOUT = "{kind: int, was: [people, heads], label: {vi: Số người dự, en: Turnout}}"
WORDS_ON_WOMEN = "{kind: text, label: {vi: Về phụ nữ, en: On women}}"
SEEN_TIMES = "{kind: int, merge: latest, label: {vi: Số lần xem, en: Times seen}}"
PLACE = "{kind: text, label: {vi: Nơi, en: Place}}"

NOTE: Fields = {
    "title": "{kind: text, label: {vi: Tên, en: Title}}",
    "held_on": "{kind: date, label: {vi: Ngày, en: Date}}",
    "people": "{kind: int, label: {vi: Số người, en: People}}",
    "women": "{kind: int, label: {vi: Trong đó nữ, en: Women}}",
    "seen_at": "{kind: text, merge: latest, label: {vi: Lần xem cuối, en: Last seen}}",
    "story": "{kind: long, label: {vi: Diễn biến, en: Story}}",
    "topics": _topics(LAW, GBV),
    "guests": _rows(name=NAME, age=AGE, signs=SIGNS),
}

FILE: Fields = {
    "code": "{kind: text, label: {vi: Mã, en: Code}}",
    "opened_on": "{kind: date, label: {vi: Ngày lập, en: Opened on}}",
    "name": "{kind: text, label: {vi: Họ tên, en: Name}, sensitivity: confidential}",
    "steps": "{kind: int, label: {vi: Số bước, en: Steps}}",
}
SECRET_RENAMED: Fields = {"name": None, "full_name": "{kind: text, was: name, label: {vi: Họ và tên, en: Full name}, sensitivity: confidential}"}

VISIT: Fields = {
    "title": "{kind: text, label: {vi: Tên chuyến đi, en: Title}}",
    "held_on": "{kind: date, label: {vi: Ngày đi, en: Date}}",
    "people": "{kind: int, label: {vi: Số người, en: People}}",
}

PLEA: Fields = {
    "code": "{kind: text, label: {vi: Mã, en: Code}}",
    "made_on": "{kind: date, label: {vi: Ngày nộp, en: Made on}}",
    "name": "{kind: text, label: {vi: Người nộp, en: Made by}, sensitivity: confidential}",
}

_RENAMED: Fields = {"people": None, "heads": HEADS, "place": PLACE, "form": _form("choice"), "topics": _topics(LAW, GBV, MEDIA)}
_RETYPED: Fields = _RENAMED | {
    "women": WORDS_ON_WOMEN, "seen_at": SEEN_TIMES, "form": _form("choices"), "topics": _topics(ENDED_LAW, GBV, MEDIA),
    "guests": _rows(full_name=FULL_NAME, age=AGE, signs=SIGNS),
}  # fmt: skip
_DROPPED: Fields = _RETYPED | {
    "heads": None, "turnout": TURNOUT, "women": None, "topics": _topics(ENDED_LAW, MEDIA), "guests": _rows(full_name=FULL_NAME, signs=SIGNS),
}  # fmt: skip
_ENDED: Fields = _DROPPED | {
    "women": NOTE["women"], "place": "{kind: long, merge: ask, label: {vi: Nơi, en: Place}}", "topics": _topics(ENDED_LAW, GBV, MEDIA),
}  # fmt: skip
_NUMBERED: Fields = SECRET_RENAMED | {"code": "{kind: int, label: {vi: Số, en: Number}}"}

FOLDERS: Mapping[str, Mapping[str, Fields]] = {
    "first": {"note": NOTE, "file": FILE},
    "renamed": {"note": NOTE | _RENAMED, "file": FILE | SECRET_RENAMED},
    "retyped": {"note": NOTE | _RETYPED, "file": FILE | SECRET_RENAMED, "visit": VISIT},
    "dropped": {"note": NOTE | _DROPPED, "file": FILE | _NUMBERED, "visit": VISIT, "plea": PLEA},
    "ended": {"note": NOTE | _ENDED, "file": FILE | _NUMBERED},
}
"""``renamed``: a field and a sealed one have other names, two fields and a choice are new. ``retyped``: a number is a text and a text a
number, one value is a list, a choice is closed, a row's field has another name, a type is new. ``dropped``: a field, a row's field and a
choice are gone, a field has its third name, a sealed type is new. ``ended``: both new types are gone, the field and the choice are back.
"""

HEADS_OF: Mapping[str, str] = {
    "note": "label: {vi: Ghi nhận, en: Note}\nicon: note\ngroup: management\ntitle: title\ndate: held_on\n",
    "file": "label: {vi: Hồ sơ, en: File}\ngroup: gbv\ntitle: code\ndate: opened_on\nsealed_by: self\n",
    "visit": "label: {vi: Tham quan, en: Visit}\ngroup: management\ntitle: title\ndate: held_on\n",
    "plea": "label: {vi: Đơn, en: Plea}\ngroup: gbv\ntitle: code\ndate: made_on\nsealed_by: self\n",
}

Places = Mapping[str, tuple[str, str]]
"""Folder → (name, kind) of a field there; a folder that is left out has it no more."""


def _same(name: str, kind: str) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(FOLDERS, (name, kind))


def _since(start: str, name: str, kind: str) -> dict[str, tuple[str, str]]:
    names = list(FOLDERS)
    return dict.fromkeys(names[names.index(start) :], (name, kind))


PLACES: Mapping[tuple[str, str], Places] = {
    ("note", "title"): _same("title", "text"),
    ("note", "story"): _same("story", "text"),
    ("note", "people"): _same("people", "int") | _since("renamed", "heads", "int") | _since("dropped", "turnout", "int"),
    ("note", "women"): {
        "first": ("women", "int"), "renamed": ("women", "int"), "retyped": ("women", "text"), "ended": ("women", "int"),
    },
    ("note", "seen_at"): _same("seen_at", "text") | _since("retyped", "seen_at", "int"),
    ("note", "place"): _since("renamed", "place", "text"),
    ("note", "form"): _since("renamed", "form", "choice") | _since("retyped", "form", "choices"),
    ("note", "topics"): _same("topics", "choices"),
    ("note", "guests"): _same("guests", "rows"),
    ("note", "guests/name"): _same("name", "text") | _since("retyped", "full_name", "text"),
    ("note", "guests/age"): dict.fromkeys(("first", "renamed", "retyped"), ("age", "int")),
    ("note", "guests/signs"): _same("signs", "choices"),
    ("file", "code"): _same("code", "text") | _since("dropped", "code", "int"),
    ("file", "name"): _same("name", "text") | _since("renamed", "full_name", "text"),
    ("file", "steps"): _same("steps", "int"),
    ("visit", "title"): _same("title", "text"),
    ("visit", "people"): _same("people", "int"),
    ("plea", "code"): _same("code", "text"),
    ("plea", "name"): _same("name", "text"),
}  # fmt: skip
"""(type, first name) → where a value of it is found. A type that a folder has no more keeps its last form."""

__all__ = ["FIRST", "FOLDERS", "PLACES", "ROUTES", "folder_of", "next_folder", "route_of"]


def _written(code: str, fields: Fields) -> str:
    rows = {name: row for name, row in fields.items() if row is not None}
    body = "".join(f"  {name}: {row}\n" for name, row in rows.items())
    sections = f"sections:\n  - {{code: main, label: {{vi: Chính, en: Main}}, fields: [{', '.join(rows)}]}}\n"
    return f'code: {code}\nletter: ["9"]\n{HEADS_OF[code]}fields:\n{body}{sections}'


@cache
def folder_of(name: str) -> Catalogue:
    """What stands in the server's folder in one of its states, without a past."""
    texts = {path: (DATA / path).read_text("utf-8") for path in KEPT}
    return Catalogue.from_texts(texts | {f"record_types/{code}.yaml": _written(code, fields) for code, fields in FOLDERS[name].items()})


def route_of(seed: int) -> tuple[str, ...]:
    """The way in which the folder is changed in a history."""
    return random.Random(f"catalogues {seed}").choice(ROUTES)


def next_folder(route: tuple[str, ...], present: str, how: tuple[int, int, int]) -> str:
    """What somebody puts into the folder next: mostly the next state of the way, at times any other, even an older one."""
    if how[0] % 6 == 0:
        return list(FOLDERS)[how[1] % len(FOLDERS)]
    at = route.index(present) if present in route else 0
    return route[min(at + 1, len(route) - 1)]
