"""Reading records: lists, one record with its questions, and its history field by field.

Everything a person sees here is limited to the units that the person may read; confidential values are opened only for those with a
need, after the reading is in the audit trail.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from server import db
from server.access import granted_cases, may_see_confidential, units_visible
from server.audit import note_reading
from server.judging import FAULTLESS, Fault, faults_in
from server.models import Blob, LineRow, RecordRow
from server.people import User
from server.projection import STATE_COLUMNS, bring_up, load_states
from server.replaying import sound_change
from server.services import services
from server.titles import figure_of, ids_named, title_of, when_of
from shared.catalogue import RecordType
from shared.errors import SenError
from shared.kinds import has_shape, is_file
from shared.periods import Period
from shared.sealing import open_value
from shared.text import fold
from sync.log import Change, parse_name
from sync.state import RecordState, Value
from sync.view import Sealed, Snapshot, content, snapshot, spelled

PAGE_ROWS = 50

__all__ = [
    "Answer", "Entry", "Listing", "Opened", "Question", "Row", "case_of", "counts_by_type", "history", "holds_sealed", "is_there",
    "open_record", "open_values_of", "plain_records", "questions", "search", "state_of",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """One record in a list. ``title`` is never confidential; ``when`` its day or year in words, ``figure`` its telling figure; ``faults``:
    how many things are wrong with it though it was submitted.
    """

    id: str
    type: str
    title: str
    unit: str
    dated: str | None
    when: str
    figure: Any
    state: str | None
    open_count: int
    faults: int
    updated_ms: int
    withdrawn: bool


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A page of a list, and how many rows there are in all."""

    rows: list[Row]
    total: int
    page: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One of the values of an open question: what, who wrote it, on which device, when, and when it arrived (ms)."""

    value: Any
    user: str
    log: str
    written_ms: int
    arrived_ms: int
    current: bool
    kind: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """A place where two people wrote differently. ``seen`` are the names of all changes whose values are told here."""

    record: Row
    path: str
    answers: list[Answer]
    seen: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One operation of a record's history. A sealed value is shown as ``Sealed``; ``verdict`` is "" or why it was set aside."""

    path: str
    kind: str
    value: Any
    user: str
    log: str
    written_ms: int
    arrived_ms: int
    why: str | None
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A record as a person may see it; confidential values are ``Sealed`` unless they were opened."""

    row: Row
    record_type: RecordType
    state: RecordState
    snapshot: Snapshot
    values: Mapping[str, Any]
    questions: list[Question] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    confidential_open: bool = False
    may_open_confidential: bool = False


def _rows(connection: Connection, user: User, told: Sequence[Any], lang: str) -> list[Row]:
    """Rows as lists show them; what their titles name is asked for once for all."""
    types = services().catalogue.all_types
    read = [(one, types[one.type], json.loads(one.current)) for one in told]
    ids, named = ids_named((record_type, values) for _, record_type, values in read), {}
    if ids:
        query = _readable(user, select(RecordRow.id, RecordRow.type, RecordRow.current).where(RecordRow.id.in_(ids)))
        named = {row.id: title_of(types[row.type], json.loads(row.current), lang) for row in connection.execute(query)}
    return [
        Row(
            id=one.id, type=one.type, title=title_of(record_type, values, lang, named), unit=one.unit, dated=one.dated,
            when=when_of(record_type, one.dated, values, lang), figure=figure_of(record_type, values), state=one.state,
            open_count=one.open_count, faults=len(faults_in(one.faults, lang)), updated_ms=one.updated_ms, withdrawn=one.withdrawn,
        )
        for one, record_type, values in read
    ]  # fmt: skip


_COLUMNS = (
    RecordRow.id, RecordRow.type, RecordRow.unit, RecordRow.dated, RecordRow.current, RecordRow.state, RecordRow.open_count,
    RecordRow.faults, RecordRow.updated_ms, RecordRow.withdrawn,
)  # fmt: skip


def _readable(user: User, query: Any) -> Any:
    """Only what the person may read: the units, and of sealed types those whose cases are the person's own or were granted."""
    held = services().catalogue
    cases = [unit for unit in units_visible(user) if _own_cases(user, unit)]
    query = query.where(RecordRow.unit.in_(units_visible(user)), RecordRow.type.in_(held.all_types))
    sealed: list[Any] = [RecordRow.unit.in_(cases)]
    for case in granted_cases(db.db.session(), user):
        for one in held.all_types.values():
            names = RecordRow.id == case if one.sealed_by == "self" else RecordRow.current.contains(f'"{one.sealed_by}":"{case}"')
            sealed += [and_(RecordRow.type == one.code, names)] if one.sealed_by else []
    return query.where(or_(RecordRow.type.not_in(held.sealed_types), *sealed))


def _own_cases(user: User, unit: str) -> bool:
    sealed = next(iter(services().catalogue.sealed_types), None)
    return sealed is not None and may_see_confidential(db.db.session(), user, unit, sealed)


