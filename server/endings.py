"""What has ended for good, told again to a database that forgot it: one that came back from a backup.

Erasures are the key store's own: a destroyed key comes back with no database. Revoked devices, disabled people, ended roles and
grants are noted in the key store when they end, and applied at every start.
"""

from typing import Any

from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from server.db import transaction
from server.people import Device, Grant, RoleHeld, User
from server.services import services
from shared.ids import new_id

ENDED_COLUMNS = {
    "device": (Device, "revoked_ms"),
    "user": (User, "disabled_ms"),
    "role": (RoleHeld, "ended_ms"),
    "grant": (Grant, "ended_ms"),
}
"""Kind of the key store's row → the table and its column that says when it ended."""

__all__ = ["ENDED_COLUMNS", "apply_ended"]


def apply_ended(app: Flask) -> int:
    """End everything that the key store knows to have ended; gives how many rows had forgotten it."""
    with app.app_context():
        ended = services().keys.ended()
        return transaction(lambda session: sum(_apply(session, kind, id, at_ms) for kind, id, at_ms in ended))


def _apply(session: Session, kind: str, id: str, at_ms: int) -> int:
    if kind not in ENDED_COLUMNS:
        return 0
    table, name = ENDED_COLUMNS[kind]
    row: Any = session.get(table, id)
    if row is None or getattr(row, name) is not None:
        return 0
    setattr(row, name, at_ms)
    holder = row.id if isinstance(row, User) else row.user
    session.execute(update(User).where(User.id == holder).values(stamp=new_id()))
    session.flush()
    return 1
