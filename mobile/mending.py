"""What the server set aside is mended here: its answers stand in the record's form again, to be put right and handed in anew.

A line that was set aside has no effect and is not told again; its words are in this tablet's log. Opened from «Đồng bộ», they stand in the
form as if they had just been typed, over what the record holds now. Once they were written again, or somebody else (the district, say)
wrote the same, there is nothing left to mend.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from mobile.gaps import readable
from shared.errors import SenError
from sync.log import Change
from sync.view import snapshot

if TYPE_CHECKING:
    from mobile.store import Store
    from mobile.tablet import Tablet

MENDED: Final = "mended"
"""The note that names the lines that were written again."""

__all__ = ["Aside", "lines_aside", "mended", "put_again", "to_mend"]


class Aside(NamedTuple):
    """An own line that was set aside: its name, its change, the code of the reason."""

    name: str
    change: Change
    code: str


def lines_aside(store: "Store") -> list[Aside]:
    """The own lines that the server set aside, the newest first."""
    query = "SELECT name, body, aside FROM own_line WHERE aside <> '' ORDER BY made DESC, number DESC"
    with store.database.reading() as connection:
        rows = connection.execute(query).fetchall()
    found = [(name, readable(store.rows, name, body), code) for name, body, code in rows]
    return [Aside(name, Change.parse(line), code) for name, line, code in found if line is not None]


def to_mend(store: "Store") -> list[Aside]:
    """The own lines that were set aside and whose words stand nowhere, the newest first."""
    done = _done(store)
    return [one for one in lines_aside(store) if one.name not in done and not _stands(store, one.change)]


def _done(store: "Store") -> set[str]:
    return set(json.loads(store.note(MENDED) or "[]"))


def _stands(store: "Store", change: Change) -> bool:
    """Whether the record holds all that a change wrote."""
    state = store.show(change.record)
    if state is None:
        return False
    for op in change.operations:
        register = state.registers.get(op.path)
        held = [] if register is None else [(value.kind, value.value, value.blob) for value in register.values]
        if (op.kind, op.value, op.blob) not in held:
            return False
    return True


def put_again(tablet: "Tablet", record: str) -> None:
    """Put what was set aside of a record into its form, which is kept as a draft.

    Raises:
        SenError: ``no_such_record`` (there is nothing to mend), ``unknown_type``, ``sealed_open_failed``, ``tablet_full``.
    """
    lines = [one for one in reversed(to_mend(tablet.store)) if one.change.record == record]
    if not lines:
        raise SenError("no_such_record")
    form = tablet.forms.open_or_begin(record, lines[0].change.type, lines[0].change.unit)
    state = tablet.store.shown_under(record, [(one.name, one.change) for one in lines])
    if state is None or set(form.mends) >= {one.name for one in lines}:
        return
    form.put(tablet.opened(form.type, record, snapshot(state, form.type).values))
    form.mends = [one.name for one in lines]
    tablet.forms.autosave(form)


def mended(store: "Store", names: Sequence[str]) -> None:
    """Take note that the words of these lines were written again."""
    if names:
        store.set_note(MENDED, json.dumps(sorted(_done(store) | set(names))))
