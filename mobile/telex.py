"""Vietnamese typing by Telex or VNI, for keyboards that cannot compose (kivy/kivy#7294).

Pure text: the letters before the caret and the key pressed go in, the letters that should stand there come
out. A key is only taken for a mark where the result can be a Vietnamese syllable, so that an English word or
an address is typed as it is; pressing the key a second time takes the mark back and writes the key itself.
Tone marks stand where the older, still usual spelling puts them (hòa, khóa, thủy).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["METHODS", "TELEX", "VNI", "Method", "Typist", "word_before"]

CIRCUMFLEX, BREVE, HORN, STROKE = "\u0302", "\u0306", "\u031b", "\u0335"
ACUTE, GRAVE, HOOK, TILDE, DOT = "\u0301", "\u0300", "\u0309", "\u0303", "\u0323"
TONES: Final = frozenset((ACUTE, GRAVE, HOOK, TILDE, DOT))
MARKS: Final = frozenset((CIRCUMFLEX, BREVE, HORN))

_INITIALS: Final = "b c ch d g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x"
_FINALS: Final = "c ch m n ng nh p t"
_STOPS: Final = "c ch p t"
_NUCLEI: Final = (
    "a ă â e ê i o ô ơ u ư y ai ao au ay âu ây eo êu ia iê iêu iu oa oă oai oao oay oe oeo oi ôi ơi oo "
    "ua uâ uây uê ui uô uôi uơ uy uya uyê uyu ưa ưi ươ ươi ươu ưu yê yêu"
)
INITIALS: Final = frozenset(_INITIALS.split()) | {""}
FINALS: Final = frozenset(_FINALS.split()) | {""}
STOPS: Final = frozenset(_STOPS.split())
"""Finals after which only the acute and the dot can stand."""
NUCLEI: Final = frozenset(_NUCLEI.split())
PLAIN_NUCLEI: Final = frozenset(
    "".join(c for c in unicodedata.normalize("NFD", n) if c not in MARKS) for n in NUCLEI
) | {"uay", "ie", "ye", "ieu", "yeu", "uye", "eu", "ue"}
_SYLLABLE: Final = re.compile(r"(ngh|ng|nh|gh|gi(?=[aeouy])|qu(?=[aeioy])|[^aeiouy]*)([aeiouy]+)([^aeiouy]*)")


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way of typing: which key asks for which tone or mark; ``targets`` narrow a mark to one letter."""

    tones: dict[str, str]
    marks: dict[str, tuple[tuple[str, str], ...]]
    """key → (mark, letters it may stand on), tried in order."""
    clear: str
    """The key that takes the tone away."""
    alone: str | None = None
    """The key that writes «ư» where no vowel stands yet."""


TELEX: Final = Method(
    tones={"s": ACUTE, "f": GRAVE, "r": HOOK, "x": TILDE, "j": DOT},
    marks={
        "a": ((CIRCUMFLEX, "a"),),
        "e": ((CIRCUMFLEX, "e"),),
        "o": ((CIRCUMFLEX, "o"),),
        "w": ((HORN, "uo"), (BREVE, "a"), (HORN, "o"), (HORN, "u")),
        "d": ((STROKE, "d"),),
    },
    clear="z",
    alone="w",
)
VNI: Final = Method(
    tones={"1": ACUTE, "2": GRAVE, "3": HOOK, "4": TILDE, "5": DOT},
    marks={
        "6": ((CIRCUMFLEX, "a"), (CIRCUMFLEX, "e"), (CIRCUMFLEX, "o")),
        "7": ((HORN, "uo"), (HORN, "o"), (HORN, "u")),
        "8": ((BREVE, "a"),),
        "9": ((STROKE, "d"),),
    },
    clear="0",
)
METHODS: Final[dict[str, Method]] = {"telex": TELEX, "vni": VNI}
"""The methods that the settings offer, by code."""


class _Letter(NamedTuple):
    """One letter: its plain form in lower case, its mark ("" for none) and whether it is a capital."""

    base: str
    mark: str
    capital: bool

    def text(self, tone: str = "") -> str:
        if self.mark == STROKE:
            return "Đ" if self.capital else "đ"
        plain = self.base.upper() if self.capital else self.base
        return unicodedata.normalize("NFC", plain + self.mark + tone)


