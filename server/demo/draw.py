"""Invents a unit's records of a chapter from the templates: the same seed gives the same records.

A draft names other records by key (``{"~ref": key}`` in its values); who types it puts the id there. The draw language is told at the
head of ``records.yaml``.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from server.demo.story import DISTRICT, Chapter
from shared.catalogue import Catalogue

FAMILY: Final = (
    "Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Phan", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý", "Trương", "Thạch", "Châu",
)  # fmt: skip
WOMEN: Final = ("Thị Mỹ Duyên", "Thị Lệ Thu", "Ngọc Trâm", "Thị Út Em", "Thị Kiều Oanh", "Thị Sa Ret", "Bích Phượng", "Thị Bé Năm")
MEN: Final = ("Văn Tèo Em", "Hoàng Phúc", "Minh Luân", "Văn Đức", "Thanh Tùng", "Hữu Nghĩa", "Quốc Thái", "Văn Mười")
EARLY_SHARE: Final = 0.12
"""The part of a chapter's days that counts as its beginning."""

__all__ = ["Draft", "draw_chapter"]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A record before it is typed: a key of its own, the day on which it stands, its values in the order of typing."""

    key: str
    type: str
    day: date
    values: Mapping[str, Any]


def draw_chapter(
    catalogue: Catalogue, templates: Sequence[Mapping[str, Any]], chapter: Chapter, unit: str, *, seed: int,
    known: Mapping[str, Sequence[str]],
) -> list[Draft]:  # fmt: skip
    """A unit's records of a chapter in the order of their days, those of one day as drawn.

    Args:
        known: the keys of the unit's records of earlier chapters, by type.
    """
    drawn = _Drawing(catalogue, chapter, unit, seed, {type: list(keys) for type, keys in known.items()})
    for template in templates:
        drawn.add(template)
    return sorted(drawn.drafts, key=lambda draft: draft.day)


class _Drawing:
    """One unit's records while they are being drawn."""

    def __init__(self, catalogue: Catalogue, chapter: Chapter, unit: str, seed: int, keys: dict[str, list[str]]) -> None:
        self.catalogue, self.chapter, self.unit, self.keys = catalogue, chapter, unit, keys
        self.random = random.Random(f"{seed}:{unit}:{chapter.at:%Y-%m-%d}")
        self.drafts: list[Draft] = []
        self.commune = catalogue.units[unit].kind in ("commune", "town")
        self.hamlets = [one.code for one in catalogue.units.subtree(unit) if one.kind == "hamlet"]
        self.day, self.hamlet = chapter.first_day, ""
        self.done: dict[str, Any] = {}

    # which records

    def add(self, template: Mapping[str, Any]) -> None:
        """Draw the records of a template, where it is this unit's and this chapter's."""
        wanted = template["for"]
        here = self.commune if wanted == "communes" else not self.commune if wanted == "bodies" else self.unit in wanted
        period = self.chapter.period in template.get("periods", (self.chapter.period,))
        if here and period and (template.get("with") is None or self.keys.get(template["with"])):
            kinds = template.get("kinds", ({},))
            kinds = self.random.sample(kinds, len(kinds))
            for number in range(self._count(template["each"])):
                self._draft(template, kinds[number % len(kinds)])

    def _count(self, each: Any) -> int:
        if isinstance(each, float):
            return int(self.random.random() < each)
        low, high = each if isinstance(each, list) else (each, each)
        return self.random.randint(low, high)

    def _draft(self, template: Mapping[str, Any], kind: Mapping[str, Any]) -> None:
        days = self._days(template)
        if not days:
            return
        type_code = template["type"]
        self.day, self.done, self.number = self.random.choice(days), {}, self.random.randint(3, 98)
        self.hamlet = self.random.choice(self.hamlets) if self.hamlets else self._commune(None)
        for code, told in (*kind.items(), *template["values"].items()):
            value = self._value(told)
            if value is not None:
                self.done[code] = value
        key = f"{self.unit}/{self.chapter.period}/{type_code}/{len(self.drafts)}"
        self.drafts.append(Draft(key=key, type=type_code, day=self.day, values=self.done))
        self.keys.setdefault(type_code, []).append(key)

    def _days(self, template: Mapping[str, Any]) -> list[date]:
        """The days on which a record of this template may stand: working days of the chapter."""
        span = (self.chapter.last_day - self.chapter.first_day).days
        first = int(span * EARLY_SHARE) + 1 if template.get("late") else 0
        last = int(span * EARLY_SHARE) if template.get("early") else span
        days = [self.chapter.first_day + timedelta(days=n) for n in range(first, last + 1)]
        if template.get("with"):
            since = max(draft.day for draft in self.drafts if draft.type == template["with"]) if self._own(template["with"]) else days[0]
            days = [day for day in days if day >= since]
        if window := template.get("window"):
            days = [day for day in days if window[0] <= f"{day:%m-%d}" <= window[1]]
        return [day for day in days if day.weekday() < 6] or days

    def _own(self, type_code: str) -> bool:
        return any(draft.type == type_code for draft in self.drafts)

    # their values

    def _value(self, told: Any) -> Any:
        if isinstance(told, str):
            return self._text(told)
        if isinstance(told, list):
            return [self._value(one) for one in told]
        if isinstance(told, Mapping):
            (name, argument), *more = told.items()
            if not more and name in _DRAWS:
                return _DRAWS[name](self, argument)
            return {code: self._value(one) for code, one in told.items()}
        return told

    def _text(self, text: str) -> str:
        if "{" not in text:
            return text
        units = self.catalogue.units
        place = units[self.hamlet].name.vi
        words = place[:1].lower() + place[1:] if not text.startswith("{hamlet}") else place
        return text.format(
            hamlet=words, unit=units[self.unit].name.vi[:1].lower() + units[self.unit].name.vi[1:], year=self.day.year,
            month=self.day.month, n=self.number, head=self._name(MEN), member=self._name(WOMEN),
        )  # fmt: skip

    def _name(self, given: Sequence[str]) -> str:
        return f"{self.random.choice(FAMILY)} {self.random.choice(given)}"

    def _some(self, choices: Sequence[str]) -> list[str]:
        return sorted(self.random.sample(list(choices), self.random.randint(1, min(3, len(choices)))))

    def _number(self, told: Sequence[int]) -> int:
        low, high, *step = told
        return self.random.randint(low, high) * (step[0] if step else 1)

    def _share(self, told: Sequence[Any]) -> int:
        field, low, high = told
        whole = int(self.done[field])
        return min(whole, max(1, round(whole * self.random.uniform(low, high))))

    def _after(self, told: Sequence[int]) -> str:
        return (self.day + timedelta(days=self.random.randint(*told))).isoformat()

    def _at(self, _: Any) -> str:
        return f"{self.day.isoformat()}T{self.random.randint(6, 20):02}:{self.random.randrange(0, 60, 5):02}+07:00"

    def _maybe(self, told: Sequence[Any]) -> Any:
        return self._value(told[1]) if self.random.random() < told[0] else None

    def _commune(self, _: Any) -> str:
        kinds = ("commune", "town")
        return self.random.choice([one.code for one in self.catalogue.units.reporting(DISTRICT, self.day) if one.kind in kinds])


_DRAWS: Final[Mapping[str, Callable[[_Drawing, Any], Any]]] = {
    "~one": lambda drawing, told: drawing._value(drawing.random.choice(told)),
    "~some": _Drawing._some,
    "~number": _Drawing._number,
    "~share": _Drawing._share,
    "~day": lambda drawing, _: drawing.day.isoformat(),
    "~after": _Drawing._after,
    "~at": _Drawing._at,
    "~year": lambda drawing, _: drawing.day.year,
    "~period": lambda drawing, _: drawing.chapter.period,
    "~hamlet": lambda drawing, _: drawing.hamlet,
    "~commune": _Drawing._commune,
    "~maybe": _Drawing._maybe,
    "~ref": lambda drawing, type_code: {"~ref": drawing.random.choice(drawing.keys[type_code])},
}
"""Word of the draw language → what it gives."""
