"""The bytes of files, in the database: chunk by chunk as they come, whole under their hash once they are checked.

They stand beside the records, so that one backup holds both of one moment, several server processes see the same, and a chunk is
durable when it is answered. A device's chunks are its own until the file is whole and right: what one device garbles no other
device's upload meets. A sealed file stays sealed; the server has looked at its head alone.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from server.db import insert_missing, reading, retrying, writing
from server.file_damage import came_back, is_asked_for_no_more, nobody_wants, set_apart
from server.file_names import Naming, held_in_force, namings, read_names, waiting_names
from server.file_rows import WHOLE, FileChunk, FilePart, FileRow
from server.records import case_of, state_of
from server.services import services
from shared.attachment import MOST_BYTES, fits
from shared.errors import SenError
from shared.sealing import SEALED_FILE_EXTRA, key_id_of
from sync.files import LARGEST_CHUNK, Ask, Get, Put
from sync.store import Device, Scope

KEPT_UNNAMED_MS = 30 * 24 * 3600 * 1000
"""How long a file is kept that no record holds any more, and a part of a file of which nothing more came."""
MOST_PARTS = 8
"""Files that a device may have begun at once; beginning another one drops its oldest."""
BATCH = 200

__all__ = [
    "FileChunk", "FilePart", "FileRow", "collect", "hand_in", "has", "how_much", "keep_whole", "load", "own_alone", "piece", "readable",
    "take",
]  # fmt: skip


class Held(NamedTuple):
    """How many bytes of a file are held, and whether it is whole and was found right."""

    bytes: int
    whole: bool


# --- what a device asks --------------------------------------------------------------------------------------------


def own_alone(device: Device) -> Device:
    """The device as it may ask about files: a revoked one hands in what its own lines named, and learns of nothing else."""
    return device._replace(scope=Scope(device.scope.stream, (), False, "")) if device.revoked else device


def how_much(device: Device, asks: Ask) -> dict[str, Held]:
    """How much the server has of files; those that the device may not know of are left out.

    A whole file that is asked about is named by a line that is here: it counts as in use from now on, so that it is not
    collected between this answer and the next look at the records.
    """
    read_names()
    with reading() as connection:
        known = list(namings(connection, asks.files, device))
        told = {digest: _held(connection, device, digest) for digest in known}
        unnamed = list(connection.scalars(select(FileRow.hash).where(FileRow.hash.in_(known), FileRow.unnamed_ms.is_not(None))))
    if unnamed:
        kept = retrying(lambda: _use_again(unnamed))
        told |= {digest: Held(0, False) for digest in unnamed if digest not in kept}
    return {digest: _settled(device, digest) if _complete(device, digest, held) else held for digest, held in told.items()}


def _use_again(hashes: list[str]) -> set[str]:
    with writing() as connection:
        connection.execute(update(FileRow).where(FileRow.hash.in_(hashes)).values(unnamed_ms=None))
        return set(connection.scalars(select(FileRow.hash).where(FileRow.hash.in_(hashes))))


def _held(connection: Connection, device: Device, digest: str) -> Held:
    size = connection.scalar(select(FileRow.size).where(FileRow.hash == digest))
    if size is not None:
        return Held(size, True)
    held = connection.scalar(select(FilePart.held).where(FilePart.hash == digest, FilePart.device == device.id))
    return Held(held or 0, False)


def _complete(device: Device, digest: str, held: Held) -> bool:
    """Whether all bytes came, and the server ended before it looked at them."""
    if held.whole or not held.bytes:
        return False
    with reading() as connection:
        size = connection.scalar(select(FilePart.size).where(FilePart.hash == digest, FilePart.device == device.id))
    return size == held.bytes


def _settled(device: Device, digest: str) -> Held:
    """A complete part as it stands once it is checked: whole, or gone."""
    with reading() as connection:
        known = namings(connection, [digest], device).get(digest, [])
    try:
        return _finish(device, digest, known)
    except SenError:
        return Held(0, False)


def take(device: Device, asks: Put, now_ms: int) -> Held:
    """Keep a chunk; it is on disk when this returns. Tells how far the file is held, whatever the chunk was.

    Bytes that are there are passed over; a chunk that leaves a gap is not kept. Another size begins the file anew.

    Raises:
        SenError: ``not_found`` where no line names it for this device; ``file_too_large``; ``file_quota``; ``file_wrong_hash``
            and ``file_not_fit`` of a file that came whole and is wrong: all of it is dropped.
    """
    read_names()
    with reading() as connection:
        known = namings(connection, [asks.file], device).get(asks.file)
    if known is None:
        raise SenError("not_found")
    _see_size(asks.size)
    held = retrying(lambda: _keep(device, asks, now_ms))
    return _finish(device, asks.file, known) if held.bytes == asks.size and not held.whole else held


def _see_size(size: int) -> None:
    if size > MOST_BYTES + SEALED_FILE_EXTRA:
        raise SenError("file_too_large", limit=MOST_BYTES // (1024 * 1024))


def _keep(device: Device, asks: Put, now_ms: int) -> Held:
    with writing() as connection:
        here = (FilePart.hash == asks.file, FilePart.device == device.id)
        part = select(FilePart.size, FilePart.held).where(*here).with_for_update()
        row = connection.execute(part).one_or_none()
        held = _held(connection, device, asks.file)
        if held.whole:
            return held
        if row is None or row.size != asks.size:
            if asks.at:
                return Held(0, False)
            _begin(connection, device, asks, now_ms)
            row = connection.execute(part).one()
        fresh = asks.chunk[row.held - asks.at :] if row.held >= asks.at else b""
        if not fresh:
            return Held(row.held, False)
        connection.execute(insert(FileChunk).values(hash=asks.file, device=device.id, at=row.held, data=fresh))
        connection.execute(update(FilePart).where(*here).values(held=row.held + len(fresh), touched_ms=now_ms))
        return Held(row.held + len(fresh), False)


def _begin(connection: Connection, device: Device, asks: Put, now_ms: int) -> None:
    """Make room for a file of this size, with none of its bytes there."""
    others = select(FilePart.hash).where(FilePart.device == device.id, FilePart.hash != asks.file)
    for digest in list(connection.scalars(others.order_by(FilePart.touched_ms.desc(), FilePart.hash).offset(MOST_PARTS - 1))):
        _drop_part(connection, digest, device.id)
    _see_quota(connection, device, asks.size)
    connection.execute(delete(FileChunk).where(FileChunk.hash == asks.file, FileChunk.device == device.id))
    fresh = {"size": asks.size, "held": 0, "touched_ms": now_ms}
    insert_missing(connection, FilePart, [{"hash": asks.file, "device": device.id, **fresh}])
    connection.execute(update(FilePart).where(FilePart.hash == asks.file, FilePart.device == device.id).values(**fresh))


def _see_quota(connection: Connection, device: Device, size: int) -> None:
    """Raises SenError("file_quota") where a file of this size is more than the device may store."""
    stored = connection.scalar(select(func.sum(FileRow.size)).where(FileRow.device == device.id)) or 0
    quota = services().config.file_quota_mb
    if stored + size > quota * 1024 * 1024:
        raise SenError("file_quota", limit=quota)


def _drop_part(connection: Connection, digest: str, device: str) -> None:
    for table in (FileChunk, FilePart):
        connection.execute(delete(table).where(table.hash == digest, table.device == device))


def _finish(device: Device, digest: str, known: list[Naming]) -> Held:
    """Look at a file that came whole, with no lock held, and put it under its hash or drop it."""
    with reading() as connection:
        data = _joined(connection, digest, device.id)
    code = _fault(digest, data, known)

    def settle() -> bool:
        with writing() as connection:
            there = connection.scalar(select(FileRow.hash).where(FileRow.hash == digest)) is not None
            row = {"hash": digest, "size": len(data), "device": device.id}
            if there or code or not insert_missing(connection, FileRow, [row]):
                _drop_part(connection, digest, device.id)
                return there or not code
            mine = (FileChunk.hash == digest, FileChunk.device == device.id)
            connection.execute(delete(FileChunk).where(FileChunk.hash == digest, FileChunk.device == WHOLE))  # without a row they are left
            connection.execute(update(FileChunk).where(*mine).values(device=WHOLE))
            came_back(connection, digest, device.id)
            connection.execute(delete(FilePart).where(FilePart.hash == digest, FilePart.device == device.id))
            return True

    if not retrying(settle):
        raise SenError(code)
    is_asked_for_no_more(digest)
    return Held(len(data), True)


def _fault(digest: str, data: bytes, known: list[Naming]) -> str:
    """What is wrong with the bytes of a whole file; "" where nothing is."""
    if hashlib.sha256(data).hexdigest() != digest:
        return "file_wrong_hash"
    return "" if _fits(data, known) else "file_not_fit"


def _fits(data: bytes, known: list[Naming]) -> bool:
    """Whether bytes are what something that names them may hold: sealed for its case, or of a kind that is taken.

    What a line that was set aside named is seen by nobody until an accepted line names it; where that line's field is not known, or its
    case not told, anything that is sealed or of a kind that is taken is kept for the day that it is.
    """
    return any(_fits_in(data, naming) for naming in known)


def _fits_in(data: bytes, naming: Naming) -> bool:
    if naming.holds == "sealed":
        return _sealed_for(data, naming)
    if naming.holds:
        return fits(data, photo=naming.holds == "photos")
    return fits(data, photo=False) or _sealed_for(data, naming)


def _sealed_for(data: bytes, naming: Naming) -> bool:
    try:
        sealed_for = key_id_of(data)
    except SenError:
        return False
    if not naming.accepted:
        return True
    with reading() as connection:
        return sealed_for == case_of(services().catalogue.types[naming.type], state_of(connection, naming.record))


def hand_in(device: Device, digest: str, data: bytes) -> bool:
    """Keep a file that came whole, in a bundle; one that is here already stays. Tells whether it is new.

    Raises:
        SenError: ``not_found`` while no line names it for this device, else as ``take``.
    """
    read_names()
    with reading() as connection:
        known = namings(connection, [digest], device).get(digest)
        there = _held(connection, device, digest).whole
    if known is None:
        raise SenError("not_found")
    if there and _use_again([digest]):
        return False
    _see_size(len(data))
    code = _fault(digest, data, known)
    if code:
        raise SenError(code)
    with reading() as connection:
        _see_quota(connection, device, len(data))
    keep_whole(digest, data, by=device.id)
    return True


def readable(device: Device, hashes: Sequence[str]) -> list[str]:
    """Those of these files that are here whole and that the device may read."""
    read_names()
    with reading() as connection:
        known = namings(connection, hashes, device)
        seen = [digest for digest in hashes if any(one.accepted and one.holds for one in known.get(digest, []))]
        there = set(connection.scalars(select(FileRow.hash).where(FileRow.hash.in_(seen))))
    return [digest for digest in seen if digest in there]


def piece(device: Device, asks: Get) -> tuple[int, bytes]:
    """The size of a file, and bytes of it from a place: as many as stand together there, at most what was asked for.

    Raises:
        SenError: ``not_found`` where the device may not know of it; ``file_not_here`` where it has not come.
    """
    read_names()
    with reading() as connection:
        if not any(one.accepted and one.holds for one in namings(connection, [asks.file], device).get(asks.file, [])):
            raise SenError("not_found")
        size = connection.scalar(select(FileRow.size).where(FileRow.hash == asks.file))
        if size is None:
            raise SenError("file_not_here")
        here = select(FileChunk.at, FileChunk.data).where(FileChunk.hash == asks.file, FileChunk.device == WHOLE, FileChunk.at <= asks.at)
        chunk = connection.execute(here.order_by(FileChunk.at.desc()).limit(1)).one()
    begin = asks.at - chunk.at
    return size, chunk.data[begin : begin + asks.most]


# --- whole files ---------------------------------------------------------------------------------------------------


def keep_whole(digest: str, data: bytes, *, by: str = WHOLE) -> None:
    """Keep a file that is here whole; one that is there already stays. ``by`` is the device that brought it; "" the console."""
    pieces = [{"at": at, "data": data[at : at + LARGEST_CHUNK]} for at in range(0, len(data), LARGEST_CHUNK)]

    def work() -> None:
        with writing() as connection:
            if insert_missing(connection, FileRow, [{"hash": digest, "size": len(data), "device": by}]):
                connection.execute(delete(FileChunk).where(FileChunk.hash == digest, FileChunk.device == WHOLE))
                connection.execute(insert(FileChunk), [{"hash": digest, "device": WHOLE, **piece} for piece in pieces])
                came_back(connection, digest, by)
            else:
                connection.execute(update(FileRow).where(FileRow.hash == digest).values(unnamed_ms=None))
            if by:
                _drop_part(connection, digest, by)

    retrying(work)
    is_asked_for_no_more(digest)


def has(hashes: list[str]) -> set[str]:
    """Those of these files that are here whole."""
    with reading() as connection:
        return set(connection.scalars(select(FileRow.hash).where(FileRow.hash.in_(hashes))))


def load(digest: str) -> bytes:
    """The bytes of a whole file. Raises SenError: ``file_not_here``, ``file_damaged``."""
    with reading() as connection:
        if connection.scalar(select(FileRow.hash).where(FileRow.hash == digest)) is None:
            raise SenError("file_not_here")
        data = _joined(connection, digest, WHOLE)
    if hashlib.sha256(data).hexdigest() != digest:
        raise SenError("file_damaged")
    return data


def _joined(connection: Connection, digest: str, device: str) -> bytes:
    chunks = select(FileChunk.data).where(FileChunk.hash == digest, FileChunk.device == device).order_by(FileChunk.at)
    return b"".join(connection.scalars(chunks))


# --- garbage -------------------------------------------------------------------------------------------------------


def collect(now_ms: int) -> int:
    """Drop files that no record has held for 30 days and no line that was set aside names, and parts that nobody goes on with.

    A line that names a file anew while this runs asks about it once it is read (``how_much``), and either finds it in use again, or
    learns that it is to be sent again by the tablet that has it. Gives how many files went.
    """
    after, gone = "", 0
    while True:
        read_names()
        with reading() as connection:
            hashes = list(connection.scalars(select(FileRow.hash).where(FileRow.hash > after).order_by(FileRow.hash).limit(BATCH)))
        if not hashes:
            break
        gone += retrying(lambda hashes=hashes: _collect_batch(hashes, now_ms))  # type: ignore[misc]
        after = hashes[-1]

    def drop_parts() -> None:
        with writing() as connection:
            apart = set_apart(connection)
            nobody_wants(connection, set(apart) - held_in_force(connection, apart) - waiting_names(connection, apart))
            old = select(FilePart.hash, FilePart.device).where(FilePart.touched_ms < now_ms - KEPT_UNNAMED_MS)
            for row in connection.execute(old).all():
                _drop_part(connection, row.hash, row.device)

    retrying(drop_parts)
    return gone


def _collect_batch(hashes: list[str], now_ms: int) -> int:
    with writing() as connection:
        used = held_in_force(connection, hashes) | waiting_names(connection, hashes)
        unused = [digest for digest in hashes if digest not in used]
        set_unnamed = update(FileRow).where(FileRow.unnamed_ms.is_(None), FileRow.hash.in_(unused))
        connection.execute(set_unnamed.values(unnamed_ms=now_ms))
        connection.execute(update(FileRow).where(FileRow.unnamed_ms.is_not(None), FileRow.hash.in_(used)).values(unnamed_ms=None))
        old = (FileRow.hash.in_(unused), FileRow.unnamed_ms <= now_ms - KEPT_UNNAMED_MS)
        going = list(connection.scalars(select(FileRow.hash).where(*old).with_for_update()))
        connection.execute(delete(FileRow).where(FileRow.hash.in_(going)))
        connection.execute(delete(FileChunk).where(FileChunk.hash.in_(going), FileChunk.device == WHOLE))
        return len(going)
