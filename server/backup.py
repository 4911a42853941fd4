"""Backups of an SQLite server: taken while people work, opened and checked before they count, and brought back.

A backup is one file: a ZIP of the database (copied by SQLite's backup API) and a manifest with its counts and its hash. The key store
goes into a second file beside it, still sealed under the master key, which is in neither. To restore sets the present database aside,
and what ended since (revocations, erasures) stays ended.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from server.clock import Clock
from server.places import Places, sync_folder
from shared.errors import SenError

FORMAT = "sen-backup/1"
DATABASE = "sen.sqlite3"
MANIFEST = "manifest.json"
KEYS_SUFFIX = ".keys"
CHUNK = 1 << 20
LARGEST_MANIFEST = 1 << 20
COUNTED = ("line", "record", "blob", "file", "person", "device", "audit")
"""The tables whose rows a manifest counts."""

__all__ = ["KEYS_SUFFIX", "Manifest", "back_up", "back_up_keys", "check", "restore", "set_aside", "would_lose"]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself: when it was taken, the rows of each table, the SHA-256 of the database in hex."""

    made: str
    revision: str
    counts: Mapping[str, int]
    streams: Mapping[str, int]
    sha256: str
    size: int


def _sqlite(places: Places) -> Path:
    if places.sqlite is None:
        raise SenError("backup_not_here")
    if not places.sqlite.exists():
        raise SenError("not_one_database")
    return places.sqlite


