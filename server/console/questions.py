"""«Khác nhau»: which of the two is right? All open questions, and the decision with one of the values or a third."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from server import editing
from server.console.alike import Alike, alike, chosen
from server.console.inputs import read_one
from server.console.question import THIRD, QuestionView, field_of_question, question_views
from server.console.rights import may_act
from server.console.shell import me, page
from server.console.words import unit_words
from server.language import lang
from server.people import User
from server.records import Question, open_record
from server.records import questions as open_questions
from server.services import services
from shared.errors import SenError
from shared.kinds import check_value, longest
from shared.labels import number_text

MOST = 100

blueprint = Blueprint("questions", __name__)
blueprints = (blueprint,)

__all__ = ["Questions", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class Questions:
    """The page: many alike at first, then all questions by unit."""

    alike: list[Alike]
    units: list[tuple[str, list[QuestionView]]]
    count: int
    more: bool


@blueprint.get("/questions")
def questions() -> Response:
    """All open questions that this person may see."""
    user = me()
    found = open_questions(user, limit=MOST, lang=lang())
    order = {code: place for place, code in enumerate(unit.code for unit in services().catalogue.units.ordered())}
    found = sorted(found, key=lambda one: order.get(one.record.unit, 0))
    may = _may(user)
    views = list(zip(found, question_views(user, found, may=may), strict=True))
    units = [(unit_words(unit), [view for _, view in group]) for unit, group in groupby(views, key=lambda pair: pair[0].record.unit)]
    context = Questions(alike=list(alike(views)), units=units, count=len(found), more=len(found) >= MOST)
    return page("questions/questions.html", context)


def _may(user: User) -> Callable[[Question], bool]:
    """Whether a person may decide a question; asked once for a unit and a type."""
    known: dict[tuple[str, str], bool] = {}

    def may(one: Question) -> bool:
        key = (one.record.unit, one.record.type)
        if key not in known:
            known[key] = may_act(user, one.record.unit, services().catalogue.all_types[one.record.type])
        return known[key]

    return may


@blueprint.post("/records/<record>/decide")
def decide(record: str) -> Response:
    """Decide one question: ``go`` is the number of a value, or ``third``."""
    user, form = me(), request.form
    why, path = form.get("why", "").strip(), form.get("path", "")
    opened = open_record(user, record, why=why, lang=lang())
    question = next((one for one in opened.questions if one.path == path), None)
    if question is None or set(form.get("seen", "").split()) != set(question.seen):
        raise SenError("question_changed")
    go = form.get("go", "")
    if go == THIRD:
        value = _typed(question)
    elif go.isdecimal() and int(go) < len(question.answers):
        value = chosen(question, question.answers[int(go)])
    else:
        raise SenError("question_changed")
    editing.decide(user, record, path, value, question.seen, why=why)
    flash(_("Đã ghi quyết định. Các giá trị kia vẫn còn trong lịch sử."))
    back = url_for("records.record", record=record) if form.get("back") == "record" else url_for("questions.questions")
    return redirect(back, 303)


def _typed(question: Question) -> Any:
    """The third value, of the field's kind. Raises SenError."""
    field = field_of_question(services().catalogue.all_types[question.record.type], question.path)
    if field is None:
        raise SenError("question_changed")
    value = read_one(field, request.form.getlist(f"{THIRD} {question.record.id} {question.path}"))
    if value is None:
        raise SenError("required")
    code = check_value(field, value)
    if code is not None:
        raise SenError(code, limit=number_text(longest(field)))
    return value
