"""Which records name which files: read from the lines, behind the push, when somebody asks for a file or when garbage is collected.

A row says that a line once put a file into a record, whether it was accepted, and whose log it stood in. What a record holds now
is asked of its registers.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, ForeignKey, Index, String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from server.db import db, insert_missing, reading, retrying, writing
from server.models import LineRow, RecordRow, StreamRow
from server.projection import STATE_COLUMNS, load_states
from server.replaying import sound_change
from server.services import services
from shared.catalogue import RecordType
from sync.files import files_named
from sync.paths import field_of, is_sealed
from sync.store import Device

BATCH = 1000
_MAYBE = re.compile(rb"/[0-9a-f]{64}\"")

__all__ = ["FileCursor", "FileName", "Naming", "held_in_force", "names_lost", "namings", "read_names", "waiting_names"]


class FileName(db.Model):  # type: ignore[name-defined,misc]
    """That a line put a file into a record of a type at a path; ``accepted`` is 0 where the line was set aside."""

    __tablename__ = "file_name"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    record: Mapped[str] = mapped_column(String(36), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    log: Mapped[str] = mapped_column(String(11), primary_key=True)
    accepted: Mapped[bool] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    __table_args__ = (Index("ix_file_name_record", "record"),)


class FileCursor(db.Model):  # type: ignore[name-defined,misc]
    """Up to which number of a stream its lines were read for the files that they name."""

    __tablename__ = "file_cursor"
    stream: Mapped[str] = mapped_column(ForeignKey("stream.code"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class Naming(NamedTuple):
    """A line that named a file: for which record and type, whether it was accepted, and what may stand there.

    ``holds`` is ``photos``, ``files`` or ``sealed``; "" where a line that was set aside names a type or field that is not known.
    """

    record: str
    type: str
    accepted: bool
    holds: str


def read_names() -> None:
    """Bring the table up to the end of every stream, in transactions of their own; nothing is written where nothing came."""
    behind = (
        select(StreamRow.code)
        .outerjoin(FileCursor, FileCursor.stream == StreamRow.code)
        .where(StreamRow.number > 0, FileCursor.number.is_(None) | (FileCursor.number < StreamRow.number))
    )
    with reading() as connection:
        streams = list(connection.scalars(behind))
    for stream in streams:
        while retrying(lambda stream=stream: _in_transaction(stream)):  # type: ignore[misc]
            pass


def _in_transaction(stream: str) -> bool:
    with writing() as connection:
        return _read_batch(connection, stream)


def _read_batch(connection: Connection, stream: str) -> bool:
    """Read the next lines of a stream; tells whether there may be more."""
    insert_missing(connection, FileCursor, [{"stream": stream, "number": 0}])
    after = connection.scalar(select(FileCursor.number).where(FileCursor.stream == stream).with_for_update()) or 0
    columns = select(LineRow.place, LineRow.log, LineRow.verdict, LineRow.body, LineRow.digest)
    lines = connection.execute(columns.where(LineRow.stream == stream, LineRow.place > after).order_by(LineRow.place).limit(BATCH)).all()
    rows = _rows(lines)
    if rows:
        insert_missing(connection, FileName, rows)
    if lines:
        connection.execute(update(FileCursor).where(FileCursor.stream == stream).values(number=lines[-1].place))
    return len(lines) == BATCH


def _rows(lines: Iterable[Any]) -> list[dict[str, Any]]:
    """What lines say of files."""
    rows: list[dict[str, Any]] = []
    for line in lines:
        if line.body is None or not _MAYBE.search(line.body):
            continue
        change = sound_change(line.body, line.digest)
        if change is None:
            continue
        told = {"record": change.record, "type": change.type[:40], "log": line.log, "accepted": line.verdict == ""}
        rows += [{"hash": digest, "path": path[:200], **told} for digest, path in files_named(change.operations).items()]
    return rows


def names_lost(connection: Connection, lines: Iterable[Any]) -> list[dict[str, Any]]:
    """The rows that are not here of what these lines say of files: a file without one would be taken for one that no record holds."""
    rows = _rows(lines)
    if not rows:
        return []
    keys = select(FileName.hash, FileName.record, FileName.path, FileName.log, FileName.accepted)
    there = {tuple(row) for row in connection.execute(keys.where(FileName.hash.in_({row["hash"] for row in rows})))}
    return [row for row in rows if (row["hash"], row["record"], row["path"], row["log"], row["accepted"]) not in there]


def namings(connection: Connection, hashes: Iterable[str], device: Device | None = None) -> dict[str, list[Naming]]:
    """By file, what named it in accepted lines.

    Args:
        device: only the records in the device's scope, and what its own logs told: of these also the lines that were set aside, for
            what was recorded in them must not be lost with the tablet.
    """
    columns = select(FileName.hash, FileName.record, FileName.type, FileName.path, FileName.log, FileName.accepted, RecordRow.unit)
    query = columns.outerjoin(RecordRow, RecordRow.id == FileName.record).where(FileName.hash.in_(list(hashes)))
    found: dict[str, list[Naming]] = {}
    for row in connection.execute(query):
        record_type = services().catalogue.types.get(row.type)
        holds = _holds(record_type, row.path)
        own = device is not None and row.log in device.read and (holds or not row.accepted)
        seen = row.accepted and holds and record_type is not None and (device is None or _in_scope(device, row.unit, record_type))
        if own or seen:
            found.setdefault(row.hash, []).append(Naming(row.record, row.type, row.accepted, holds))
    return found


def _holds(record_type: RecordType | None, path: str) -> str:
    """What may stand at a path; "" where the catalogue knows no files there."""
    field = None if record_type is None else field_of(record_type, path)
    if record_type is None or field is None or field.kind not in ("files", "photos"):
        return ""
    return "sealed" if is_sealed(record_type, path) else field.kind


def _in_scope(device: Device, unit: str, record_type: RecordType) -> bool:
    return unit in device.scope.units and (device.scope.cases or not record_type.sealed_by)


def held_in_force(connection: Connection, hashes: Sequence[str]) -> set[str]:
    """Those of these files that stand in some record now, or wait there as an answer to a question."""
    wanted = connection.execute(select(FileName.hash, FileName.record, FileName.path).where(FileName.hash.in_(hashes))).all()
    columns = select(*STATE_COLUMNS)
    records = connection.execute(columns.where(RecordRow.id.in_({row.record for row in wanted}))).all()
    states = load_states(connection, records)
    found = set()
    for row in wanted:
        state = states.get(row.record)
        register = None if state is None else state.registers.get(row.path)
        if register is not None and any(value.kind != "remove" for value in register.values):
            found.add(row.hash)
    return found


def waiting_names(connection: Connection, hashes: Sequence[str]) -> set[str]:
    """Those of these files that a line names which was set aside: a later change may bring it in."""
    return set(connection.scalars(select(FileName.hash).where(FileName.hash.in_(hashes), FileName.accepted.is_(False))))
