"""Single deeds on records: a step of a workflow, a withdrawal, many accepted at once; and a record's history, told field by field."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from server import editing
from server.access import units_visible
from server.console.question import field_of_question
from server.console.records import type_of
from server.console.shell import me, page
from server.console.values import Titles, field_words, value_words
from server.console.words import moment_words, people_names, state_words
from server.language import lang
from server.records import Entry, history, open_record, search
from shared.catalogue import RecordType
from shared.errors import SenError
from shared.kinds import has_shape
from shared.messages import codes, phrase
from sync.view import SET_KINDS, Sealed

BULK_STATES = frozenset({"accepted", "returned"})
"""Where many records may go at once; returning takes one reason for all."""

MOST_AT_ONCE = 200

blueprint = Blueprint("acts", __name__)
blueprints = (blueprint,)

__all__ = ["History", "Past", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class Past:
    """One thing that happened: at which field, what; ``aside`` is why it was set aside."""

    field: str
    deed: str
    words: str
    why: str
    aside: str


@dataclass(frozen=True, kw_only=True)
class Act:
    """What one person wrote at one time: who, when it was written and arrived, and all that it changed."""

    who: str
    written: str
    arrived: str
    parts: list[Past]


@dataclass(frozen=True, kw_only=True)
class History:
    """The drawer: a record's history, or one field's."""

    title: str
    field: str
    acts: list[Act]


@blueprint.post("/records/<record>/move")
def move(record: str) -> Response:
    """Take a step of a workflow: ``path``, ``to``, and ``why`` where a reason is needed."""
    user, form = me(), request.form
    opened = open_record(user, record, lang=lang())
    path, to, why = form.get("path", "state"), form.get("to", ""), form.get("why", "").strip()
    one = opened.record_type.fields.get(path)
    if one is None or one.kind != "flow":
        raise SenError("no_such_move")
    if to == "returned" and not why:
        raise SenError("reason_needed")
    if path == "state" and to == "submitted":
        raise SenError("no_such_move")  # sending goes by the form, which says what is missing
    editing.move(user, record, path, to, why=why)
    flash(_("Đã chuyển tình trạng."))
    return redirect(url_for("records.record", record=record), 303)


@blueprint.post("/records/<record>/withdraw")
def withdraw(record: str) -> Response:
    """Withdraw a record, with a reason; it stays readable."""
    why = request.form.get("why", "").strip()
    if not why:
        raise SenError("reason_needed")
    opened = open_record(me(), record, lang=lang())
    editing.withdraw(me(), record, why=why)
    flash(_("Đã rút bản ghi. Bản ghi vẫn đọc được ở mục «Đã rút»."))
    return redirect(url_for("records.listing", code=opened.row.type), 303)


@blueprint.post("/records/of/<code>/move")
def move_many(code: str) -> Response:
    """Accept the chosen records of a list, or return them for one reason, in one act for each unit."""
    user, record_type, to, why = me(), type_of(code), request.form.get("to", ""), request.form.get("why", "").strip()
    chosen = request.form.getlist("record")[:MOST_AT_ONCE]
    if record_type.sealed_by or record_type.flow != "record" or to not in BULK_STATES:
        raise SenError("no_such_move")
    if to == "returned" and not why:
        raise SenError("reason_needed")
    count = 0
    for unit in units_visible(user):
        rows = search(user, code, unit=unit, state="submitted", ids=chosen, lang=lang()).rows if chosen else []
        editing.move_all(user, unit, [row.id for row in rows], "state", to, why=why)
        count += len(rows)
    told = ngettext("Đã tiếp nhận %(num)d bản ghi.", "Đã tiếp nhận %(num)d bản ghi.", count)
    flash(told if to == "accepted" else ngettext("Đã trả lại %(num)d bản ghi.", "Đã trả lại %(num)d bản ghi.", count))
    return redirect(url_for("records.listing", code=code, state="submitted"), 303)


@blueprint.get("/records/<record>/history")
def past(record: str) -> Response:
    """The history, latest first; ``path`` chooses one field."""
    user, path = me(), request.args.get("path") or None
    opened = open_record(user, record, lang=lang())
    path = None if path is None else opened.record_type.path_of(path)
    entries = history(user, record, path=path)
    words = field_words(opened.record_type.by_path, path) if path else ""
    context = History(title=opened.row.title, field=words, acts=_acts(opened.record_type, entries))
    return page("records/history.html", context, fragment="records/_history.html")


def _acts(record_type: RecordType, entries: Sequence[Entry]) -> list[Act]:
    people = people_names(sorted({one.user for one in entries}))
    titles = Titles(me())
    together = groupby(reversed(entries), key=lambda one: (one.user, one.written_ms, one.arrived_ms))
    return [
        Act(
            who=people[user], written=moment_words(written_ms), arrived=moment_words(arrived_ms),
            parts=[_past(record_type, one, titles) for one in reversed(list(group))],
        )
        for (user, written_ms, arrived_ms), group in together
    ]  # fmt: skip


def _past(record_type: RecordType, one: Entry, titles: Titles) -> Past:
    return Past(
        field=field_words(record_type.by_path, one.path), deed=_deed(one), words=_words(record_type, one, titles), why=one.why or "",
        aside=phrase(one.verdict, lang()) if one.verdict in codes() else one.verdict,
    )  # fmt: skip


def _deed(one: Entry) -> str:
    deeds = {
        "insert": _("Thêm dòng"), "move": _("Đổi chỗ dòng"), "delete": _("Xóa dòng"), "add": _("Thêm"), "remove": _("Bỏ"),
        "withdraw": _("Rút bản ghi"), "decide": _("Quyết định"), "go": _("Chuyển tình trạng"),
    }  # fmt: skip
    return deeds.get(one.kind, "")


def _words(record_type: RecordType, one: Entry, titles: Titles) -> str:
    field = field_of_question(record_type, one.path)
    if one.kind in ("insert", "move", "delete", "withdraw"):
        return ""
    if isinstance(one.value, Sealed):
        return _("bảo mật")
    if field is None:
        return {"kept": _("vẫn giữ")}.get(str(one.value), "" if one.value is None else str(one.value))
    if field.kind in SET_KINDS:
        element = one.path.rpartition("/")[2] if "/" in one.path else ""
        if field.kind != "choices" and isinstance(one.value, dict):
            return value_words(field, [{**one.value, "sha256": element}], titles)
        return value_words(field, [element] if element else one.value, titles)
    if field.kind == "flow" and one.path == "state" and has_shape(field, one.value):
        return state_words(record_type, one.value)[0]
    return value_words(field, one.value, titles)
