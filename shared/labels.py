"""A text in two languages, and numbers and dates as Việt Nam writes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.messages import phrase

WEEKDAYS = {
    "vi": ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}

_SWAPPED = str.maketrans(",.", ".,")

LONGEST_RAW = 200
"""Characters of a value that is shown as it was written, without words of its kind."""

__all__ = ["Label", "date_text", "datetime_text", "number_text", "phrase", "raw_text", "weekday_text"]


@dataclass(frozen=True, slots=True)
class Label:
    """One text in Vietnamese and English."""

    vi: str
    en: str

    def get(self, lang: str) -> str:
        """The text in a language; Vietnamese where there is no other."""
        return self.en if lang == "en" and self.en else self.vi

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Label":
        """Read ``{vi, en}``."""
        return cls(str(body["vi"]), str(body.get("en", "")))


def number_text(value: float | None, decimals: int | None = None) -> str:
    """Write a number as 1.234,5; «–» where there is none."""
    if value is None:
        return "–"
    if decimals is None:
        text = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")
    else:
        text = f"{value:,.{decimals}f}"
    return text.translate(_SWAPPED)


def raw_text(value: Any) -> str:
    """Write a value as it stands, where it has no words of its kind: a text whole, all else as JSON, cut short."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)[:LONGEST_RAW]


def date_text(value: date | str | None) -> str:
    """Write a date (or its ISO form) as dd/mm/yyyy; «–» where there is none."""
    if not value:
        return "–"
    day = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def weekday_text(value: date, lang: str = "vi") -> str:
    """The day of the week of a date."""
    return WEEKDAYS[lang][value.weekday()]


def datetime_text(value: datetime | str | None) -> str:
    """Write a moment as dd/mm/yyyy hh:mm; «–» where there is none."""
    if not value:
        return "–"
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{date_text(moment.date())} {moment.hour:02}:{moment.minute:02}"
