"""The three kinds of key on a tablet: the device's, the officer's behind a PIN, and those of the cases.

The device's keys work while the tablet is locked: they sign its logs, prove its messages, and seal its rows at rest. The officer's pair is
wrapped by argon2id(PIN) and is in memory only while unlocked; case keys are wrapped to it. Each wrong PIN is counted on disk before it is
tried; after ten in a row the wrapped key is destroyed, and what the tablet holds can still be delivered, sealed.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from mobile.hardware import Hardware, write_whole
from shared.errors import SenError
from shared.ids import b64, unb64
from shared.sealing import BoxKeys, agree, derive, key_from_pin, new_key, new_salt, open_bytes, seal_bytes

LEAST_DIGITS: Final = 6
MOST_TRIES: Final = 10
FREE_TRIES: Final = 3
"""Wrong PINs before the tablet begins to make a person wait."""
FIRST_WAIT_S: Final = 30

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16

__all__ = ["MOST_TRIES", "DeviceKeys", "PinLock", "RowKey", "check_pin", "wait_after"]


class RowKey:
    """Seals the rows of the database at rest; the table and the row's id are bound, so that no row can be moved."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._aes = AESGCM(key)

    def seal(self, data: bytes, bound: str) -> bytes:
        """Nonce, then ciphertext."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aes.encrypt(nonce, data, bound.encode())

    def open(self, sealed: bytes, bound: str) -> bytes:
        """Undo ``seal``. Raises SenError("database_damaged"): changed, moved, or another tablet's."""
        try:
            return self._aes.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound.encode())
        except (InvalidTag, ValueError) as error:
            raise SenError("database_damaged") from error

    def unproven(self, sealed: bytes) -> bytes:
        """What a sealed row may hold, whose name is not known: to be believed only once ``open`` gave it under the name that it bears."""
        counter = sealed[:NONCE_BYTES].ljust(NONCE_BYTES, b"\0") + b"\0\0\0\2"  # GCM's first counter (NIST SP 800-38D, 7.1)
        return Cipher(AES(self._key), CTR(counter)).decryptor().update(sealed[NONCE_BYTES:-TAG_BYTES])


