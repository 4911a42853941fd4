"""Whether SQLite may have a tablet's database is seen before it can destroy what could still be read; what is no damage rescues nothing."""

from __future__ import annotations

import errno
import gc
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from mobile.carving import FRAME, FRAME_HEAD, WAL_HEAD, read
from mobile.clock import Clock
from mobile.database import refusal
from mobile.gaps import count_lost
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from tests.mobile.conftest import PIN, TODAY, Make, Wire
from tests.mobile.test_forms import talk
from tests.mobile.test_gaps import at_server, at_work, digest, write
from tests.support.pair import NOON_MS

ROOT = Path(__file__).parents[2]
TITLES = [f"{n} (dữ liệu mẫu)" for n in range(6)]


def killed(tablet: Tablet, folder: Path) -> Path:
    """The tablet's folder as a dead battery leaves it."""
    shutil.copytree(tablet.profile.folder, folder)
    tablet.close()
    return folder


def start(folder: Path, wire: Wire, *, now_ms: int = NOON_MS) -> Tablet:
    gc.collect()  # what was not closed gives its folder back
    tablet = Tablet(folder, Clock(TODAY, source=lambda: now_ms), cheap_pin=True)
    tablet.syncer._post = wire.post
    tablet.unlock(PIN)
    return tablet


def is_rescued(folder: Path) -> bool:
    return (folder / "tablet.sqlite3-damaged").exists()


def all_arrive(tablet: Tablet, wire: Wire, records: list[str]) -> None:
    """All that was written reaches the server, and the tablet holds what the server holds."""
    for _ in range(2):
        tablet.syncer.sync()
    assert all(at_server(wire, record) for record in records) and count_lost(tablet.store) == 0
    assert tablet.store.unsent_count() == 0 and tablet.store.digest() == digest(wire, tablet)
    tablet.close()


def frames(log: Path) -> list[int]:
    """Where the frames of a write-ahead log begin."""
    return list(range(WAL_HEAD, log.stat().st_size, FRAME))


