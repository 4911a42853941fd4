"""Whether a database is whole: its tables are those of this version, its chains follow, its sealed values have their hashes.

Reads everything once, a thousand rows at a time; knows no key.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server import audit
from server.db import reading
from server.files import FileChunk, FileRow
from server.models import Blob, Damage, LineRow, LogRow, RecordRow, StreamRow
from server.people import Device
from server.schema import differences, newest, present
from server.services import services
from shared.ids import b64
from sync.log import chain_next, chain_start

BATCH = 1000

__all__ = ["verify"]


def verify() -> tuple[list[str], dict[str, int]]:
    """Check the database of this app: sentences about what is wrong, and how many rows were looked at."""
    faults = [] if present() == newest() else [f"schema: {present()} ≠ {newest()}"]
    faults += [f"schema: {difference}" for difference in differences()] if not faults else []
    with reading() as connection, Session(connection) as session:
        broken = audit.broken_at(session)
        faults += [] if broken is None else [f"audit: {broken}"]
        faults += _waiting(session)
        faults += _streams(session)
        faults += _logs(session)
        faults += _blobs(session)
        faults += _files(session)
        tables: list[Any] = [LineRow, RecordRow, Blob, FileRow, audit.AuditEntry]
        counts = {str(one.__tablename__): session.scalar(select(func.count()).select_from(one)) or 0 for one in tables}
    return faults, counts


def _rows(session: Session, query: Any) -> Iterator[Any]:
    yield from session.execute(query.execution_options(yield_per=BATCH))


def _waiting(session: Session) -> Iterator[str]:
    """What this server knows to be lost and waits for; the tablets that hold it bring it at their next exchange."""
    for row in session.scalars(select(Damage).where(Damage.healed_ms.is_(None)).order_by(Damage.key)):
        yield f"waits: {row.key} record {row.record or '?'}"


def _streams(session: Session) -> Iterator[str]:
    """s(k) of every line, and no gap in the numbers; behind a line whose time of arrival nobody knew any more it is taken as told."""
    inexact = {(row.stream, row.place) for row in session.scalars(select(Damage).where(Damage.exact.is_(False)))}
    for stream in session.scalars(select(StreamRow)).all():
        number, before = 0, hashlib.sha256(b"sen-stream/1" + stream.code.encode()).digest()
        columns = (LineRow.place, LineRow.log, LineRow.number, LineRow.arrived_ms, LineRow.verdict, LineRow.digest, LineRow.stream_hash)
        rows = _rows(session, select(*columns).where(LineRow.stream == stream.code).order_by(LineRow.place))
        for number, row in enumerate(rows, 1):
            told = f"{number} {row.log} {row.number} {row.arrived_ms} {row.verdict} ".encode("ascii")
            taken = (stream.code, number - 1) in inexact
            before = row.stream_hash if taken else hashlib.sha256(before + told + row.digest).digest()
            if row.place != number or row.stream_hash != before:
                yield f"stream {stream.code}: {number}"
                break
        else:
            ends = stream.number == number and (stream.hash == before or (stream.code, number) in inexact)
            if not ends:
                yield f"stream {stream.code}: {number + 1}"


def _logs(session: Session) -> Iterator[str]:
    """h(n) of every line, and that the bytes are those of their hash."""
    identity = services().keys.identity
    device_keys = {row.id: row.sign for row in session.execute(select(Device.id, Device.sign))} | {identity.id: identity.key}
    for log in session.scalars(select(LogRow)).all():
        key = device_keys.get(log.device)
        whole = log.parent is None and not log.floating
        if key is None and log.device:
            yield f"log {log.id}: device {log.device}"
            continue
        number, before = log.start, log.start_hash
        if whole and key is not None and before != chain_start(log.id, key):
            yield f"log {log.id}: 0"
            continue
        columns = (LineRow.number, LineRow.before, LineRow.digest, LineRow.body)
        lines = select(*columns).where(LineRow.log == log.id, LineRow.segment == log.segment).order_by(LineRow.number)
        for number, row in enumerate(_rows(session, lines), log.start + 1):
            wrong = row.body is not None and hashlib.sha256(row.body).digest() != row.digest
            if wrong or row.number != number or row.before != before:
                yield f"log {log.id}: {number}"
                break
            before = chain_next(before, row.digest)
        else:
            if (log.number, log.hash) != (number, before):
                yield f"log {log.id}: {number + 1}"


def _blobs(session: Session) -> Iterator[str]:
    for row in _rows(session, select(Blob.hash, Blob.data)):
        if b64(hashlib.sha256(row.data).digest()) != row.hash:
            yield f"blob {row.hash}"


def _files(session: Session) -> Iterator[str]:
    """That every whole file has its hash; one is in memory at a time."""
    for row in session.execute(select(FileRow.hash, FileRow.size)).all():
        chunks = select(FileChunk.data).where(FileChunk.hash == row.hash, FileChunk.device == "").order_by(FileChunk.at)
        data = b"".join(session.scalars(chunks))
        if len(data) != row.size or hashlib.sha256(data).hexdigest() != row.hash:
            yield f"file {row.hash}"
