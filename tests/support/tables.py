"""Everything that a database holds, to be compared before and after."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, MetaData, select

__all__ = ["dump_of"]


def dump_of(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, by table, in an order of their own; as the database itself tells its tables."""
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in sorted(tables.tables.items())
        }
