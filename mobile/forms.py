"""The open forms of an unlocked tablet: opened as they were left, kept at every answer, turned into changes when they are left.

One form a record: the screens «form», «submit», «incident» and «report» share it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobile.case_keys import case_of
from mobile.form import Form
from mobile.mending import mended
from mobile.neighbours import beside
from mobile.offers import Offer
from mobile.outbox import Subject
from mobile.value_text import UNKNOWN, value_text
from shared.catalogue import Field, RecordType
from shared.errors import SenError
from shared.ids import new_record_id
from sync.compose import transition, withdrawal
from sync.log import Change, Operation
from sync.paths import is_sealed
from sync.state import RecordState
from sync.view import Snapshot, has_place, snapshot

if TYPE_CHECKING:
    from mobile.index import Entry
    from mobile.tablet import Tablet

STATE = "state"
NOT_COPIED_KINDS = frozenset({"date", "datetime", "int", "decimal", "money", "files", "photos", "rows", "flow", "figures", "geo", "ref"})
"""What «Sao chép từ lần trước» leaves empty: each is true of one time only."""

__all__ = ["Forms"]


class Forms:
    """Opens, keeps and writes forms."""

    def __init__(self, tablet: "Tablet") -> None:
        self.tablet = tablet
        self._open: dict[str, Form] = {}

    # opening

    def start(self, type_code: str, values: Mapping[str, Any]) -> Form:
        """The form of a new record in the officer's unit. Raises SenError("unknown_type")."""
        record_type = self.tablet.catalogue.types.get(type_code)
        if record_type is None:
            raise SenError("unknown_type")
        unit = self.tablet.who.unit
        form = self._form(new_record_id(), record_type, unit, Snapshot.empty(), known=False)
        form.answer("unit", unit)
        for code, field in record_type.fields.items():
            if field.default is not None and field.computed is None:
                form.answer(code, field.default)
        for code, value in values.items():
            form.answer(code, value)
        self._open[form.record] = form
        return form

    def open(self, record: str) -> Form:
        """A record's form: the open one (as the record is now, where nothing was typed since), else as its draft was left,
        else as the screen shows the record.

        Raises:
            SenError: ``no_such_record``, ``unknown_type``, ``sealed_open_failed``.
        """
        form = self._open.get(record)
        state = self.tablet.store.show(record)
        if form is not None:
            newest = self.tablet.catalogue.all_types.get(form.type.code)
            if newest is not None and form.catalogue is not self.tablet.catalogue and has_place(form.values, newest):
                form.renew(newest, self.tablet.catalogue)
            if not form.dirty and state is not None:
                form.reopen(self._shown(record, form.type, state))
            return form
        draft = self.tablet.drafts.load(record)
        if state is None and draft is None:
            raise SenError("no_such_record")
        type_code = draft[0]["type"] if draft is not None else state.type if state is not None else ""
        record_type = self.tablet.catalogue.all_types.get(type_code)
        if record_type is None:
            raise SenError("unknown_type")
        opened, unit = Snapshot.empty(), self.tablet.who.unit
        if state is not None:
            opened, unit = self._shown(record, record_type, state), state.unit
        form = self._form(record, record_type, unit, opened, known=state is not None)
        if draft is not None:
            form.restore(*draft)
        self._open[record] = form
        return form

    def open_or_begin(self, record: str, type_code: str, unit: str) -> Form:
        """A record's form, also where nothing of the record stands any more. Raises SenError: as ``open``."""
        with suppress(SenError):
            return self.open(record)
        record_type = self.tablet.catalogue.all_types.get(type_code)
        if record_type is None:
            raise SenError("unknown_type")
        form = self._open[record] = self._form(record, record_type, unit, Snapshot.empty(), known=False)
        return form

    def _shown(self, record: str, record_type: RecordType, state: RecordState) -> Snapshot:
        """What a form that opens this state shows, its confidential values opened."""
        told = snapshot(state, record_type)
        return told._replace(values=self.tablet.opened(record_type, record, told.values))

    def _form(self, record: str, record_type: RecordType, unit: str, opened: Snapshot, *, known: bool) -> Form:
        catalogue, today = self.tablet.catalogue, self.tablet.clock.today
        look = partial(beside, self.tablet, record_type, unit)
        return Form(record, record_type, unit, opened, known=known, catalogue=catalogue, today=today, look=look)

    def close(self, record: str) -> None:
        """Let a form go; its draft stays."""
        self._open.pop(record, None)

    def close_all(self) -> None:
        """Leave every form, as on locking: what can be written is written, the rest stays as drafts."""
        for form in list(self._open.values()):
            if not form.untouched:
                with suppress(SenError):
                    self.leave(form)
        self._open.clear()

    # keeping and writing

    def autosave(self, form: Form) -> None:
        """Keep a form's draft now. Raises SenError("tablet_full"): the old draft is still there."""
        case = None
        if form.type.sealed_by is not None:
            case = self._key_to_seal(form) or ""
        saved_ms = self.tablet.clock.now_ms()
        self.tablet.drafts.keep(form.record, form.dump(), case=case, saved_ms=saved_ms)
        form.saved_ms = saved_ms

    def _key_to_seal(self, form: Form) -> str | None:
        """The id of the key that seals a form's confidential values, made for a case that begins here; None while no case is chosen."""
        case = case_of(form.type, form.record, form.values)
        keys = self.tablet.case_keys
        if case is None or keys.key(case) is not None:
            return case
        if form.type.sealed_by != "self" or form.known:
            raise SenError("sealed_open_failed")
        keys.make(case)
        return case

    def leave(self, form: Form) -> list[str]:
        """Turn what was typed into changes of the log; gives their names. What cannot be sealed yet stays in the draft.

        Raises:
            SenError: ``line_too_long``, ``tablet_full``: the draft stays.
        """
        if not form.dirty:
            self.tablet.drafts.forget(form.record)
            return []
        if form.type.sealed_by is not None and self._key_to_seal(form) is None:
            return []
        blobs: dict[str, bytes] = {}
        changes = form.changes(self._sealer(form, blobs))
        if not changes:
            self.tablet.drafts.forget(form.record)
            return []
        return self._write(form, changes, blobs)

    def _sealer(self, form: Form, blobs: dict[str, bytes]) -> Any:
        case = case_of(form.type, form.record, form.values)
        key = None if case is None else self.tablet.case_keys.key(case)
        if case is None or key is None:
            return None

        def seal(path: str, value: Any) -> str:
            digest, blob = self.tablet.case_keys.seal(key, case, form.record, path, value)
            blobs[digest] = blob
            return digest

        return seal

    def _write(self, form: Form, changes: Sequence[Sequence[Operation]], blobs: Mapping[str, bytes] | None = None) -> list[str]:
        subject = Subject(record=form.record, type=form.type.code, unit=form.unit, urgent=form.type.urgent)
        names = self.tablet.store.outbox.write(subject, changes, blobs, draft_done=True)
        self.tablet.drafts.forgotten(form.record)
        form.written(changes, names)
        mended(self.tablet.store, form.mends)
        form.mends = []
        form.saved_ms = self.tablet.clock.now_ms()
        self.tablet.wrote(urgent=form.type.urgent)
        return names

    def keep_warning(self, form: Form, code: str, reason: str) -> None:
        """Let a warning stand, with the reason; "" takes it back. Raises SenError("reason_wanted")."""
        if reason.strip():
            form.kept[code] = " ".join(reason.split())
        elif form.kept.pop(code, None) is None:
            raise SenError("reason_wanted")
        self.autosave(form)

    def add_files(self, form: Form, path: str, files: Sequence[Path]) -> None:
        """Store files and add them to the field at a path. Raises SenError: those before it are kept."""
        field = form.type.field_at(path)
        if field is None or field.kind not in ("files", "photos"):
            raise SenError("unknown_field")
        sealed = is_sealed(form.type, path)
        case = self._key_to_seal(form) if sealed else None
        if sealed and case is None:
            raise SenError("case_first")
        for file in files:
            told = self.tablet.files.add(file, photo=field.kind == "photos", case=case)
            held = [one for one in form.value(path) or [] if one["sha256"] != told["sha256"]]
            form.answer(path, [*held, told])
            self.autosave(form)

    # moving

    def moves(self, form: Form) -> list[str]:
        """The states to which this officer may move the record now, other than by sending it."""
        flow = self.tablet.catalogue.flows[form.type.flow]
        found = [move.to for move in flow.moves_from(form.state, self.tablet.who.roles)]
        return [to for to in found if to != "submitted"] if form.known or form.dirty else []

    def flow_offers(self, form: Form, field: Field, path: str) -> list[Offer]:
        """The states to which this officer may move a workflow that is a field of the form («Tình trạng hồ sơ»)."""
        if field.flow is None or path == STATE:
            return []
        flow, language = self.tablet.catalogue.flows[field.flow], self.tablet.language
        stands = form.opened.values.get(path)
        found = [move.to for move in flow.moves_from(stands, self.tablet.who.roles)]
        return [Offer(value=to, words=flow.states[to].get(language)) for to in dict.fromkeys([stands or flow.start, *found])]

    def may_submit(self, form: Form) -> bool:
        """Whether this officer may hand the record in as its state is."""
        move = self.tablet.catalogue.flows[form.type.flow].move(form.state, "submitted")
        return move is not None and bool(set(move.roles) & set(self.tablet.who.roles))

    def submit(self, form: Form) -> None:
        """Hand a record in. Raises SenError: ``no_right``, ``submit_not_ready``, ``case_first``, ``tablet_full``."""
        if not self.may_submit(form):
            raise SenError("no_right")
        self.go(form, "submitted")

    def go(self, form: Form, to: str) -> None:
        """Write what was typed, then the move of the workflow with the reasons of what was kept.

        Raises:
            SenError: ``no_right``, ``submit_not_ready`` (something is missing or doubtful), ``case_first``, ``tablet_full``.
        """
        move = self.tablet.catalogue.flows[form.type.flow].move(form.state, to)
        if move is None or not set(move.roles) & set(self.tablet.who.roles):
            raise SenError("no_right")
        found = form.problems("submit") if to in ("submitted", "approved") else []
        if any(problem.level == "error" or problem.code not in form.kept for problem in found):
            raise SenError("submit_not_ready")
        self.leave(form)
        if form.dirty:
            raise SenError("case_first")
        why = "; ".join(f"{code}: {reason}" for code, reason in sorted(form.kept.items())) or None
        form.answer(STATE, to)
        self._write(form, [(transition(STATE, to, form.opened.seen, why),)])
        form.kept = {}
        form.tried = False
        self.close(form.record)

    def withdraw(self, form: Form, reason: str) -> None:
        """Take a record back, naming all that the screen showed of it. Raises SenError: ``reason_wanted``, ``no_such_record``."""
        if not reason.strip():
            raise SenError("reason_wanted")
        state = self.tablet.store.show(form.record)
        if state is None:
            self.tablet.drafts.forget(form.record)
        else:
            self._write(form, [(withdrawal(state, " ".join(reason.split())),)])
        self.close(form.record)

    # what the form says around its fields

    def notices(self, form: Form) -> list[tuple[str, str, str]]:
        """What must be known before writing: (words, tone, path of the question or "")."""
        say, language = self.tablet.say, self.tablet.language
        state, found = self.tablet.store.show(form.record), []
        for old, value in form.old_answers():
            words = value_text(old, value, catalogue=self.tablet.catalogue, language=language, title_of=self.tablet.title_of)
            found.append((say("old_answer", field=old.label.get(language), value=words), "accent", ""))
        if state is None:
            return found
        if state.withdrawn:
            found.append((say("record_withdrawn"), "danger", ""))
        if form.state == "returned":
            reason = form.values.get("return_reason") or self.reason(form.record, STATE)
            found.append((say("returned_because", reason=reason or UNKNOWN), "soon", ""))
        for path in state.open_paths():
            field = form.type.field_at(path)
            label = field.label.get(language) if field is not None else say("record_itself")
            found.append((say("two_answers_at", field=label), "soon", path))
        return found

    def reason(self, record: str, path: str) -> str:
        """The reason that the writer of the value at a path gave; "" where none."""
        state = self.tablet.store.show(record)
        value = None if state is None else state.current(path)
        for name in () if value is None else value.origins:
            line = self.tablet.store.line(name)
            if line is not None:
                for op in Change.parse(line).operations:
                    if op.path == path and op.why:
                        return op.why
        return ""

    def row_words(self, form: Form, path: str, row: str) -> str:
        """A short name of a row: the fixed item's own, else what its first answers say."""
        field, language = form.type.fields[path], self.tablet.language
        if field.rows_from is not None:
            items = self.tablet.catalogue.instruments[field.rows_from]["items"]
            item = next((one for one in items if one["code"] == row), None)
            return row if item is None else str(item.get(language) or item["vi"])
        rows: list[dict[str, Any]] = form.full().get(path) or []
        held = next((one for one in rows if one.get("id") == row), {})
        words = [
            value_text(sub, held[code], catalogue=self.tablet.catalogue, language=language, title_of=self.tablet.title_of)
            for code, sub in field.fields.items()
            if code in held
        ]
        return " · ".join(words[:2])

    # copying

    def last_like(self, form: Form) -> "Entry | None":
        """The newest other record of the type in the unit, to copy from; None for incidents and cases: no two of them are alike."""
        if form.type.urgent or form.type.sealed_by is not None:
            return None
        found = self.tablet.index.find(form.type.code)
        return next((entry for entry in found if entry.id != form.record and entry.unit == form.unit), None)

    def copy_last(self, form: Form) -> None:
        """Fill what is empty with the answers of the last record; never dates, figures, files, or what is confidential."""
        last = self.last_like(form)
        state = None if last is None else self.tablet.store.show(last.id)
        if state is None:
            return
        values = snapshot(state, form.type).values
        for code, field in form.type.fields.items():
            lasting = field.computed is None and field.kind not in NOT_COPIED_KINDS and code not in ("unit", "note")
            if lasting and not field.confidential and code in values and form.values.get(code) in (None, "", []):
                form.answer(code, values[code])
        self.autosave(form)
