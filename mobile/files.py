"""Photos and files of records: stored by the SHA-256 of what travels, in the profile's folder; and how far each has come.

The record holds hash, name, size and mime. A file of a confidential field is sealed under the case key, and its hash is that of the
sealed bytes; any other is sealed here with the device's row key, and its hash is that of its content. What was fetched piece by
piece waits in the database until it is whole.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Final, NamedTuple

from mobile.database import Database
from mobile.hardware import write_whole
from mobile.keys import RowKey
from shared.attachment import MOST_CHOSEN_BYTES, prepare
from shared.errors import SenError
from shared.sealing import key_id_of, open_file, seal_file
from sync.file_entries import Asked, Told
from sync.files import FILE_HASH

_OPEN: Final = b"p"
_SEALED: Final = b"c"

__all__ = ["Files", "Refused", "place_of"]


def place_of(folder: Path, digest: str) -> Path:
    """Where a file of this hash lies in the folder of files."""
    return folder / digest[:2] / digest


class Refused(NamedTuple):
    """A file that the server does not take, and the code of its reason."""

    hash: str
    code: str


class Files:
    """The files of a tablet, by hash.

    A file is ``kept`` when it is stored, ``waits`` once a line of the log names it, and ``sent`` when the server has it; a fetched one is
    ``sent`` from the first, and ``wished`` before, where no network was there to bring it. One of a record that left the tablet before
    the server had it ``leaves``: it goes once it is sent. One that the server does not take, or that is harmed here, is ``refused``
    until it is stored again.

    Args:
        key: gives a case key by its id, None where it is not there.
    """

    def __init__(self, folder: Path, database: Database, rows: RowKey, key: Callable[[str], bytes | None]) -> None:
        self._folder = folder
        self._database = database
        self._rows = rows
        self._key = key

    # storing

    def add(self, path: Path, *, photo: bool, case: str | None) -> dict[str, Any]:
        """Store a file of the disk; gives what the record holds of it: sha256, name, size, mime.

        Args:
            case: the id of the key that seals it; None where the field is not confidential.

        Raises:
            SenError: ``file_unreadable``, ``file_too_large``, ``not_a_photo``, ``photo_too_large``, ``photo_moves``,
                ``file_kind_not_taken``, ``tablet_full``.
        """
        try:
            with path.open("rb") as file:
                data = file.read(MOST_CHOSEN_BYTES + 1)
        except OSError as error:
            raise SenError("file_unreadable") from error
        told = prepare(data, path.name, photo=photo)
        return {"sha256": self.store(told.data, case), "name": told.name, "size": len(told.data), "mime": told.mime}

    def store(self, data: bytes, case: str | None) -> str:
        """Store bytes, on disk when this returns; gives their hash. Raises SenError: ``tablet_full``, ``sealed_open_failed``."""
        if case is not None:
            key = self._key(case)
            if key is None:
                raise SenError("sealed_open_failed")
            data = seal_file(key, case, data)
        digest = hashlib.sha256(data).hexdigest()
        self._write(digest, data, sealed=case is not None)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO file (hash, size, state) VALUES (?, ?, 'kept') ON CONFLICT DO UPDATE SET code = '',"
                " state = CASE state WHEN 'refused' THEN 'waits' ELSE state END",
                (digest, len(data)),
            )
        return digest

    def _write(self, digest: str, data: bytes, *, sealed: bool) -> None:
        body = _SEALED + data if sealed else _OPEN + self._rows.seal(data, f"file {digest}")
        try:
            write_whole(self._place(digest), body)
        except OSError as error:
            raise SenError("tablet_full") from error

    def _place(self, digest: str) -> Path:
        if not FILE_HASH.fullmatch(digest):
            raise SenError("file_not_here")
        return place_of(self._folder, digest)

    # reading

    def has(self, digest: str) -> bool:
        """Whether the bytes of a hash are on this tablet."""
        return self._place(digest).exists()

    def here(self) -> set[str]:
        """The hashes of all files whose bytes are on this tablet."""
        return {path.name for path in self._folder.glob("??/*") if FILE_HASH.fullmatch(path.name)}

    def forget(self, digests: Iterable[str]) -> None:
        """Take files off the tablet; one that the server has not got yet goes when it has."""
        for digest in digests:
            with self._database.writing() as connection:
                connection.execute("DELETE FROM file_part WHERE hash = ?", (digest,))
                connection.execute("UPDATE file SET state = 'leaves' WHERE hash = ? AND state = 'waits'", (digest,))
                connection.execute("DELETE FROM file WHERE hash = ? AND state <> 'leaves'", (digest,))
            if self.state(digest) != "leaves":
                self._place(digest).unlink(missing_ok=True)

    def travelling(self, digest: str) -> bytes:
        """The bytes of a hash as they travel: of a confidential file the sealed ones.

        Raises:
            SenError: ``file_not_here``, ``file_damaged``.
        """
        try:
            body = self._place(digest).read_bytes()
        except OSError as error:
            raise SenError("file_not_here") from error
        try:
            data = body[1:] if body.startswith(_SEALED) else self._rows.open(body[1:], f"file {digest}")
        except SenError as error:
            raise SenError("file_damaged") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise SenError("file_damaged")
        return data

    def read(self, digest: str) -> bytes:
        """The content of a hash. Raises SenError: ``file_not_here``, ``sealed_open_failed``, ``file_damaged``."""
        data = self.travelling(digest)
        with self._place(digest).open("rb") as file:
            sealed = file.read(1) == _SEALED
        if not sealed:
            return data
        key = self._key(key_id_of(data))
        if key is None:
            raise SenError("sealed_open_failed")
        return open_file(key, data)

    # sending

    def waiting(self) -> list[str]:
        """The files that lines of the log name and the server is not known to have, in the order of their hashes."""
        with self._database.reading() as connection:
            return [row[0] for row in connection.execute("SELECT hash FROM file WHERE state IN ('waits', 'leaves') ORDER BY hash")]

    def state(self, digest: str) -> str:
        """``kept``, ``waits``, ``leaves``, ``sent``, ``refused``, ``wished``; "" where the tablet knows nothing of it."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT state FROM file WHERE hash = ?", (digest,)).fetchone()
        return "" if row is None else str(row[0])

    def refused(self) -> list[Refused]:
        """What the server did not take."""
        with self._database.reading() as connection:
            return [Refused(*row) for row in connection.execute("SELECT hash, code FROM file WHERE state = 'refused' ORDER BY hash")]

    def sent(self, digest: str) -> None:
        """Take note that the server has a file."""
        if self.state(digest) == "leaves":
            self._set(digest, "sent", "")
            self.forget([digest])
        else:
            self._set(digest, "sent", "")

    def refuse(self, digest: str, code: str) -> None:
        """Take note that the server does not take a file, or that it is damaged here."""
        self._set(digest, "refused", code)

    def _set(self, digest: str, state: str, code: str) -> None:
        with self._database.writing() as connection:
            connection.execute("UPDATE file SET state = ?, code = ? WHERE hash = ?", (state, code, digest))

    def ask_again(self) -> None:
        """The server was restored: of every file that is here it is asked anew whether it has it."""
        with self._database.writing() as connection:
            connection.execute("UPDATE file SET state = 'waits' WHERE state = 'sent'")

    # by bundles

    def bring(self) -> Iterator[tuple[str, bytes]]:
        """The files that wait, with their bytes, one after the other; one that is harmed here is left out."""
        for digest in self.waiting():
            try:
                yield digest, self.travelling(digest)
            except SenError as error:
                self.refuse(digest, error.code)

    def asked(self) -> Asked:
        """What a bundle says of files: those that wait, those that are wished for, and those that the server has had."""
        with self._database.reading() as connection:
            held = tuple(row[0] for row in connection.execute("SELECT hash FROM file WHERE state = 'sent' ORDER BY hash"))
        return Asked(tuple(self.waiting()), tuple(self.wished()), held)

    def told(self, told: Told) -> int:
        """Learn by bundle which files the server has, which it does not take, and which it lost; gives how many of the first waited."""
        self.lacking(told.lacking)
        handed_in = 0
        for digest in set(self.waiting()) & told.files.keys():
            if told.files[digest]:
                self.refuse(digest, told.files[digest])
            else:
                self.sent(digest)
                handed_in += 1
        return handed_in

    def lacking(self, digests: Iterable[str]) -> None:
        """The server lacks files that it had: they are to be sent again."""
        for digest in digests:
            self.lacks(self._database, digest)

    @staticmethod
    def lacks(database: Database, digest: str) -> None:
        """The server lacks a file of a database that is open: where its bytes are held they are sent again."""
        with database.writing() as connection:
            connection.execute("UPDATE file SET state = 'waits' WHERE hash = ? AND state = 'sent'", (digest,))

    def wish(self, digest: str, *, sealed: bool) -> None:
        """Ask for a file with the next bundle: there is no network to bring it."""
        with self._database.writing() as connection:
            row = (digest, "sealed" if sealed else "")
            insert = "INSERT INTO file (hash, size, state, code) VALUES (?, 0, 'wished', ?)"
            connection.execute(f"{insert} ON CONFLICT DO UPDATE SET state = 'wished', code = excluded.code", row)

    def wished(self) -> dict[str, bool]:
        """The files that a bundle shall ask for: hash → whether it is sealed."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT hash, code FROM file WHERE state = 'wished' ORDER BY hash").fetchall()
        return {digest: code == "sealed" for digest, code in rows}

    def came(self, digest: str, data: bytes) -> bool:
        """Store a file that came by bundle; False where nobody here wishes for it. Raises SenError: ``file_damaged``, ``tablet_full``."""
        sealed = self.wished().get(digest)
        if sealed is None:
            return False
        if hashlib.sha256(data).hexdigest() != digest:
            raise SenError("file_damaged")
        self._write(digest, data, sealed=sealed)
        with self._database.writing() as connection:
            self._here(connection, digest, len(data))
        return True

    # fetching

    def fetched(self, digest: str) -> int:
        """How many bytes of a file that is being fetched are on disk."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT max(at + size) FROM file_part WHERE hash = ?", (digest,)).fetchone()
        return row[0] or 0

    def keep_part(self, digest: str, at: int, chunk: bytes) -> None:
        """Keep the next bytes of a file, on disk when this returns. Raises SenError("tablet_full")."""
        body = self._rows.seal(chunk, f"part {digest} {at}")
        with self._database.writing() as connection:
            connection.execute("INSERT INTO file_part (hash, at, size, data) VALUES (?, ?, ?, ?)", (digest, at, len(chunk), body))

    def join(self, digest: str, *, sealed: bool) -> None:
        """Make a file of its parts, whose last has come. Raises SenError: ``file_damaged`` (it is fetched anew), ``tablet_full``."""
        with self._database.reading() as connection:
            parts = connection.execute("SELECT at, data FROM file_part WHERE hash = ? ORDER BY at", (digest,)).fetchall()
        data = b"".join(self._rows.open(body, f"part {digest} {at}") for at, body in parts)
        right = hashlib.sha256(data).hexdigest() == digest
        if right:
            self._write(digest, data, sealed=sealed)
        with self._database.writing() as connection:
            connection.execute("DELETE FROM file_part WHERE hash = ?", (digest,))
            if right:
                self._here(connection, digest, len(data))
        if not right:
            raise SenError("file_damaged")

    def _here(self, connection: Connection, digest: str, size: int) -> None:
        """A file of the server's is here."""
        connection.execute(
            "INSERT INTO file (hash, size, state) VALUES (?, ?, 'sent') ON CONFLICT DO UPDATE SET size = excluded.size,"
            " code = CASE state WHEN 'wished' THEN '' ELSE code END, state = CASE state WHEN 'wished' THEN 'sent' ELSE state END",
            (digest, size),
        )
