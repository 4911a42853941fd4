"""Records: which there are, a list with filters, one record with its values, its history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from server.access import units_visible
from server.console.record_page import record_page
from server.console.rights import moves, units_for_new
from server.console.shell import me, page
from server.console.values import Titles, value_words
from server.console.words import age_words, state_words, unit_words
from server.language import lang
from server.people import User
from server.records import PAGE_ROWS, Row, counts_by_type, search
from server.services import services
from shared.catalogue import RecordType
from shared.errors import SenError

GROUPS = ("communication", "gbv", "models", "management", "reports", "statistics")

FAULTY = "faulty"
"""The filter of a list for what was submitted and is wrong."""

blueprint = Blueprint("records", __name__)
blueprints = (blueprint,)

__all__ = ["Chip", "Line", "blueprints", "lines_of", "type_of"]


@dataclass(frozen=True, kw_only=True)
class TypeCard:
    """A record type with its count; ``new`` leads to its form, "" where this person may not fill it in."""

    label: str
    count: int
    url: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Types:
    """The page of all types, by group."""

    groups: list[tuple[str, list[TypeCard]]]


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A filter that a click sets."""

    words: str
    url: str
    here: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """One record in a list."""

    id: str
    title: str
    url: str
    dated: str
    unit: str
    figure: str
    state: str
    tone: str
    questions: int
    faults: int
    updated: str
    withdrawn: bool


@dataclass(frozen=True, kw_only=True)
class Records:
    """The list of one type. ``bulk`` are the moves that may be made of many at once: (state, words)."""

    code: str
    label: str
    figure: str
    chips: list[Chip]
    units: list[tuple[str, str]]
    periods: list[tuple[str, str]]
    chosen: dict[str, str]
    lines: list[Line]
    total: int
    earlier: str
    later: str
    new: str
    bulk: list[tuple[str, str]]


def group_words(code: str) -> str:
    """A group's name."""
    words = {
        "communication": _("Truyền thông"), "gbv": _("Bạo lực trên cơ sở giới"), "models": _("Mô hình"),
        "management": _("Chỉ đạo, điều hành"), "reports": _("Báo cáo, kiến nghị"), "statistics": _("Số liệu"),
    }  # fmt: skip
    return words.get(code, code)


def type_of(code: str) -> RecordType:
    """A record type. Raises SenError("not_found")."""
    known = services().catalogue.all_types.get(code)
    if known is None:
        raise SenError("not_found")
    return known


@blueprint.get("/records")
def types() -> Response:
    """All types that this person meets."""
    user, counts = me(), counts_by_type(me())
    groups = []
    for group in GROUPS:
        known = services().catalogue.all_types.values()
        here = [one for one in known if one.group == group and (one.code in counts or not one.dropped)]
        cards = [_card(user, one, counts.get(one.code, 0)) for one in here]
        kept = [card for card, sealed in cards if card.new or card.count or not sealed]
        groups.append((group_words(group), kept))
    return page("records/types.html", Types(groups=[one for one in groups if one[1]]))


def _card(user: User, one: RecordType, count: int) -> tuple[TypeCard, bool]:
    new = url_for("writing.new", code=one.code) if units_for_new(user, one) else ""
    url = url_for("records.listing", code=one.code)
    return TypeCard(label=one.label.get(lang()), count=count, url=url, new=new), bool(one.sealed_by)


def lines_of(user: User, rows: Sequence[Row]) -> list[Line]:
    """Rows as a list shows them."""
    titles, catalogue = Titles(user), services().catalogue
    lines = []
    for row in rows:
        record_type = catalogue.all_types[row.type]
        words, tone = state_words(record_type, row.state)
        figure = record_type.fields.get(record_type.figure or "")
        lines.append(
            Line(
                id=row.id, title=row.title, url=url_for("records.record", record=row.id), dated=row.when or "–",
                unit=unit_words(row.unit), figure="" if figure is None else value_words(figure, row.figure, titles), state=words,
                tone=tone, questions=row.open_count, faults=row.faults, updated=age_words(row.updated_ms), withdrawn=row.withdrawn,
            )
        )  # fmt: skip
    return lines


