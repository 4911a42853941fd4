"""The key store: the server's own keys and the case keys, in an SQLite file of its own, sealed under a master key in a file.

It stands apart from the data and from its backups: whoever finds a database or its backup opens nothing, and to destroy a case
key erases the case everywhere. What has ended for good (erasures, revocations) stands here too, which devices were enrolled, what
people may do and the catalogue that was published last, so that a restored database can be told again.
"""

import hashlib
import hmac
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.places import private_folder, write_private
from shared.errors import SenError
from shared.ids import b64, new_id, unb64
from shared.sealing import KEY_BYTES, BoxKeys, agree, derive, new_key, open_box, open_bytes, seal_box, seal_bytes, sign

WAIT_S = 10
SCHEMA = """
CREATE TABLE IF NOT EXISTS own (name TEXT PRIMARY KEY, sealed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS case_key (id TEXT PRIMARY KEY, sealed BLOB);
CREATE TABLE IF NOT EXISTS ended (kind TEXT, id TEXT, at_ms INTEGER NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS enrolled (device TEXT PRIMARY KEY, certificate TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS catalogue (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL, version TEXT NOT NULL,
    source TEXT NOT NULL, at_ms INTEGER NOT NULL, texts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS person (id TEXT PRIMARY KEY, stamp TEXT NOT NULL, at_ms INTEGER NOT NULL, sealed BLOB NOT NULL);
"""
OWN_SECRETS = ("box", "sign", "run", "cookies", "audit")
UPWARD = "upward"
CERTIFICATE = b"sen-enrolled/1"

__all__ = ["Identity", "KeyStore", "Published", "wrap_bound"]


class Identity(NamedTuple):
    """The server as a device: its id, its public signing key (it binds the server's logs, and tablets know its bundles by it) and
    its X25519 pair.
    """

    id: str
    key: bytes
    box: BoxKeys


class Published(NamedTuple):
    """A catalogue as it was published: its row in the database. ``texts`` is packed JSON."""

    number: int
    version: str
    source: str
    at_ms: int
    texts: bytes


def wrap_bound(key_id: str) -> bytes:
    """What a wrapped case key is bound to."""
    return b"sen-case/1" + key_id.encode("ascii")