def _copy(source: Path, target: Path) -> None:
    """Copy a database that others may be writing, at one moment of it."""
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
        here.execute("PRAGMA journal_mode=DELETE")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _look(database: Path) -> tuple[str, dict[str, int], dict[str, int]]:
    """Check a database and count its rows: revision, rows of each table, last number of each stream."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise SenError("backup_changed", what=DATABASE)
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise SenError("backup_changed", what=DATABASE)
            counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED}
            streams = dict(connection.execute("SELECT code, number FROM stream").fetchall())
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    except (sqlite3.DatabaseError, TypeError) as error:
        raise SenError("backup_changed", what=DATABASE) from error
    return revision, counts, streams


def back_up(places: Places, file: Path, clock: Clock) -> Manifest:
    """Write a backup to ``file`` and the keys beside it; returns when both were opened again and found good.

    An existing file is never touched, and no half file is left under the name.

    Raises:
        SenError: ``backup_exists``, ``backup_not_here``, ``not_one_database``, ``disk_full``.
    """
    source, keys = _sqlite(places), file.with_name(file.name + KEYS_SUFFIX)
    for path in (file, keys):
        if path.exists():
            raise SenError("backup_exists", file=path.name)
    part, keys_part = file.with_name(file.name + ".part"), keys.with_name(keys.name + ".part")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(dir=file.parent, prefix=".sen-backup-") as scratch:
            copy = Path(scratch) / DATABASE
            _copy(source, copy)
            revision, counts, streams = _look(copy)
            manifest = Manifest(
                made=clock.now().isoformat(timespec="seconds"), revision=revision, counts=counts, streams=streams,
                sha256=_hash(copy), size=copy.stat().st_size,
            )  # fmt: skip
            _pack(part, copy, manifest)
            _copy(places.keys, keys_part)
        os.chmod(keys_part, 0o600)
        if check(part) != manifest:
            raise SenError("backup_changed", what=MANIFEST)
        os.replace(keys_part, keys)
        os.replace(part, file)
        sync_folder(file.parent)
    except OSError as error:
        raise SenError("disk_full" if error.errno == 28 else "storage_failed") from error
    finally:
        for path in (part, keys_part):
            path.unlink(missing_ok=True)
    return manifest


def back_up_keys(places: Places, file: Path) -> Path:
    """Write the key store alone beside ``file``: of a PostgreSQL server, whose database ``pg_dump`` saves. Gives where it is.

    Raises:
        SenError: ``backup_exists``, ``not_one_database``, ``disk_full``.
    """
    keys = file.with_name(file.name + KEYS_SUFFIX)
    if keys.exists():
        raise SenError("backup_exists", file=keys.name)
    if not places.keys.exists():
        raise SenError("not_one_database")
    part = keys.with_name(keys.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _copy(places.keys, part)
        os.chmod(part, 0o600)
        os.replace(part, keys)
        sync_folder(keys.parent)
    except (OSError, sqlite3.OperationalError) as error:
        raise SenError("disk_full" if getattr(error, "errno", 0) == 28 else "storage_failed") from error
    finally:
        part.unlink(missing_ok=True)
    return keys


def _pack(target: Path, database: Path, manifest: Manifest) -> None:
    told = {"format": FORMAT, **manifest.__dict__}
    with open(target, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            archive.writestr(MANIFEST, json.dumps(told, ensure_ascii=False, indent=1))
            archive.write(database, DATABASE)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _opened(file: Path, folder: Path) -> Iterator[tuple[Manifest, Path]]:
    """The manifest and the database of a backup, checked, in a scratch folder that goes with the block."""
    try:
        with zipfile.ZipFile(file) as archive, TemporaryDirectory(dir=folder, prefix=".sen-restore-") as scratch:
            if sorted(archive.namelist()) != [MANIFEST, DATABASE]:
                raise SenError("backup_not_ours")
            manifest = _read_manifest(archive)
            database = Path(scratch) / DATABASE
            with archive.open(DATABASE) as packed, database.open("wb") as file_out:
                left = manifest.size
                while chunk := packed.read(CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise SenError("backup_changed", what=DATABASE)
                    file_out.write(chunk)
                file_out.flush()
                os.fsync(file_out.fileno())
            if _hash(database) != manifest.sha256 or _look(database) != (manifest.revision, manifest.counts, manifest.streams):
                raise SenError("backup_changed", what=DATABASE)
            yield manifest, database
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise SenError("backup_not_ours") from error
    except OSError as error:
        raise SenError("disk_full" if error.errno == 28 else "backup_not_ours") from error
    except (zlib.error, KeyError) as error:
        raise SenError("backup_changed", what=file.name) from error


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    with archive.open(MANIFEST) as packed:
        told: dict[str, Any] = json.loads(packed.read(LARGEST_MANIFEST))
    if told.pop("format", None) != FORMAT:
        raise SenError("backup_not_ours")
    try:
        return Manifest(**told)
    except TypeError as error:
        raise SenError("backup_not_ours") from error


def check(file: Path) -> Manifest:
    """Open a backup and look at everything in it. Raises SenError("backup_not_ours") or ("backup_changed")."""
    with _opened(file, file.parent) as (manifest, _):
        return manifest


def would_lose(places: Places, file: Path) -> dict[str, int]:
    """How many rows of each table the present database has more than a backup: what a restore would set aside."""
    manifest = check(file)
    if places.sqlite is None or not places.sqlite.exists():
        return {}
    with closing(sqlite3.connect(places.sqlite)) as connection:
        there = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED}
    return {table: there[table] - manifest.counts[table] for table in COUNTED if there[table] > manifest.counts[table]}


def restore(places: Places, file: Path, clock: Clock, *, keys: bool = False) -> Path | None:
    """Bring a backup back in the place of the database, which is set aside; the server must not be running.

    Args:
        keys: bring back the key store beside the backup too: only where this machine has none. Case keys that were
            destroyed since would come back with it.

    Returns:
        Where the former database is now; None where there was none.

    Raises:
        SenError: what ``check`` raises; ``backup_not_here``; ``backup_exists`` where there are keys already; ``database_busy``
            where another program has the present database open.
    """
    if places.sqlite is None:
        raise SenError("backup_not_here")
    kept = file.with_name(file.name + KEYS_SUFFIX)
    if keys and places.keys.exists():
        raise SenError("backup_exists", file=places.keys.name)
    places.sqlite.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opened(file, places.sqlite.parent) as (_, database):
        aside = set_aside(places.sqlite, clock)
        if keys:
            places.keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(kept, places.keys)
            os.chmod(places.keys, 0o600)
        os.replace(database, places.sqlite)
        sync_folder(places.sqlite.parent)
    return aside


def set_aside(database: Path, clock: Clock) -> Path | None:
    """Move the present database away, whole: what its WAL holds is written into it first."""
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:  # another program has it open
        raise SenError("database_busy") from error
    aside = database.with_name(f"{database.name}.before-{clock.now():%Y%m%d-%H%M%S}")
    number = 1
    while aside.exists():
        number += 1
        aside = database.with_name(f"{database.name}.before-{clock.now():%Y%m%d-%H%M%S}-{number}")
    os.replace(database, aside)
    return aside
