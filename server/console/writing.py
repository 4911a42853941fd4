"""Writing a record at the console: the form of a new one or of one that is there, saved as a draft or sent, errors at their fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, make_response, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from server import db, editing
from server.console.attachments import add_uploads
from server.console.form import FormMaker, SectionView, Told
from server.console.form_reading import apply_deed, read_form, without_empty_rows
from server.console.records import type_of
from server.console.rights import may_write, units_for_new
from server.console.shell import fragment_wanted, me, page
from server.console.words import state_words, unit_words
from server.language import lang
from server.records import history, is_there, open_record, state_of
from server.reporting import REPORT, beside
from server.services import services
from shared.beside import doubts_beside
from shared.catalogue import RecordType
from shared.errors import SenError
from shared.ids import RECORD_ID, new_id, new_record_id
from shared.validate import Problem, validate
from sync.view import Sealed, renewed, snapshot

KEPT = "keep "
"""Before the code of a warning: the reason for which it stands."""

ASKED = ("period", "kind")
"""Fields that an address may fill in beforehand."""

SENDS = frozenset({"draft", "returned"})
"""States from which a record is sent."""

blueprint = Blueprint("writing", __name__)
blueprints = (blueprint,)

__all__ = ["FormPage", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class FormPage:
    """The form. ``doubts`` are the warnings that a reason must keep; ``opens``: confidential values can be opened for editing.
    ``fresh`` is the id that a new record gets, however often its form is sent; ``sealed``: nothing typed may be kept in the browser.
    """

    code: str
    record: str
    fresh: str
    action: str
    label: str
    title: str
    unit: str
    units: list[tuple[str, str]]
    sections: list[SectionView]
    unplaced: list[Told]
    token: str
    confidential: bool
    sealed: bool
    opens: bool
    sends: bool
    state: str
    tone: str
    errors: int
    doubts: list[Told]
    kept: dict[str, str]
    checked: bool
    back: str


@blueprint.route("/records/new/<code>", methods=["GET", "POST"])
def new(code: str) -> Response:
    """A new record of a type."""
    record_type = type_of(code)
    units = units_for_new(me(), record_type)
    if not units:
        raise SenError("no_right")
    work = _Writing(record_type, None, request.form.get("unit") or request.args.get("unit") or units[0], units)
    if work.unit not in units:
        raise SenError("no_right")
    if request.method == "POST":
        return work.answer()
    defaults = {name: one.default for name, one in record_type.fields.items() if one.default is not None and one.kind != "flow"}
    told = {name: request.args[name] for name in ASKED if name in request.args and name in record_type.fields}
    rows = [one.code for one in record_type.fields.values() if one.kind == "rows" and one.required and not one.rows_from]
    begun = {code: [{"id": new_id()}] for code in rows}
    return work.show({**defaults, **begun, **told})


@blueprint.route("/records/<record>/edit", methods=["GET", "POST"])
def edit(record: str) -> Response:
    """A record that is there. ``check=1`` shows what is missing before it can be sent."""
    user, why = me(), request.form.get("why", "") if request.form.get("go") == "open" else ""
    opened = open_record(user, record, why=why, lang=lang())
    if opened.row.withdrawn or not may_write(user, opened.row.unit, opened.record_type):
        raise SenError("no_right")
    work = _Writing(opened.record_type, record, opened.row.unit, [])
    work.title, work.state = opened.row.title, opened.row.state
    work.may_open = opened.may_open_confidential
    if request.method == "POST" and request.form.get("go") != "open":
        return work.answer()
    work.token, work.shown = editing.pack_snapshot(opened.snapshot), opened.snapshot.values
    work.confidential = opened.confidential_open
    checked = request.args.get("check") == "1"
    return work.show(opened.values, work.judged(opened.values) if checked else (), checked=checked)


class _Writing:
    """One form on its way: what it showed, what was typed, what became of it."""

    def __init__(self, record_type: RecordType, record: str | None, unit: str, units: list[str]) -> None:
        self.type = record_type
        self.record = record
        self.unit = unit
        self.units = units
        self.title = ""
        self.state: str | None = None
        self.token: str | None = None
        self.shown: Mapping[str, Any] = {}
        self.may_open = True
        self.confidential = record is None
        self.fresh = new_record_id()

    def judged(self, values: Mapping[str, Any]) -> list[Problem]:
        """What is wrong before it can be sent; sealed values count as given."""
        held = services()
        sealed = {code for code, value in values.items() if isinstance(value, Sealed)}
        plain = {code: value for code, value in values.items() if code not in sealed and value is not None} | {"unit": self.unit}
        found = validate(self.type, plain, stage="submit", today=held.clock.today(), catalogue=held.catalogue)
        found += doubts_beside(self.type, self.record or "", plain, beside(self.type, self.unit))
        return [one for one in found if not (one.code == "required" and one.path in sealed)]

    def answer(self) -> Response:
        """Do what the pressed button says."""
        form, go = request.form, request.form.get("go", "save")
        self.token = form.get("token") or None
        if self.record is None:
            self._take_up(form.get("record", ""))
        elif not self.token:
            raise SenError("form_expired")
        else:
            self.confidential = form.get("confidential") == "1" and self.may_open
        if self.token is not None:
            self.shown = renewed(editing.unpack_snapshot(self.token or "").values, self.type)
        typed = read_form(self.type, form, self.shown)
        typed = add_uploads(self.type, typed, self.record, self.shown)
        if go not in ("save", "submit"):
            apply_deed(self.type, typed, go)
            checked = form.get("checked") == "1"
            values = {**self.shown, **typed}
            return self.show(values, self.judged(values) if checked else (), checked=checked)
        return self._save(without_empty_rows(self.type, typed, self.shown), submit=go == "submit")

    def _take_up(self, told: str) -> None:
        """Give a new record the id of its form. Sent again (a second tap, the way back), the form goes on with the record that it made.

        Raises:
            SenError: ``form_expired`` where somebody else has written in it since, ``not_found``.
        """
        if not RECORD_ID.fullmatch(told):
            return
        self.fresh = told
        if not is_there(told):
            return
        opened = open_record(me(), told, lang=lang())
        if opened.row.type != self.type.code or not may_write(me(), opened.row.unit, self.type):
            raise SenError("not_found")
        if opened.row.withdrawn or {entry.user for entry in history(me(), told)} != {me().id}:
            raise SenError("form_expired")
        self.record, self.unit, self.title, self.state = told, opened.row.unit, opened.row.title, opened.row.state
        self.token, self.confidential = editing.pack_snapshot(opened.snapshot), True

    def _save(self, typed: dict[str, Any], *, submit: bool) -> Response:
        values = {**self.shown, **typed}
        problems = self.judged(values)
        kept = _kept()
        doubts = [one for one in problems if one.level == "warning" and one.code not in kept]
        ready = submit and not doubts
        try:
            saved = editing.save(
                me(), self.record or self.fresh, self.type.code, self.unit, self.token, typed, submit=ready,
                confidential=self.confidential, why="; ".join(kept.values()),
            )  # fmt: skip
        except SenError as error:
            if error.code != "record_there":
                raise
            return self.answer()  # the same form, sent twice at once, was the quicker one
        wrong = [one for one in saved.problems if one.code in editing.STOPS_SAVING]
        if wrong and not saved.written:
            return self.show(values, problems if submit else wrong, checked=submit)
        self.record = saved.record
        if not submit or saved.submitted:
            flash(_("Đã gửi.") if saved.submitted else _("Đã lưu nháp.") if (self.state or "draft") in SENDS else _("Đã lưu."))
            return _go(url_for("records.record", record=saved.record))
        return self._again(values, problems)

    def _again(self, values: Mapping[str, Any], problems: list[Problem]) -> Response:
        """The form once more: it is saved as a draft, and what is missing stands at its fields."""
        assert self.record is not None
        if not fragment_wanted() and not self.type.sealed_by:
            return redirect(url_for("writing.edit", record=self.record, check=1), 303)
        with db.reading() as connection:
            shot = snapshot(state_of(connection, self.record), self.type)
        self.token, self.shown, self.units = editing.pack_snapshot(shot), shot.values, []
        return self.show({**shot.values, **values}, problems, checked=True, saved=True)

    def show(
        self, values: Mapping[str, Any], problems: list[Problem] | tuple[()] = (), *, checked: bool = False, saved: bool = False
    ) -> Response:
        """The form as it stands."""
        maker = FormMaker(me(), self.type, self.unit, values, problems, opened=self.confidential)
        sealed = any(isinstance(value, Sealed) for value in values.values())
        words, tone = state_words(self.type, self.state)
        begins = (self.state or "draft") in SENDS and self.type.code != REPORT
        record, code = self.record, self.type.code
        action = url_for("writing.edit", record=record) if record else url_for("writing.new", code=code)
        context = FormPage(
            code=code, record=record or "", fresh=self.fresh, action=action,
            label=self.type.label.get(lang()), title=self.title, unit=self.unit,
            units=[(one, unit_words(one)) for one in self.units or [self.unit]], sections=list(maker.sections()), unplaced=maker.unplaced(),
            token=self.token or "", confidential=self.confidential,
            sealed=any(one.confidential for one in self.type.fields.values()),
            opens=bool(record) and sealed and self.may_open and not self.confidential,
            sends=begins, state=words if record else _("Bản ghi mới"), tone=tone if record else "", kept=_kept(), checked=checked,
            errors=sum(one.level == "error" for one in problems),
            doubts=[Told(text=one.text(lang()), code=one.code, doubt=True) for one in problems if one.level == "warning"],
            back=url_for("records.record", record=record) if record else url_for("records.listing", code=code),
        )  # fmt: skip
        wrong = bool(problems) and request.method == "POST" and not fragment_wanted() and not saved
        answer = page("records/form.html", context, status=422 if wrong else 200, fragment="records/_form.html")
        if saved and fragment_wanted():
            answer.headers["HX-Replace-Url"] = url_for("writing.edit", record=record)
        return answer


def _kept() -> dict[str, str]:
    """The warnings that a reason keeps: code → reason."""
    told = {name.removeprefix(KEPT): text.strip() for name, text in request.form.items() if name.startswith(KEPT)}
    return {code: text for code, text in told.items() if text}


def _go(url: str) -> Response:
    """Lead on after a deed, by htmx or by the browser itself."""
    if not fragment_wanted():
        return redirect(url, 303)
    answer = make_response("", 204)
    answer.headers["HX-Redirect"] = url
    return answer
