"""What stood at a path and is no longer in force, as rows: what its writer had seen, for whoever names it later."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from server.models import FallenValue
from server.replaying import UNREADABLE
from sync.merge import Fallen

_OF = select(FallenValue).where(FallenValue.record.in_(bindparam("records", expanding=True)))
"""Built once: a list in a statement costs a look at each of its members."""

__all__ = ["read_fallen", "write_fallen"]


def read_fallen(connection: Connection, records: Sequence[str]) -> tuple[dict[tuple[str, str, str], Fallen], set[str]]:
    """What fell in some records, by record, path and name; and the records of which a row cannot be read: it is let go."""
    found: dict[tuple[str, str, str], Fallen] = {}
    wrong: set[str] = set()
    for row in connection.execute(_OF, {"records": records}).all():
        try:
            past, waits = json.loads(row.past)
            past = {log: (int(last[0]), str(last[1])) for log, last in past.items()}
            found[row.record, row.path, row.name] = Fallen(row.path, row.name, past, tuple(map(str, waits)))
        except UNREADABLE:
            wrong.add(row.record)
            here = (FallenValue.record == row.record, FallenValue.path == row.path, FallenValue.name == row.name)
            connection.execute(delete(FallenValue).where(*here))
    return found, wrong


def write_fallen(connection: Connection, fallen: Sequence[tuple[str, Fallen]]) -> None:
    """Write values that fell, each with its record; what was known of one before is written over. Three statements at most."""
    rows = {}
    for record, value in fallen:
        rows[record, value.path, value.name] = json.dumps([value.past, value.waits], separators=(",", ":"))
    if not rows:
        return
    records = {record for record, _, _ in rows}
    told = select(FallenValue.record, FallenValue.path, FallenValue.name).where(FallenValue.record.in_(records))
    there = {tuple(row) for row in connection.execute(told)}
    new = [{"record": key[0], "path": key[1], "name": key[2], "past": rows[key]} for key in rows if key not in there]
    old = [{"at_record": key[0], "at_path": key[1], "at_name": key[2], "past": rows[key]} for key in rows if key in there]
    if new:
        connection.execute(insert(FallenValue), new)
    if old:
        names = ((FallenValue.record, "at_record"), (FallenValue.path, "at_path"), (FallenValue.name, "at_name"))
        which = [column == bindparam(name) for column, name in names]
        connection.execute(update(FallenValue).where(*which).values(past=bindparam("past")), old)
