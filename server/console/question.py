"""An open question as a page shows it: both values large, who wrote each, where and when, and the input of a third."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from server import db
from server.console.form import FormMaker, Input
from server.console.values import Titles, field_words, value_words
from server.console.words import age_words, moment_words, people_names
from server.language import lang
from server.models import LogRow
from server.people import Device, User
from server.records import Answer, Question
from server.services import services
from shared.catalogue import RecordType
from shared.field import Field
from sync.log import RECORD_STANDING
from sync.view import Sealed

SHORT = 24
"""A value of at most so many letters stands on its button."""

THIRD = "third"
"""The name of the third value's input."""

__all__ = ["THIRD", "AnswerView", "QuestionView", "field_of_question", "question_views"]


@dataclass(frozen=True, kw_only=True)
class AnswerView:
    """One of the values. ``go`` is what its button sends."""

    words: str
    who: str
    device: str
    written: str
    arrived: str
    current: bool
    deed: str
    go: str


@dataclass(frozen=True, kw_only=True)
class QuestionView:
    """A question. ``third`` is the input of another value, None where there is none to give; ``sealed``: open the record first."""

    record: str
    title: str
    url: str
    below: str
    field: str
    path: str
    seen: str
    answers: list[AnswerView]
    third: Input | None
    may: bool
    sealed: bool


def question_views(user: User, questions: Sequence[Question], *, may: Callable[[Question], bool]) -> list[QuestionView]:
    """The questions as a page shows them; ``may``: whether this person may decide one."""
    people = people_names(sorted({answer.user for one in questions for answer in one.answers}))
    devices = _devices(sorted({answer.log for one in questions for answer in one.answers}))
    titles = Titles(user)
    return [_view(user, one, people, devices, titles, may=may(one)) for one in questions]


def _devices(logs: Sequence[str]) -> dict[str, str]:
    """Log → the tablet's name; a log of no tablet is the console's."""
    query = select(LogRow.id, Device.name).join(Device, Device.id == LogRow.device).where(LogRow.id.in_(logs))
    known = {row.id: row.name for row in db.db.session.execute(query)}
    return {log: _("máy %(name)s", name=known[log]) if log in known else _("ghi tại máy tính") for log in logs}


def field_of_question(record_type: RecordType, path: str) -> Field | None:
    """The field of a question; None for a withdrawal or a deletion."""
    return None if path.endswith(RECORD_STANDING) else record_type.field_at(path)


def _view(
    user: User, one: Question, people: dict[str, str], devices: dict[str, str], titles: Titles, *, may: bool
) -> QuestionView:
    record_type = services().catalogue.all_types[one.record.type]
    field = field_of_question(record_type, one.path)
    answers = []
    for number, answer in enumerate(one.answers):
        words = _words(field, answer, titles)
        short = words if len(words) <= SHORT and words != "–" else _("giá trị này")
        deed = _("Giữ %(value)s", value=short) if answer.current else _("Dùng %(value)s", value=short)
        answers.append(
            AnswerView(
                words=words, who=people[answer.user], device=devices[answer.log], written=moment_words(answer.written_ms),
                arrived=age_words(answer.arrived_ms), current=answer.current, deed=deed, go=str(number),
            )
        )  # fmt: skip
    dated = [one.record.when] if one.record.when else []
    sealed = any(isinstance(answer.value, Sealed) for answer in one.answers)
    return QuestionView(
        record=one.record.id, title=one.record.title, url=url_for("records.record", record=one.record.id),
        below=" · ".join([record_type.label.get(lang()), *dated]), field=field_words(record_type.by_path, one.path), path=one.path,
        seen=" ".join(one.seen), answers=sorted(answers, key=lambda answer: not answer.current),
        third=None if sealed else _third(user, record_type, one, field), may=may, sealed=sealed,
    )  # fmt: skip


def _words(field: Field | None, answer: Answer, titles: Titles) -> str:
    if field is None:
        return _("rút, không giữ nữa") if answer.kind in ("withdraw", "delete") else _("vẫn giữ")
    if answer.kind in ("withdraw", "delete"):
        return _("rút, không giữ nữa")
    return value_words(field, answer.value, titles)


def _third(user: User, record_type: RecordType, one: Question, field: Field | None) -> Input | None:
    if field is None or field.kind in ("rows", "flow", "files", "photos", "choices", "figures"):
        return None
    maker = FormMaker(user, record_type, one.record.unit, {})
    return maker.input(field, f"{THIRD} {one.record.id} {one.path}", one.path.split("/")[0], None)
