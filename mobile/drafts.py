"""Half-typed forms: every answer is on disk, sealed, before the next key is pressed.

A draft holds what the form showed when it was opened beside what a person made of it, so that it comes back just as it was, and its
difference is still taken against what was seen. The whole is sealed with the device's row key, and with it when it was kept, for a disk
may harm a plain number; a draft with confidential answers is sealed under its case key before that (under the officer's own key while no
case is chosen).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from mobile.keys import RowKey
from mobile.renames import OPEN
from mobile.store import Store
from shared.errors import SenError
from shared.sealing import open_bytes, seal_bytes

SAVED = "saved"

__all__ = ["Drafts"]


class Drafts:
    """The drafts of a tablet.

    Args:
        key: gives the key that seals a draft with confidential answers, by its case's id ("" while none is chosen);
            None where it is not there.
    """

    def __init__(self, store: Store, rows: RowKey, key: Callable[[str], bytes | None]) -> None:
        self._store = store
        self._rows = rows
        self._key = key
        with store.database.reading() as connection:
            self._records = {row[0] for row in connection.execute("SELECT record FROM draft")}

    def records(self) -> set[str]:
        """The records with a draft."""
        return set(self._records)

    def keep(self, record: str, body: Mapping[str, Any], *, case: str | None, saved_ms: int) -> None:
        """Keep a draft. ``case`` is None for a record without confidential fields.

        Raises:
            SenError: ``tablet_full`` and the like: what was kept before is still there.
        """
        data = json.dumps({**body, SAVED: saved_ms}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        if case is not None:
            key = self._key(case)
            if key is None:
                raise SenError("sealed_open_failed")
            data = b"c" + case.encode("ascii").ljust(36) + seal_bytes(key, data, f"draft {record}".encode())
        else:
            data = OPEN + data
        row = (record, saved_ms, self._rows.seal(data, f"draft {record}"))
        with self._store.database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO draft VALUES (?, ?, ?)", row)
        self._records.add(record)

    def load(self, record: str) -> tuple[dict[str, Any], int] | None:
        """A draft and when it was kept (milliseconds since 1970); None where there is none.

        Raises:
            SenError: ``sealed_open_failed`` where its key is gone; ``draft_damaged``: the storage harmed it, and it is forgotten.
        """
        with self._store.database.reading() as connection:
            row = connection.execute("SELECT body, saved FROM draft WHERE record = ?", (record,)).fetchone()
        if row is None:
            return None
        try:
            data = self._rows.open(row[0], f"draft {record}")
        except SenError as error:
            self.forget(record)
            raise SenError("draft_damaged") from error
        if data.startswith(b"c"):
            key = self._key(data[1:37].decode("ascii").strip())
            if key is None:
                raise SenError("sealed_open_failed")
            data = open_bytes(key, data[37:], f"draft {record}".encode())
        else:
            data = data[1:]
        body: dict[str, Any] = json.loads(data.decode("utf-8", "surrogatepass"))
        return body, body.pop(SAVED, None) or max(1, int(row[1]))

    def forget(self, record: str) -> None:
        """Forget a draft: it is in the log, or was given up."""
        if record in self._records:
            with self._store.database.writing() as connection:
                connection.execute("DELETE FROM draft WHERE record = ?", (record,))
            self._records.discard(record)

    def forgotten(self, record: str) -> None:
        """Take note that a draft went into the log in the log's own transaction."""
        self._records.discard(record)
