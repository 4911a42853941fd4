"""What a server lost or finds changed on its disk, and what each side's store must offer so that it comes back (``sync.mended``)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from sync.log import Change
    from sync.store import Device, PartHead, StoredLine, Touched

__all__ = ["Brought", "Compared", "Holding", "Lost", "Mending", "Sound"]


class Lost(NamedTuple):
    """What a server has to have back: lines as (log, number), sealed values by their hashes."""

    lines: Sequence[tuple[str, int]]
    blobs: Sequence[str]


class Brought(NamedTuple):
    """A line as somebody holds it, with the server's time of its arrival (0 where that was not told) and why it was set aside."""

    log: str
    number: int
    line: bytes
    arrived_ms: int
    code: str


class Compared(NamedTuple):
    """What digests are compared with: the heads of all parts (none while the device has still to be asked for lines that are lost), and
    those parts in which a record is damaged for want of a line: nobody can tell by their digests who is right.
    """

    parts: "Sequence[PartHead]"
    skip: Sequence[str]


class Mending(Protocol):
    """What the server's half asks of the server (``sync.store.Server``)."""

    def wants(self, device: "Device") -> Lost:
        """What this device has not been asked for yet of what was lost; without a query."""

    def seek(self, stream: str, named: "Mapping[str, Change]") -> None:
        """Changes name these sealed values, by their hashes, which did not come with them: those that are not here are asked for. Whoever
        handed a line back may have come after they were written over, and its writer takes them to be here.
        """

    def mend_logs(self, logs: Sequence[str]) -> int:
        """Make what is kept of these logs anew where it is not what their lines say; gives how many rows were others."""

    def mend(
        self, device: "Device", lines: Sequence[Brought], blobs: Sequence[tuple[str, bytes]], *, through: bool, now_ms: int,
        sought: Lost | None = None,
    ) -> None:  # fmt: skip
        """Put back what fits, in a transaction of its own. ``through``: the device holds nothing more of what it was asked for last; of a
        bundle ``sought`` is what it was asked for, of which it holds nothing more.
        """


class Sound(Protocol):
    """What a pull asks of its reader (``sync.store.Reader``): nothing that is damaged is told."""

    def unsound(self, records: Sequence["Touched"], lines: Sequence["StoredLine"], after: int) -> set[str]:
        """The records of which a line that must be told (``lines`` came behind ``after``) or their row is damaged or gone: they are
        not told until it is mended, and what is lost is asked back.
        """

    def unsound_blobs(self, named: Mapping[str, str], told: Sequence[tuple[str, bytes]]) -> set[str]:
        """The same for sealed values: ``named`` is hash → record, ``told`` what was read of them; those that were erased are none."""


    def left_out(self, device: "Device") -> None:
        """This device was not told a record that is damaged."""

    def owes_what_was_left_out(self, device: "Device") -> bool:
        """Whether all that this device was not told is whole again: true once, and then its digests show what it lacks."""


class Holding(Protocol):
    """What the tablet's half asks of its store (``sync.tablet_store.TabletStore``)."""

    def lines_at(self, log: str, number: int) -> list[Brought]:
        """The lines of this number that are held of a log, its own or another's."""

    def blob(self, digest: str) -> bytes | None:
        """A sealed value by its hash; None where it is not held."""

    def lacks_file(self, digest: str) -> None:
        """Take note that the server lost the bytes of a file: where they are held they are sent again."""
