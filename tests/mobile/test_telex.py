"""Telex and VNI: every Vietnamese word of the catalogue can be typed, and other words stay as they are."""

import re
import unicodedata
from pathlib import Path

import pytest

from mobile.telex import METHODS, TELEX, VNI, Method, Typist, word_before

DATA = Path(__file__).parents[2] / "shared" / "data"
TONE_KEYS = {
    "telex": {"\u0301": "s", "\u0300": "f", "\u0309": "r", "\u0303": "x", "\u0323": "j"},
    "vni": {"\u0301": "1", "\u0300": "2", "\u0309": "3", "\u0303": "4", "\u0323": "5"},
}
LETTER_KEYS = {
    "telex": {"â": "aa", "ă": "aw", "ê": "ee", "ô": "oo", "ơ": "ow", "ư": "uw", "đ": "dd"},
    "vni": {"â": "a6", "ă": "a8", "ê": "e6", "ô": "o6", "ơ": "o7", "ư": "u7", "đ": "d9"},
}


def typed(method: Method, keys: str) -> str:
    """What stands in a field after these keys."""
    typist, text = Typist(method), ""
    for key in keys:
        word = word_before(text)
        text = text[: len(text) - len(word)] + typist.type(word, key)
    return text


def keys_of(word: str, method: str) -> str:
    """The keys a person presses for a word: letters with their marks, the tone last."""
    keys, tone = "", ""
    for char in word:
        parts = unicodedata.normalize("NFD", char)
        tone = next((TONE_KEYS[method][p] for p in parts if p in TONE_KEYS[method]), tone)
        letter = unicodedata.normalize("NFC", "".join(p for p in parts if p not in TONE_KEYS[method]))
        pressed = LETTER_KEYS[method].get(letter.lower(), letter.lower())
        keys += pressed.capitalize() if char.isupper() else pressed
    return keys + tone


def vietnamese_words() -> list[str]:
    """Every word of the catalogue that bears a Vietnamese letter."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(DATA.rglob("*.yaml")))
    found = set(re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text)))
    plain = set("abcdefghijklmnopqrstuvwxyz")
    return sorted(word for word in found if not set(word.lower()) <= plain and word.lower().upper() != word)


@pytest.mark.parametrize("method", ["telex", "vni"])
def test_every_word_of_the_catalogue_can_be_typed(method: str) -> None:
    words = vietnamese_words()
    assert len(words) > 200
    wrong = {w: typed(METHODS[method], keys_of(w, method)) for w in words}
    assert {w: t for w, t in wrong.items() if w != t} == {}


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("phuj nuwx", "phụ nữ"),
        ("vietej", "việt"),
        ("dangd", "đang"),
        ("DDoongf Thaps", "Đồng Tháp"),
        ("hoaf", "hòa"),
        ("hoafn", "hoàn"),
        ("khoas", "khóa"),
        ("thuyr", "thủy"),
        ("thuowr", "thuở"),
        ("thuowngr", "thưởng"),
        ("nguwowif", "người"),
        ("quys", "quý"),
        ("gif", "gì"),
        ("gieengs", "giếng"),
        ("khuyur", "khuỷu"),
        ("ruwowuj", "rượu"),
        ("muaw", "mưa"),
        ("quawn", "quăn"),
        ("huowng", "hương"),
        ("tw vaans", "tư vấn"),
        ("baosz", "bao"),
        ("HDDND", "HĐND"),
        ("QDD-UBND", "QĐ-UBND"),
    ],
)
def test_telex(keys: str, text: str) -> None:
    assert typed(TELEX, keys) == text


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("phu5 nu74", "phụ nữ"),
        ("d9u7o7ng2", "đường"),
        ("D9o62ng Tha1p", "Đồng Tháp"),
        ("nguoi72", "người"),
        ("ba1o0", "bao"),
        ("2022", "2022"),
    ],
)
def test_vni(keys: str, text: str) -> None:
    assert typed(VNI, keys) == text


@pytest.mark.parametrize("word", ["facebook", "class", "internet", "pdf", "http", "Zalo", "word", "excel", "file", "website"])
def test_other_words_stay_as_typed(word: str) -> None:
    assert typed(TELEX, word) == word


@pytest.mark.parametrize(
    ("keys", "text"),
    [("ass", "as"), ("asss", "ass"), ("aaa", "aa"), ("ddd", "dd"), ("awa", "â"), ("tuww", "tuw"), ("ww", "w")],
)
def test_a_key_pressed_again_takes_the_mark_back(keys: str, text: str) -> None:
    assert typed(TELEX, keys) == text


def test_a_mark_already_written_is_taken_back_too() -> None:
    assert Typist(TELEX).type("á", "s") == "as"
    assert Typist(TELEX).type("đi", "d") == "did"
    assert Typist(VNI).type("tô", "6") == "to6"


def test_a_stop_takes_only_acute_and_dot() -> None:
    assert typed(TELEX, "batf") == "batf"
    assert typed(TELEX, "batj") == "bạt"


def test_the_result_is_one_character_a_letter() -> None:
    text = typed(TELEX, "bieetj")
    assert text == unicodedata.normalize("NFC", text) == "biệt"


def test_word_before_the_caret() -> None:
    assert word_before("Ấp 1, phụ nữ") == "nữ"
    assert word_before("năm 2022") == ""
    assert word_before("") == ""
