"""The server as a writer of logs of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.ids import new_id
from sync.log import LogHead

__all__ = ["OwnIdentity"]


@dataclass(slots=True)
class OwnIdentity:
    """The server as a device with logs: its id, its public key, and for each stream the log that this process writes there
    with how far it came.

    A database that was rolled back under the process does not know that log so far: it would get two lines under one
    number, so a new log is opened.
    """

    device: str
    key: bytes
    logs: dict[str, tuple[str, LogHead]] = field(default_factory=dict)
    new_log: Callable[[], str] = new_id