def search(
    user: User, type_code: str, *, unit: str | None = None, state: str | None = None, period: Period | None = None, text: str = "",
    page: int = 1, withdrawn: bool = False, faulty: bool = False, ids: Sequence[str] | None = None, lang: str = "vi",
) -> Listing:  # fmt: skip
    """A page of the records of a type, the latest first; ``text`` is found without case and tone marks; ``faulty``: just those with which
    something is wrong though they were submitted.
    """
    where = [RecordRow.type == type_code, RecordRow.withdrawn.is_(withdrawn)]
    if unit:
        where.append(RecordRow.unit == unit)
    if state:
        begins = state == services().catalogue.flows[services().catalogue.all_types[type_code].flow].start
        where.append((RecordRow.state == state) | RecordRow.state.is_(None) if begins else RecordRow.state == state)
    if period is not None:
        where.append(RecordRow.dated.between(period.starts.isoformat(), period.ends.isoformat()))
    if faulty:
        where.append(RecordRow.faults != FAULTLESS)
    if ids is not None:
        where.append(RecordRow.id.in_(ids))
    for word in fold(text).split():
        where.append(RecordRow.folded.contains(word, autoescape=True))
    bring_up(services().catalogue)
    query = _readable(user, select(*_COLUMNS).where(*where)).order_by(RecordRow.dated.desc(), RecordRow.updated_ms.desc(), RecordRow.id)
    with db.reading() as connection:
        total = connection.scalar(_readable(user, select(func.count()).select_from(RecordRow).where(*where))) or 0
        rows = connection.execute(query.limit(PAGE_ROWS).offset((page - 1) * PAGE_ROWS)).all()
        return Listing(rows=_rows(connection, user, rows, lang), total=total, page=page)


def counts_by_type(user: User) -> dict[str, int]:
    """How many records of each type a person may read, those withdrawn not counted."""
    bring_up(services().catalogue)
    query = select(RecordRow.type, func.count()).where(RecordRow.withdrawn.is_(False)).group_by(RecordRow.type)
    with db.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(_readable(user, query))}


