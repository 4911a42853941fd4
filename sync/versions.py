"""Versions of the protocol: which one this program speaks, how old the other side may be, and who must update where it is older.

Lines, chains and runs are the same in every version; what a version adds is new members, new kinds of operations, new kinds of
documents, and an older side passes over what it does not know. So an app of any version hands in its lines to any later
server, by network and by bundle; where the two are further apart than the window, that is all they do, and say so.
"""

from collections.abc import Mapping
from typing import Any, Final

from sync.errors import FrameFault

VERSION: Final = 1
"""What this program speaks: ``p`` of a head, absent for 1."""

APPS_FROM: Final = 1
"""The oldest app that a server of this version tells what is new."""

SERVERS_FROM: Final = 1
"""The oldest server of which an app of this version keeps what it tells."""

UPDATE: Final = "update"
"""Member of an answer's head: ``app`` tells an app that is older than the window that it gets nothing until it is updated."""

APP: Final = "app"
SERVER: Final = "server"

__all__ = ["APP", "APPS_FROM", "SERVER", "SERVERS_FROM", "UPDATE", "VERSION", "marked", "version_in", "who_updates"]


def marked(head: dict[str, Any], version: int) -> dict[str, Any]:
    """A head with the version of its writer; the first one is not written."""
    return head if version == 1 else {**head, "p": version}


def version_in(head: Mapping[str, Any]) -> int:
    """The version of a head's writer. Raises FrameFault("bad_head")."""
    version = head.get("p", 1)
    if type(version) is not int or version < 1:
        raise FrameFault("bad_head")
    return version


def who_updates(head: Mapping[str, Any], servers_from: int) -> str:
    """Who must be updated, by an answer's head: ``app``, ``server`` or "" where both are in the window."""
    if head.get(UPDATE) == APP:
        return APP
    return SERVER if version_in(head) < servers_from else ""
