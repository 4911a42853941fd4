"""The case keys of an unlocked tablet: made here, wrapped to the server and to the officer, in memory until the tablet is locked.

What identifies a person is only ever on disk as a blob under one of these keys; the keys are on disk only as wraps.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from mobile.store import Store
from shared.catalogue import RecordType
from shared.errors import SenError
from shared.ids import b64, unb64
from shared.kinds import has_shape, is_file
from shared.sealing import BoxKeys, key_id_of, new_key, open_box, open_value, seal_box, seal_value
from sync.view import Sealed, spelled

__all__ = ["CaseKeys", "case_of", "wrap_bound"]


def wrap_bound(key_id: str) -> bytes:
    """What a wrapped case key is bound to (``docs/sync.md``)."""
    return b"sen-case/1" + key_id.encode("ascii")


def case_of(record_type: RecordType, record: str, values: Mapping[str, Any]) -> str | None:
    """The id of the case key that seals a record's confidential values; None where the case is not chosen yet."""
    if record_type.sealed_by is None:
        return None
    if record_type.sealed_by == "self":
        return record
    case = values.get(record_type.sealed_by)
    return case if isinstance(case, str) else None


class CaseKeys:
    """Opens and makes case keys.

    Args:
        officer: the officer's pair; gone when the tablet is locked, and this object with it.
        user: the officer's id, who is a recipient of wraps.
        server: the server's id and its public box key.
    """

    def __init__(self, store: Store, officer: BoxKeys, user: str, server: tuple[str, bytes]) -> None:
        self._store = store
        self._officer = officer
        self._user = user
        self._server = server
        self._known: dict[str, bytes] = {}

    def key(self, key_id: str) -> bytes | None:
        """A case key; None where it was never given to this officer, or the case was erased."""
        if key_id not in self._known:
            wrapped = self._store.wrap(key_id, self._user)
            if wrapped is None:
                return None
            try:
                self._known[key_id] = open_box(self._officer, unb64(wrapped), wrap_bound(key_id))
            except (SenError, ValueError):
                self._store.seals.distrust(key_id)
                return None
        return self._known[key_id]

    def wrap_to_server(self, key_id: str) -> bool:
        """Wrap the key of a case that began here to the server, where no whole wrap is here; tells whether this officer has the key."""
        key = self.key(key_id)
        if key is not None:
            self._store.keep_wraps([(key_id, self._server[0], b64(seal_box(self._server[1], key, wrap_bound(key_id))))])
        return key is not None

    def make(self, key_id: str) -> bytes:
        """The key of a case that begins on this tablet, its wraps on disk; the present one where there is one.

        Raises:
            SenError: ``sealed_open_failed`` where the case has a key that this officer was not given.
        """
        key = self.key(key_id)
        if key is not None:
            return key
        if any(self._store.wrap(key_id, recipient) is not None for recipient in (self._user, self._server[0])):
            raise SenError("sealed_open_failed")
        key, bound = new_key(), wrap_bound(key_id)
        boxes = ((self._server[0], self._server[1]), (self._user, self._officer.public))
        self._store.keep_wraps([(key_id, recipient, b64(seal_box(box, key, bound))) for recipient, box in boxes])
        self._known[key_id] = key
        return key

    def seal(self, key: bytes, key_id: str, record: str, path: str, value: Any) -> tuple[str, bytes]:
        """Seal a value; gives the blob's hash and the blob."""
        blob = seal_value(key, key_id, record, path, value)
        return b64(hashlib.sha256(blob).digest()), blob

    def open_values(self, record_type: RecordType, record: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The plain values of a record with the sealed ones opened; what cannot be opened stays ``Sealed``.

        So does what is not of its field's kind: another device sealed it, and no gate could look inside.
        """
        return {code: self._opened(record_type, record, code, value) for code, value in values.items()}

    def _opened(self, record_type: RecordType, record: str, path: str, value: Any) -> Any:
        if isinstance(value, Sealed):
            field = record_type.field_at(path)
            plain = self.open(record, record_type.path_of(path), value.blob, value)
            return plain if field is not None and has_shape(field, plain) else value
        if not isinstance(value, list):
            return value
        return [self._opened_item(record_type, record, path, item) for item in value]

    def _opened_item(self, record_type: RecordType, record: str, path: str, item: Any) -> Any:
        if not isinstance(item, dict):
            return item
        if "sha256" in item:
            if "sealed" not in item:
                return item
            content = self.open(record, record_type.path_of(f"{path}/{item['sha256']}"), item["sealed"].blob, None)
            return {"sha256": item["sha256"], **content} if is_file(content) else item
        return {code: self._opened(record_type, record, f"{path}/{item['id']}/{code}", value) for code, value in item.items()}

    def open(self, record: str, path: str, digest: str, otherwise: Any) -> Any:
        """Open one sealed value by its blob's hash; gives ``otherwise`` where that cannot be."""
        blob = self._store.blob(digest)
        try:
            key = None if blob is None else self.key(key_id_of(blob))
            return otherwise if blob is None or key is None else spelled(open_value(key, blob, record, path))
        except (SenError, ValueError):
            return otherwise
