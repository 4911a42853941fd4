"""A photo made small and bare: decoded and encoded again, so that nothing but the picture stays.

No place, no camera, no thumbnail, no text, no second file behind the picture. What a decoder could choke on is refused before it is
decoded. ``is_bare`` is the receiver's check that a picture went through here.
"""

import io
import struct
from typing import Final

from PIL import Image, ImageOps

from shared.errors import SenError

LONGEST_SIDE: Final = 1600
"""Pixels of a stored photo's longer side; enough for print at half a page."""
QUALITY: Final = 82
"""JPEG quality of a stored photo: about 250 KB of a crowd, with no block to be seen."""
MOST_PIXELS: Final = 50_000_000
"""Of a photo as the camera made it; a decoded pixel takes three bytes of memory."""
MOST_SIDE: Final = 20_000
"""Pixels of one side: a line of a picture is decoded whole, and no camera makes a longer one."""
FORMATS: Final = ("JPEG", "PNG", "WEBP")
"""What is decoded at all; a JPEG with further pictures behind it (MPO, as some telephones write it) is a JPEG, its first picture counts."""

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_KEPT_SEGMENTS: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0})
"""The markers that a bare JPEG has: frame, tables, scan, restart interval, and the JFIF head."""
_FAULTS: Final = (
    OSError, ValueError, SyntaxError, ArithmeticError, LookupError, TypeError, struct.error, Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises for broken pictures, by format."""

__all__ = ["LONGEST_SIDE", "is_bare", "shrink"]


def shrink(data: bytes) -> bytes:
    """The picture as a small bare JPEG, upright.

    Raises:
        SenError: ``not_a_photo`` (no JPEG, PNG or WebP, damaged, cut), ``photo_too_large`` (``limit`` megapixels), ``photo_moves``.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS or max(image.size) > MOST_SIDE:
                raise SenError("photo_too_large", limit=MOST_PIXELS // 1_000_000)
            if image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
                raise SenError("photo_moves")
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = _on_white(ImageOps.exif_transpose(image))
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            bare = Image.new("RGB", upright.size)
            bare.paste(upright)
            out = io.BytesIO()
            bare.save(out, "JPEG", quality=QUALITY, optimize=True)
            return out.getvalue()
    except Image.DecompressionBombError as error:
        raise SenError("photo_too_large", limit=MOST_PIXELS // 1_000_000) from error
    except _FAULTS as error:
        raise SenError("not_a_photo") from error


def _on_white(image: Image.Image) -> Image.Image:
    """The picture without transparency."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    white = Image.new("RGBA", clear.size, "white")
    white.alpha_composite(clear)
    return white.convert("RGB")


def is_bare(data: bytes) -> bool:
    """Whether bytes are one whole JPEG as ``shrink`` makes it: no larger, nothing beside the picture, nothing behind it."""
    if not _only_picture(data):
        return False
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if max(image.size) > LONGEST_SIDE:
                return False
            image.load()
    except _FAULTS:
        return False
    return True


def _only_picture(data: bytes) -> bool:
    """Walk the segments of a JPEG (ITU-T T.81 Annex B): only those of ``_KEPT_SEGMENTS``, and the file ends with the picture."""
    at = 2
    if data[:2] != bytes((0xFF, _SOI)):
        return False
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _EOI:
            return at + 2 == len(data)
        if marker not in _KEPT_SEGMENTS or at + 4 > len(data):
            return False
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == _SOS:
            at = _behind_scan(data, at)
    return False


def _behind_scan(data: bytes, at: int) -> int:
    """Where the entropy-coded data that begins at a place ends: at the next marker that is neither a stuffed byte nor a restart."""
    while (at := data.find(b"\xff", at)) >= 0:
        following = data[at + 1 : at + 2]
        if following and (following == b"\0" or 0xD0 <= following[0] <= 0xD7):
            at += 2
        else:
            return at
    return len(data)