class KeyStore:
    """Opens and makes the key store of one server. Its methods may be called from any thread."""

    def __init__(self, path: Path, master_key: Path) -> None:
        self.path = path
        private_folder(path.parent)
        fresh = not path.exists()
        self._master = self._read_master(master_key, fresh)
        if fresh:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        with self._open() as connection:
            connection.executescript(SCHEMA)
        self._own = self._read_own()
        self._mac_keys: dict[tuple[str, bytes], bytes] = {}

    def _read_master(self, path: Path, fresh: bool) -> bytes:
        if not path.exists():
            if not fresh:
                raise SenError("master_key_missing", path=path.name)
            write_private(path, b64(new_key()).encode("ascii") + b"\n")
        try:
            key = unb64(path.read_text("ascii").strip())
        except ValueError as error:
            raise SenError("master_key_wrong", path=path.name) from error
        if len(key) != KEY_BYTES:
            raise SenError("master_key_wrong", path=path.name)
        return key

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _read_own(self) -> dict[str, bytes]:
        """Read the server's own secrets; make those that are missing. Two processes that begin at once agree."""
        with self._writing() as connection:
            there = dict(connection.execute("SELECT name, sealed FROM own").fetchall())
            try:
                own = {name: open_bytes(self._master, sealed, name.encode()) for name, sealed in there.items()}
            except SenError as error:
                raise SenError("master_key_wrong", path="master.key") from error
            for name in ("id", *OWN_SECRETS):
                if name not in own:
                    own[name] = new_id().encode("ascii") if name == "id" else new_key()
                    sealed = seal_bytes(self._master, own[name], name.encode())
                    connection.execute("INSERT INTO own VALUES (?, ?)", (name, sealed))
        return own

    @cached_property
    def identity(self) -> Identity:
        """Who this server is; the same after a move to another machine with its keys."""
        sign = Ed25519PrivateKey.from_private_bytes(self._own["sign"])
        public = sign.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Identity(self._own["id"].decode("ascii"), public, BoxKeys.from_private(self._own["box"]))

    @property
    def run_key(self) -> bytes:
        """The key of the proofs of runs."""
        return self._own["run"]

    def sign(self, data: bytes) -> bytes:
        """This server's Ed25519 signature."""
        return sign(self._own["sign"], data)

    @property
    def cookie_secret(self) -> bytes:
        """The key that signs sessions."""
        return self._own["cookies"]

    def audit_mark(self, head: bytes) -> bytes:
        """A proof, 32 bytes, that this server wrote a head of the audit chain."""
        return hmac.digest(self._own["audit"], head, hashlib.sha256)

    def mac_key(self, device: str, device_box: bytes) -> bytes:
        """The key of a device's messages: HKDF of the X25519 agreement with its public key; reckoned once for each device."""
        known = self._mac_keys.get((device, device_box))
        if known is None:
            known = derive(agree(self.identity.box.private, device_box), b"sen-mac/1" + device.encode("ascii"))
            self._mac_keys[device, device_box] = known
        return known

    # --- this server as a device of the one above it -------------------------------------------------------------

    def keep_upward(self, told: bytes) -> None:
        """Keep who this server is at the server above it, with its keys there."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO own VALUES (?, ?)", (UPWARD, seal_bytes(self._master, told, UPWARD.encode())))

    def upward(self) -> bytes | None:
        """What was kept of that; None where this server was never enrolled anywhere."""
        with self._open() as connection:
            row = connection.execute("SELECT sealed FROM own WHERE name = ?", (UPWARD,)).fetchone()
        return None if row is None else open_bytes(self._master, row[0], UPWARD.encode())

    # --- case keys -----------------------------------------------------------------------------------------------

    def keep_wraps(self, wraps: Sequence[Sequence[str]]) -> int:
        """Keep case keys that tablets wrapped to this server: rows of (key id, recipient, wrapped key in base64url).

        Rows for others are let pass; a key that is there, or was destroyed, stays as it is. A wrap that cannot be opened is
        passed over, for it must not block the lines beside it; gives how many were.
        """
        rows, failed = [], 0
        for key_id, recipient, wrapped in wraps:
            if recipient == self.identity.id:
                key = self._unwrap(key_id, wrapped)
                if key is None:
                    failed += 1
                else:
                    rows.append((key_id, seal_bytes(self._master, key, wrap_bound(key_id))))
        if rows:
            with self._writing() as connection:
                connection.executemany("INSERT OR IGNORE INTO case_key VALUES (?, ?)", rows)
        return failed

    def _unwrap(self, key_id: str, wrapped: str) -> bytes | None:
        try:
            key = open_box(self.identity.box, unb64(wrapped), wrap_bound(str(uuid.UUID(key_id))))
        except (SenError, ValueError, UnicodeEncodeError):
            return None
        return key if len(key) == KEY_BYTES else None

    def new_case_key(self, key_id: str) -> bytes:
        """Make the key of a case that begins at the console; the present one where there is one."""
        sealed = seal_bytes(self._master, new_key(), wrap_bound(key_id))
        with self._writing() as connection:
            connection.execute("INSERT OR IGNORE INTO case_key VALUES (?, ?)", (key_id, sealed))
        key = self.case_key(key_id)
        if key is None:
            raise SenError("case_erased")
        return key

    def case_key(self, key_id: str) -> bytes | None:
        """The key of a case; None where it never came or was destroyed."""
        return self.case_keys([key_id]).get(key_id)

    def case_keys(self, key_ids: Sequence[str]) -> dict[str, bytes]:
        """The keys of several cases, those that there are."""
        keys: dict[str, bytes] = {}
        with self._open() as connection:
            for key_id in key_ids:
                row = connection.execute("SELECT sealed FROM case_key WHERE id = ?", (key_id,)).fetchone()
                if row is not None and row[0] is not None:
                    keys[key_id] = open_bytes(self._master, row[0], wrap_bound(key_id))
        return keys

    def wrap_for(self, key_ids: Sequence[str], recipient: str, box: bytes) -> list[tuple[str, str, str]]:
        """Case keys wrapped to a person's public key: rows of (key id, recipient, wrapped key in base64url)."""
        keys = self.case_keys(key_ids)
        return [(key_id, recipient, b64(seal_box(box, key, wrap_bound(key_id)))) for key_id, key in keys.items()]

    def destroy_case_key(self, key_id: str, at_ms: int) -> None:
        """Erase a case: its key is gone, here and, after the next backup of the keys, everywhere."""
        with self._writing() as connection:
            connection.execute("INSERT INTO case_key VALUES (?, NULL) ON CONFLICT (id) DO UPDATE SET sealed = NULL", (key_id,))
            connection.execute("INSERT OR IGNORE INTO ended VALUES ('case', ?, ?)", (key_id, at_ms))

    # --- what has ended ------------------------------------------------------------------------------------------

    def note_ended(self, kind: str, id: str, at_ms: int) -> None:
        """Remember for good that something ended: kind ``device``, ``grant``, ``role`` or ``user``."""
        with self._writing() as connection:
            connection.execute("INSERT OR IGNORE INTO ended VALUES (?, ?, ?)", (kind, id, at_ms))

    def ended(self) -> list[tuple[str, str, int]]:
        """Everything that ended: (kind, id, time in milliseconds)."""
        with self._open() as connection:
            return list(connection.execute("SELECT kind, id, at_ms FROM ended ORDER BY at_ms"))

    # --- which devices were enrolled -----------------------------------------------------------------------------

    @cached_property
    def _certificate_key(self) -> bytes:
        return derive(self._own["run"], CERTIFICATE)

    def certify(self, told: bytes) -> str:
        """Seal what this server says of a device: nobody else can read it, make it or change it. Base64url."""
        return b64(seal_bytes(self._certificate_key, told, CERTIFICATE))

    def certified(self, certificate: str) -> bytes:
        """Undo ``certify``. Raises SenError("certificate_wrong") for whatever this server did not seal."""
        try:
            return open_bytes(self._certificate_key, unb64(certificate), CERTIFICATE)
        except (SenError, ValueError, UnicodeEncodeError):
            raise SenError("certificate_wrong") from None

    def keep_certificates(self, certificates: Mapping[str, str]) -> None:
        """Keep what was said of devices, by their ids; what was said first stays."""
        with self._writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO enrolled VALUES (?, ?)", list(certificates.items()))

    def certificates(self) -> dict[str, str]:
        """What was said of all devices, by their ids."""
        with self._open() as connection:
            return dict(connection.execute("SELECT device, certificate FROM enrolled"))

    # --- people --------------------------------------------------------------------------------------------------

    def keep_people(self, people: Sequence[tuple[str, str, int, bytes]]) -> None:
        """Keep people as they are now: rows of (id, stamp, time of the last note of them in milliseconds, what is to be told again)."""
        rows = [(id, stamp, at_ms, seal_bytes(self._master, told, _person_bound(id))) for id, stamp, at_ms, told in people]
        with self._writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO person VALUES (?, ?, ?, ?)", rows)

    def people(self) -> dict[str, tuple[str, int, bytes]]:
        """Everybody who was kept: id → stamp, time, what is to be told again."""
        with self._open() as connection:
            rows = connection.execute("SELECT id, stamp, at_ms, sealed FROM person").fetchall()
        return {id: (stamp, at_ms, open_bytes(self._master, sealed, _person_bound(id))) for id, stamp, at_ms, sealed in rows}

    # --- the catalogue -------------------------------------------------------------------------------------------

    def keep_catalogue(self, published: Published) -> None:
        """Keep the catalogue that was published last, where it is later than the one that is kept."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO catalogue VALUES (1, ?, ?, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET number = excluded.number, version = "
                "excluded.version, source = excluded.source, at_ms = excluded.at_ms, texts = excluded.texts WHERE excluded.number > number",
                published,
            )

    def catalogue(self) -> Published | None:
        """The catalogue that was published last; None where none was kept."""
        with self._open() as connection:
            row = connection.execute("SELECT number, version, source, at_ms, texts FROM catalogue").fetchone()
        return None if row is None else Published(*row)


def _person_bound(id: str) -> bytes:
    return b"sen-person/1" + id.encode("ascii")
