"""The contract of a tablet's store: what it must guarantee, so that the protocol need not know a database.

Each method's docstring is its guarantee. A server's are in ``sync.store``.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sync.log import Change, LogHead
from sync.lost import Holding
from sync.messages import Run
from sync.state import RecordState
from sync.store import Device, Scope

__all__ = ["OwnLog", "Page", "TabletStore"]


class OwnLog(NamedTuple):
    """A log that this tablet writes: its head, and how far the server is known to have read it."""

    log: str
    urgent: bool
    head: LogHead
    acknowledged: int


class Page(NamedTuple):
    """What one answer brings to a tablet, ready to be kept in one transaction.

    ``soles`` are records that one fresh change made whole (``sync.merge.fresh``), by record: the change's name and the change; it
    replaces what was held of the record. ``states`` hold, for each other record, just the registers that were touched: they
    replace what the tablet held there. ``upto`` tells how far the told state holds the tablet's own logs. An own change up to
    there is settled when its record is told; and when a page is complete, own changes up to there whose records were not told
    since stand as they were written (``sync.replica.imply``). Only a settled change leaves the layer that the screen shows on top.
    ``forked`` are own logs in which two lines bear one number: they are closed. ``want`` are logs of others of which a restored
    server lacks what this tablet holds: log → behind which number. ``pasts`` tell, as [name of a change, path, names], what its
    writer had seen there, wherever the lines alone do not. ``unread`` are the names of lines that this app is too old to read; their
    bytes are kept with the others.
    """

    soles: Mapping[str, tuple[str, Change]]
    states: Sequence[RecordState]
    runs: Sequence[Run]
    blobs: Sequence[tuple[str, bytes]]
    wraps: Sequence[Sequence[str]]
    cursors: Mapping[str, str]
    read: Mapping[str, LogHead]
    aside: Sequence[tuple[str, int, str]]
    upto: Mapping[str, int]
    scope: Scope | None
    documents: Mapping[str, Any]
    forked: Sequence[str]
    want: Mapping[str, int]
    pasts: Sequence[Sequence[Any]]
    complete: bool
    unread: Sequence[str] = ()


class TabletStore(Holding, Protocol):
    """A tablet's store. What a method has returned from is on disk (WAL, synchronous=FULL)."""

    def device(self) -> Device:
        """Who this tablet is, and the scope it was last told."""

    def own_logs(self, *, every: bool = False) -> list[OwnLog]:
        """The logs that this tablet writes, the urgent one first; before them each closed one that has still to be sent, or holds a
        change that is not settled: only of logs that are named is told what became of their changes. ``every``: also those that were
        read to their ends; a server that was restored may have forgotten them.
        """

    def mark(self) -> str:
        """What tells this storage from a copy of it (``sync.copies``): the main log that it writes, once it closed one; "" before."""

    def unsent(self, log: str, after: int, limit_bytes: int) -> Run | None:
        """The lines of an own log behind ``after``, up to about so many bytes but at least one; None when none."""

    def chains_at(self, log: str, number: int) -> Collection[bytes]:
        """What h(number) of an own log may be, by what is held there; none where nothing tells it, more than one where some is damaged."""

    def along(self) -> dict[str, int]:
        """What must leave with unsent urgent changes so that their records arrive whole: other log → up to which number."""

    def blobs_of(self, run: Run) -> list[tuple[str, bytes]]:
        """The sealed values that the lines of an own run name by their hashes."""

    def wraps_of(self, blobs: Sequence[tuple[str, bytes]]) -> list[tuple[str, str, str]]:
        """The wrapped case keys that the server needs for these sealed values: (key id, recipient, wrapped key)."""

    def line(self, name: str) -> bytes | None:
        """A line that the tablet holds, its own or a pulled one, by its name."""

    def cursors(self) -> dict[str, str]:
        """Stream or part → token of the place up to which it was pulled. A part stands here while it is filled again."""

    def past_cursors(self, stream: str) -> list[str]:
        """Tokens of earlier complete pulls of the present scope, the newest first: shown to a server that does not know the newest."""

    def held_heads(self) -> dict[str, str]:
        """For each log of others: the last lines that were pulled of it (``sync.lineage.ends_of``)."""

    def handing_back(self, limit_bytes: int) -> tuple[list[Run], bool]:
        """Runs of others that a restored server wants back, up to about so many bytes, with their proofs, lines that are not held
        as their hashes; and whether there are more.
        """

    def pasts_of(self, runs: Sequence[Run]) -> list[Sequence[Any]]:
        """What was told of the pasts of these runs' changes: [name, path, names]."""

    def owes(self) -> bool:
        """Whether a restored server waits for runs of others."""

    def handed_back(self, runs: Sequence[Run]) -> None:
        """Take note that the server has these runs again."""

    def versions(self) -> dict[str, str]:
        """The versions held of what else syncs: {"catalogue": …, "people": …}."""

    def digest(self) -> int:
        """The sum, modulo 2^128, of the digests of all records' parts in scope, without the tablet's unpulled changes."""

    def part_digests(self) -> dict[str, int]:
        """The digest of each part held, by ``unit/type/0`` or ``…/1``."""

    def answers(self) -> int:
        """How many answers brought something and were kept, by whatever way they came; counted in the same transaction."""

    def keep(self, page: Page) -> None:
        """Keep a page in one transaction: registers, lines, cursors, acknowledgements, documents; all or nothing.

        ``read`` is compared with the own chain. The line is ours: so far the server has read. It is behind our last one: this
        tablet went back to an older copy of itself; the log is closed. It is another line than ours: nothing of this log
        counts as read, and all of it is told again (the server knows what it has).

        A page with the cursor of a part tells records whole: they replace what was held. That cursor is dropped when the
        page is complete, and with it what was held of the part and was not told since ``refill``. A page with a scope
        drops what is outside it, and the stream's cursor starts anew. A record with an own change that is not settled yet
        is dropped by neither until it is.
        """

    def recount(self) -> None:
        """Count the digests anew from what can be read; what cannot is let go."""

    def refill(self, parts: Sequence[str]) -> None:
        """Pull these parts again from the start: their digests differ from the server's."""
