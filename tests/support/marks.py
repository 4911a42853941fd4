"""Marked words that must be nowhere: every spelling of them that bytes may hold, looked for in every byte of a folder."""

from __future__ import annotations

import base64
import contextlib
import datetime
import gzip
import io
import json
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from shared.catalogue import Field, RecordType
from shared.ids import new_record_id
from shared.text import fold
from sync.packing import BY_DICTIONARY, DICTIONARY, ZSTANDARD, zstd

NAME = "Nguyễn Thị Bí Mật"
"""The invented person whom no output may name."""

SHORTEST_BASE64 = 8

__all__ = ["NAME", "Marks", "found_in", "found_in_folder", "spellings"]


def spellings(mark: str) -> set[bytes]:
    """A mark as bytes may hold it: NFC and NFD, without tone marks, UTF-8 and UTF-16, JSON escapes, percents, base64."""
    texts = {mark, unicodedata.normalize("NFD", mark), fold(mark), mark.upper(), mark.lower()}
    spelled: set[bytes] = set()
    for text in texts:
        told = text.encode("utf-8")
        spelled |= {told, text.encode("utf-16-le"), json.dumps(text)[1:-1].encode(), quote(text).encode(), told.hex().encode()}
        spelled |= set(_base64(told))
    return {one for one in spelled if one}


def _base64(told: bytes) -> Iterator[bytes]:
    """The letters that stand in base64 wherever these bytes begin: without those that the neighbours take part in."""
    for before in range(3):
        letters = base64.b64encode(b"\0" * before + told)
        whole = letters[(before * 8 + 5) // 6 : (before + len(told)) * 8 // 6]
        if len(whole) >= SHORTEST_BASE64:
            yield from (whole, whole.replace(b"+", b"-").replace(b"/", b"_"))


def found_in(data: bytes, marks: Iterable[str]) -> list[str]:
    """The marks that stand in these bytes, or in what they hold packed (ZIP, gzip, Zstandard, a short message)."""
    pieces = list(_unpacked(data))
    return [mark for mark in marks if any(one in piece for one in spellings(mark) for piece in pieces)]


def _unpacked(data: bytes, depth: int = 0) -> Iterator[bytes]:
    yield data
    if depth > 3:
        return
    if data.startswith(b"PK\x03\x04") and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from _unpacked(archive.read(name), depth + 1)
    envelope, _, payload = data.partition(b"\n" + BY_DICTIONARY)
    if envelope[-40:].rpartition(b"sen1 ")[1] and payload:
        with contextlib.suppress(zlib.error):
            yield from _unpacked(zlib.decompressobj(-15, zdict=DICTIONARY).decompress(payload), depth + 1)
    at = data.find(ZSTANDARD)
    if at >= 0:
        with contextlib.suppress(zstd.ZstdError):
            yield from _unpacked(zstd.ZstdDecompressor().decompress(data[at:]), depth + 1)
    at = data.find(b"\x1f\x8b\x08")
    if at >= 0:
        try:
            yield from _unpacked(gzip.decompress(data[at:]), depth + 1)
        except (OSError, EOFError, zlib.error):
            return


def found_in_folder(folder: Path, marks: Iterable[str]) -> dict[str, list[str]]:
    """The files below a folder whose name or bytes hold a mark: {path: marks}."""
    wanted = list(marks)
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            there = found_in(str(path.relative_to(folder)).encode() + b"\0", wanted) + found_in(path.read_bytes(), wanted)
            if there:
                found[str(path.relative_to(folder))] = there
    return found


class Marks:
    """Gives each field a value of its kind that stands nowhere else, and remembers it under the field's path."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def plant(self, path: str, field: Field) -> Any:
        number = len(self.planted)
        day = (datetime.date(1911, 3, 1) + datetime.timedelta(days=37 * number)).isoformat()
        value = {
            "text": f"{NAME} {number:03}", "long": f"{NAME} {number:03}, nhà bên sông", "date": day, "datetime": f"{day}T04:17+07:00",
            "int": 739152840 + number, "choice": f"bi_mat_{number:03}_x", "ref": new_record_id(), "bool": True,
        }[field.kind]  # fmt: skip
        if field.kind != "bool":
            self.planted[path] = str(value).removesuffix(", nhà bên sông")
        return value

    def of(self, record_type: RecordType, where: str) -> dict[str, Any]:
        """A value for every confidential field of a type, row fields too; files are planted by themselves."""
        values: dict[str, Any] = {}
        for code, field in record_type.fields.items():
            at = f"{where} {record_type.code}/{code}"
            if field.kind == "rows":
                inner = {sub: self.plant(f"{at}/{sub}", one) for sub, one in field.fields.items() if (one.confidential or field.confidential) and not one.computed}
                if inner:
                    values[code] = [inner]
            elif field.confidential and field.computed is None and field.kind not in ("files", "photos"):
                values[code] = self.plant(at, field)
        return values
