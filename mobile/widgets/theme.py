"""Colours and measures of the window, by name: kv files and widgets take them from here and nowhere else.

One accent (deep teal) on white cards; red stands for danger to a person or a missed legal deadline, amber for
what is due soon; a colour never says it alone.
"""

from pathlib import Path
from typing import Final

Colour = tuple[float, float, float, float]


def _rgb(code: str) -> Colour:
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return (red, green, blue, 1.0)


TEAL: Final = _rgb("0f6b66")
TEAL_DARK: Final = _rgb("0b524e")
TINT: Final = _rgb("e3f1ef")
PAPER: Final = _rgb("f6faf9")
CARD: Final = _rgb("ffffff")
EDGE: Final = _rgb("d5e0de")
FIELD_EDGE: Final = _rgb("8fa3a0")
INK: Final = _rgb("182826")
SOFT: Final = _rgb("526361")
GREY: Final = _rgb("eef3f2")
RED: Final = _rgb("b3261e")
RED_TINT: Final = _rgb("fdeaea")
AMBER: Final = _rgb("7d5200")
AMBER_TINT: Final = _rgb("fff1d2")
GREEN: Final = _rgb("1e6b34")
GREEN_TINT: Final = _rgb("e2f3e6")
WHITE: Final = _rgb("ffffff")
NONE: Final[Colour] = (0.0, 0.0, 0.0, 0.0)

TONES: Final[dict[str, tuple[Colour, Colour]]] = {
    "plain": (SOFT, GREY),
    "accent": (TEAL, TINT),
    "danger": (RED, RED_TINT),
    "soon": (AMBER, AMBER_TINT),
    "good": (GREEN, GREEN_TINT),
}
"""tone → (ink, ground) of a pill or a message."""

BODY: Final = "16sp"
SMALL: Final = "14sp"
HEAD: Final = "19sp"
LARGE: Final = "34sp"
"""Sizes of text; ``SMALL`` is for what stands above or below a text of its own."""

TOUCH_DP: Final = 48
"""The least height (dp) of what a finger presses."""

WIDE_DP: Final = 760
"""From this width on (dp) a screen has two columns."""

MEDIUM: Final = "RobotoMedium"
_FONTS: Final = ("Roboto-Medium.ttf", "materialdesignicons-webfont.ttf")


def load() -> None:
    """Register the fonts and read the kv rules of the plain pieces; must precede the first widget."""
    import kivymd
    from kivy.core.text import LabelBase
    from kivy.lang import Builder

    fonts = Path(kivymd.__file__).parent / "fonts"
    LabelBase.register(MEDIUM, str(fonts / _FONTS[0]))
    LabelBase.register("Icons", str(fonts / _FONTS[1]))
    here = Path(__file__).parent
    own = [here / name for name in ("theme.kv", "fields.kv", "sheets.kv")]
    for path in own + sorted((here.parent / "screens").glob("*/screen.kv")):
        if str(path) not in Builder.files:
            Builder.load_file(str(path))
