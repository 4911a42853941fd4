"""What this tablet pulled of others' logs, kept so that a restored server can have it again.

Each pulled run is kept with the server's own proof of it. When a server has lost lines that stand here, it names the logs;
their runs wait in ``owed`` until the server has them. A line that is not held any more goes as its hash alone.
"""

import json
from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

from mobile.gaps import readable
from shared.ids import b64
from sync.lineage import ends_of
from sync.log import name_of, split
from sync.lost import Brought
from sync.messages import Run

if TYPE_CHECKING:
    from mobile.store import Store

_RUNS = "SELECT first, before, hashes FROM held_run WHERE log = ?"

__all__ = ["HandBack"]


class HandBack:
    """The runs of others on one tablet."""

    def __init__(self, store: "Store") -> None:
        self.store = store
        self._sent: dict[bytes, int] = {}

    def keep(self, connection: Connection, runs: Sequence[Run], pasts: Sequence[Sequence[Any]]) -> None:
        """Keep the runs of a page, and what it tells of the pasts of their changes."""
        told = [(name, path, json.dumps(seen)) for name, path, seen in pasts]
        connection.executemany("INSERT OR REPLACE INTO held_past VALUES (?, ?, ?)", told)
        rows = [
            (run.log, run.first, len(run.lines), run.before, b"".join(run.hashes), json.dumps(run.arrivals), run.mac)
            for run in runs if run.mac
        ]  # fmt: skip
        connection.executemany(
            "INSERT OR IGNORE INTO held_run (log, first, count, before, hashes, arrivals, proof) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
        )

    def owe(self, connection: Connection, want: Mapping[str, int]) -> None:
        """Take note that the server lacks these logs behind these numbers."""
        query = "INSERT OR IGNORE INTO owed SELECT id FROM held_run WHERE log = ? AND first + count - 1 > ?"
        connection.executemany(query, list(want.items()))

    def heads(self) -> dict[str, str]:
        """For each log: the names of the last lines that were pulled of it."""
        with self.store.database.reading() as connection:
            logs = [row[0] for row in connection.execute("SELECT DISTINCT log FROM held_run")]
            return {log: ends_of(log, [(row[0], row[1], split(row[2])) for row in connection.execute(_RUNS, (log,))]) for log in logs}

    def owes(self) -> bool:
        """Whether runs wait for the server."""
        with self.store.database.reading() as connection:
            return connection.execute("SELECT 1 FROM owed LIMIT 1").fetchone() is not None

    def runs(self, limit_bytes: int) -> tuple[list[Run], bool]:
        """Runs that wait, up to about so many bytes but at least one; and whether there are more."""
        query = "SELECT id, log, first, before, hashes, arrivals, proof FROM held_run JOIN owed USING (id) ORDER BY id"
        runs: list[Run] = []
        size, self._sent = 0, {}
        with self.store.database.reading() as connection:
            rows = connection.execute(query)
            for number, log, first, before, hashes, arrivals, proof in rows:
                if runs and size > limit_bytes:
                    return runs, True
                run = Run(log, first, before, self._lines(log, first, hashes), json.loads(arrivals), proof)
                size += sum(len(line) for line in run.lines)
                runs.append(run)
                self._sent[proof] = number
        return runs, False

    def _lines(self, log: str, first: int, hashes: bytes) -> list[bytes]:
        digests = split(hashes)
        held = (self.store.line(name_of(log, first + offset, digest)) for offset, digest in enumerate(digests))
        return [b64(digest).encode("ascii") if line is None else line for digest, line in zip(digests, held, strict=True)]

    def lines_at(self, log: str, number: int) -> list[Brought]:
        """The lines of this number that are held of a log, own or pulled: what the server's disk lost it has back from here."""
        begin = f"{log}.{number}."
        with self.store.database.reading() as connection:
            own = connection.execute("SELECT name, body, 0, aside FROM own_line WHERE log = ? AND number = ?", (log, number)).fetchall()
            pulled = "SELECT name, body, arrived, '' FROM held_line WHERE name >= ? AND name < ?"
            rows = [*own, *connection.execute(pulled, (begin, f"{begin}~")).fetchall()]
        held: list[Brought] = []
        for name, body, arrived, aside in rows:
            line = readable(self.store.rows, name, body)
            if line is not None:
                held.append(Brought(log, number, line, arrived, aside))
        return held

    def pasts(self, runs: Sequence[Run]) -> list[Sequence[Any]]:
        """What was told of the pasts of these runs' changes."""
        rows: list[Sequence[Any]] = []
        with self.store.database.reading() as connection:
            for run in runs:
                for offset, digest in enumerate(run.hashes):
                    name = name_of(run.log, run.first + offset, digest)
                    told = connection.execute("SELECT path, seen FROM held_past WHERE name = ?", (name,)).fetchall()
                    rows += [[name, path, json.loads(seen)] for path, seen in told]
        return rows

    def done(self, runs: Sequence[Run]) -> None:
        """The server has these runs again."""
        gone = [(self._sent[run.mac],) for run in runs if run.mac in self._sent]
        with self.store.database.writing() as connection:
            connection.executemany("DELETE FROM owed WHERE id = ?", gone)