HIGH_BITS = [
    ("own_line", "name"), ("own_line", "log"), ("log", "id"), ("meta", "name"), ("meta", "value"), ("draft", "record"), ("record", "id"),
    ("document", "version"), ("held_line", "name"), ("cursor", "token"), ("wrap", "wrapped"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column"), HIGH_BITS)
def test_m100_f19_one_high_bit_of_a_text_stops_nothing_for_longer_than_a_start(
    make: Make, wire: Wire, tmp_path: Path, table: str, column: str
) -> None:
    a, records = at_work(make)
    (draft,) = a.drafts.records()
    with a.store.database.writing() as connection:
        (text,) = connection.execute(f"SELECT {column} FROM {table} WHERE length({column}) > 0 LIMIT 1").fetchone()
        spoilt = text.encode()[:-1] + bytes([text.encode()[-1] ^ 0x80])
        connection.execute(f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE {column} = ?", (spoilt, text))
    a._store.database.close()  # type: ignore[union-attr]
    a._store = None
    a.close()
    for _ in range(2):
        with suppress(SenError):
            a = start(tmp_path / "A", wire)
            a.syncer.sync()
        a.close()
    a = start(tmp_path / "A", wire)
    assert draft in a.drafts.records() and a.drafts.load(draft) is not None
    all_arrive(a, wire, records)


@pytest.mark.parametrize("version", [0, 1, 3, 66])
def test_m100_a_bit_of_the_number_of_the_tables_costs_nothing(make: Make, wire: Wire, tmp_path: Path, version: int) -> None:
    a = make("A")
    records = [write(a, title) for title in TITLES]
    a.close()
    with (tmp_path / "A" / "tablet.sqlite3").open("r+b") as file:
        file.seek(63)
        file.write(bytes([version]))
    a = start(tmp_path / "A", wire)
    assert not is_rescued(tmp_path / "A")
    assert a.store.database.connection.execute("PRAGMA user_version").fetchone() == (2,)
    all_arrive(a, wire, records)


@pytest.mark.parametrize("word", [b"acknowledged", b"unsettled", b"own_line_name", b"CREATE TABLE cursor", b"saved INTEGER"])
def test_m100_f19_a_bit_of_the_text_of_a_table_is_damage(make: Make, wire: Wire, tmp_path: Path, word: bytes) -> None:
    a = make("A")
    records = [write(a, title) for title in TITLES]
    a.close()
    path = tmp_path / "A" / "tablet.sqlite3"
    data = path.read_bytes()
    path.write_bytes(data.replace(word, word[:-1] + bytes([word[-1] ^ 1]), 1))
    a = start(tmp_path / "A", wire)
    assert is_rescued(tmp_path / "A")
    all_arrive(a, wire, records)


def test_m100_tables_that_are_lost_while_the_app_runs_are_rescued_at_the_next_start(make: Make, wire: Wire, tmp_path: Path) -> None:
    a = make("A")
    records = [write(a, title) for title in TITLES]
    with closing(sqlite3.connect(tmp_path / "A" / "tablet.sqlite3")) as other:
        other.execute("ALTER TABLE cursor RENAME COLUMN token TO tokeo")
    with pytest.raises(SenError, match="database_damaged"):
        a.syncer.sync()
    a.close()
    all_arrive(start(tmp_path / "A", wire), wire, records)


@pytest.mark.parametrize(("at", "byte"), [(18, 3), (19, 3), (59, 2), (20, 8), (16, 32), (21, 65), (47, 5)])
def test_m100_a_byte_of_the_head_that_forbids_writing_or_reading(make: Make, wire: Wire, tmp_path: Path, at: int, byte: int) -> None:
    a = make("A")
    records = [write(a, title) for title in TITLES]
    a.close()
    with (tmp_path / "A" / "tablet.sqlite3").open("r+b") as file:
        file.seek(at)
        file.write(bytes([byte]))
    all_arrive(start(tmp_path / "A", wire), wire, records)


def test_m100_f20_a_log_of_an_earlier_day_destroys_nothing(make: Make, wire: Wire, tmp_path: Path) -> None:
    """The day's file is whole; the log of another day was put beside it, and nothing else tells that it is another's."""
    a = make("A")
    records = [write(a, title) for title in TITLES[:2]]
    old = (tmp_path / "A" / "tablet.sqlite3-wal").read_bytes()
    records += [write(a, f"Sau {n} (dữ liệu mẫu)") for n in range(12)]
    a.close()
    (tmp_path / "A" / "tablet.sqlite3-wal").write_bytes(old)
    (tmp_path / "A" / "tablet.sqlite3-heads").unlink()
    all_arrive(start(tmp_path / "A", wire), wire, records)


def test_m100_f20_a_file_of_an_earlier_day_keeps_what_it_holds(make: Make, wire: Wire, tmp_path: Path) -> None:
    a = make("A")
    records = [write(a, title) for title in TITLES[:4]]
    a.store.database.fold()
    old = (tmp_path / "A" / "tablet.sqlite3").read_bytes()
    for n in range(10):
        write(a, f"Giữa {n} (dữ liệu mẫu)")
    a.store.database.fold()
    records += [write(a, f"Sau {n} (dữ liệu mẫu)") for n in range(10)]
    folder = killed(a, tmp_path / "K")
    (folder / "tablet.sqlite3").write_bytes(old)
    a = start(folder, wire)
    for _ in range(2):
        a.syncer.sync()
    there = [bool(at_server(wire, record)) for record in records]
    assert all(there[:4]) and there[-1] and there.count(False) <= count_lost(a.store)
    a.close()


def test_m100_a_file_without_a_byte_beside_a_whole_log(make: Make, wire: Wire, tmp_path: Path) -> None:
    a = make("A")
    records = [write(a, title) for title in TITLES]
    folder = killed(a, tmp_path / "K")
    (folder / "tablet.sqlite3").write_bytes(b"")
    (folder / "tablet.sqlite3-heads").unlink()
    all_arrive(start(folder, wire), wire, records)


def test_a_start_after_a_kill_copies_nothing_and_rescues_nothing(make: Make, wire: Wire, tmp_path: Path) -> None:
    """Also where a transaction was cut in two: it was never said to be saved."""
    a = make("A")
    records = [write(a, title) for title in TITLES]
    talk(FormPresenter(a))
    folder = killed(a, tmp_path / "K")
    log = folder / "tablet.sqlite3-wal"
    commits = [at for at in frames(log) if any(log.read_bytes()[at + 4 : at + 8])]
    with log.open("r+b") as file:
        file.truncate(commits[-1])  # the last frame of the last transaction, the draft's, is missing
    a = start(folder, wire)
    assert sorted(path.name for path in folder.glob("tablet.sqlite3-*")) == [f"tablet.sqlite3-{end}" for end in ("heads", "shm", "wal")]
    all_arrive(a, wire, records)


def test_f16_a_tablet_opens_on_a_full_disk_after_a_kill(make: Make, tmp_path: Path) -> None:
    """No file may grow beyond what is there: neither is the log copied, nor need it be folded in."""
    a = make("A")
    a.pin._cost = {}
    records = [write(a, title) for title in TITLES]
    folder = killed(a, tmp_path / "K")
    code = "import sys; from pathlib import Path; from mobile.tablet import Tablet; t = Tablet(Path(sys.argv[1])); print(len(t.store.records()))"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    assert (folder / "tablet.sqlite3-wal").stat().st_size > 1 << 18
    told = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, cwd=ROOT, preexec_fn=limit, check=False)
    assert told.stdout.strip() == str(len(records)), told.stderr


# the disk

EIO = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static int bad(int fd, off_t at, size_t n) {
    struct stat s; const char *inode = getenv("EIO_INODE");
    if (!inode || fstat(fd, &s) || s.st_ino != strtoul(inode, 0, 10)) return 0;
    off_t begin = atol(getenv("EIO_AT"));
    return at < begin + 512 && begin < (off_t)(at + n);
}
#define PREAD(name) ssize_t name(int fd, void *b, size_t n, off_t at) { \
    static ssize_t (*real)(int, void *, size_t, off_t); if (!real) real = dlsym(RTLD_NEXT, #name); \
    if (bad(fd, at, n)) { errno = EIO; return -1; } return real(fd, b, n, at); }
PREAD(pread) PREAD(pread64)
ssize_t read(int fd, void *b, size_t n) {
    static ssize_t (*real)(int, void *, size_t); if (!real) real = dlsym(RTLD_NEXT, "read");
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at >= 0 && bad(fd, at, n)) { errno = EIO; return -1; } return real(fd, b, n);
}
"""
"""A disk that does not give one sector of one file."""

OPEN = "import sys; from pathlib import Path; from mobile.tablet import Tablet; t = Tablet(Path(sys.argv[1])); print(t.store.unsent_count()); t.close()"


@pytest.mark.parametrize("table", ["own_line", "sqlite_master", "log"])
def test_m100_f19_a_sector_that_the_disk_does_not_give(make: Make, wire: Wire, tmp_path: Path, table: str) -> None:
    a = make("A")
    records = [write(a, title) for title in TITLES]
    a.close()
    path = tmp_path / "A" / "tablet.sqlite3"
    with closing(sqlite3.connect(path)) as look:
        roots = {"sqlite_master": 1, **dict(look.execute("SELECT name, rootpage FROM sqlite_master").fetchall())}
    (tmp_path / "eio.c").write_text(EIO)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "eio.so", "eio.c", "-ldl"], cwd=tmp_path, check=True)
    bad = {"LD_PRELOAD": str(tmp_path / "eio.so"), "EIO_INODE": str(path.stat().st_ino), "EIO_AT": str((roots[table] - 1) * 4096)}
    told = [
        subprocess.run([sys.executable, "-c", OPEN, str(tmp_path / "A")], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **bad}, check=False)
        for _ in range(2)
    ]  # fmt: skip
    assert told[-1].stdout.strip() == str(len(records)), told[-1].stderr
    assert is_rescued(tmp_path / "A")
    all_arrive(start(tmp_path / "A", wire), wire, records)


def test_what_the_disk_does_not_give_is_zeros_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, bad = tmp_path / "file", 5 * 512
    data = os.urandom(100 * 4096 + 7)
    path.write_bytes(data)
    real = Path.open

    class Sick:
        def __init__(self, file: object) -> None:
            self.file = file

        def __enter__(self) -> Sick:
            return self

        def __exit__(self, *told: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

        def readinto(self, buffer: memoryview) -> int:
            at: int = self.file.tell()  # type: ignore[attr-defined]
            if at <= bad < at + len(buffer):
                raise OSError(errno.EIO, "bad sector")
            return int(self.file.readinto(buffer))  # type: ignore[attr-defined]

    monkeypatch.setattr(Path, "open", lambda self, *arguments, **more: Sick(real(self, *arguments, **more)))
    assert read(path) == data[:bad] + bytes(512) + data[bad + 512 :]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (sqlite3.SQLITE_BUSY, "tablet_busy"), (sqlite3.SQLITE_FULL, "tablet_full"), (sqlite3.SQLITE_PERM, "disk_failed"),
        (sqlite3.SQLITE_CANTOPEN, "disk_failed"), (sqlite3.SQLITE_IOERR_WRITE, "disk_failed"), (sqlite3.SQLITE_IOERR_FSYNC, "disk_failed"),
        (sqlite3.SQLITE_IOERR_READ, "database_damaged"), (sqlite3.SQLITE_CORRUPT, "database_damaged"),
    ],
)  # fmt: skip
def test_what_is_no_damage_is_not_taken_for_it(tmp_path: Path, code: int, told: str) -> None:
    error = sqlite3.OperationalError("told by SQLite")
    error.sqlite_errorcode = code
    assert refusal(error, tmp_path).code == told


@pytest.mark.parametrize("what", [b"SQLite format 3\0" + bytes(500), os.urandom(512), b"x" * 5000])
def test_f19_a_harmed_lock_is_made_anew(make: Make, tmp_path: Path, what: bytes) -> None:
    a = make("A")
    write(a, TITLES[0])
    a.close()
    (tmp_path / "A" / "in-use.sqlite3").write_bytes(what)
    a = make("A")
    with pytest.raises(SenError, match="profile_in_use"):
        Tablet(tmp_path / "A", Clock(TODAY), cheap_pin=True)
    assert len(a.store.records()) == 1


def test_m100_f19_what_stands_behind_a_harmed_frame_is_not_destroyed(make: Make, wire: Wire, tmp_path: Path) -> None:
    """Nothing but the log itself tells of it."""
    a = make("A")
    records = [write(a, title) for title in TITLES]
    folder = killed(a, tmp_path / "K")
    log = folder / "tablet.sqlite3-wal"
    with log.open("r+b") as file:
        file.seek(frames(log)[len(frames(log)) // 2] + FRAME_HEAD + 4000)
        file.write(bytes(90))
    (folder / "tablet.sqlite3-heads").unlink()
    all_arrive(start(folder, wire), wire, records)
