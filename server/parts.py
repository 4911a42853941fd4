"""The heads of parts, kept as a transaction goes: each part's last number and the sum of its records' digests."""

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from server.models import PartRow

MODULUS = 1 << 128

__all__ = ["PartSums"]


class PartSums:
    """What a batch of records adds to the parts that hold them."""

    def __init__(self) -> None:
        self._moved: dict[tuple[str, str, bool], tuple[int, int]] = {}

    def add(self, unit: str, type_code: str, *, sealed: bool, number: int, change: int) -> None:
        """A record of this unit was touched by ``number``; its digest grew by ``change`` (modulo 2^128)."""
        last, total = self._moved.get((unit, type_code, sealed), (0, 0))
        self._moved[unit, type_code, sealed] = (max(last, number), total + change)

    def write(self, connection: Connection) -> None:
        """Write the parts, in three statements at most."""
        if not self._moved:
            return
        units = {unit for unit, _, _ in self._moved}
        rows = connection.execute(select(PartRow).where(PartRow.unit.in_(units))).all()
        there = {(row.unit, row.type, row.sealed): (row.number, int.from_bytes(row.digest, "big")) for row in rows}
        new: list[dict[str, Any]] = []
        old: list[dict[str, Any]] = []
        for (unit, code, sealed), (number, change) in self._moved.items():
            last, sum_before = there.get((unit, code, sealed), (0, 0))
            number, digest = max(last, number), ((sum_before + change) % MODULUS).to_bytes(16, "big")
            if (unit, code, sealed) in there:
                old.append({"u": unit, "t": code, "s": sealed, "n": number, "d": digest})
            else:
                new.append({"unit": unit, "type": code, "sealed": sealed, "number": number, "digest": digest})
        if new:
            connection.execute(insert(PartRow), new)
        if old:
            which = (PartRow.unit == bindparam("u"), PartRow.type == bindparam("t"), PartRow.sealed == bindparam("s"))
            connection.execute(update(PartRow).where(*which).values(number=bindparam("n"), digest=bindparam("d")), old)
