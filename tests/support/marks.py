"""Marked words that must be nowhere: every spelling of them that bytes may hold, looked for in every byte of a folder."""

from __future__ import annotations

import base64
import gzip
import io
import json
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from shared.text import fold

NAME = "Nguyễn Thị Bí Mật"
"""The invented person whom no output may name."""

SHORTEST_BASE64 = 8

__all__ = ["NAME", "found_in", "found_in_folder", "spellings"]


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
    """The marks that stand in these bytes, or in what they hold packed (ZIP, gzip, zlib)."""
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
