"""Writing records at the console: the console is a device, and each edit is a line of this process's log.

A form carries what it showed (its snapshot) in a signed token, so that its difference is taken against that and nothing newer: who did
not see a value did not overwrite it.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from server import db
from server.people import User
from server.records import open_values_of, state_of
from server.services import services
from server.store import SqlServer
from shared.catalogue import RecordType
from shared.errors import SenError
from shared.ids import b64, new_record_id
from shared.sealing import seal_value
from shared.text import clean
from shared.validate import Problem, validate
from sync.accept import write
from sync.compose import decision, difference, transition, withdrawal
from sync.log import RECORD_STANDING, Operation
from sync.paths import is_sealed
from sync.state import RecordState
from sync.view import Sealed, Snapshot, plain, renewed, snapshot

STOPS_SAVING = frozenset({"wrong_kind", "not_a_date", "too_long", "too_many", "bad_text"})
"""Problems that no draft can hold; everything else is saved and stops submission alone."""

Make = Callable[[RecordState], Sequence[Sequence[Operation]]]
"""Gives the changes to write, each a sequence of operations, from the record's present state."""

__all__ = ["Saved", "decide", "move", "move_all", "pack_snapshot", "save", "sql_server", "unpack_snapshot", "withdraw", "write_values"]


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What became of a form: the record's id, what is wrong, whether it was written and whether it was submitted."""

    record: str
    problems: list[Problem]
    written: bool
    submitted: bool


def sql_server() -> SqlServer:
    """The protocol's server of this app; one for a process, since it writes a log of its own."""
    held = current_app.extensions.get("sen-server")
    if held is None:
        held = current_app.extensions["sen-server"] = SqlServer(services())
    assert isinstance(held, SqlServer)
    return held


# --- what a form showed ----------------------------------------------------------------------------------------------


def pack_snapshot(shot: Snapshot) -> str:
    """What a form showed as a signed token; a sealed value goes in as its hash."""
    return _signer().dumps([_packed(shot.values), shot.seen, shot.places])


def unpack_snapshot(token: str) -> Snapshot:
    """Read a token back. Raises SenError("form_expired") for one that this server did not make."""
    try:
        values, seen, places = _signer().loads(token)
    except (BadData, ValueError) as error:
        raise SenError("form_expired") from error
    return Snapshot(_unpacked(values), {path: tuple(names) for path, names in seen.items()}, places)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(services().keys.cookie_secret, salt="sen-form")


def _packed(value: Any) -> Any:
    if isinstance(value, Sealed):
        return {"$sealed": value.blob}
    if isinstance(value, list):
        return [_packed(item) for item in value]
    return {code: _packed(item) for code, item in value.items()} if isinstance(value, dict) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if isinstance(value, dict):
        return Sealed(value["$sealed"]) if "$sealed" in value else {code: _unpacked(item) for code, item in value.items()}
    return value


# --- saving ----------------------------------------------------------------------------------------------------------


def save(
    user: User, record: str | None, type_code: str, unit: str, token: str | None, values: Mapping[str, Any], *, submit: bool = False,
    confidential: bool = False, why: str = "",
) -> Saved:  # fmt: skip
    """Save what a person left in a form, and submit the record where asked and nothing is wrong.

    Args:
        record: its id; for a new one the id that it is to bear, or None.
        token: what the form showed, from ``pack_snapshot``; None for a new record.
        values: the plain values of the fields that the form held; a field that it did not hold is not in it.
        confidential: whether the form showed confidential values opened; else they are left as they are.
        why: the reason for which warnings stand; it goes with the sending.

    Raises:
        SenError: ``no_right``, ``form_expired``, ``not_found``, ``record_there`` for a new record that is there already, or what the
            database says.
    """
    held = services()
    record_type = held.catalogue.all_types[type_code]
    shown = Snapshot.empty() if token is None else unpack_snapshot(token)
    shown = shown._replace(values=renewed(shown.values, record_type))
    left = {**shown.values, **{code: _clean(value) for code, value in values.items()}}
    record = record or new_record_id()
    if token is None:
        left = {"unit": unit, **left}
    left = {code: value for code, value in left.items() if value is not None}
    before = _with_opened(record, record_type, shown) if confidential and token else shown
    judged = {code: value for code, value in left.items() if not isinstance(value, Sealed)}
    problems = validate(record_type, judged, stage="submit" if submit else "draft", today=held.clock.today(), catalogue=held.catalogue)
    sealed_there = {code for code, value in left.items() if isinstance(value, Sealed)}
    problems = [one for one in problems if not (one.code == "required" and one.path in sealed_there)]
    if any(one.code in STOPS_SAVING for one in problems):
        return Saved(record=record, problems=problems, written=False, submitted=False)
    sealer = _Sealer(record, record_type, left)
    changes = difference(record_type, before, left, seal=sealer)
    may_submit = submit and not any(one.level == "error" for one in problems)
    if may_submit and shown.values.get("state") in (None, "draft", "returned"):
        go = transition("state", "submitted", shown.seen, clean(why) or None)
        changes = [(*changes[0], go), *changes[1:]] if changes and changes[0][0].kind not in ("delete", "withdraw") else [(go,), *changes]
    if changes:
        _write(user, record, type_code, unit, lambda state: changes, sealer, first=token is None)
    return Saved(record=record, problems=problems, written=bool(changes), submitted=may_submit)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return {code: _clean(item) for code, item in value.items()} if isinstance(value, dict) else value


def _with_opened(record: str, record_type: RecordType, shown: Snapshot) -> Snapshot:
    """The snapshot with its sealed values opened, to be compared with what was typed; the form had shown them opened."""
    with db.reading() as connection:
        state = state_of(connection, record)
    return shown._replace(values=open_values_of(state, record_type, shown.values))


