"""The page of one record: its values by section, open questions, the deeds that this person may do, and its history beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from server.console.question import QuestionView, question_views
from server.console.rights import may_act, may_write, moves
from server.console.shell import me, page
from server.console.values import Shown, Titles, shown
from server.console.words import age_words, state_words, unit_words
from server.language import lang
from server.people import User
from server.records import Opened, holds_sealed, open_record
from server.reporting import REPORT, beside
from server.services import services
from shared.beside import alike
from shared.catalogue import RecordType
from shared.labels import raw_text
from shared.messages import codes, phrase
from shared.validate import complete, is_shown
from sync.view import Sealed

__all__ = ["Deed", "RecordPage", "move_words", "record_page"]


@dataclass(frozen=True, kw_only=True)
class Deed:
    """A move of a workflow: its field, where to, its words; ``reason`` is asked for where a reason is needed."""

    path: str
    to: str
    words: str
    reason: bool


@dataclass(frozen=True, kw_only=True)
class SectionLines:
    """A section: what was written in it, and the labels of what was not."""

    label: str
    lines: list[Shown]
    blank: list[str]


@dataclass(frozen=True, kw_only=True)
class RecordPage:
    """The page. ``may_open``: the confidential values can be opened with a reason; ``opened``: they are, for the reason ``why``.

    ``twins``: records of the unit that may be the same event (address, title), below ``twins_words``. ``faults``: what is wrong with it
    though it was submitted (label, sentence).
    """

    id: str
    code: str
    type_label: str
    title: str
    below: str
    state: str
    tone: str
    withdrawn: bool
    sections: list[SectionLines]
    old: list[Shown]
    questions: list[QuestionView]
    faults: list[tuple[str, str]]
    deeds: list[Deed]
    edit: str
    report: str
    may_withdraw: bool
    sealed: bool
    may_open: bool
    opened: bool
    why: str
    updated: str
    twins: list[tuple[str, str]]
    twins_words: str


def move_words(to: str, label: str) -> str:
    """The words of a move's button: a phrase of its own, else the state that it leads to."""
    code = f"move_{to}"
    return phrase(code, lang()) if code in codes() else label


def record_page(record: str, *, why: str = "") -> Response:
    """The page of a record; with a reason, its confidential values opened where the person may."""
    user = me()
    opened = open_record(user, record, why=why, lang=lang())
    row, record_type = opened.row, opened.record_type
    words, tone = state_words(record_type, row.state)
    writes = may_write(user, row.unit, record_type) and not row.withdrawn
    acts = bool(opened.questions) and may_act(user, row.unit, record_type)
    dated = [row.when] if row.when else []
    context = RecordPage(
        id=row.id, code=row.type, type_label=record_type.label.get(lang()), title=row.title,
        below=" · ".join([unit_words(row.unit), *dated]), state=words, tone=tone, withdrawn=row.withdrawn,
        sections=list(_sections(user, opened)), old=_old(user, opened),
        questions=question_views(user, opened.questions, may=lambda one: acts),
        faults=[] if row.withdrawn else list(_faults(opened)),
        deeds=[] if row.withdrawn else sorted(_deeds(user, opened), key=lambda one: one.reason),
        edit=url_for("writing.edit", record=row.id) if writes else "",
        report=_report(opened), may_withdraw=writes, sealed=any(holds_sealed(one) for one in opened.values.values()),
        may_open=opened.may_open_confidential and not opened.confidential_open,
        opened=opened.confidential_open, why=why if opened.confidential_open else "",
        updated=age_words(row.updated_ms), twins=_twins(user, opened), twins_words=phrase("may_be_twice", lang()),
    )  # fmt: skip
    return page("records/record.html", context)


def _twins(user: User, opened: Opened) -> list[tuple[str, str]]:
    row, record_type = opened.row, opened.record_type
    if not record_type.alike or row.withdrawn:
        return []
    others = {code: told for code, told in beside(record_type, row.unit).others.items() if code != row.id}
    titles = Titles(user)
    found = [(url_for("records.record", record=one), titles.of(row.type, one)) for one in alike(record_type, opened.values, others)]
    return [(url, title) for url, title in found if title]


def _faults(opened: Opened) -> Iterator[tuple[str, str]]:
    for fault in opened.faults:
        one = opened.record_type.field_at(fault.path)
        yield ("" if one is None else one.label.get(lang())), fault.text


def _sections(user: User, opened: Opened) -> Iterator[SectionLines]:
    held = services()
    record_type, titles = opened.record_type, Titles(user)
    values = complete(record_type, _plain(opened.values), held.catalogue, held.clock.today()) | {
        code: value for code, value in opened.values.items() if isinstance(value, Sealed)
    }
    for section in record_type.sections:
        lines: list[Shown] = []
        blank: list[str] = []
        for code in section.fields:
            one, value = record_type.fields[code], values.get(code)
            if value not in (None, "", []):
                lines.append(shown(one, value, titles, opened.row.id))
            elif is_shown(record_type, code, values, today=held.clock.today(), catalogue=held.catalogue):
                blank.append(one.label.get(lang()))
        if lines or not section.folded:
            yield SectionLines(label=section.label.get(lang()), lines=lines, blank=blank)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {code: value for code, value in values.items() if not isinstance(value, Sealed)}


def _old(user: User, opened: Opened) -> list[Shown]:
    """Values of fields that the catalogue no longer has («trường cũ»)."""
    record_type, titles = opened.record_type, Titles(user)
    gone = sorted(opened.values.keys() - record_type.fields.keys())
    told = {code: opened.values[code] for code in gone if opened.values[code] not in (None, "", [])}
    return [
        shown(record_type.former[code], value, titles, opened.row.id)
        if code in record_type.former
        else Shown(path=code, label=code, text=raw_text(value))
        for code, value in told.items()
        if code in record_type.former or not isinstance(value, Sealed)
    ]


def _deeds(user: User, opened: Opened) -> Iterator[Deed]:
    """The moves of all workflows of a record but its sending, which goes by the form (and a report's, by its page)."""
    record_type: RecordType = opened.record_type
    for code, one in record_type.fields.items():
        flow = record_type.flow if code == "state" else one.flow
        if one.kind != "flow" or flow is None or (code == "state" and record_type.code == REPORT):
            continue
        labels = services().catalogue.flows[flow].states
        for move in moves(user, opened.row.unit, flow, opened.values.get(code)):
            if code == "state" and move.to == "submitted":
                continue
            words = move_words(move.to, labels[move.to].get(lang())) if code == "state" else labels[move.to].get(lang())
            told = words if code == "state" else _("%(field)s: %(state)s", field=one.label.get(lang()), state=words)
            yield Deed(path=code, to=move.to, words=told, reason=move.to == "returned")


def _report(opened: Opened) -> str:
    """The page of the report that this record is, "" for other records."""
    period = opened.values.get("period")
    if opened.row.type != REPORT or not services().catalogue.periods.knows(str(period or "")):
        return ""
    return url_for("reports.report", period=period, unit=opened.row.unit)
