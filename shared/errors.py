"""One base for every error that a person may meet: whose fault, where, and a stable code.

An error holds facts, never a finished sentence: the sentences (vi, en) stand in ``messages.yaml`` by code and are filled in when they are
shown. No confidential value may be a fact. Formatting an error never raises.
"""

from typing import Any

__all__ = ["SenError"]


class SenError(Exception):
    """An error with a code of ``messages.yaml`` and the facts that its sentences name."""

    def __init__(self, code: str, **context: Any) -> None:
        super().__init__(code)
        self.code = code
        self.context = context

    @property
    def status(self) -> int:
        """The HTTP status that fits, by the table of codes."""
        from shared.messages import status_of

        return status_of(self.code)

    def text(self, lang: str = "vi") -> str:
        """The sentence for a person: what is wrong and what to do."""
        from shared.messages import phrase

        return phrase(self.code, lang, **self.context)
