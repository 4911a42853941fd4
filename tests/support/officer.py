"""What an officer does with a tablet, whatever it keeps its data in: types, decides, withdraws.

Typing takes what the form shows, makes the difference and puts it into the log.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.catalogue import Catalogue
from sync.compose import decision, difference, withdrawal
from sync.log import Operation
from sync.state import RecordState
from sync.view import Snapshot, plain, snapshot


class Officer:
    """The hands; ``show`` and ``log_change`` are the tablet's own."""

    catalogue: Catalogue

    def show(self, record: str) -> RecordState | None:
        """What the screen shows of a record."""
        raise NotImplementedError

    def log_change(self, record: str, type_code: str, unit: str, operations: Sequence[Operation], *, now_ms: int, urgent: bool = False) -> str:
        """Put a change into a log; gives its name."""
        raise NotImplementedError

    def values(self, record: str) -> dict[str, Any]:
        """The plain values that the screen shows."""
        state = self.show(record)
        return {} if state is None else plain(state, self.catalogue.all_types[state.type])

    def questions(self, record: str) -> list[str]:
        """The paths where the screen says that two people wrote differently."""
        state = self.show(record)
        return [] if state is None else state.open_paths()

    def open(self, record: str) -> Snapshot:
        """Open a form: what it shows now."""
        state = self.show(record)
        return Snapshot.empty() if state is None else snapshot(state, self.catalogue.all_types[state.type])

    def write(
        self, record: str, type_code: str, unit: str, values: Mapping[str, Any], *, now_ms: int, urgent: bool = False, opened: Snapshot | None = None
    ) -> list[str]:
        """Type values into a form and save; gives the names of the changes."""
        form = opened or self.open(record)
        changes = difference(self.catalogue.types[type_code], form, {**form.values, **values})
        return [self.log_change(record, type_code, unit, ops, now_ms=now_ms, urgent=urgent) for ops in changes]

    def decide(self, record: str, path: str, value: Any, *, now_ms: int) -> str:
        """Decide an open question."""
        state = self.show(record)
        assert state is not None
        names = tuple(name for held in state.registers[path].values for name in held.origins)
        return self.log_change(record, state.type, state.unit, (decision(path, value, names),), now_ms=now_ms)

    def withdraw(self, record: str, *, now_ms: int) -> str:
        """Withdraw a record."""
        state = self.show(record)
        assert state is not None
        return self.log_change(record, state.type, state.unit, (withdrawal(state),), now_ms=now_ms)
