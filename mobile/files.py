"""Photos and files of records: stored by the SHA-256 of their bytes, sealed, in the profile's folder.

The record holds hash, name, size and mime; a name from the disk is only text. A file of a sealed type is sealed under the case key, any
other with the device's row key. A photo is decoded and encoded again, so that nothing but the picture stays: no place, no camera, no
thumbnail.
"""

import hashlib
import io
import mimetypes
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps

from mobile.hardware import write_whole
from mobile.keys import RowKey
from shared.errors import SenError
from shared.sealing import open_bytes, seal_bytes
from shared.text import clean

MOST_BYTES: Final = 25 * 1024 * 1024
LONGEST_SIDE: Final = 1600
"""Pixels of a stored photo's longer side; enough for print at half a page."""
MOST_PIXELS: Final = 80_000_000

__all__ = ["Files"]


class Files:
    """The files of a tablet, by hash.

    Args:
        key: gives a case key by its id, None where it is not there.
    """

    def __init__(self, folder: Path, rows: RowKey, key: Callable[[str], bytes | None]) -> None:
        self._folder = folder
        self._rows = rows
        self._key = key

    def add(self, path: Path, *, photo: bool, case: str | None) -> dict[str, Any]:
        """Store a file of the disk; gives what the record holds of it: sha256, name, size, mime.

        Raises:
            SenError: ``file_unreadable``, ``file_too_large``, ``not_a_photo``, ``tablet_full``.
        """
        try:
            if path.stat().st_size > MOST_BYTES:
                raise SenError("file_too_large", limit=MOST_BYTES // (1024 * 1024))
            data = path.read_bytes()
        except OSError as error:
            raise SenError("file_unreadable") from error
        mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if photo:
            data, mime = _picture(data), "image/jpeg"
        name = clean(path.name).replace("\n", " ").replace("\t", " ")[-120:]
        return self.store(data, name=name, mime=mime, case=case)

    def store(self, data: bytes, *, name: str, mime: str, case: str | None) -> dict[str, Any]:
        """Store bytes under their hash, sealed. Raises SenError("tablet_full")."""
        digest = hashlib.sha256(data).hexdigest()
        bound = f"file {digest}"
        if case is not None:
            key = self._key(case)
            if key is None:
                raise SenError("sealed_open_failed")
            sealed = b"c" + case.encode("ascii").ljust(36) + seal_bytes(key, data, bound.encode())
        else:
            sealed = b"p" + self._rows.seal(data, bound)
        try:
            write_whole(self._place(digest), sealed)
        except OSError as error:
            raise SenError("tablet_full") from error
        return {"sha256": digest, "name": name, "size": len(data), "mime": mime}

    def _place(self, digest: str) -> Path:
        if len(digest) != 64 or not all(letter in "0123456789abcdef" for letter in digest):
            raise SenError("file_not_here")
        return self._folder / digest[:2] / digest

    def has(self, digest: str) -> bool:
        """Whether the bytes of a hash are on this tablet."""
        return self._place(digest).exists()

    def forget(self, digests: Iterable[str]) -> None:
        """Take files off the tablet."""
        for digest in digests:
            self._place(digest).unlink(missing_ok=True)

    def read(self, digest: str) -> bytes:
        """The bytes of a hash. Raises SenError: ``file_not_here``, ``sealed_open_failed``, ``file_damaged``."""
        place = self._place(digest)
        if not place.exists():
            raise SenError("file_not_here")
        sealed, bound = place.read_bytes(), f"file {digest}"
        if sealed.startswith(b"c"):
            key = self._key(sealed[1:37].decode("ascii", "replace").strip())
            if key is None:
                raise SenError("sealed_open_failed")
            data = open_bytes(key, sealed[37:], bound.encode())
        else:
            data = self._rows.open(sealed[1:], bound)
        if hashlib.sha256(data).hexdigest() != digest:
            raise SenError("file_damaged")
        return data


def _picture(data: bytes) -> bytes:
    """Decode a picture and encode it again, upright, without anything beside the picture."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise SenError("file_too_large", limit=MOST_BYTES // (1024 * 1024))
            upright = ImageOps.exif_transpose(image).convert("RGB")
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            bare = Image.new("RGB", upright.size)
            bare.paste(upright)
            out = io.BytesIO()
            bare.save(out, "JPEG", quality=82, optimize=True)
            return out.getvalue()
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise SenError("not_a_photo") from error
