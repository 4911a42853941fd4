"""Publishing the catalogue of the folder: it follows the one before it, and carries what that one had and it has not.

Done once, when a server process begins, before anybody is served. A tablet that is offline goes on with the catalogue that it has;
its lines are judged by what their form had. Where nothing changed nothing is written. The key store keeps the last one too: a database that
came back from a backup goes on with what was published since, so that no tablet's form is unknown to it.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Flask
from sqlalchemy import Connection, func, insert, select, update

from server import db
from server.db import insert_missing
from server.keystore import KeyStore, Published
from server.models import CatalogueRow, RecordRow
from server.reports.check import check_outlines
from server.services import services
from shared.catalogue import Catalogue
from shared.former import evolved

__all__ = ["follow", "publish"]


def publish(app: Flask, *, anew: bool = True) -> None:
    """Put the published catalogue in the place of the folder's.

    Args:
        anew: whether a changed folder is published; else the catalogue that was published last is taken, where there is one.

    Raises:
        CatalogueError: it cannot follow the one before it; with the file and the line. Nothing was changed.
    """
    held = services(app)
    folder = held.catalogue

    def work() -> Catalogue:
        with db.writing() as connection:
            return follow(connection, folder, held.clock.now_ms())

    with app.app_context():
        _tell_again(held.keys)
        catalogue = _last(folder if anew else None) or (db.retrying(work) if anew else folder)
        _keep(held.keys)
    check_outlines(catalogue)
    app.extensions["sen"] = replace(held, catalogue=catalogue)


def _tell_again(keys: KeyStore) -> None:
    """Give the database the catalogue that was published last, where it forgot it."""
    kept = keys.catalogue()
    if kept is None or kept.number <= _number():
        return

    def work() -> None:
        with db.writing() as connection:
            row = _newest(connection)
            insert_missing(connection, CatalogueRow, [kept._asdict()])
            if row is not None:
                _make_columns_anew(connection, _read(row.texts), _read(kept.texts))

    db.retrying(work)


def _keep(keys: KeyStore) -> None:
    """Keep the catalogue that was published last."""
    kept, number = keys.catalogue(), _number()
    if number and (kept is None or kept.number < number):
        with db.reading() as connection:
            columns = [getattr(CatalogueRow, name) for name in Published._fields]
            keys.keep_catalogue(Published(*connection.execute(select(*columns).where(CatalogueRow.number == number)).one()))


def _number() -> int:
    """The number of the catalogue that was published last; 0 where none was."""
    with db.reading() as connection:
        return connection.scalar(select(func.coalesce(func.max(CatalogueRow.number), 0))) or 0


def _last(folder: Catalogue | None) -> Catalogue | None:
    """The catalogue that was published last; None where it was not made from this folder."""
    with db.reading() as connection:
        row = _newest(connection)
    return None if row is None or (folder is not None and row.source != folder.version) else _read(row.texts)


def follow(connection: Connection, folder: Catalogue, now_ms: int) -> Catalogue:
    """Let a folder's catalogue follow the one that was published last, in a transaction of the caller; gives what is published now.

    Raises:
        CatalogueError: it cannot follow.
    """
    if connection.dialect.name == "postgresql":  # several processes may begin together
        connection.exec_driver_sql("LOCK TABLE catalogue IN SHARE ROW EXCLUSIVE MODE")
    row = _newest(connection)
    if row is not None and row.source == folder.version:
        return _read(row.texts)
    before = None if row is None else _read(row.texts)
    catalogue = folder if before is None else Catalogue.from_texts(evolved(before, folder.texts))
    number = connection.scalar(select(func.coalesce(func.max(CatalogueRow.number), 0) + 1))
    packed = zlib.compress(json.dumps(catalogue.texts, ensure_ascii=False).encode("utf-8"))
    values = {"number": number, "version": catalogue.version, "source": folder.version, "at_ms": now_ms, "texts": packed}
    connection.execute(insert(CatalogueRow).values(values))
    if before is not None:
        _make_columns_anew(connection, before, catalogue)
    return catalogue


def _make_columns_anew(connection: Connection, before: Catalogue, after: Catalogue) -> None:
    changed = _changed(before, after)
    connection.execute(update(RecordRow).where(RecordRow.type.in_(changed)).values(current=None, faults=None))


def _newest(connection: Connection) -> Any:
    """The last catalogue that was published: (source, texts); None where there was none."""
    columns = select(CatalogueRow.source, CatalogueRow.texts).order_by(CatalogueRow.number.desc()).limit(1)
    return connection.execute(columns).one_or_none()


def _read(texts: bytes) -> Catalogue:
    told: Mapping[str, str] = json.loads(zlib.decompress(texts))
    return Catalogue.from_texts(told)


def _changed(before: Catalogue, after: Catalogue) -> list[str]:
    """The record types whose columns must be made again: fields have other names or kinds there."""
    return [code for code in after.all_types if _told(before, code) != _told(after, code)]


def _told(catalogue: Catalogue, code: str) -> object:
    one = catalogue.all_types.get(code)
    return None if one is None else (one.title, one.date, one.figure, dict(one.fields), dict(one.former))
