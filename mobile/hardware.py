"""What the device below gives: a safe for secrets, a place on the map. One small contract, two real implementations.

Where there is no keystore (a desktop), the safe is a file that only its owner may read: it keeps the device's own keys, with which a
locked tablet can still deliver what it holds. What identifies a person is sealed under case keys, and those under the officer's PIN;
no safe holds them.
"""

import os
from pathlib import Path
from typing import Protocol

__all__ = ["Desktop", "Hardware", "write_whole"]


class Hardware(Protocol):
    """The device as the tablet needs it."""

    def keep_secret(self, name: str, data: bytes) -> None:
        """Put a secret into the safe; on disk when this returns."""

    def secret(self, name: str) -> bytes | None:
        """Take a secret out of the safe; None when there is none."""

    def forget_secret(self, name: str) -> None:
        """Destroy a secret."""

    def place(self) -> tuple[float, float] | None:
        """Where the device is (latitude, longitude); None where it cannot know."""


class Desktop:
    """A computer without a keystore: secrets are files of the profile, readable by their owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep_secret(self, name: str, data: bytes) -> None:
        """Put a secret into its file."""
        write_whole(self._folder / f"{name}.key", data)

    def secret(self, name: str) -> bytes | None:
        """Read a secret's file."""
        path = self._folder / f"{name}.key"
        return path.read_bytes() if path.exists() else None

    def forget_secret(self, name: str) -> None:
        """Overwrite a secret's file, then remove it."""
        path = self._folder / f"{name}.key"
        if path.exists():
            with path.open("r+b") as file:
                file.write(os.urandom(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()

    def place(self) -> tuple[float, float] | None:
        """A desktop does not know where it is."""
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that after a power cut it is the old one or the new one, never half of either; owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
