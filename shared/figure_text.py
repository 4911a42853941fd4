"""How a figure is printed: 1.234,5 · «-» nothing recorded · «0» · «< 5» · «…» hidden · «Không phát sinh» no base.

One rule for tablet, console, DOCX and XLSX. Rounding is half up and exact: a ratio is rounded from its numerator and
denominator, not from a binary fraction.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from shared.figures import BLANK, FEW, HIDDEN, NO_BASE, Figure, Number
from shared.indicator import Indicator
from shared.labels import number_text

_MARKS: Final = {BLANK: ("-", "-"), FEW: ("< 5", "< 5"), HIDDEN: ("…", "…"), NO_BASE: ("Không phát sinh", "None arose")}
_ABOUT: Final = ("khoảng ", "about ")
_SWAPPED: Final = str.maketrans({",": ".", ".": ","})


def rounded(figure: Figure, indicator: Indicator, *, scale: int = 1) -> Number | None:
    """The figure's value to the indicator's decimals, divided by `scale` (1000 for thousands); None where it has none."""
    if figure.value is None:
        return None
    exact = Decimal(str(figure.value))
    if indicator.kind == "ratio" and figure.numerator is not None and figure.denominator:
        exact = indicator.factor * Decimal(str(figure.numerator)) / Decimal(str(figure.denominator))
    value = (exact / scale).quantize(Decimal(1).scaleb(-indicator.decimals), rounding=ROUND_HALF_UP)
    return float(value) if indicator.decimals else int(value)


def amount_text(value: Number, *, decimals: int = 0, lang: str = "vi", prose: bool = False) -> str:
    """A number as written in the language: 1.234,5 in Vietnamese.

    `prose` writes as official sentences do: 1–9 as 01–09, and no «,0».
    """
    if prose and decimals and value == int(value):
        value, decimals = int(value), 0
    elif prose and not decimals and 0 < value < 10:
        return f"0{value}"
    text = number_text(value, decimals)
    return text.translate(_SWAPPED) if lang == "en" else text


def figure_text(figure: Figure, indicator: Indicator, *, lang: str = "vi", scale: int = 1, prose: bool = False) -> str:
    """The figure as printed. In `prose`, «khoảng» stands before one that rests on estimates."""
    language = 0 if lang == "vi" else 1
    value = rounded(figure, indicator, scale=scale)
    if value is None:
        return _MARKS[figure.status][language]
    text = amount_text(value, decimals=indicator.decimals, lang=lang, prose=prose)
    return _ABOUT[language] + text if prose and figure.estimated else text
