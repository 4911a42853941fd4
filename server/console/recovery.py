"""«Phục hồi»: what came back after this server was restored from a backup, by which tablet, which tablets and people it had forgotten, and
what nobody had; and what its disk lost or changed, what is waited for, and how far the look over everything is.
"""

from dataclasses import dataclass

from flask import Blueprint, current_app
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from server import db
from server.access import units_visible, units_where
from server.console.question import field_of_question
from server.console.shell import me, page
from server.console.values import Titles
from server.console.words import moment_words, unit_words
from server.language import lang
from server.recovery import (
    Damaged,
    PersonAgain,
    Returned,
    TakenUp,
    Waiting,
    damaged,
    lines_missing,
    people_again,
    restored_ms,
    returned,
    taken_up,
    waiting,
    was_restored,
)
from server.rounds import Standing
from server.services import services

blueprint = Blueprint("recovery", __name__)
blueprints = (blueprint,)

__all__ = ["DamagedLine", "PersonLine", "Recovery", "ReturnedLine", "TakenLine", "WaitingLine", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class ReturnedLine:
    """A tablet that handed something back."""

    device: str
    unit: str
    lines: int
    records: int


@dataclass(frozen=True, kw_only=True)
class TakenLine:
    """A tablet that was forgotten and is known again; ``ended``: it is revoked or its person locked, as before."""

    device: str
    person: str
    unit: str
    enrolled: str
    since: str
    ended: bool


@dataclass(frozen=True, kw_only=True)
class PersonLine:
    """A person of whom something had been forgotten; ``remarks`` say what is there again, and what is wanting."""

    words: str
    remarks: list[str]


@dataclass(frozen=True, kw_only=True)
class WaitingLine:
    """A record with a change that nobody has told again; ``record`` is "" where this person may not open it."""

    record: str
    title: str
    unit: str
    field: str


@dataclass(frozen=True, kw_only=True)
class DamagedLine:
    """Something damaged: ``record`` is "" where this person may not open it or none is known; ``healed`` "" while it is waited for."""

    record: str
    title: str
    unit: str
    what: str
    found: str
    healed: str
    device: str


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """The page.

    ``restored``: when a backup was last brought back, "" where that is not known; ``ever``: whether one was at all. ``round`` is how far
    this process's look over everything is; None where none goes on (a command).
    """

    ever: bool
    restored: str
    damaged: list[DamagedLine]
    lost: int
    round: Standing | None
    round_ended: str
    returned: list[ReturnedLine]
    taken: list[TakenLine]
    people: list[PersonLine]
    waiting: list[WaitingLine]
    lines: int
    missing: int


@blueprint.get("/recovery")
def recovery() -> Response:
    """What was recovered, and what waits, in the units that this person sees."""
    user, units = me(), sorted(units_visible(me()))
    administered = sorted(units_visible(me()) | units_where(me(), "administer"))
    with db.reading() as connection:
        came, waits, missing = returned(connection, units), waiting(connection, units), lines_missing(connection)
        ever, restored = was_restored(connection), restored_ms(connection)
        taken, people = taken_up(connection, administered), people_again(connection, administered)
        broken = damaged(connection, units)
    titles = Titles(user)
    housekeeper = current_app.extensions.get("sen-housekeeper")
    standing = None if housekeeper is None else housekeeper.round.standing
    context = Recovery(
        ever=ever, restored="" if restored is None else moment_words(restored),
        damaged=[_damaged(one, titles) for one in broken], lost=sum(one.healed_ms is None for one in broken), round=standing,
        round_ended="" if standing is None or standing.ended_ms is None else moment_words(standing.ended_ms),
        returned=[_returned(one) for one in came], taken=[_taken(one) for one in taken], people=[_person(one) for one in people],
        waiting=[_waiting(one, titles) for one in waits], lines=sum(one.lines for one in came), missing=missing,
    )  # fmt: skip
    return page("recovery/recovery.html", context)


def _returned(one: Returned) -> ReturnedLine:
    return ReturnedLine(device=one.device, unit=unit_words(one.unit), lines=one.lines, records=one.records)


def _taken(one: TakenUp) -> TakenLine:
    return TakenLine(
        device=one.device, person=one.person, unit=unit_words(one.unit), enrolled=moment_words(one.enrolled_ms),
        since=moment_words(one.at_ms), ended=one.ended,
    )  # fmt: skip


def _person(one: PersonAgain) -> PersonLine:
    remarks = [_("người dùng mới thêm đã có lại")] if one.whole else []
    if one.password:
        remarks.append(_("mật khẩu như đã đổi sau bản sao lưu"))
    if one.roles:
        labels = [(services().catalogue.roles.get(role), role, unit) for role, unit in one.roles]
        words = [f"{code if role is None else role.label.get(lang())} – {unit_words(unit)}" for role, code, unit in labels]
        remarks.append(_("vai trò có lại: %(roles)s", roles=", ".join(words)))
    if one.needs_password and one.whole:
        remarks.append(_("chưa có mật khẩu: quản trị đặt ở «Người dùng» nếu người này dùng trang của huyện"))
    return PersonLine(words=f"{one.name} ({one.login})", remarks=remarks)


def _damaged(one: Damaged, titles: Titles) -> DamagedLine:
    record_type = services().catalogue.all_types.get(one.type)
    title = titles.of(one.type, one.record) if record_type is not None else ""
    words = {
        "line": _("thay đổi thứ %(place)d", place=one.place) if one.place else _("thay đổi"), "blob": _("giá trị bảo mật"),
        "record": _("bản ghi"), "file": _("ảnh hoặc tệp"),
    }  # fmt: skip
    return DamagedLine(
        record=one.record if title else "", title=title or ("" if record_type is None else record_type.label.get(lang())),
        unit=unit_words(one.unit) if one.unit else "", what=words.get(one.kind, _("số kiểm tra")), found=moment_words(one.found_ms),
        healed=moment_words(one.healed_ms) if one.healed_ms is not None else "", device=one.device,
    )  # fmt: skip


def _waiting(one: Waiting, titles: Titles) -> WaitingLine:
    record_type = services().catalogue.all_types[one.type]
    title, field = titles.of(one.type, one.record), field_of_question(record_type, one.path)
    return WaitingLine(
        record=one.record if title else "", title=title or record_type.label.get(lang()), unit=unit_words(one.unit),
        field="" if field is None else field.label.get(lang()),
    )  # fmt: skip
