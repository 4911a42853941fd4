"""A real TCP proxy that slows, cuts, resets, drops and repeats, and counts what passes.

An *exchange* is one turn of a connection: bytes up, then bytes down. The next bytes up begin the next exchange, so
each HTTP request on a kept-alive connection is one. The proxy runs in a thread of its own; `Proxy` is a context
manager, its counts may be read at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from tests.support.link import LINKS, Fault, Link, Pace, Schedule

Address = tuple[str, int]

CLOSE_S = 2


@dataclass(kw_only=True)
class Counts:
    """What has passed since the start. Bytes are those that arrived on the other side."""

    bytes_up: int = 0
    bytes_down: int = 0
    connections: int = 0
    exchanges: int = 0
    cuts: int = 0
    duplicates: int = 0
    refused: int = 0


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes everything to `upstream` as the link allows.

    `faults` (exchange number → fault) replaces what the link's schedule would draw, for tests that want one thing
    at one place. While `offline` is true every connection is refused and the open ones are cut.
    """

    def __init__(
        self, upstream: Address, link: Link = LINKS["clean"], seed: int = 0, faults: Mapping[int, Fault] | None = None
    ) -> None:
        self.upstream = upstream
        self.counts = Counts()
        self._link = link
        schedule = Schedule(link, seed)
        self._fault: Callable[[int], Fault | None] = schedule.fault if faults is None else faults.get
        self._paces = {up: Pace(link, f"{seed}:{up}") for up in (True, False)}
        self._ordered: Fault | None = None
        self._offline = False
        self._answers_pass = asyncio.Event()
        self._answers_pass.set()
        self.held = threading.Event()
        """Set once an answer of the server waits in a block of `holding`."""
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self.address: Address = ("127.0.0.1", 0)

    @property
    def url(self) -> str:
        """The address as a client writes it."""
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def offline(self) -> bool:
        """Whether there is no network now."""
        return self._offline

    @offline.setter
    def offline(self, value: bool) -> None:
        self._offline = value
        if value:
            self._call(self._cut_all())

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()  # type: ignore[arg-type]

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, *self.address)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def _cut_all(self) -> None:
        for connection in list(self._connections):
            connection.cut(reset=True)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut_all()
        rest = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        if rest:  # what was cut ends by itself; what still waits for its time is cancelled
            _, waiting = await asyncio.wait(rest, timeout=CLOSE_S)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._offline:
            self.counts.refused += 1
            _end(writer, reset=True)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            self.counts.refused += 1
            _end(writer, reset=True)
            return
        self.counts.connections += 1
        connection = _Connection(self, writer, up_writer)
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.pump(reader, up_writer, up=True))
                group.create_task(connection.pump(up_reader, writer, up=False))
        except* (OSError, _Cut):
            connection.cut(reset=True)
        finally:
            self._connections.discard(connection)

    @contextlib.contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Let this go wrong with every exchange that begins in the block, whatever the schedule says."""
        self._ordered = fault
        try:
            yield
        finally:
            self._ordered = None

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Let requests pass and hold every answer until the end of the block; whoever waits for one is mid-exchange."""
        self.held.clear()
        self._loop.call_soon_threadsafe(self._answers_pass.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._answers_pass.set)

    async def let_answer(self) -> None:
        """Wait until answers may pass."""
        if not self._answers_pass.is_set():
            self.held.set()
            await self._answers_pass.wait()

    def begin_exchange(self) -> Fault | None:
        """Count a new exchange; what is to go wrong with it."""
        number = self.counts.exchanges
        self.counts.exchanges += 1
        return self._ordered or self._fault(number)

    async def repeat(self, request: bytes) -> None:
        """Send a request to the server again, as a network that repeats would; nobody reads the answer."""
        self.counts.duplicates += 1
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(*self.upstream)
            writer.write(request)
            await writer.drain()
            writer.write_eof()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), timeout=30)
            _end(writer, reset=False)


class _Cut(Exception):
    """This connection was cut on purpose."""


@dataclass(eq=False)
class _Connection:
    """One client's connection and ours to the server, with the exchange it is in."""

    proxy: Proxy
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    fault: Fault | None = None
    passed: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    """Bytes of this exchange by direction (up is True)."""
    going_up: bool = False
    request: bytearray = field(default_factory=bytearray)

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        """Pass one direction: read without waiting for the slow side, write each segment when its time has come."""
        link, pace = self.proxy._link, self.proxy._paces[up]
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)

        async def fill() -> None:
            loop = asyncio.get_running_loop()
            while data := await reader.read(link.segment_bytes):
                await queue.put((pace.passes_at(len(data), loop.time()), data))
            await queue.put((loop.time(), b""))

        filling = asyncio.create_task(fill())
        try:
            while (item := await self._next(queue, filling)) is not None:
                await self._send(writer, item, up=up)
        finally:
            filling.cancel()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _next(self, queue: asyncio.Queue[tuple[float, bytes]], filling: asyncio.Task[None]) -> bytes | None:
        """The next segment at its time; None at the end of this direction. Raises what the reader met."""
        getting = asyncio.create_task(queue.get())
        await asyncio.wait({getting, filling}, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done() and filling.done() and filling.exception() is not None:
            getting.cancel()
            raise _Cut
        at, data = await getting
        await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
        return data or None

    async def _send(self, writer: asyncio.StreamWriter, data: bytes, *, up: bool) -> None:
        """Pass one segment, or as much of it as the fault lets through. Raises _Cut."""
        if up and not self.going_up:
            self.fault = self.proxy.begin_exchange()
            self.passed = {True: 0, False: 0}
            self.request.clear()
        if not up:
            await self.proxy.let_answer()
        turned = not up and self.going_up
        self.going_up = up
        fault = self.fault
        if fault is not None and fault.kind == "duplicate":
            if up:
                self.request += data
            elif turned:
                await self.proxy.repeat(bytes(self.request))
        if fault is not None and fault.kind == "drop_response" and not up:
            self._fail(reset=True)
        limit = self._limit(up=up)
        came, data = len(data), data if limit is None else data[: max(0, limit - self.passed[up])]
        writer.write(data)
        await writer.drain()
        self.passed[up] += len(data)
        if up:
            self.proxy.counts.bytes_up += len(data)
        else:
            self.proxy.counts.bytes_down += len(data)
        if len(data) < came:  # what passed whole was not cut
            self._fail(reset=fault is not None and fault.kind == "reset")

    def _limit(self, *, up: bool) -> int | None:
        """How many bytes of this direction pass in this exchange."""
        if self.fault is None or self.fault.kind not in (("cut_up", "reset") if up else ("cut_down",)):
            return None
        return self.fault.at

    def _fail(self, *, reset: bool) -> None:
        self.proxy.counts.cuts += 1
        self.cut(reset=reset)
        raise _Cut

    def cut(self, *, reset: bool) -> None:
        """End both sides at once."""
        for writer in (self.client, self.server):
            _end(writer, reset=reset)


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    """Close one side; with a TCP reset where wanted (linger of 0 seconds)."""
    raw = writer.get_extra_info("socket")
    if reset and raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
