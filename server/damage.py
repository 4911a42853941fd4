"""What is known to be damaged in this server's tables: kept in the table ``damage``, and in memory for the exchanges, which ask for it
without a query.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, or_, select, update

from server.db import insert_missing
from server.models import Damage
from sync.lost import Lost
from sync.store import Device, Scope

MOST_ASKED = 200
"""Lines and sealed values that one answer asks for."""

__all__ = ["DamageBook", "blob_key", "found", "healed", "line_key", "lost_blob", "lost_line", "made_anew", "open_damage"]


def line_key(stream: str, place: int) -> str:
    """The key of the line at a place of a stream."""
    return f"line {stream} {place}"


def blob_key(digest: str) -> str:
    """The key of a sealed value."""
    return f"blob {digest}"


def lost_line(
    stream: str, place: int, log: str, number: int, segment: int, *, record: str = "", unit: str = ""
) -> dict[str, Any]:  # fmt: skip
    """The row of a line that is damaged or gone."""
    where = {"stream": stream, "place": place, "log": log, "number": number, "segment": segment}
    return {"key": line_key(stream, place), "kind": "line", "record": record, "unit": unit, **where}


def lost_blob(digest: str, stream: str, unit: str, *, record: str) -> dict[str, Any]:
    """The row of a sealed value that is damaged or gone."""
    return {"key": blob_key(digest), "kind": "blob", "stream": stream, "record": record, "unit": unit}


def found(connection: Connection, rows: Sequence[Mapping[str, Any]], now_ms: int) -> int:
    """Take note of damage; gives how much of it is news. What was healed once and is damaged again is open again."""
    new = 0
    for row in rows:
        blank = {"place": 0, "log": "", "number": 0, "segment": 0, "device": "", "exact": True, "arrived_ms": 0, "verdict": ""}
        if insert_missing(connection, Damage, [{**blank, **row, "found_ms": now_ms}]):
            new += 1
            continue
        again = update(Damage).where(Damage.key == row["key"], Damage.healed_ms.is_not(None))
        again = again.values(healed_ms=None, device="", found_ms=now_ms, body=None, exact=True)
        new += connection.execute(again).rowcount
    return new


def healed(connection: Connection, keys: Iterable[str], device: str, now_ms: int, *, exact: bool = True) -> None:
    """Take note that damage was healed, and by whom."""
    values = {"healed_ms": now_ms, "device": device, "exact": exact} | ({"body": None} if exact else {})
    for key in keys:
        connection.execute(update(Damage).where(Damage.key == key).values(**values))


def made_anew(connection: Connection, kind: str, what: str, stream: str, now_ms: int, *, record: str = "", unit: str = "") -> None:
    """Take note of something that this server found damaged and made anew by itself at once."""
    key = f"{kind} {what}"[:100]
    found(connection, [{"key": key, "kind": kind, "stream": stream, "record": record, "unit": unit}], now_ms)
    healed(connection, [key], "", now_ms)


def open_damage(connection: Connection, stream: str = "", *, inexact: bool = False) -> list[Any]:
    """What waits, of one stream or of all, in its order there; with ``inexact`` also lines whose time of arrival is still wanted."""
    query = select(Damage).where(or_(Damage.healed_ms.is_(None), Damage.exact.is_(False)) if inexact else Damage.healed_ms.is_(None))
    if stream:
        query = query.where(Damage.stream == stream)
    return list(connection.execute(query.order_by(Damage.stream, Damage.place, Damage.key)).all())


class _Open(NamedTuple):
    key: str
    stream: str
    log: str
    number: int
    blob: str
    unit: str
    found_ms: int
    waits: bool
    """Not yet healed; else its time of arrival alone is wanted."""
    is_file: bool
    """The bytes of a file: no record waits for them."""


class DamageBook:
    """What waits, in the memory of one process; any thread may ask."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._asked: dict[str, set[str]] = {}
        self._asking: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def read(self, connection: Connection) -> None:
        """Read what waits now."""
        rows = {row.key: row for row in open_damage(connection, inexact=True)}
        with self._lock:
            self._open = {
                key: _Open(
                    key, row.stream, row.log, row.number, key[5:] if row.kind in ("blob", "file") else "", row.unit, row.found_ms,
                    row.healed_ms is None, row.kind == "file",
                )
                for key, row in rows.items()
            }
            for asked in self._asked.values():
                asked &= rows.keys()

    def __len__(self) -> int:
        return sum(one.waits for one in list(self._open.values()))

    def knows(self, key: str) -> bool:
        """Whether this waits already."""
        one = self._open.get(key)
        return one is not None and one.waits

    def since(self, key: str) -> int | None:
        """Since when this waits; None where it does not."""
        one = self._open.get(key)
        return one.found_ms if one is not None and one.waits else None

    def waits(self, scope: Scope) -> bool:
        """Whether lines or sealed values are lost that may belong to a scope: then digests that differ tell nothing."""
        return bool(self._open) and bool(self._waiting(scope))

    def _waiting(self, scope: Scope) -> "list[_Open]":
        waiting = [one for one in list(self._open.values()) if one.waits and one.stream == scope.stream and not one.is_file]
        return [one for one in waiting if not one.unit or one.unit in scope.units]

    def must_ask(self, device: Device) -> bool:
        """Whether lines or sealed values are lost that may belong to a device's scope, and that it may hold: it has not said that it
        does not, or nobody knows what to ask it for.
        """
        asked = self._asked.get(device.id, set())
        return any(one.key not in asked or not (one.log or one.blob) for one in self._waiting(device.scope))

    def wants(self, device: Device) -> Lost:
        """What a device of the same stream has not been asked for since this process began."""
        if not self._open:
            return Lost((), ())
        with self._lock:
            asked = self._asked.get(device.id, set())
            wanted = [
                one for key, one in self._open.items()
                if one.stream == device.scope.stream and key not in asked and (one.log or one.blob)
            ][:MOST_ASKED]
            self._asking[device.id] = {one.key for one in wanted}
        return Lost([(one.log, one.number) for one in wanted if not one.blob], [one.blob for one in wanted if one.blob])

    def was_asked_for(self, device: Device, lost: Lost) -> None:
        """This device has said all that it holds of these, which an answer by bundle asked for some time ago."""
        lines, blobs = set(lost.lines), set(lost.blobs)
        with self._lock:
            keys = {key for key, one in self._open.items() if (one.blob in blobs if one.blob else (one.log, one.number) in lines)}
            self._asked.setdefault(device.id, set()).update(keys)

    def was_asked(self, device: Device) -> None:
        """This device has said all that it holds of what it was asked for last."""
        with self._lock:
            self._asked.setdefault(device.id, set()).update(self._asking.pop(device.id, ()))


