"""Files and photos of records at the console: kept by the SHA-256 of their bytes below the server's folder, sealed where the record is.

A photo is decoded and encoded again, so that nothing but the picture stays. A file that a tablet recorded may not be here yet.
"""

import hashlib
import io
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request
from PIL import Image, ImageOps
from werkzeug.datastructures import FileStorage

from server import db
from server.console.shell import me
from server.places import write_private
from server.records import Opened, case_of, open_record, state_of
from server.services import services
from shared.catalogue import RecordType
from shared.errors import SenError
from shared.sealing import open_bytes, seal_bytes
from shared.text import clean
from sync.view import Sealed

NEW = "new "
"""Before a field's code: the input of its new files."""

LONGEST_SIDE = 1600
MOST_PIXELS = 80_000_000
SAFE_TYPES = frozenset({"image/jpeg", "image/png", "application/pdf"})
"""Shown by the browser; everything else is only offered to be saved."""

blueprint = Blueprint("attachments", __name__)
blueprints = (blueprint,)

__all__ = ["NEW", "add_uploads", "blueprints"]


def add_uploads(
    record_type: RecordType, values: Mapping[str, Any], record: str | None, shown: Mapping[str, Any]
) -> dict[str, Any]:
    """The values with the files that the form brought, kept on disk.

    Raises:
        SenError: ``not_a_photo``; ``case_not_named`` where the record is sealed and was not saved yet.
    """
    added = dict(values)
    for code, one in record_type.fields.items():
        if one.kind not in ("files", "photos"):
            continue
        for upload in request.files.getlist(NEW + code):
            if upload.filename:
                case = _case(record_type, record) if one.confidential else None
                kept = _keep(upload, photo=one.kind == "photos", case=case)
                there = [item for item in added.get(code, shown.get(code)) or [] if item["sha256"] != kept["sha256"]]
                added[code] = sorted([*there, kept], key=lambda item: str(item["sha256"]))
    return added


def _case(record_type: RecordType, record: str | None) -> str:
    if record is None:
        raise SenError("case_not_named")
    with db.reading() as connection:
        case = case_of(record_type, state_of(connection, record))
    if case is None:
        raise SenError("case_not_named")
    return case


def _keep(upload: FileStorage, *, photo: bool, case: str | None) -> dict[str, Any]:
    data = upload.read()
    name = clean(Path(upload.filename or "").name).replace("\n", " ").replace("\t", " ")[-120:] or "tệp"
    mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if photo:
        data, mime = _picture(data), "image/jpeg"
    digest = hashlib.sha256(data).hexdigest()
    held = services()
    stored = data if case is None else case.encode("ascii") + seal_bytes(held.keys.new_case_key(case), data, f"file {digest}".encode())
    write_private(_place(digest), (b"o" if case is None else b"c") + stored)
    return {"sha256": digest, "name": name, "size": len(data), "mime": mime}


def _place(digest: str) -> Path:
    if len(digest) != 64 or not all(letter in "0123456789abcdef" for letter in digest):
        raise SenError("not_found")
    return services().places.var / "files" / digest[:2] / digest


def _picture(data: bytes) -> bytes:
    """Decode a picture and encode it again, upright, without anything beside the picture."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise SenError("not_a_photo")
            upright = ImageOps.exif_transpose(image).convert("RGB")
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            bare = Image.new("RGB", upright.size)
            bare.paste(upright)
            out = io.BytesIO()
            bare.save(out, "JPEG", quality=82, optimize=True)
            return out.getvalue()
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise SenError("not_a_photo") from error


@blueprint.get("/records/<record>/files/<digest>")
def file(record: str, digest: str) -> Response:
    """A file of a record; a sealed one is not given out here."""
    item = _item(open_record(me(), record), digest)
    place = _place(digest)
    if not place.exists():
        raise SenError("file_not_here")
    data = place.read_bytes()
    if not data.startswith(b"o"):
        raise SenError("sealed_open_failed")
    return _answer(data[1:], item)


@blueprint.post("/records/<record>/files/<digest>")
def sealed_file(record: str, digest: str) -> Response:
    """A sealed file, for a reason that goes into the audit trail."""
    why = request.form.get("why", "").strip()
    if not why:
        raise SenError("reason_to_read")
    opened = open_record(me(), record, why=why)
    item, place = _item(opened, digest), _place(digest)
    case = case_of(opened.record_type, opened.state)
    key = services().keys.case_key(case) if case and opened.confidential_open else None
    if not place.exists() or key is None:
        raise SenError("file_not_here")
    return _answer(open_bytes(key, place.read_bytes()[37:], f"file {digest}".encode()), item)


def _item(opened: Opened, digest: str) -> Mapping[str, Any]:
    """What the record says of a file. Raises SenError("not_found")."""
    for code, one in opened.record_type.fields.items():
        if one.kind in ("files", "photos"):
            value = opened.values.get(code)
            for item in value if isinstance(value, list) else ():
                if item["sha256"] == digest:
                    told = item.get("sealed")
                    return item if told is None or isinstance(told, Sealed) else {**item, **told}
    raise SenError("not_found")


def _answer(data: bytes, item: Mapping[str, Any]) -> Response:
    mime = str(item.get("mime") or "")
    answer = Response(data, mimetype=mime if mime in SAFE_TYPES else "application/octet-stream")
    shown = "inline" if mime in SAFE_TYPES else "attachment"
    answer.headers.set("Content-Disposition", shown, filename=str(item.get("name") or "sen"))
    answer.headers["Cache-Control"] = "no-store"
    return answer

