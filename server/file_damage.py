"""Files whose bytes a disk changed or lost: found by the round, set apart, and asked back from tablets.

What is left of such a file stands under the device ``APART`` and under no ``FileRow``: for everybody it is one that has not come, so that a
tablet that holds it is told so, and sends it as any other. Its hash proves it.
"""

import hashlib
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import Connection, delete, insert, select, update

from server import db
from server.damage import found, healed, made_anew
from server.file_names import FileName
from server.file_rows import WHOLE, FileChunk, FileRow
from server.models import RecordRow
from server.services import services

if TYPE_CHECKING:
    from server.rounds import Round

FILES = 5
"""Files of one reading transaction; one is in memory at a time."""

APART = "?"
"""The device of the chunks of a damaged file."""

__all__ = ["APART", "came_back", "file_key", "is_asked_for_no_more", "look_at_files", "nobody_wants", "set_apart"]


def file_key(digest: str) -> str:
    """The key of a file among what is damaged."""
    return f"file {digest}"


def look_at_files(one: "Round") -> Iterator[tuple[str, int, int]]:
    """The files by their hashes, then chunks of files that there are not."""
    after = ""
    while True:
        with db.reading() as connection:
            rows = connection.execute(
                select(FileRow.hash, FileRow.size).where(FileRow.hash > after).order_by(FileRow.hash).limit(FILES)
            ).all()  # fmt: skip
            wrong = [row.hash for row in rows if _bytes(connection, row.hash) != (row.hash, row.size, True)]
        yield "file", len(rows), sum(_mend(one, digest) for digest in wrong)
        if len(rows) < FILES:
            break
        after = rows[-1].hash
    with db.reading() as connection:
        chunks = select(FileChunk.hash).outerjoin(FileRow, FileRow.hash == FileChunk.hash)
        alone = list(connection.scalars(chunks.where(FileChunk.device == WHOLE, FileRow.hash.is_(None)).distinct()))
    yield "file", len(alone), sum(_mend(one, digest) for digest in alone)


def _chunks(connection: Connection, digest: str) -> Any:
    chunks = select(FileChunk.at, FileChunk.data).where(FileChunk.hash == digest, FileChunk.device == WHOLE)
    return connection.execute(chunks.order_by(FileChunk.at))


def _bytes(connection: Connection, digest: str) -> tuple[str, int, bool]:
    """The hash and the size of what is here of a file, and whether each chunk is in its place."""
    seen, size, placed = hashlib.sha256(), 0, True
    for at, data in _chunks(connection, digest):
        placed = placed and at == size
        seen.update(data)
        size += len(data)
    return seen.hexdigest(), size, placed


def _put_in_place(connection: Connection, digest: str) -> None:
    at, rows = 0, []
    for _, data in _chunks(connection, digest):
        rows.append({"hash": digest, "device": WHOLE, "at": at, "data": data})
        at += len(data)
    connection.execute(delete(FileChunk).where(FileChunk.hash == digest, FileChunk.device == WHOLE))
    connection.execute(insert(FileChunk), rows)


def _mend(one: "Round", digest: str) -> int:
    """Give a file whose bytes are right its row again; set any other apart, and ask for it where a record names it."""
    now_ms = one.server.services.clock.now_ms()
    with db.writing() as connection:
        told, size, placed = _bytes(connection, digest)
        if told == digest:
            if not placed:
                _put_in_place(connection, digest)
            connection.execute(delete(FileRow).where(FileRow.hash == digest))
            connection.execute(insert(FileRow), [{"hash": digest, "size": size, "device": WHOLE, "unnamed_ms": None}])
            made_anew(connection, "file", digest, "", now_ms)
            return 1
        lost = _lost(connection, digest)
        connection.execute(delete(FileChunk).where(FileChunk.hash == digest, FileChunk.device == APART))
        here = FileChunk.hash == digest, FileChunk.device == WHOLE
        connection.execute(update(FileChunk).where(*here).values(device=APART) if lost else delete(FileChunk).where(*here))
        connection.execute(delete(FileRow).where(FileRow.hash == digest))
        if lost:
            found(connection, [lost], now_ms)
        else:
            made_anew(connection, "file", digest, "", now_ms)
    one.healing.refresh()
    return 1


def _lost(connection: Connection, digest: str) -> dict[str, Any]:
    """The row of damage of a file; none where no record names it."""
    named = select(FileName.record, RecordRow.stream, RecordRow.unit).join(RecordRow, RecordRow.id == FileName.record)
    row = connection.execute(named.where(FileName.hash == digest).order_by(FileName.accepted.desc()).limit(1)).one_or_none()
    if row is None:
        return {}
    return {"key": file_key(digest), "kind": "file", "stream": row.stream, "record": row.record, "unit": row.unit}


def came_back(connection: Connection, digest: str, device: str) -> None:
    """Take note that a file is whole, which may have been damaged."""
    connection.execute(delete(FileChunk).where(FileChunk.hash == digest, FileChunk.device == APART))
    healed(connection, [file_key(digest)], device, services().clock.now_ms())


def is_asked_for_no_more(digest: str) -> None:
    """A file is whole, and that is written: no exchange of this process asks for it any more."""
    server = current_app.extensions.get("sen-server")
    if server is not None and server.healing.book.knows(file_key(digest)):
        server.healing.refresh()


def nobody_wants(connection: Connection, digests: Collection[str]) -> None:
    """What was set apart of files that no record holds any more goes."""
    connection.execute(delete(FileChunk).where(FileChunk.hash.in_(digests), FileChunk.device == APART))
    healed(connection, [file_key(digest) for digest in digests], "", services().clock.now_ms())


def set_apart(connection: Connection) -> list[str]:
    """The files of which something was set apart."""
    return list(connection.scalars(select(FileChunk.hash).where(FileChunk.device == APART).distinct()))
