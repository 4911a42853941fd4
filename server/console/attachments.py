"""Files and photos of records at the console: added to a form, and given out to who may read the record.

What is stored is prepared as on a tablet (``shared.attachment``), sealed where the record is. A file that a tablet recorded may not
have come yet.
"""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request
from werkzeug.datastructures import FileStorage

from server import db
from server.console.shell import me
from server.files import keep_whole, load
from server.records import Opened, case_of, open_record, state_of
from server.services import services
from shared.attachment import MOST_CHOSEN_BYTES, kind_of, prepare, shown_name
from shared.catalogue import RecordType
from shared.errors import SenError
from shared.sealing import open_file, seal_file
from sync.view import Sealed

NEW = "new "
"""Before a field's code: the input of its new files."""

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
    kept = prepare(upload.stream.read(MOST_CHOSEN_BYTES + 1), upload.filename or "", photo=photo)
    held = services()
    stored = kept.data if case is None else seal_file(held.keys.new_case_key(case), case, kept.data)
    digest = hashlib.sha256(stored).hexdigest()
    keep_whole(digest, stored)
    return {"sha256": digest, "name": kept.name, "size": len(kept.data), "mime": kept.mime}


@blueprint.get("/records/<record>/files/<digest>")
def file(record: str, digest: str) -> Response:
    """A file of a record; a sealed one is not given out here."""
    opened = open_record(me(), record)
    code, item = _item(opened, digest)
    if opened.record_type.fields[code].confidential:
        raise SenError("sealed_open_failed")
    return _answer(load(digest), item)


@blueprint.post("/records/<record>/files/<digest>")
def sealed_file(record: str, digest: str) -> Response:
    """A sealed file, for a reason that goes into the audit trail."""
    why = request.form.get("why", "").strip()
    if not why:
        raise SenError("reason_to_read")
    opened = open_record(me(), record, why=why)
    _, item = _item(opened, digest)
    case = case_of(opened.record_type, opened.state)
    key = services().keys.case_key(case) if case and opened.confidential_open else None
    if key is None:
        raise SenError("file_not_here")
    return _answer(open_file(key, load(digest)), item)


def _item(opened: Opened, digest: str) -> tuple[str, Mapping[str, Any]]:
    """The field that holds a file, and what the record says of it. Raises SenError("not_found")."""
    for code, one in opened.record_type.fields.items():
        if one.kind in ("files", "photos"):
            value = opened.values.get(code)
            for item in value if isinstance(value, list) else ():
                if item["sha256"] == digest:
                    told = item.get("sealed")
                    return code, (item if told is None or isinstance(told, Sealed) else {**item, **told})
    raise SenError("not_found")


def _answer(data: bytes, item: Mapping[str, Any]) -> Response:
    """A file to be saved, never shown as a page of ours, whatever is in it."""
    answer = Response(data, mimetype="application/octet-stream")
    name = quote(shown_name(str(item.get("name") or ""), kind_of(data)), safe="")
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"  # RFC 6266: a header is Latin letters alone
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
