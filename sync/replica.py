"""A tablet's replica: what the server told, with the tablet's own changes on top until they are settled.

A tablet does not merge; it replaces the registers that a page tells. What it shows is the told state under its own
changes that the told state does not hold yet.
"""

from collections.abc import Callable, Iterable
from heapq import merge

from sync.log import RECORD_STANDING, Change
from sync.state import RecordState, Register, Value

SET_OPERATIONS = frozenset({"add", "remove"})

__all__ = ["imply", "in_writing_order", "overlay", "replace", "unit_before"]


def replace(base: RecordState | None, told: RecordState) -> RecordState:
    """Put the told registers in the place of those that were held; gives the record as the server has it."""
    if base is None:
        return told
    base.registers.update(told.registers)
    base.units = list(told.units)
    return base


def imply(base: RecordState | None, change: Change, name: str) -> RecordState:
    """Settle an own change that arrived and that no page disputed: it stands as it was written."""
    state = base or RecordState(change.record, change.type, [change.unit])
    for op in change.operations:
        register = state.registers.setdefault(op.path, Register(0, []))
        register.values = [Value((name,), {}, op.kind, op.value, op.blob)]
    return state


def in_writing_order(changes: Iterable[tuple[str, Change]]) -> list[tuple[str, Change]]:
    """A device's own changes, with their names, as it wrote them: in a log by number, between its logs by its hybrid clock.

    Never by the wall clock, which may have been set back between two of them.
    """
    logs: dict[str, list[tuple[str, Change]]] = {}
    for one in sorted(changes, key=lambda one: one[1].number):
        logs.setdefault(one[1].log, []).append(one)
    return list(merge(*logs.values(), key=lambda one: one[1].time))


def unit_before(pending: Iterable[tuple[str, Change]], unit: str) -> str:
    """The unit to write into a change that may overtake a record's unsettled ones, as one in the urgent log does.

    It is the unit in which the first of them found the record. A move among them comes later at the server, and moves it then: told
    as done, the record would never have been in the unit that it left.

    Args:
        unit: where the record is shown.
    """
    return next((change.unit for _, change in pending), unit)


def overlay(
    base: RecordState | None, pending: Iterable[tuple[str, Change]], policy: Callable[[str, str], str]
) -> RecordState | None:
    """What the screen shows: the told state under the tablet's own unsettled changes, in their order.

    A value that an own change had not seen stays beside it as an open question where the policy asks, so that two
    different answers are seen even before the server has judged them.

    Args:
        pending: the own changes of this record with their names.
        policy: gives the merge policy of a type's path.
    """
    state = None if base is None else RecordState.load(base.dump())
    for name, change in pending:
        if state is None:
            state = RecordState(change.record, change.type, [change.unit])
        for op in change.operations:
            register = state.registers.setdefault(op.path, Register(0, []))
            unseen = [value for value in register.values if not set(value.origins) & set(op.saw)]
            mine = Value((name,), {}, op.kind, op.value, op.blob)
            if op.kind in SET_OPERATIONS or op.path.endswith(RECORD_STANDING):
                register.values = [mine, *unseen]
            elif policy(change.type, op.path) in ("ask", "text"):
                register.values = [mine, *(value._replace(open=True) for value in unseen if value.value != op.value)]
            else:
                register.values = [mine]
            if op.path == "unit" and isinstance(op.value, str) and op.value != state.unit:
                state.units = [*(unit for unit in state.units if unit != op.value), op.value]
    return state