@blueprint.get("/records/of/<code>")
def listing(code: str) -> Response:
    """The records of a type."""
    user, record_type, held = me(), type_of(code), services()
    told = {name: request.args.get(name, "") for name in ("q", "state", "period", "unit")}
    told = {name: value[:200] for name, value in told.items() if value}
    number = min(max(request.args.get("page", 1, type=int), 1), 100_000)
    period = held.catalogue.periods.get(told["period"]) if held.catalogue.periods.knows(told.get("period", "")) else None
    state = told.get("state")
    gone, faulty = state == "withdrawn", state == FAULTY
    found = search(
        user, code, unit=told.get("unit"), state=None if gone or faulty else state, period=period, text=told.get("q", ""), page=number,
        withdrawn=gone, faulty=faulty, lang=lang(),
    )  # fmt: skip

    def at(step: int) -> str:
        return listing_url(code, told, page=str(number + step))

    figure = record_type.fields.get(record_type.figure or "")
    context = Records(
        code=code, label=record_type.label.get(lang()), figure="" if figure is None else figure.label.get(lang()),
        chips=list(_chips(record_type, told)), units=_units(user), periods=_periods(record_type), chosen=told,
        lines=lines_of(user, found.rows), total=found.total, earlier=at(-1) if number > 1 else "",
        later=at(1) if found.total > number * PAGE_ROWS else "",
        new=url_for("writing.new", code=code) if units_for_new(user, record_type) else "", bulk=_bulk(user, record_type, state),
    )  # fmt: skip
    return page("records/listing.html", context, fragment="records/_listing.html")


def listing_url(code: str, told: Mapping[str, str], **more: str) -> str:
    """The address of a list with its filters; empty ones are left out."""
    filters = {name: value for name, value in {**told, **more}.items() if value}
    return f"{url_for('records.listing', code=code)}{'?' if filters else ''}{urlencode(filters)}"


def _chips(record_type: RecordType, told: dict[str, str]) -> Iterator[Chip]:
    rest = {name: value for name, value in told.items() if name != "state"}
    flow = services().catalogue.flows[record_type.flow]
    faulty = [(FAULTY, _("Đã gửi mà còn thiếu, sai"))] if "submitted" in flow.states else []
    words = [("", _("Tất cả")), *((code, label.get(lang())) for code, label in flow.states.items()), *faulty, ("withdrawn", _("Đã rút"))]
    for code, label in words:
        url = listing_url(record_type.code, rest, state=code)
        yield Chip(words=label, url=url, here=told.get("state", "") == code)


def _units(user: User) -> list[tuple[str, str]]:
    units = services().catalogue.units.ordered(list(units_visible(user)))
    own = [(unit.code, unit.name.get(lang())) for unit in units if unit.kind != "hamlet"]
    return own if len(own) > 1 else []


def _periods(record_type: RecordType) -> list[tuple[str, str]]:
    """The periods of this year and the two before it, where the type has a date at all."""
    if not record_type.date:
        return []
    held = services()
    year, periods = held.clock.today().year, held.catalogue.periods
    codes = [f"{one}-{pattern}" for one in (year, year - 1, year - 2) for pattern in periods.pattern]
    return [(code, periods.get(code).label.get(lang())) for code in codes if periods.knows(code)]


def _bulk(user: User, record_type: RecordType, state: str | None) -> list[tuple[str, str]]:
    """The moves of many at once, where the list shows what was sent."""
    if record_type.flow != "record" or state != "submitted" or record_type.sealed_by:
        return []
    found: dict[str, str] = {}
    words = {"accepted": _("Tiếp nhận các bản ghi đã chọn"), "returned": _("Trả lại các bản ghi đã chọn")}
    for unit in units_visible(user):
        for move in moves(user, unit, record_type.flow, state):
            if move.to in words:
                found[move.to] = words[move.to]
        if found:
            break
    return [(to, found[to]) for to in words if to in found]


@blueprint.get("/records/<record>")
def record(record: str) -> Response:
    """One record."""
    return record_page(record)


@blueprint.post("/records/<record>/open")
def open_confidential(record: str) -> Response:
    """The record with its confidential values, for a reason that goes into the audit trail."""
    why = request.form.get("why", "").strip()
    if not why:
        raise SenError("reason_to_read")
    return record_page(record, why=why)
