"""Carries the bytes of files between this tablet and its server: behind the records, chunk by chunk, going on where a cut left off.

Knows no thread and no window. A record never waits for its photo: whoever has records to send says so, and the carrier stops behind
the chunk that is on its way.
"""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from mobile.syncing import CUTS, MOST_CUTS
from shared.errors import SenError
from sync.errors import FrameFault
from sync.files import LARGEST_CHUNK, MOST_ASKED, Ask, ChunkSize, Get, Put, open_answer, seal_request
from sync.over_http import post_file

if TYPE_CHECKING:
    from mobile.tablet import Tablet

OURS: Final = frozenset({"file_wrong_hash", "file_not_fit", "file_too_large", "file_damaged", "file_not_here"})
"""What is wrong with one file and gets no better by sending it again; anything else is left for the next time."""

LOOK_EVERY_MS: Final = 7 * 24 * 3600 * 1000
LOOKED: Final = "files_looked"
"""The note of when the server was last asked about all files."""

__all__ = ["Carrier"]


class Carrier:
    """The way of a tablet's files; one file at a time.

    Args:
        post: sends a request to an address and gives the answer; the network, or a test.
    """

    def __init__(self, tablet: "Tablet", post: Callable[[str, bytes], bytes] = post_file) -> None:
        self._tablet = tablet
        self._post = post
        self._one = threading.Lock()
        self._size = ChunkSize()
        self._cuts = 0
        self.sent_bytes = 0
        """Bytes of files that were put on the way since the start, those that a cut lost included."""

    def carry(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Send what waits, until nothing does or ``stop`` says that something else comes first.

        Raises:
            SenError: ``no_network``, ``network_cut``, or what the server says. What arrived is not sent again.
        """
        with self._one:
            self._cuts = 0
            self._look_again()
            waiting = self._tablet.files.waiting()
            for first in range(0, len(waiting), MOST_ASKED):
                some = tuple(waiting[first : first + MOST_ASKED])
                there = self._ask(some)
                for digest in some:
                    if stop():
                        return
                    if digest in there:
                        self._send(digest, *there[digest], stop)

    def _look_again(self) -> None:
        """Once a week ask whether the server still has what it had: one that was restored may have lost a photo and no line."""
        store, files, now_ms = self._tablet.store, self._tablet.files, self._tablet.clock.now_ms()
        looked = store.note(LOOKED)
        if looked is not None and 0 <= now_ms - int(looked) < LOOK_EVERY_MS:
            return
        held = files.asked().held if looked is not None else ()
        for first in range(0, len(held), MOST_ASKED):
            there = self._ask(held[first : first + MOST_ASKED])
            files.lacking(digest for digest, (_, whole) in there.items() if not whole)
        store.set_note(LOOKED, str(now_ms))

    def _ask(self, hashes: tuple[str, ...]) -> dict[str, tuple[int, bool]]:
        """How much the server has of these; one that no accepted line names for it yet is left out, and waits."""
        told = self._question(Ask(hashes))[0].get("files")
        if not isinstance(told, dict):
            raise FrameFault("bad_head")
        return {digest: (held, bool(whole)) for digest, (held, whole) in told.items()}

    def _send(self, digest: str, held: int, whole: bool, stop: Callable[[], bool]) -> None:
        try:
            data = b"" if whole else self._tablet.files.travelling(digest)
            while not whole:
                if stop():
                    return
                held, whole = self._chunk(digest, held, data)
        except SenError as error:
            if error.code not in OURS:
                raise
            self._tablet.files.refuse(digest, error.code)
            return
        self._tablet.files.sent(digest)

    def _chunk(self, digest: str, held: int, data: bytes) -> tuple[int, bool]:
        """Send the next chunk; after a cut, ask from where. Gives how far the server has it."""
        chunk = data[held : held + self._size.bytes]
        try:
            self.sent_bytes += len(chunk)
            answer, _ = self._once(Put(digest, held, len(data), chunk))
        except SenError as error:
            self._cut(error)
            there = self._ask((digest,))
            if digest not in there:
                raise SenError("network_cut") from error
            if there[digest][0] > held:
                self._cuts = 0
            return there[digest]
        self._size.arrived()
        self._cuts = 0
        return _count(answer, "held"), bool(answer.get("whole"))

    def _question(self, asks: Ask | Get) -> tuple[Mapping[str, Any], bytes]:
        """Ask until an answer comes, a bounded number of times."""
        while True:
            try:
                return self._once(asks)
            except SenError as error:
                self._cut(error)

    def _cut(self, error: SenError) -> None:
        """Take note of a broken request; raises it where trying on at once is of no use."""
        self._size.cut()
        self._cuts += 1
        if error.code not in CUTS or error.code == "no_network" or self._cuts >= MOST_CUTS:
            raise error

    def _once(self, asks: Ask | Put | Get) -> tuple[Mapping[str, Any], bytes]:
        device = self._tablet.store.device()
        request = seal_request(device.id, device.mac_key, asks)
        return open_answer(request, self._post(self._tablet.who.address, request), device.mac_key)

    def fetch(self, digest: str, *, sealed: bool) -> None:
        """Bring a file that another device recorded; what a cut interrupts goes on with the next call. Where there is no network the next
        bundle asks for it.

        Raises:
            SenError: ``file_not_here`` where the server does not have it yet; ``switched_offline``, ``no_network`` and the like.
        """
        files = self._tablet.files
        if files.has(digest):
            return
        try:
            self._bring(digest, sealed=sealed)
        except SenError as error:
            if error.code in ("switched_offline", "no_network"):
                files.wish(digest, sealed=sealed)
            raise

    def _bring(self, digest: str, *, sealed: bool) -> None:
        files = self._tablet.files
        if self._tablet.profile.settings.offline:
            raise SenError("switched_offline")
        with self._one:
            self._cuts = 0
            at, size = files.fetched(digest), None
            while size is None or at < size:
                answer, chunk = self._question(Get(digest, at, min(self._size.bytes, LARGEST_CHUNK)))
                size = _count(answer, "size")
                if answer.get("at") != at or (not chunk and at < size):
                    raise FrameFault("bad_head")
                if chunk:
                    files.keep_part(digest, at, chunk)
                at += len(chunk)
                self._size.arrived()
                self._cuts = 0
            files.join(digest, sealed=sealed)


def _count(answer: Mapping[str, Any], member: str) -> int:
    value = answer.get(member)
    if type(value) is not int or value < 0:
        raise FrameFault("bad_head")
    return value