class DeviceKeys(NamedTuple):
    """The device's keys: its signing pair, its box pair, and the key of its rows."""

    sign: bytes
    box: BoxKeys
    rows: bytes

    @classmethod
    def new(cls) -> "DeviceKeys":
        """Make the keys of a new tablet."""
        raw = serialization.Encoding.Raw
        sign = Ed25519PrivateKey.generate().private_bytes(raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
        return cls(sign, BoxKeys.new(), new_key())

    @property
    def public(self) -> bytes:
        """The public signing key (32 bytes), to which the device's logs are bound."""
        key = Ed25519PrivateKey.from_private_bytes(self.sign).public_key()
        return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def mac_key(self, server_box: bytes, device: str) -> bytes:
        """The key of this device's messages; it never travels."""
        return derive(agree(self.box.private, server_box), b"sen-mac/1" + device.encode("ascii"))

    def keep(self, hardware: Hardware, name: str = "device") -> None:
        """Put the keys into the device's safe."""
        body = {"sign": b64(self.sign), "box": b64(self.box.private), "rows": b64(self.rows), "sum": self._sum()}
        hardware.keep_secret(name, json.dumps(body).encode("ascii"))

    @classmethod
    def load(cls, hardware: Hardware, name: str = "device") -> "DeviceKeys | None":
        """Take the keys out of the device's safe; None when there are none. Raises SenError("keys_damaged")."""
        data = hardware.secret(name)
        if data is None:
            return None
        try:
            body = json.loads(data)
            keys = cls(unb64(body["sign"]), BoxKeys.from_private(unb64(body["box"])), unb64(body["rows"]))
            if body["sum"] == keys._sum():
                return keys
        except (ValueError, KeyError, TypeError) as error:
            raise SenError("keys_damaged") from error
        raise SenError("keys_damaged")

    def _sum(self) -> str:
        """By which a harmed key is known: with a wrong one nothing that was written could be read, as if all of it were lost."""
        return b64(hashlib.sha256(b"sen-keys/1" + self.sign + self.box.private + self.rows).digest()[:8])


def check_pin(pin: str) -> None:
    """Refuse a PIN that is too short, no digits, or too easy. Raises SenError."""
    if not (pin.isascii() and pin.isdigit()) or len(pin) < LEAST_DIGITS:
        raise SenError("pin_too_short", least=LEAST_DIGITS)
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        raise SenError("pin_too_easy")


def wait_after(tries: int) -> int:
    """Seconds to wait before the next PIN after so many wrong ones in a row: none, then 30 s, doubled each time."""
    return 0 if tries < FREE_TRIES else FIRST_WAIT_S * 2 ** (tries - FREE_TRIES)


@dataclass(kw_only=True)
class _Locked:
    user: str
    public: bytes
    salt: bytes
    wrapped: bytes
    tries: int = 0
    last_ms: int = 0


class PinLock:
    """The officer's key pair behind a PIN, in one small file that is written whole.

    Args:
        now_ms: the clock; a wait counts from the last wrong PIN, and anew from now where the clock was set back.
        cheap: argon2id with little memory, for tests alone.
    """

    def __init__(self, path: Path, now_ms: Callable[[], int], *, cheap: bool = False) -> None:
        self._path = path
        self._now_ms = now_ms
        self._cost: dict[str, Any] = {"memory_kib": 64, "passes": 1} if cheap else {}
        self._held = self._load()

    def _load(self) -> _Locked | None:
        if not self._path.exists():
            return None
        try:
            body = json.loads(self._path.read_bytes())
            return _Locked(
                user=body["user"], public=unb64(body["public"]), salt=unb64(body["salt"]), wrapped=unb64(body["wrapped"]),
                tries=int(body["tries"]), last_ms=int(body["last_ms"]),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            raise SenError("keys_damaged") from error

    def _save(self) -> None:
        held = self._held
        assert held is not None
        body = {
            "user": held.user, "public": b64(held.public), "salt": b64(held.salt), "wrapped": b64(held.wrapped),
            "tries": held.tries, "last_ms": held.last_ms,
        }  # fmt: skip
        try:
            write_whole(self._path, json.dumps(body).encode("ascii"))
        except OSError as error:
            raise SenError("tablet_full") from error

    @property
    def destroyed(self) -> bool:
        """Whether ten wrong PINs destroyed the key."""
        return self._held is not None and not self._held.wrapped

    @property
    def tries_left(self) -> int:
        """How many wrong PINs are still allowed in a row."""
        return MOST_TRIES if self._held is None else max(0, MOST_TRIES - self._held.tries)

    def wait_s(self) -> int:
        """Seconds until the next PIN may be tried; 0 when now."""
        if self._held is None or self.destroyed:
            return 0
        now = self._now_ms()
        if now < self._held.last_ms:
            self._held.last_ms = now
        return max(0, wait_after(self._held.tries) - (now - self._held.last_ms) // 1000)

    def set(self, user: str, keys: BoxKeys, pin: str) -> None:
        """Lock an officer's pair behind a PIN. Raises SenError for a PIN that will not do."""
        check_pin(pin)
        salt = new_salt()
        wrapped = seal_bytes(key_from_pin(pin, salt, **self._cost), keys.private, user.encode())
        self._held = _Locked(user=user, public=keys.public, salt=salt, wrapped=wrapped)
        self._save()

    def unlock(self, pin: str) -> BoxKeys:
        """Open the officer's pair with the PIN.

        Raises:
            SenError: ``wrong_pin`` (``left`` tries), ``pin_wait`` (``seconds``), ``pin_destroyed``.
        """
        held = self._held
        if held is None or not held.wrapped:
            raise SenError("pin_destroyed")
        wait = self.wait_s()
        if wait:
            raise SenError("pin_wait", seconds=wait)
        held.tries += 1
        held.last_ms = self._now_ms()
        self._save()
        try:
            private = open_bytes(key_from_pin(pin, held.salt, **self._cost), held.wrapped, held.user.encode())
        except SenError:
            if held.tries >= MOST_TRIES:
                held.wrapped = b""
                self._save()
                raise SenError("pin_destroyed") from None
            raise SenError("wrong_pin", left=self.tries_left) from None
        held.tries = 0
        self._save()
        return BoxKeys.from_private(private)
