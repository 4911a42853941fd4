"""The pool of threads that hear connections, as it grows just when it was to become smaller."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from server.desk import GROWTH, Listener

THREADS = 2 * GROWTH


class Heard:
    """A connection that somebody hears out: ``begun`` once a thread has it, which goes on when it is let go."""

    remote_addr, remote_port = "127.0.0.1", 0

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def communicate(self) -> bool:
        """As cheroot's connection: whether it is kept."""
        self.begun.set()
        self.let_go.wait(60)
        return False

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener(("127.0.0.1", 0), lambda environ, start: [], numthreads=1, max=4 * THREADS)
    made.prepare()
    yield made
    made.stop()


def test_f44_threads_that_are_to_end_and_threads_that_begin_at_once_leave_nobody_unheard(listener: Listener) -> None:
    """All threads are busy when some are told to end; the new ones take these orders, and the server goes on taking connections."""
    busy = [Heard() for _ in range(THREADS)]
    for one in busy:
        listener.process_conn(one)  # type: ignore[arg-type]
        assert one.begun.wait(60)
    listener.requests.shrink(GROWTH)
    late = Heard()
    late.let_go.set()
    taken = threading.Thread(target=listener.process_conn, args=(late,), daemon=True)
    taken.start()
    taken.join(60)
    assert not taken.is_alive(), "the thread that takes connections waits for one that has ended"
    for one in busy:
        one.let_go.set()
    assert late.begun.wait(60)
