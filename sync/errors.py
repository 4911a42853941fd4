"""Two bases: what is wrong in the frame of a message, and what is wrong inside one line.

A frame that fails (packing, head, chain, MAC) is refused and applies nothing. Content that fails is
never refused: the line is stored as its bytes and set aside with the code of its fault, so that it
never blocks the lines behind it (``reliability`` decision: no content is ever refused).
"""

from shared.errors import SenError

__all__ = ["ContentFault", "FrameFault"]


class ContentFault(ValueError):
    """A line's content cannot be used; ``code`` says why and has its text in ``messages.yaml``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class FrameFault(SenError):
    """A message is not whole or not genuine; nothing of it is applied."""
