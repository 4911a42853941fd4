"""Many questions alike: the same two people wrote the same field of many records differently; one press decides them all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from server import editing
from server.console.question import AnswerView, QuestionView
from server.console.shell import me
from server.console.words import unit_words
from server.language import lang
from server.people import User
from server.records import Answer, Question, open_record
from server.services import services
from shared.errors import SenError
from sync.log import RECORD_STANDING
from sync.view import Sealed

MOST = 100
"""Questions decided by one press."""

blueprint = Blueprint("alike", __name__)
blueprints = (blueprint,)

__all__ = ["Alike", "alike", "blueprints", "chosen"]


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Questions of one field between the same two people: ``lines`` are title, address, unit and the words of each of the two;
    ``people`` are (id, name), ``items`` what the form sends of each question.
    """

    field: str
    type_label: str
    people: list[tuple[str, str]]
    lines: list[tuple[str, str, str, list[str]]]
    items: list[str]


def alike(views: Sequence[tuple[Question, QuestionView]]) -> Iterator[Alike]:
    """The groups of at least two questions that are alike and that this person may decide."""
    groups: dict[tuple[object, ...], list[tuple[Question, QuestionView]]] = {}
    for one, view in views:
        parts = one.path.split("/")
        users = {answer.user for answer in one.answers}
        if view.may and not view.sealed and len(one.answers) == len(users) == 2 and not one.path.endswith(RECORD_STANDING):
            key = (one.record.type, parts[0], tuple(parts[2:]), frozenset(users))
            groups.setdefault(key, []).append((one, view))
    for pairs in groups.values():
        if len(pairs) > 1:
            yield _as_one(pairs)


def _as_one(pairs: Sequence[tuple[Question, QuestionView]]) -> Alike:
    one, view = pairs[0]
    people = [(answer.user, shown.who) for answer, shown in _matched(one, view)]
    order = [user for user, _ in people]
    lines, items = [], []
    for question, told in pairs:
        words = {answer.user: shown.words for answer, shown in _matched(question, told)}
        lines.append((told.title, told.url, unit_words(question.record.unit), [words[user] for user in order]))
        items.append(f"{told.record} {told.path} {told.seen}")
    label = services().catalogue.types[one.record.type].label.get(lang())
    return Alike(field=view.field, type_label=label, people=people, lines=lines, items=items)


def _matched(one: Question, view: QuestionView) -> list[tuple[Answer, AnswerView]]:
    return [(one.answers[int(shown.go)], shown) for shown in view.answers]


@blueprint.post("/questions/decide")
def decide_alike() -> Response:
    """Decide many questions for one of the two people: ``who``; each ``item`` is record, path and the names that were seen."""
    user, who, why = me(), request.form.get("who", ""), request.form.get("why", "").strip()
    decided, left = 0, 0
    for item in request.form.getlist("item")[:MOST]:
        record, path, *seen = [*item.split(" "), ""] if " " not in item else item.split(" ")
        if _decide_for(user, record, path, seen, who, why):
            decided += 1
        else:
            left += 1
    flash(_("Đã ghi %(count)d quyết định. Các giá trị kia vẫn còn trong lịch sử.", count=decided))
    if left:
        flash(_("%(count)d chỗ vừa thay đổi nên chưa quyết định; xin xem lại.", count=left))
    return redirect(url_for("questions.questions"), 303)


def _decide_for(user: User, record: str, path: str, seen: Sequence[str], who: str, why: str) -> bool:
    """Decide one question for what a person wrote; False where it is not there any more as it was shown."""
    try:
        question = next((one for one in open_record(user, record, lang=lang()).questions if one.path == path), None)
    except SenError:
        return False
    if question is None or set(seen) != set(question.seen):
        return False
    answer = next((one for one in question.answers if one.user == who), None)
    if answer is None or isinstance(answer.value, Sealed):
        return False
    editing.decide(user, record, path, chosen(question, answer), question.seen, why=why)
    return True


def chosen(question: Question, answer: Answer) -> Any:
    """The plain value that a decision for an answer writes. Raises SenError for a sealed one."""
    if question.path.endswith(RECORD_STANDING):
        return "withdrawn" if answer.kind in ("withdraw", "delete") else "kept"
    if isinstance(answer.value, Sealed):
        raise SenError("reason_to_read")
    return answer.value
