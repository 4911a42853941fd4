"""A revoked tablet destroys what it holds, when the server has read all of it.

A marker stands in the folder from before the first step until after the last, so that a wipe that was killed half way goes on at the next
start. The keys go first: what is left of the rows then is unreadable. Another small file says afterwards what happened, until the
tablet is enrolled anew.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from mobile.hardware import Hardware, write_whole
from mobile.profile import LOCK_FILE, Profile, Settings
from mobile.separation import SECRET
from shared.errors import SenError

MARKER: Final = "wiping.json"
TOLD: Final = "wiped.json"
STAYS: Final = frozenset({MARKER, TOLD, LOCK_FILE, "profile.json"})
"""What is not taken away as it is: the marker, the lock of this process, and the settings (language, way of typing)."""

DATABASE: Final = "tablet.sqlite3"
OFFICER: Final = "officer.json"

__all__ = ["Wiped", "begin", "finish", "forget", "under_way", "wiped"]


@dataclass(frozen=True, kw_only=True)
class Wiped:
    """What is said of a wipe afterwards: when (ms), the server that has everything, and its address."""

    at_ms: int
    server: str
    address: str


def begin(folder: Path, told: Wiped) -> None:
    """Put the marker down, on disk when this returns: from here on the wipe is finished at last. Raises SenError("tablet_full")."""
    try:
        write_whole(folder / MARKER, json.dumps(asdict(told), ensure_ascii=False).encode("utf-8"))
    except OSError as error:
        raise SenError("tablet_full") from error


def under_way(folder: Path) -> bool:
    """Whether a wipe was begun here and is not finished."""
    return (folder / MARKER).exists()


def finish(folder: Path, hardware: Hardware) -> None:
    """Take every step; those that were taken before have no effect. Raises SenError("disk_failed"): the next start goes on."""
    try:
        for step in STEPS:
            step(folder, hardware)
    except OSError as error:
        raise SenError("disk_failed") from error


def _keys(folder: Path, hardware: Hardware) -> None:
    """The device's keys: with them goes what every row was sealed with."""
    hardware.forget_secret("device")
    hardware.forget_secret(SECRET)


def _database(folder: Path, hardware: Hardware) -> None:
    """The database, then what stood beside it."""
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal"):
        (folder / name).unlink(missing_ok=True)


def _files(folder: Path, hardware: Hardware) -> None:
    """Photos and files; sealed with keys that are gone."""
    if (folder / "files").exists():
        shutil.rmtree(folder / "files")


def _officer(folder: Path, hardware: Hardware) -> None:
    """The officer's key behind the PIN: overwritten, then removed."""
    path = folder / OFFICER
    if path.exists():
        with path.open("r+b") as file:
            file.write(os.urandom(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()


def _rest(folder: Path, hardware: Hardware) -> None:
    """Whatever else stands in the folder."""
    for path in sorted(folder.iterdir()):
        if path.name not in STAYS and not path.name.startswith(LOCK_FILE):
            remove = shutil.rmtree if path.is_dir() and not path.is_symlink() else Path.unlink
            remove(path)


def _profile(folder: Path, hardware: Hardware) -> None:
    """Whose tablet it was; the settings stay."""
    try:
        settings = Profile.load(folder).settings
    except SenError:
        settings = Settings()
    Profile(folder=folder, settings=settings).save()


def _tell(folder: Path, hardware: Hardware) -> None:
    """The marker becomes what is said afterwards."""
    os.replace(folder / MARKER, folder / TOLD)


STEPS: Final[tuple[Callable[[Path, Hardware], None], ...]] = (_keys, _database, _files, _officer, _rest, _profile, _tell)
"""In this order; each may be taken again."""


def wiped(folder: Path) -> Wiped | None:
    """What was wiped here before; None where nothing was, or the tablet was enrolled anew since."""
    try:
        told: Mapping[str, Any] = json.loads((folder / TOLD).read_bytes())
        return Wiped(at_ms=int(told["at_ms"]), server=str(told["server"]), address=str(told["address"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(folder: Path) -> None:
    """The tablet is somebody's again."""
    (folder / TOLD).unlink(missing_ok=True)
