"""What was ever written in a record, as far as this tablet holds it: own lines and pulled ones, value by value."""

from typing import TYPE_CHECKING

from mobile.gaps import readable
from mobile.status import time_words
from mobile.value_text import UNKNOWN, value_text
from sync.log import RECORD_STANDING, Change, Operation
from sync.view import spelled

if TYPE_CHECKING:
    from mobile.tablet import Tablet

__all__ = ["history"]


def history(tablet: "Tablet", record: str, path: str = "") -> list[tuple[str, str, str]]:
    """The values that were written at a path (or anywhere, each with its field's label), the newest first: (value in words, who, when)."""
    rows = []
    for change in _changes(tablet, record):
        for op in change.operations:
            if not path or op.path == path or op.path.startswith(path + "/"):
                who = tablet.person_words(change.user)
                words = operation_words(tablet, change, op)
                words = words if path else f"{_label(tablet, change, op)}{words}"
                rows.append((change.time, (words, who, time_words(tablet, change.time.ms))))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0], reverse=True)]


def _changes(tablet: "Tablet", record: str) -> list[Change]:
    store = tablet.store
    found: dict[str, Change] = {}
    with store.database.reading() as connection:
        own = connection.execute("SELECT name, body FROM own_line").fetchall()
        held = connection.execute("SELECT name, body FROM held_line WHERE record = ?", (record,)).fetchall()
    for name, body in (*own, *held):
        line = readable(store.rows, name, body)
        if line is not None and record.encode("ascii") in line:
            found.setdefault(name, Change.parse(line))
    return [change for change in found.values() if change.record == record]


def _label(tablet: "Tablet", change: Change, op: Operation) -> str:
    record_type = tablet.catalogue.all_types.get(change.type)
    field = None if record_type is None else record_type.field_at(op.path)
    return "" if field is None or op.path.endswith(RECORD_STANDING) else f"{field.label.get(tablet.language)}: "


def operation_words(tablet: "Tablet", change: Change, op: Operation) -> str:
    """What an operation wrote, in words; «–» where it took the value away or its key is not here."""
    record_type = tablet.catalogue.all_types.get(change.type)
    field = None if record_type is None else record_type.field_at(op.path)
    if op.path.endswith(RECORD_STANDING):
        return tablet.say(f"did_{op.kind}")
    if field is None:
        return tablet.say("old_field")
    value = spelled(op.value)
    if op.blob is not None:
        value = tablet.case_keys.open(change.record, op.path, op.blob, None) if tablet.unlocked else None
    if field.kind == "choices":
        value = [op.path.rsplit("/", 1)[1]]
    elif field.kind in ("files", "photos", "rows"):
        return tablet.say(f"did_{op.kind}")
    told = value_text(field, value, catalogue=tablet.catalogue, language=tablet.language, title_of=tablet.title_of)
    words = UNKNOWN if value is None else told
    return f"{tablet.say('did_remove')}: {words}" if op.kind == "remove" else words