class _Sealer:
    """Seals confidential values under the case's key and keeps the sealed bytes until they are written."""

    def __init__(self, record: str, record_type: RecordType, values: Mapping[str, Any]) -> None:
        self.record = record
        case = record if record_type.sealed_by == "self" else values.get(record_type.sealed_by or "")
        self.case = str(case) if case else None
        self.blobs: list[tuple[str, bytes]] = []

    def __call__(self, path: str, value: Any) -> str:
        if self.case is None:
            raise SenError("case_not_named")
        blob = seal_value(services().keys.new_case_key(self.case), self.case, self.record, path, value)
        self.blobs.append((b64(hashlib.sha256(blob).digest()), blob))
        return self.blobs[-1][0]


def _write(
    user: User | None, record: str, type_code: str, unit: str, make: Make, sealer: _Sealer | None = None, *,
    first: bool = False,
) -> None:  # fmt: skip
    """Write changes into this process's log and merge them, in one transaction; tried again where the database was busy.

    Args:
        user: who writes; None where the server itself does, which asks nobody for the right.
        first: the record must not be there yet, else SenError("record_there").
    """
    held, server = services(), sql_server()
    writer = "" if user is None else user.id

    def work() -> None:
        now_ms = held.clock.now_ms()
        with server.writing(held.catalogue.units.stream_of(unit), writer, now_ms) as ledger:
            if sealer is not None:
                ledger.keep_sealed(sealer.blobs, ())
            state = ledger.states([record]).get(record)
            if first and state is not None:
                raise SenError("record_there")
            for operations in make(state or RecordState(record, type_code, [unit])):
                arrival = ledger.own_line(state or RecordState(record, type_code, [unit]), writer, operations)
                assert arrival.change is not None
                refusal = ledger.refusal(arrival.change, state)
                if refusal:
                    raise SenError(refusal)
                write(ledger, arrival, arrived_ms=now_ms)
                state = ledger.state(record)

    db.retrying(work)


# --- single acts -----------------------------------------------------------------------------------------------------


def decide(user: User, record: str, path: str, value: Any, seen: Sequence[str], *, why: str = "") -> None:
    """Decide an open question with one of its values or a third.

    Args:
        value: the plain value; at a standing (``@``) ``withdrawn`` or ``kept``.
        seen: the names of all values that the screen showed there.
    """

    def make(state: RecordState) -> Sequence[Sequence[Operation]]:
        if path.endswith(RECORD_STANDING) and value == "withdrawn":
            below = path.removesuffix(RECORD_STANDING).rstrip("/")
            kind = "withdraw" if path == RECORD_STANDING else "delete"
            return [(Operation(kind, path, None, None, state.origins(below), clean(why) or None),)]
        return [(decision(path, value, seen, clean(why) or None, blob=blob),)]

    with db.reading() as connection:
        state = state_of(connection, record)
    record_type = services().catalogue.all_types[state.type]
    sealer = _Sealer(record, record_type, plain(state, record_type))
    blob = sealer(path, value) if is_sealed(record_type, path) else None
    _write(user, record, state.type, state.unit, make, sealer)


def move(user: User, record: str, path: str, to: str, *, why: str = "", seen: Sequence[str] | None = None) -> None:
    """Move a workflow of a record (``state``, ``verified`` …). Raises SenError("no_such_move") where it is not this person's."""
    with db.reading() as connection:
        state = state_of(connection, record)
    held = services()
    record_type = held.catalogue.all_types[state.type]
    field = record_type.fields[path]
    flow, path = record_type.flow if path == "state" else str(field.flow), field.path
    current = state.current(path)
    with sql_server().reading() as reader:
        rights = sql_server().rights(reader.connection)
        if not rights.may_go(user.id, state.unit, flow, None if current is None else current.value, to):
            raise SenError("no_such_move")
    names = tuple(seen) if seen is not None else state.origins(path)
    _write(user, record, state.type, state.unit, lambda now: [(Operation("go", path, to, None, names, clean(why) or None),)])


def move_all(user: User, unit: str, records: Sequence[str], path: str, to: str, *, why: str = "") -> None:
    """Move a workflow of many records of one unit, all in one transaction."""
    held, server = services(), sql_server()

    def work() -> None:
        now_ms = held.clock.now_ms()
        with server.writing(held.catalogue.units.stream_of(unit), user.id, now_ms) as ledger:
            for state in ledger.states(records).values():
                arrival = ledger.own_line(state, user.id, [Operation("go", path, to, None, state.origins(path), clean(why) or None)])
                assert arrival.change is not None
                if not ledger.refusal(arrival.change, state):
                    write(ledger, arrival, arrived_ms=now_ms)

    if records:
        db.retrying(work)


def write_values(user: User | None, record: str | None, type_code: str, unit: str, values: Mapping[str, Any]) -> str:
    """Write values that the server made (a consolidated report, frozen figures) over what stands now; gives the record's id.

    Args:
        user: in whose name; None for the server's own, for fields that only machines write.
    """
    record_type = services().catalogue.types[type_code]
    target = record or new_record_id()
    shot = Snapshot.empty()
    if record is not None:
        with db.reading() as connection:
            shot = snapshot(state_of(connection, record), record_type)
    changes = difference(record_type, shot, {**shot.values, **values} if record else {"unit": unit, **values})
    _write(user, target, type_code, unit, lambda state: changes)
    return target


def withdraw(user: User, record: str, *, why: str = "") -> None:
    """Withdraw a record as it stands now."""
    with db.reading() as connection:
        state = state_of(connection, record)
    _write(user, record, state.type, state.unit, lambda now: [(withdrawal(state, clean(why) or None),)])
