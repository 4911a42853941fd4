"""So many at once, and the others in the order in which they came: who waits is passed by nobody who came later.

A semaphore of the standard library lets whoever happens to ask while one is let go in before those that wait, and SQLite's own wait for its
one writer is a look every so often: under a crowd the same one may be unlucky again and again.
"""

import threading
from collections import deque

__all__ = ["Turns"]


class Turns:
    """Places that are handed on.

    Args:
        places: how many may be held at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._guard = threading.Lock()
        self.waiting: deque[threading.Lock] = deque()
        """Those that asked and have none yet, each with a lock of its own that is opened when its turn comes."""

    def take(self, patience_s: float = -1) -> bool:
        """Wait for one's turn, at most so long (-1: for ever); gives whether it came. Who gave up has left the queue."""
        mine = threading.Lock()
        mine.acquire()
        with self._guard:
            self.waiting.append(mine)
            self._call()
        return mine.acquire(timeout=patience_s) or not self._left(mine)

    def give(self) -> None:
        """Let one's place go, to the one that waits longest."""
        with self._guard:
            self._free += 1
            self._call()

    def _call(self) -> None:
        while self._free and self.waiting:
            self._free -= 1
            self.waiting.popleft().release()

    def _left(self, mine: threading.Lock) -> bool:
        """Leave the queue; False where one was called in the very moment."""
        with self._guard:
            if mine not in self.waiting:
                return False
            self.waiting.remove(mine)
            return True
