"""What may be attached to a record: photos made small and bare, documents of a few kinds as they are, each known by its bytes.

A name from a disk is only text that is shown: cleaned, cut, and with the ending that the bytes have.
"""

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.errors import SenError
from shared.picture import is_bare, shrink
from shared.text import clean

MOST_BYTES: Final = 10 * 1024 * 1024
"""Of one file: on the slowest link a document of this size takes hours, a photo minutes."""
MOST_CHOSEN_BYTES: Final = 2 * MOST_BYTES
"""Of a photo before it is made small."""
LONGEST_NAME: Final = 120
MOST_ENTRIES: Final = 10_000
"""Of the directory of a document that is a ZIP; nothing in it is ever unpacked."""

JPEG: Final = "image/jpeg"
ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    JPEG: (".jpg", ".jpeg"),
    "application/pdf": (".pdf",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
    "application/vnd.oasis.opendocument.text": (".odt",),
    "application/vnd.oasis.opendocument.spreadsheet": (".ods",),
    "application/x-ole-storage": (".doc", ".xls"),
    "text/plain": (".txt", ".csv"),
}
"""Kind of a stored file → the endings that its name may have, the one that is given first."""

_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PARTS: Final = {"word/document.xml": ".docx", "xl/workbook.xml": ".xlsx"}
_HIDDEN: Final = re.compile(r"[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""What is not seen in a name, or turns its direction."""

__all__ = ["ENDINGS", "JPEG", "MOST_BYTES", "MOST_CHOSEN_BYTES", "Attachment", "fits", "kind_of", "prepare", "shown_name"]


class Attachment(NamedTuple):
    """A file as it is stored: its bytes, the name that is shown, its kind."""

    data: bytes
    name: str
    mime: str


def prepare(data: bytes, name: str, *, photo: bool) -> Attachment:
    """What is stored of a file that a person chose: a picture as a small bare JPEG, a document as it is.

    Raises:
        SenError: ``file_too_large``, ``not_a_photo``, ``photo_too_large``, ``photo_moves``, ``file_kind_not_taken``.
    """
    if (photo or data.startswith(_PICTURES)) and len(data) <= MOST_CHOSEN_BYTES:
        data = shrink(data)
    if len(data) > MOST_BYTES:
        raise SenError("file_too_large", limit=MOST_BYTES // (1024 * 1024))
    mime = kind_of(data)
    return Attachment(data, shown_name(name, mime), mime)


def fits(data: bytes, *, photo: bool) -> bool:
    """Whether bytes that another device prepared are what ``prepare`` gives."""
    if photo or data.startswith(_PICTURES):
        return is_bare(data)
    try:
        kind_of(data)
    except SenError:
        return False
    return True


def kind_of(data: bytes) -> str:
    """The kind of bytes, by what they are. Raises SenError("file_kind_not_taken")."""
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    if data.startswith(b"PK\x03\x04"):
        return _kind_of_zip(data)
    if data.startswith(_OLE):
        return "application/x-ole-storage"
    if _is_text(data):
        return "text/plain"
    raise SenError("file_kind_not_taken")


def _kind_of_zip(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            first = archive.infolist()[0] if names else None
            if first is not None and first.filename == "mimetype" and first.compress_type == zipfile.ZIP_STORED and first.file_size < 100:
                mime = archive.read(first).decode("ascii", "replace")
                if mime in ENDINGS and "opendocument" in mime:
                    return mime
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError) as error:
        raise SenError("file_kind_not_taken") from error
    part = next((ending for name, ending in _PARTS.items() if name in names), "")
    if not part or len(names) > MOST_ENTRIES or any(name.lower().endswith("vbaproject.bin") for name in names):
        raise SenError("file_kind_not_taken")
    return next(mime for mime, endings in ENDINGS.items() if part in endings)


def _is_text(data: bytes) -> bool:
    """Plain text in UTF-8; nothing that a browser would take for a page or a drawing."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return bool(data) and "\0" not in text and not text.lstrip().startswith("<")


def shown_name(name: str, mime: str) -> str:
    """A file's name as it is shown: no folder, nothing unseen, at most ``LONGEST_NAME`` letters, the ending that its bytes have."""
    bare = _HIDDEN.sub("", clean(" ".join(re.split(r"[/\\]", name)[-1].split())))
    endings = ENDINGS[mime]
    stem, dot, ending = bare.rpartition(".")
    if dot and f".{ending.lower()}" in endings:
        return stem[: LONGEST_NAME - len(ending) - 1].rstrip(". ") + f".{ending}" if stem else f"tệp.{ending}"
    if mime == JPEG and dot and f".{ending.lower()}" in (".png", ".webp"):
        bare = stem
    return (bare[: LONGEST_NAME - len(endings[0])].rstrip(". ") or "tệp") + endings[0]
