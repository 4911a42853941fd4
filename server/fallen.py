"""What stood at a path and is no longer in force, as rows: what its writer had seen, for whoever names it later."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select, update

from server.models import FallenValue
from sync.merge import Fallen

__all__ = ["write_fallen"]


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
