"""What a person typed into a field, read as a value: dates and numbers as Vietnam writes them.

Pure: the text and today go in, a value or ``None`` comes out. Nothing is guessed: what cannot be read is None.
"""

import re
from datetime import date
from typing import Final

__all__ = ["editable_number", "read_date", "read_decimal", "read_int", "read_time", "written_date"]

_DATE: Final = re.compile(r"\s*(\d{1,2})\s*[/.\-\s]\s*(\d{1,2})(?:\s*[/.\-\s]\s*(\d{4}|\d{2}))?\s*")
_RUN: Final = re.compile(r"\s*(\d{2})(\d{2})(\d{4})\s*")
_TIME: Final = re.compile(r"\s*(\d{1,2})\s*[:hg.]\s*(\d{0,2})\s*p?\s*", re.IGNORECASE)
_INT: Final = re.compile(r"-?\d+")
_DECIMAL: Final = re.compile(r"-?\d+(,\d*)?")
_GROUPED: Final = re.compile(r"-?\d{1,3}(\.\d{3})+(,\d*)?")
DIGITS_MAX: Final = 18
"""More digits than this are no count of anything and no whole number of SQLite."""


def read_date(text: str, today: date) -> str | None:
    """Read «28/5/2022», «28-05-22», «28052022» or «28/5» (of this year) as ``"2022-05-28"``."""
    match = _RUN.fullmatch(text) or _DATE.fullmatch(text)
    if match is None:
        return None
    day, month, year = match[1], match[2], match[3]
    full = today.year if year is None else int(year) if len(year) == 4 else 2000 + int(year)
    try:
        return date(full, int(month), int(day)).isoformat()
    except ValueError:
        return None


def written_date(value: str) -> str:
    """Write ``"2022-05-28"`` as «28/05/2022», the form that a person edits."""
    year, month, day = value[:10].split("-")
    return f"{day}/{month}/{year}"


def read_time(text: str) -> str | None:
    """Read «7:58», «07h58», «7g» as ``"07:58"``."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    return f"{hour:02d}:{minute:02d}" if hour < 24 and minute < 60 else None


def _plain_digits(text: str) -> str:
    """Take out spaces and the dots that part thousands."""
    bare = "".join(text.split())
    return bare.replace(".", "") if _GROUPED.fullmatch(bare) else bare


def read_int(text: str) -> int | None:
    """Read «1.234» or «1234» as 1234."""
    bare = _plain_digits(text)
    return int(bare) if _INT.fullmatch(bare) and len(bare) <= DIGITS_MAX else None


def read_decimal(text: str) -> float | None:
    """Read «1.234,5» or «1234,5» as 1234.5."""
    bare = _plain_digits(text)
    return float(bare.replace(",", ".")) if _DECIMAL.fullmatch(bare) and len(bare) <= DIGITS_MAX else None


def editable_number(value: float) -> str:
    """Write a number as a person edits it: no parted thousands, a comma before the decimals."""
    return str(value) if isinstance(value, int) else repr(value).removesuffix(".0").replace(".", ",")