def plain_records(units: Sequence[str], *, types: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The records of units as the indicators take them: ``{"id", "type", "unit", "state", "values"}``, none withdrawn."""
    bring_up(services().catalogue)
    query = select(RecordRow.id, RecordRow.type, RecordRow.unit, RecordRow.state, RecordRow.current)
    query = query.where(RecordRow.unit.in_(units), RecordRow.withdrawn.is_(False))
    if types is not None:
        query = query.where(RecordRow.type.in_(types))
    with db.reading() as connection:
        return [
            {"id": row.id, "type": row.type, "unit": row.unit, "state": row.state or "draft", "values": json.loads(row.current)}
            for row in connection.execute(query)
        ]


def is_there(record: str) -> bool:
    """Whether there is a record of this id at all, whoever may read it."""
    with db.reading() as connection:
        return connection.scalar(select(RecordRow.id).where(RecordRow.id == record)) is not None


def state_of(connection: Connection, record: str) -> RecordState:
    """A record's registers. Raises SenError("not_found")."""
    columns = select(*STATE_COLUMNS)
    rows = connection.execute(columns.where(RecordRow.id == record)).all()
    if not rows:
        raise SenError("not_found")
    return load_states(connection, rows)[record]


def open_record(user: User, record: str, *, why: str = "", lang: str = "vi") -> Opened:
    """Open a record.

    Args:
        why: the person's reason to read confidential values; without one they stay closed.

    Raises:
        SenError: ``not_found`` where there is no such record for this person.
    """
    bring_up(services().catalogue)
    with db.reading() as connection:
        told = connection.execute(_readable(user, select(*_COLUMNS).where(RecordRow.id == record))).one_or_none()
        if told is None:
            raise SenError("not_found")
        row, state = _rows(connection, user, [told], lang)[0], state_of(connection, record)
        found = _questions(connection, [(row, state)])
    record_type = services().catalogue.all_types[row.type]
    shot = snapshot(state, record_type)
    may = may_see_confidential(db.db.session(), user, row.unit, row.type, case_of(record_type, state))
    values: Mapping[str, Any] = shot.values
    opened = bool(may and why.strip())
    if opened:
        sealed = [code for code, value in shot.values.items() if holds_sealed(value)]
        note_reading(user=user.id, record=record, fields=sealed, why=why, at_ms=services().clock.now_ms())
        values = open_values_of(state, record_type, shot.values)
    return Opened(
        row=row, record_type=record_type, state=state, snapshot=shot, values=values, questions=found,
        faults=faults_in(told.faults, lang), confidential_open=opened, may_open_confidential=may,
    )  # fmt: skip


def case_of(record_type: RecordType, state: RecordState) -> str | None:
    """The id of the case whose key seals a record; None where nothing is sealed or the case is not named yet."""
    if not record_type.sealed_by or record_type.sealed_by == "self":
        return state.id if record_type.sealed_by else None
    value = state.current(record_type.path_of(record_type.sealed_by))
    return None if value is None or value.value is None else str(value.value)


def holds_sealed(value: Any) -> bool:
    """Whether something in a value is confidential and was not opened."""
    if isinstance(value, Sealed):
        return True
    if isinstance(value, list):
        return any(holds_sealed(item) for item in value)
    return isinstance(value, dict) and any(holds_sealed(item) for item in value.values())


def open_values_of(state: RecordState, record_type: RecordType, values: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values with their sealed ones opened in memory; one that was erased stays ``Sealed``. Audit first."""
    case = case_of(record_type, state)
    key = None if case is None else services().keys.case_key(case)
    if key is None:
        return dict(values)
    paths = {value.blob: path for path, value in state.values() if value.blob is not None}
    with db.reading() as connection:
        blobs = {row.hash: row.data for row in connection.execute(select(Blob).where(Blob.hash.in_(list(paths))))}

    def opened(value: Any) -> Any:
        if isinstance(value, Sealed):
            return _opened(value, key, blobs.get(value.blob), state.id, paths[value.blob], record_type)
        if isinstance(value, list):
            return [opened(item) for item in value]
        return {code: opened(item) for code, item in value.items()} if isinstance(value, dict) else value

    return {code: opened(value) for code, value in values.items()}


def _opened(value: Sealed, key: bytes, blob: bytes | None, record: str, path: str, record_type: RecordType) -> Any:
    """A sealed value opened; as it is where its device sealed it by another key, for another place, or nothing of the field's kind."""
    field = record_type.field_at(path)
    if blob is None or field is None:
        return value
    try:
        plain = spelled(open_value(key, blob, record, path))
    except SenError:
        return value
    if field.kind in ("files", "photos"):
        return plain if is_file(plain) else value
    return plain if has_shape(field, plain) else value


def _questions(connection: Connection, pairs: Sequence[tuple[Row, RecordState]]) -> list[Question]:
    """The open questions of records; the lines behind all their answers are read at once. One of which a line is lost waits for it."""
    asked = [(row, path, state.registers[path].values) for row, state in pairs for path in state.open_paths()]
    logs: dict[str, set[int]] = {}
    for _, _, values in asked:
        for value in values:
            log, number, _ = parse_name(value.origins[0])
            logs.setdefault(log, set()).add(number)
    told: dict[tuple[str, int], tuple[Change, int]] = {}
    if logs:
        columns = select(LineRow.log, LineRow.number, LineRow.digest, LineRow.body, LineRow.arrived_ms)
        of_log = [and_(LineRow.log == log, LineRow.number.in_(sorted(numbers))) for log, numbers in logs.items()]
        lines = connection.execute(columns.where(or_(*of_log))).all()
        read = {(line.log, line.number): (sound_change(line.body, line.digest), line.arrived_ms) for line in lines}
        told = {key: (change, arrived_ms) for key, (change, arrived_ms) in read.items() if change is not None}
    return [
        Question(
            record=row, path=path, answers=[_answer(told, value) for value in values],
            seen=tuple(dict.fromkeys(name for value in values for name in value.origins)),
        )
        for row, path, values in asked
        if all(parse_name(value.origins[0])[:2] in told for value in values)
    ]  # fmt: skip


def _answer(told: Mapping[tuple[str, int], tuple[Change, int]], value: Value) -> Answer:
    log, number, _ = parse_name(value.origins[0])
    change, arrived_ms = told[log, number]
    return Answer(
        value=content(value), user=change.user, log=log, written_ms=change.time.ms, arrived_ms=arrived_ms, current=not value.open,
        kind=value.kind,
    )  # fmt: skip


def questions(user: User, *, limit: int = 100, lang: str = "vi") -> list[Question]:
    """The open questions that a person may see, the latest first."""
    bring_up(services().catalogue)
    columns = (*_COLUMNS, RecordRow.registers, RecordRow.sole, RecordRow.touched)
    query = _readable(user, select(*columns).where(RecordRow.open_count > 0)).order_by(RecordRow.updated_ms.desc()).limit(limit)
    with db.reading() as connection:
        told = connection.execute(query).all()
        states = load_states(connection, told)
        return _questions(connection, [(row, states[row.id]) for row in _rows(connection, user, told, lang)])


def history(user: User, record: str, *, path: str | None = None) -> list[Entry]:
    """Every operation on a record (or on one path), in the order of the stream, those that were set aside too.

    Raises:
        SenError: ``not_found``.
    """
    with db.reading() as connection:
        if connection.scalar(_readable(user, select(RecordRow.id).where(RecordRow.id == record))) is None:
            raise SenError("not_found")
        columns = select(LineRow.body, LineRow.digest, LineRow.log, LineRow.arrived_ms, LineRow.verdict)
        lines = connection.execute(columns.where(LineRow.record == record).order_by(LineRow.place)).all()
    entries: list[Entry] = []
    for line in lines:
        change = sound_change(line.body, line.digest)
        if change is None:
            continue
        for op in change.operations:
            if path is None or op.path == path or op.path.startswith(path + "/"):
                when = {"written_ms": change.time.ms, "arrived_ms": line.arrived_ms}
                whose = {"user": change.user, "log": line.log, "why": spelled(op.why), "verdict": line.verdict}
                entries.append(Entry(path=op.path, kind=op.kind, value=content(op), **when, **whose))
    return entries

