"""What pages say of times, states and people: «hôm qua», «còn 9 giờ 20 phút», the tone of a state's chip."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from flask_babel import gettext as _
from flask_babel import ngettext

from server import db
from server.clock import VIETNAM
from server.editing import sql_server
from server.language import lang
from server.people import names_of
from server.services import services
from shared.labels import datetime_text
from shared.record_type import RecordType

TONES: Mapping[str, str] = {
    "submitted": "accent", "accepted": "good", "consolidated": "good", "returned": "danger", "approved": "accent", "draft": "soon",
    "answered": "good", "confirmed": "accent", "active": "good", "answering": "soon", "suspended": "soon", "verifying": "soon",
    "supporting": "soon",
}  # fmt: skip
"""State → tone of its chip; a state without a row is quiet."""

MINUTE_MS = 60_000
DAY_MS = 86_400_000

__all__ = ["TONES", "age_words", "left_words", "moment_words", "people_names", "state_words", "unit_words", "wait_words"]


def _local(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(VIETNAM)


def moment_words(ms: int | None) -> str:
    """dd/mm/yyyy hh:mm in Vietnam; «–» where it is unknown."""
    return "–" if ms is None else datetime_text(_local(ms))


def age_words(ms: int | None) -> str:
    """«hôm nay 07:40», «hôm qua», «9 ngày trước»; «–» where it is unknown."""
    if ms is None:
        return "–"
    then, today = _local(ms), services().clock.today()
    days = (today - then.date()).days
    if days <= 0:
        return _("hôm nay %(time)s", time=f"{then:%H:%M}")
    if days == 1:
        return _("hôm qua %(time)s", time=f"{then:%H:%M}")
    return ngettext("%(num)d ngày trước", "%(num)d ngày trước", days)


def wait_words(ms: int | None) -> str:
    """«chờ 3 ngày», «chờ 5 giờ»; "" where it is unknown."""
    if ms is None:
        return ""
    hours = max(0, services().clock.now_ms() - ms) // (60 * MINUTE_MS)
    if hours < 24:
        return ngettext("chờ %(num)d giờ", "chờ %(num)d giờ", hours)
    return ngettext("chờ %(num)d ngày", "chờ %(num)d ngày", hours // 24)


def left_words(left_ms: int | None) -> str:
    """«còn 9 giờ 20 phút», «quá hạn 2 giờ», «quá hạn 3 ngày»; «–» where nothing is known."""
    if left_ms is None:
        return "–"
    hours, minutes = divmod(abs(left_ms) // MINUTE_MS, 60)
    if left_ms >= 0:
        return _("còn %(hours)d giờ %(minutes)d phút", hours=hours, minutes=minutes)
    if hours < 48:
        return ngettext("quá hạn %(num)d giờ", "quá hạn %(num)d giờ", hours)
    return ngettext("quá hạn %(num)d ngày", "quá hạn %(num)d ngày", hours // 24)


def unit_words(code: str) -> str:
    """A unit's name; its code where the catalogue has no such unit."""
    unit = services().catalogue.units.get(code)
    return code if unit is None else unit.name.get(lang())


def state_words(record_type: RecordType, state: str | None) -> tuple[str, str]:
    """A state of the record's own workflow in words, and the tone of its chip."""
    flow = services().catalogue.flows[record_type.flow]
    code = state or flow.start
    label = flow.states.get(code)
    return (code if label is None else label.get(lang())), TONES.get(code, "")


def people_names(ids: Sequence[str]) -> dict[str, str]:
    """Id → name of people; the server itself bears its own name, and who is unknown is said to be so."""
    known = names_of(db.db.session(), list(ids))
    own = {sql_server().own.device: services().config.name}
    return {one: known.get(one) or own.get(one) or _("người khác") for one in ids}


