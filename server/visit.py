"""One request of a tablet at the server: what it reads before anything is written belongs to one moment and one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection

from server import db
from server.ledger import SqlLedger
from server.reader import SqlReader
from server.store import SqlServer
from sync.copies import Marks
from sync.log import Change
from sync.lost import Brought, Lost
from sync.store import Device

__all__ = ["Visit"]


class Visit:
    """``sync.store.Server`` for one request. A context manager: at its end nothing is left open."""

    def __init__(self, server: SqlServer) -> None:
        self._server = server
        self._open = ExitStack()
        self._connection: Connection | None = None
        self.run_key = server.run_key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection = None
        self._open.__exit__(kind, error, trace)

    def _read(self) -> Connection:
        if self._connection is None:
            self._connection = self._open.enter_context(db.reading())
        return self._connection

    def _end(self) -> None:
        """End what is being read, so that what comes is of a later moment."""
        self._connection = None
        self._open.close()

    def device(self, device: str) -> Device:
        """An enrolled device with its logs, in one query. Raises FrameFault("unknown_device")."""
        return self._server.device_on(self._read(), device)

    @contextmanager
    def writing(self, stream: str, writer: str, now_ms: int) -> Iterator[SqlLedger]:
        """A writing transaction on a stream."""
        self._end()
        with self._server.writing(stream, writer, now_ms) as ledger:
            yield ledger

    @contextmanager
    def reading(self) -> Iterator[SqlReader]:
        """The reading transaction that is open, or a new one; it ends with the block."""
        yield self._server.reader_on(self._read())
        self._end()

    def seek(self, stream: str, named: Mapping[str, Change]) -> None:
        """Ask for sealed values that are not here."""
        self._end()
        self._server.seek(stream, named)

    def wants(self, device: Device) -> Lost:
        """What was lost here and this device has not been asked for yet."""
        return self._server.wants(device)

    def mend_logs(self, logs: Sequence[str]) -> int:
        """Make what is kept of logs anew where their lines say something else."""
        if not logs:
            return 0
        self._end()
        return self._server.mend_logs(logs)

    def mend(
        self, device: Device, lines: Sequence[Brought], blobs: Sequence[tuple[str, bytes]], *, through: bool, now_ms: int,
        sought: Lost | None = None,
    ) -> None:  # fmt: skip
        """Put back what a device brings of it."""
        self._end()
        self._server.mend(device, lines, blobs, through=through, now_ms=now_ms, sought=sought)

    def note_marks(self, device: Device, marks: Marks) -> None:
        """Keep what is known now of a device's being used in two places."""
        self._server.note_marks(device, marks)

    def told_to_wipe(self, device: Device, now_ms: int) -> None:
        """Take note that a revoked device has handed in everything and is told to wipe itself."""
        self._server.told_to_wipe(device, now_ms)

    def documents(self, device: Device, versions: Mapping[str, str]) -> dict[str, Any]:
        """What else syncs and is not held at its present version."""
        return self._server.documents(device, versions)