@dataclass(frozen=True)
class _Word:
    """A syllable taken apart: ``start`` and ``end`` bound its vowels."""

    letters: tuple[_Letter, ...]
    tone: str
    start: int
    end: int

    @property
    def nucleus(self) -> str:
        return "".join(letter.text().lower() for letter in self.letters[self.start : self.end])

    @property
    def final(self) -> str:
        return "".join(letter.base for letter in self.letters[self.end :])

    def with_mark(self, index: int, mark: str) -> "_Word":
        letters = list(self.letters)
        letters[index] = letters[index]._replace(mark=mark)
        return _Word(tuple(letters), self.tone, self.start, self.end)

    def with_tone(self, tone: str) -> "_Word":
        return _Word(self.letters, tone, self.start, self.end)

    def tone_place(self) -> int:
        """Where the tone mark stands: on the marked vowel, else by the older spelling's rule."""
        span = range(self.start, self.end)
        marked = [i for i in span if self.letters[i].mark]
        if marked:
            return marked[-1]
        if len(span) == 1 or (len(span) == 2 and not self.final):
            return self.start
        return self.start + 1

    def text(self) -> str:
        place = self.tone_place() if self.tone else -1
        return "".join(letter.text(self.tone if i == place else "") for i, letter in enumerate(self.letters))


def word_before(text: str) -> str:
    """Give the letters that end a text: the word that the next key may change."""
    start = len(text)
    while start and (text[start - 1].isalpha() or unicodedata.combining(text[start - 1])):
        start -= 1
    return text[start:]


