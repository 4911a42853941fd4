"""One base for every error that a person may meet: whose fault, where, and a stable code.

An error holds facts, never a finished sentence: the sentences (vi, en) stand in ``messages.yaml`` by code, with whose fault it is and the
HTTP status that fits, and are filled in when they are shown. Only facts that the code's sentences name are kept, so that nothing else (a
confidential value least of all) can travel in an error into a log. Formatting an error never raises.
"""

from typing import Any

from shared.messages import facts_of, fault_of, phrase, status_of

__all__ = ["SenError"]


class SenError(Exception):
    """An error with a code of ``messages.yaml`` and the facts that its sentences name."""

    def __init__(self, code: str, /, **context: Any) -> None:
        super().__init__(code)
        self.code = code
        known = facts_of(code)
        self.context = {name: value for name, value in context.items() if name in known}

    @property
    def status(self) -> int:
        """The HTTP status that fits, by the table of codes."""
        return status_of(self.code)

    @property
    def fault(self) -> str:
        """Whose fault it is: ``user``, ``peer`` or ``own``."""
        return fault_of(self.code)

    def text(self, lang: str = "vi") -> str:
        """The sentence for a person: what is wrong and what to do."""
        return phrase(self.code, lang, **self.context)
