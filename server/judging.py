"""What is wrong with submitted records: marshmallow and the rules of their types judge them behind the push that brought them, and what
they find is kept beside the record.

On its way a line passes the gate's check of kinds and limits alone (``server.gate``), and nothing is refused for what it lacks. A form
lets nobody submit what is wrong; an older app or another client can, and so can two people whose answers met. A judgement is forgotten
with every change of its record and with every catalogue that changes its type, and made anew.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import bindparam, select, update

from server import db
from server.models import JUDGED, RecordRow
from server.projection import STATE_COLUMNS, bring_up, load_states
from server.services import services
from shared.catalogue import Catalogue, RecordType
from shared.validate import validate
from sync.state import RecordState
from sync.view import plain

BATCH = 200

__all__ = ["FAULTLESS", "Fault", "faults_in", "judge", "judgement"]

FAULTLESS = "[]"
"""The judgement of a record with which nothing is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is wrong with a record: where (``speakers/ROW/name``), which code, and its sentence for a person."""

    path: str
    code: str
    text: str


def judgement(state: RecordState, record_type: RecordType, catalogue: Catalogue, today: date) -> str:
    """Judge a record as one that is submitted; gives what is kept: JSON with the errors and their sentences in both languages.

    What a type only asks about («vẫn đúng?») is the writer's to answer and is not kept. No confidential value is among the facts.
    """
    found = validate(record_type, plain(state, record_type), stage="submit", today=today, catalogue=catalogue)
    kept = [{"path": one.path, "code": one.code, "vi": one.text("vi"), "en": one.text("en")} for one in found if one.level == "error"]
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def judge() -> int:
    """Judge the submitted records that nobody has judged as they stand, in transactions of their own; gives how many.

    One whose line or registers are damaged waits until it is whole again (``server.rounds``).
    """
    made, after = 0, ""
    bring_up(services().catalogue)
    while True:
        rows, kept = _judged(after)
        if kept:
            db.retrying(partial(_keep, kept))
        made += len(kept)
        if len(rows) < BATCH:
            return made
        after = rows[-1].id


def _judged(after: str) -> tuple[Sequence[Any], list[dict[str, Any]]]:
    """A batch of the records behind an id that wait, and the judgements of those that can be read."""
    held = services()
    types, today = held.catalogue.all_types, held.clock.today()
    waiting = RecordRow.faults.is_(None) & RecordRow.state.in_(JUDGED) & (RecordRow.id > after)
    with db.reading() as connection:
        rows = connection.execute(select(*STATE_COLUMNS).where(waiting).order_by(RecordRow.id).limit(BATCH)).all()
        states = load_states(connection, rows)
    return rows, [
        {"record_id": row.id, "at_touched": row.touched, "kept": judgement(states[row.id], types[row.type], held.catalogue, today)}
        for row in rows
        if row.type in types and states[row.id].registers
    ]


def _keep(kept: Sequence[Mapping[str, Any]]) -> None:
    """Keep judgements where nobody has changed the record meanwhile."""
    statement = update(RecordRow).where(RecordRow.id == bindparam("record_id"), RecordRow.touched == bindparam("at_touched"))
    with db.writing() as connection:
        connection.execute(statement.values(faults=bindparam("kept")), list(kept))


def faults_in(kept: str | None, lang: str) -> list[Fault]:
    """What a judgement that is kept says, in a language; nothing where the record was not judged."""
    return [Fault(path=one["path"], code=one["code"], text=one[lang]) for one in json.loads(kept or FAULTLESS)]
