"""The one gate for text, and how Vietnamese text is searched and sorted."""

import re
import unicodedata
from functools import cache

LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
TONES = "\u0300\u0309\u0303\u0301\u0323"
"""The order of tones in a Vietnamese dictionary: huyền, hỏi, ngã, sắc, nặng; none comes first."""

SHAPES = {"\u0302", "\u0306", "\u031b"}
"""Circumflex, breve and horn make another letter (â, ă, ơ); tones do not."""

UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no text may hold: control characters but tab and line feed, halves of surrogate pairs."""

__all__ = ["UNFIT", "clean", "fold", "name_key"]


def clean(text: str) -> str:
    """Make text fit to be stored: NFC, without NUL, other control characters or halves of surrogate pairs.

    Tabs and line breaks stay, every kind of line break as a line feed. What is taken out could not have been typed.
    """
    if text.isascii() and text.isprintable():
        return text
    return unicodedata.normalize("NFC", UNFIT.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def fold(text: str) -> str:
    """Reduce text to what search compares: no case, no tone marks, «đ» as «d».

    >>> fold("Phụ Nữ Đồng Tháp")
    'phu nu dong thap'
    """
    if text.isascii():
        return text.casefold()
    return text.casefold().translate(_FOLDED)


def _fold_table() -> dict[int, str | None]:
    """Every letter of the Latin blocks to its base letter, and every combining mark to nothing."""
    table: dict[int, str | None] = dict.fromkeys(range(768, 880))
    for code in (*range(0x00C0, 0x0250), *range(0x1E00, 0x1F00)):
        parts = unicodedata.normalize("NFD", chr(code))
        if len(parts) > 1:
            table[code] = parts[0]
    return table | {ord("đ"): "d", ord("Đ"): "d"}


_FOLDED = _fold_table()


@cache
def _letter_key(letter: str) -> tuple[int, int]:
    parts = unicodedata.normalize("NFD", letter)
    tone = next((TONES.index(part) + 1 for part in parts[1:] if part in TONES), 0)
    shape = unicodedata.normalize("NFC", parts[0] + "".join(part for part in parts[1:] if part in SHAPES))
    place = LETTERS.find(shape)
    return (place if place >= 0 else len(LETTERS) + ord(parts[0]), tone)


def name_key(name: str) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """A sort key for people's names: by given name first, as Việt Nam sorts them, letters before tones."""
    words = clean(name).casefold().split()
    keys = []
    for word in reversed(words):
        letters = [_letter_key(letter) for letter in word]
        keys.append((tuple(place for place, _ in letters), tuple(tone for _, tone in letters)))
    return tuple(keys)
