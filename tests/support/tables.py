"""Everything that a database holds, to be compared before and after."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Engine, MetaData, Table, select

BEHIND = {"device": {"seen_ms", "unsent"}, "record": {"current", "folded", "dated", "state"}}
"""When a device was last heard of, and the columns that lists read, which are made from the registers once pushing pauses."""

MADE_BEHIND = {"file_cursor", "file_name"}
"""Tables that are made from the lines, also once pushing pauses: which lines name which files."""

__all__ = ["dump_of"]


def dump_of(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, by table, in an order of their own; as the database itself tells its tables.

    What a server writes behind an answer, whenever it finds the time, is left out (``BEHIND``).
    """
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(*_columns(table)))), key=repr)
            for name, table in sorted(tables.tables.items())
            if name not in MADE_BEHIND
        }


def _columns(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if column.name not in BEHIND.get(table.name, ())]