class Typist:
    """Turns keys into letters by one method; remembers the keys of the word that is being typed."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self._literal = ""
        self._undo: tuple[str, str, str] = ("", "", "")
        self._keys: tuple[str, str] = ("", "")

    def type(self, word: str, key: str) -> str:
        """Give what stands in place of ``word`` after one key, for example ``("viê", "t") → "viêt"``."""
        shown = unicodedata.normalize("NFC", word)
        if not key.isalpha() and key not in self.method.tones | self.method.marks and key != self.method.clear:
            self._literal, self._keys = "", ("", "")
            return shown + key
        keys = (self._keys[1] if shown == self._keys[0] else shown) + key
        result = self._typed(shown, key, keys)
        self._keys = (result, keys) if result else ("", "")
        return result

    def _typed(self, shown: str, key: str, keys: str) -> str:
        """What the word becomes; ``keys`` are all that were pressed for it."""
        pressed, plain = key.lower(), shown + key
        if self._literal and shown.startswith(self._literal):
            return plain
        self._literal = ""
        if self._undo[:2] == (shown, pressed):
            self._literal = self._undo[2]
            return self._literal
        result = self._marked(shown, pressed, key)
        if result is None:
            if keys != plain and _no_syllable(plain):
                self._literal = keys
                return keys
            return _settled(plain)
        if result == shown:
            taken_back = self._without(shown, pressed)
            self._literal = taken_back + key
            return self._literal
        self._undo = (result, pressed, plain)
        return result

    def _marked(self, shown: str, pressed: str, key: str) -> str | None:
        """What the word becomes if the key is a mark: itself where it already is so, None where it cannot be."""
        method = self.method
        if pressed == method.alone and _plain(shown) in INITIALS | {"gi", "q"} - {"qu"}:
            return shown + ("Ư" if key.isupper() else "ư")
        if pressed in method.marks and STROKE in dict(method.marks[pressed]):
            place = _stroke_place(shown)
            return None if place is None else _with_stroke(shown, place, on=True)
        word = _parse(shown)
        if word is None:
            return None
        if pressed == method.clear:
            return word.with_tone("").text() if word.tone else None
        if pressed in method.tones:
            tone = method.tones[pressed]
            fits = word.final not in STOPS or tone in (ACUTE, DOT)
            return word.with_tone(tone).text() if fits else None
        for mark, letters in method.marks.get(pressed, ()):
            changed = _with_mark(word, mark, letters)
            if changed is not None:
                return changed.text()
        return None

    def _without(self, shown: str, pressed: str) -> str:
        """The word without the tone or the marks that this key sets."""
        word = _parse(shown)
        if pressed in self.method.tones and word is not None:
            return word.with_tone("").text()
        wanted = {mark for mark, _ in self.method.marks.get(pressed, ())}
        if STROKE in wanted:
            return _with_stroke(shown, shown.lower().rindex("đ"), on=False)
        if word is None:
            return shown
        for index in range(word.start, word.end):
            if word.letters[index].mark in wanted:
                word = word.with_mark(index, "")
        return word.text()


def _letters(text: str) -> tuple[list[_Letter], str]:
    """Take letters apart; the tone of the whole stands aside."""
    letters, tone = [], ""
    for char in text:
        parts = unicodedata.normalize("NFD", char)
        base, mark = parts[0].lower(), ""
        for part in parts[1:]:
            if part in TONES:
                tone = part
            else:
                mark = part
        if base == "đ":
            base, mark = "d", STROKE
        letters.append(_Letter(base, mark, char.isupper()))
    return letters, tone


def _plain(text: str) -> str:
    return "".join(letter.base for letter in _letters(text)[0])


def _parse(text: str) -> _Word | None:
    """Take a syllable apart; None for what is none."""
    letters, tone = _letters(text)
    match = _SYLLABLE.fullmatch("".join(letter.base for letter in letters))
    if match is None or match[1] not in INITIALS or match[3] not in FINALS:
        return None
    if match[2] not in PLAIN_NUCLEI:
        return None
    return _Word(tuple(letters), tone, match.start(2), match.end(2))


def _stroke_place(shown: str) -> int | None:
    """Where a stroke can stand: on a d just typed («HĐND»), else at the head of a syllable («đang»)."""
    if shown[-1:].lower() in ("d", "đ"):
        return len(shown) - 1
    return 0 if shown[:1].lower() in ("d", "đ") and _parse(shown) is not None else None


def _with_stroke(shown: str, place: int, *, on: bool) -> str:
    letter = ("đ" if on else "d").upper() if shown[place].isupper() else ("đ" if on else "d")
    return shown[:place] + letter + shown[place + 1 :]


def _no_syllable(text: str) -> bool:
    """Whether letters with a vowel among them can be no syllable of Vietnamese."""
    return _parse(text) is None and any(char in "aeiouy" for char in _plain(text))


def _with_mark(word: _Word, mark: str, letters: str) -> _Word | None:
    """Set a mark on the last vowel among ``letters`` (on both of «uo»); None where no syllable comes of it."""
    span = range(word.start, word.end)
    bases = "".join(word.letters[i].base for i in span)
    if letters == "uo":
        return _horned(word, bases)
    places = [i for i in span if word.letters[i].base == letters]
    for place in places if letters == "u" else reversed(places):
        changed = word.with_mark(place, mark)
        before = place - 1
        if mark == CIRCUMFLEX and before >= word.start and word.letters[before].mark == HORN:
            changed = changed.with_mark(before, "")
        if changed.nucleus in NUCLEI:
            return changed
    return None


def _horned(word: _Word, bases: str) -> _Word | None:
    """«uo» takes the horn on both, on the «o» alone in an open «thuở», «huơ»."""
    at = bases.find("uo")
    if at < 0:
        return None
    first = word.start + at
    initial = "".join(letter.base for letter in word.letters[: word.start])
    open_end = first + 2 == len(word.letters)
    horn_first = "" if open_end and initial in ("h", "kh", "th") else HORN
    changed = word.with_mark(first + 1, HORN).with_mark(first, horn_first)
    return changed if changed.nucleus in NUCLEI else None


def _settled(text: str) -> str:
    """A word after a plain letter: its tone where it belongs now, «uơ» with something behind it as «ươ»."""
    word = _parse(text)
    if word is None:
        return text
    nucleus = word.nucleus
    if nucleus.startswith("uơ") and (word.final or len(nucleus) > 2):
        word = word.with_mark(word.start, HORN)
    return word.text()
