"""Questions that two people's answers left open: what each wrote, who, where, when; and the decision that names all that was shown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mobile.case_keys import case_of
from mobile.history import operation_words
from mobile.outbox import Subject
from mobile.status import time_words
from mobile.value_text import UNKNOWN, value_text
from shared.catalogue import Field, RecordType
from shared.errors import SenError
from shared.kinds import check_value
from shared.labels import date_text
from sync.compose import decision
from sync.log import RECORD_STANDING, parse_name
from sync.state import RecordState, Value
from sync.view import Sealed, plain, spelled

if TYPE_CHECKING:
    from mobile.tablet import Tablet

SHORT = 24
"""A value of at most so many letters stands on its button."""

__all__ = ["Candidate", "Question", "QuestionDesk"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One place where two people wrote differently. ``names`` are the changes that the screen showed there."""

    record: str
    path: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One of the answers: in words, by whom and on which tablet, when written and sent, the words of its button."""

    value: Any
    words: str
    who: str
    when: str
    deed: str
    current: bool


class QuestionDesk:
    """Shows and decides the open questions of a tablet."""

    def __init__(self, tablet: "Tablet") -> None:
        self.tablet = tablet

    def questions(self, record: str = "") -> list[Question]:
        """The open questions, of one record or of all."""
        if record:
            records = [record]
        else:
            records = [entry.id for entry in self.tablet.index.asked()]
        found = []
        for one in records:
            state = self.tablet.store.show(one)
            for path in [] if state is None else state.open_paths():
                found.append(Question(record=one, path=path, names=_names(state, path)))
        return found

    def _at(self, question: Question) -> tuple[RecordState, RecordType]:
        state = self.tablet.store.show(question.record)
        record_type = None if state is None else self.tablet.catalogue.all_types.get(state.type)
        if state is None or record_type is None:
            raise SenError("no_such_record")
        return state, record_type

    def field(self, question: Question) -> Field | None:
        """The field of a question; None for a withdrawal or a deletion."""
        _, record_type = self._at(question)
        return None if question.path.endswith(RECORD_STANDING) else record_type.field_at(question.path)

    def field_words(self, question: Question) -> str:
        """The field's label; for a row's field both labels; for a standing whether the record shall stand."""
        _, record_type = self._at(question)
        language, head = self.tablet.language, record_type.by_path.get(question.path.split("/")[0])
        if question.path == RECORD_STANDING or head is None:
            return self.tablet.say("record_itself")
        field = record_type.field_at(question.path)
        if field is None or field is head or question.path.endswith(RECORD_STANDING):
            return head.label.get(language)
        return f"{head.label.get(language)} · {field.label.get(language)}"

    def below(self, question: Question) -> str:
        """The record's type and day."""
        _, record_type = self._at(question)
        entry = self.tablet.index.entry(question.record)
        parts = [record_type.label.get(self.tablet.language)]
        return " · ".join([*parts, date_text(entry.day)] if entry is not None and entry.day else parts)

    def candidates(self, question: Question) -> list[Candidate]:
        """The answers, the one in use first."""
        state, record_type = self._at(question)
        register = state.registers.get(question.path)
        values = [] if register is None else sorted(register.values, key=lambda value: value.open)
        return [self._candidate(question, record_type, value) for value in values]

    def _candidate(self, question: Question, record_type: RecordType, value: Value) -> Candidate:
        tablet, field = self.tablet, self.field(question)
        plain_value = spelled(value.value)
        if value.blob is not None:
            plain_value = tablet.case_keys.open(question.record, question.path, value.blob, Sealed(value.blob))
        if field is None:
            words = tablet.say(f"did_{value.kind}")
        else:
            words = value_text(field, plain_value, catalogue=tablet.catalogue, language=tablet.language, title_of=tablet.title_of)
        short = words if len(words) <= SHORT and words != UNKNOWN else tablet.say("this_one")
        deed = tablet.say("keep_value" if not value.open else "use_value", value=short)
        return Candidate(
            value=plain_value, words=words, who=self._who(value), when=self._when(value), deed=deed, current=not value.open
        )  # fmt: skip

    def _who(self, value: Value) -> str:
        """Everybody who wrote it, with the tablet."""
        told = []
        own = {log.log for log in self.tablet.store.own_logs(every=True)}
        for name in value.origins:
            change = self.tablet.change_of(name)
            person = self.tablet.say("unknown_person") if change is None else self.tablet.person_words(change.user)
            here = parse_name(name).log in own
            told.append(f"{person} · {self.tablet.say('this_tablet' if here else 'other_tablet')}")
        return ", ".join(dict.fromkeys(told))

    def _when(self, value: Value) -> str:
        """When it was written, and when it reached the server."""
        name = parse_name(value.origins[0])
        change = self.tablet.change_of(value.origins[0])
        if change is None:
            return ""
        written = time_words(self.tablet, change.time.ms)
        arrived = self.tablet.store.outbox.received_ms(name.log, name.number) or self.tablet.store.arrived_ms(value.origins[0])
        if not arrived:
            return self.tablet.say("written_unsent", time=written)
        return self.tablet.say("written_sent", time=written, sent=time_words(self.tablet, arrived))

    def before(self, question: Question) -> str:
        """What stood there when the answers were written («Trước đó: 48.»); "" where this tablet does not hold it."""
        written = [change for name in question.names if (change := self.tablet.change_of(name)) is not None]
        saw = [name for change in written for op in change.operations if op.path == question.path for name in op.saw]
        older = [name for name in saw if name not in question.names]
        if not older:
            return self.tablet.say("before_blank") if written and not saw else ""
        change = self.tablet.change_of(older[0])
        op = None if change is None else next((op for op in change.operations if op.path == question.path), None)
        return "" if change is None or op is None else self.tablet.say("before_was", value=operation_words(self.tablet, change, op))

    # deciding

    def decide(self, question: Question, number: int, why: str = "") -> None:
        """Decide for one of the answers. Raises SenError("question_changed"): somebody wrote or decided meanwhile."""
        candidates = self.candidates(question)
        if not 0 <= number < len(candidates):
            raise SenError("question_changed")
        state, _ = self._at(question)
        chosen = sorted(state.registers[question.path].values, key=lambda value: value.open)[number]
        if chosen.kind in ("withdraw", "delete"):
            self._write(question, None, why, again=chosen.kind)
        else:
            self._write(question, "kept" if question.path.endswith(RECORD_STANDING) else candidates[number].value, why)

    def decide_value(self, question: Question, value: Any, why: str = "") -> None:
        """Decide for a value of one's own. Raises SenError: not of the field's kind, ``question_changed``."""
        field = self.field(question)
        if field is None:
            raise SenError("question_changed")
        code = None if value is None else check_value(field, value)
        if code is not None:
            raise SenError(code, limit=field.max_length or "")
        self._write(question, value, why)

    def _write(self, question: Question, value: Any, why: str, *, again: str = "") -> None:
        state, record_type = self._at(question)
        if question.path not in state.open_paths() or _names(state, question.path) != question.names:
            raise SenError("question_changed")
        blobs: dict[str, bytes] = {}
        digest = self._sealed(question, state, record_type, value, blobs)
        if again:
            below = "" if question.path == RECORD_STANDING else question.path.rpartition("/")[0]
            operation = replace(decision(question.path, None, state.origins(below), why or None), kind=again)
        else:
            operation = decision(question.path, value, question.names, why or None, blob=digest)
        subject = Subject(record=question.record, type=state.type, unit=state.unit, urgent=record_type.urgent)
        self.tablet.store.outbox.write(subject, [(operation,)], blobs)
        self.tablet.forms.close(question.record)
        self.tablet.wrote(urgent=record_type.urgent)

    def _sealed(
        self, question: Question, state: RecordState, record_type: RecordType, value: Any, blobs: dict[str, bytes]
    ) -> str | None:
        """Seal a confidential answer; gives its hash, None for an open one."""
        register = state.registers[question.path]
        if value is None or not any(one.blob for one in register.values):
            return None
        case = case_of(record_type, question.record, plain(state, record_type))
        key = None if case is None else self.tablet.case_keys.key(case)
        if case is None or key is None or isinstance(value, Sealed):
            raise SenError("sealed_open_failed")
        digest, blob = self.tablet.case_keys.seal(key, case, question.record, question.path, value)
        blobs[digest] = blob
        return digest


def _names(state: RecordState | None, path: str) -> tuple[str, ...]:
    register = None if state is None else state.registers.get(path)
    return () if register is None else tuple(dict.fromkeys(name for value in register.values for name in value.origins))
