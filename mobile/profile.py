"""A tablet's folder: who it is, how it is set, and that one process at a time works in it.

``profile.json`` holds what enrolment gave (ids and public keys, nothing secret) and the settings; ``device.key`` the device's keys;
``officer.json`` the officer's key behind the PIN; ``tablet.sqlite3`` the sealed rows; ``files/`` the photos and files by their hash.
"""

import json
import os
import sqlite3
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from mobile.database import refusal
from mobile.hardware import write_whole
from shared.errors import SenError

LANGUAGES: Final = ("vi", "en")
TYPINGS: Final = ("off", "telex", "vni")

LOCK_FILE: Final = "in-use.sqlite3"

DEMO_TABLETS: Final = Path("demo") / "tablets"
"""Where the demo keeps its tablets, below the folder of everything written (``SEN_VAR``, else ``var`` beside the code)."""

__all__ = ["LOCK_FILE", "Enrolled", "Profile", "ProfileLock", "Settings", "folder_named"]


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """What the enrolment gave. ``server_box`` and ``server_sign`` are the server's X25519 and Ed25519 public keys in base64url;
    ``certificate`` is shown to it where it forgot this tablet (``sync.again``), "" where it gave none.
    """

    address: str
    device: str
    name: str
    server: str
    server_box: str
    server_sign: str
    server_name: str
    user: str
    user_name: str
    roles: tuple[str, ...]
    unit: str
    stream: str
    certificate: str = ""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an officer may set. ``offline`` keeps the tablet off the network by a switch of its own."""

    language: str = "vi"
    typing: str = "off"
    offline: bool = False


@dataclass(kw_only=True)
class Profile:
    """One tablet's folder."""

    folder: Path
    enrolled: Enrolled | None = None
    settings: Settings = field(default_factory=Settings)

    @classmethod
    def load(cls, folder: Path) -> "Profile":
        """Read a folder; a new one is made. Raises SenError("profile_damaged") or ("tablet_full")."""
        path = folder / "profile.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                return cls(folder=folder)
            body = json.loads(path.read_bytes())
            told = body.get("enrolled")
            enrolled = None if told is None else Enrolled(**{**told, "roles": tuple(told["roles"])})
            return cls(folder=folder, enrolled=enrolled, settings=Settings(**body.get("settings", {})))
        except OSError as error:
            raise SenError("disk_failed") from error
        except (ValueError, TypeError, KeyError) as error:
            raise SenError("profile_damaged", file=path.name) from error

    def save(self) -> None:
        """Write the folder's description. Raises SenError("tablet_full")."""
        body: dict[str, Any] = {"settings": asdict(self.settings)}
        if self.enrolled is not None:
            body["enrolled"] = asdict(self.enrolled)
        try:
            write_whole(self.folder / "profile.json", json.dumps(body, ensure_ascii=False, indent=1).encode("utf-8"))
        except OSError as error:
            raise SenError("tablet_full") from error

    def move_to(self, address: str) -> None:
        """Follow the server to another address; it is the same server, by its keys. Raises SenError("not_enrolled")."""
        if self.enrolled is None:
            raise SenError("not_enrolled")
        self.enrolled = replace(self.enrolled, address=address.rstrip("/"))
        self.save()

    def set(self, **changes: Any) -> None:
        """Change settings and keep them. Raises SenError("unknown_setting")."""
        allowed = {"language": LANGUAGES, "typing": TYPINGS, "offline": (True, False)}
        for name, value in changes.items():
            if value not in allowed.get(name, ()):
                raise SenError("unknown_setting", name=name)
        self.settings = replace(self.settings, **changes)
        self.save()


def folder_named(text: str) -> Path:
    """The folder that a person means: a path, or the bare name of one of the demo's tablets where there is one."""
    folder = Path(text)
    written = Path(os.environ.get("SEN_VAR") or Path(__file__).resolve().parents[1] / "var")
    demo = written / DEMO_TABLETS / text
    bare = len(folder.parts) == 1 and not folder.exists()
    return demo if bare and (demo / "profile.json").exists() else folder


class ProfileLock:
    """Holds a folder for this process; given back when the process ends, however it ends.

    An exclusive lock on a small SQLite file: the same on Linux, Windows and Android.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        self._held: sqlite3.Connection | None = None

    def take(self) -> None:
        """Take the folder. Raises SenError: ``profile_in_use``, ``tablet_full``, ``disk_failed``."""
        try:
            self._held = self._taken()
        except sqlite3.OperationalError as error:
            refused = refusal(error, self._path.parent)
            raise SenError("profile_in_use") if refused.code == "tablet_busy" else refused from error
        except sqlite3.DatabaseError:
            self._make_anew()

    def _make_anew(self) -> None:
        """Empty a file that holds something: nobody holds it, for whoever does is found busy before it is read. Then take it."""
        try:
            os.truncate(self._path, 0)
            self._held = self._taken()
        except (OSError, sqlite3.DatabaseError) as error:
            raise SenError("disk_failed") from error

    def _taken(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=0.2, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def give_back(self) -> None:
        """Let another process have the folder."""
        if self._held is not None:
            self._held.close()
            self._held = None
