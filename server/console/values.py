"""A value of a record in words, as a page shows it: «28/05/2022», «1.234», «Có», a choice's label, a record's title.

What may live here: one row a kind that needs words of its own. «–» is unknown; a sealed value is said to be sealed, never shown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from server.files import has
from server.language import lang
from server.people import User
from server.records import search
from server.services import services
from shared.field import Field
from shared.kinds import has_shape
from shared.labels import date_text, datetime_text, number_text, raw_text
from shared.messages import phrase
from sync.view import Sealed

UNKNOWN = "–"
FileLine = tuple[str, str, bool, str]

__all__ = ["UNKNOWN", "Shown", "Titles", "field_words", "item_words", "shown", "value_words"]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A field of a record on its page. ``heads`` and ``rows`` hold a field of rows (``numeric``: which columns are numbers),
    ``url`` leads to what it names. ``files`` are name, address, whether it is sealed, and in words that it has not come.
    """

    path: str
    label: str
    text: str = UNKNOWN
    measure: str = ""
    url: str = ""
    long: bool = False
    locked: bool = False
    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    numeric: list[bool] = field(default_factory=list)
    files: list[FileLine] = field(default_factory=list)


class Titles:
    """The titles of the records that others name, as far as a person may read them; each type is asked once."""

    def __init__(self, user: User) -> None:
        self.user = user
        self._known: dict[str, str] = {}

    def of(self, record_type: str, record: str) -> str:
        """A record's title; "" for one that this person may not read."""
        if record not in self._known:
            rows = search(self.user, record_type, ids=[record], lang=lang()).rows
            self._known[record] = "" if not rows else " · ".join([rows[0].title, *([rows[0].when] if rows[0].when else [])])
        return self._known[record]


def value_words(one: Field, value: Any, titles: Titles) -> str:
    """A plain value in words."""
    if value is None or value == "" or value == []:
        return UNKNOWN
    if isinstance(value, Sealed):
        return _("bảo mật")
    words = _WORDS.get(one.kind)
    return raw_text(value) if words is None or not has_shape(one, value) else words(one, value, titles)


def _choice(one: Field, value: Any, titles: Titles) -> str:
    known = one.choice(str(value))
    return str(value) if known is None else known.label.get(lang())


def _choices(one: Field, value: Any, titles: Titles) -> str:
    return ", ".join(_choice(one, code, titles) for code in value)


def _bool(one: Field, value: Any, titles: Titles) -> str:
    return _("Có") if value else _("Không")


def _money(one: Field, value: Any, titles: Titles) -> str:
    return _("%(amount)s đồng", amount=_number(one, value, titles))


def _number(one: Field, value: Any, titles: Titles) -> str:
    if not isinstance(value, int | float):
        return str(value)
    year = one.kind == "int" and one.unit_of_measure is None and 1900 <= value <= 2100
    return str(value) if year else number_text(value)


def _unit(one: Field, value: Any, titles: Titles) -> str:
    known = services().catalogue.units.get(value)
    return str(value) if known is None else known.name.get(lang())


def _period(one: Field, value: Any, titles: Titles) -> str:
    periods = services().catalogue.periods
    return periods.get(value).label.get(lang()) if periods.knows(value) else str(value)


def _flow(one: Field, value: Any, titles: Titles) -> str:
    flow = services().catalogue.flows.get(one.flow or "record")
    label = None if flow is None else flow.states.get(value)
    return str(value) if label is None else label.get(lang())


def _ref(one: Field, value: Any, titles: Titles) -> str:
    return titles.of(one.ref or "", str(value)) or _("bản ghi khác")


def _files(one: Field, value: Any, titles: Titles) -> str:
    return ", ".join(_("tệp bảo mật") if "sealed" in item else str(item.get("name") or UNKNOWN) for item in value)


def _geo(one: Field, value: Any, titles: Titles) -> str:
    return ", ".join(f"{part:.6f}".rstrip("0").rstrip(".") for part in value)


def _figures(one: Field, value: Any, titles: Titles) -> str:
    return _("%(count)d số liệu đã chốt", count=len(value.get("totals") or ()))


def _rows(one: Field, value: Any, titles: Titles) -> str:
    return "; ".join(", ".join(words for words in _row(one, row, titles) if words != UNKNOWN) for row in value) or UNKNOWN


def _row(one: Field, row: Mapping[str, Any], titles: Titles) -> list[str]:
    return [value_words(sub, row.get(code), titles) for code, sub in one.fields.items()]


_WORDS: Mapping[str, Callable[[Field, Any, Titles], str]] = {
    "choice": _choice, "choices": _choices, "bool": _bool, "money": _money, "int": _number, "decimal": _number,
    "date": lambda one, value, titles: date_text(value) if len(str(value)) == 10 else str(value),
    "datetime": lambda one, value, titles: datetime_text(value), "unit": _unit, "period": _period, "flow": _flow, "ref": _ref,
    "files": _files, "photos": _files, "geo": _geo, "figures": _figures, "rows": _rows,
}  # fmt: skip
"""Kind → its words; a kind without a row is written as it stands."""


def shown(one: Field, value: Any, titles: Titles, record: str) -> Shown:
    """A field of a record as its page shows it."""
    told = Shown(path=one.path, label=one.label.get(lang()), long=one.kind == "long")
    of_files = one.kind in ("files", "photos")
    items = value if of_files and isinstance(value, list) else []
    if isinstance(value, Sealed) or any(isinstance(item, dict) and isinstance(item.get("sealed"), Sealed) for item in items):
        return replace(told, text=_("bảo mật"), locked=True)
    if value is not None and not has_shape(one, value):
        return replace(told, text=raw_text(value))
    if of_files:
        here = has([item["sha256"] for item in items])
        return replace(told, files=[_file(record, item, missing=item["sha256"] not in here) for item in items])
    if one.kind == "rows":
        return replace(told, heads=_row_heads(one), rows=_row_lines(one, value or [], titles), numeric=_row_numeric(one))
    url = ""
    if one.kind == "ref" and value and titles.of(one.ref or "", value):
        url = url_for("records.record", record=value)
    if one.kind == "url" and value:
        url = str(value) if str(value).lower().startswith(("http://", "https://")) else ""
    measure = one.unit_of_measure.get(lang()) if one.unit_of_measure and value is not None and one.kind != "money" else ""
    return replace(told, text=value_words(one, value, titles), measure=measure, url=url)


def _file(record: str, item: Mapping[str, Any], *, missing: bool) -> FileLine:
    sealed = "sealed" in item
    name = (item["sealed"] if sealed else item).get("name") or _("tệp không tên")
    address = url_for("attachments.sealed_file" if sealed else "attachments.file", record=record, digest=item["sha256"])
    return str(name), address, sealed, phrase("file_missing", lang()) if missing else ""


def _row_heads(one: Field) -> list[str]:
    return ([""] if one.rows_from else []) + [sub.label.get(lang()) for sub in one.fields.values()]


def _row_numeric(one: Field) -> list[bool]:
    return ([False] if one.rows_from else []) + [sub.kind in ("int", "money", "decimal") for sub in one.fields.values()]


def _row_lines(one: Field, rows: Sequence[Mapping[str, Any]], titles: Titles) -> list[list[str]]:
    if not one.rows_from:
        return [_row(one, row, titles) for row in rows]
    items = {item["code"]: item for item in services().catalogue.instruments[one.rows_from]["items"]}
    told = [row for row in rows if len(row) > 1]
    return [[item_words(items.get(row["id"], {}), row["id"]), *_row(one, row, titles)] for row in told]


def item_words(item: Mapping[str, Any], code: str) -> str:
    """An instrument's item in words."""
    label = item.get("label") or item
    return str(label.get(lang()) or label.get("vi") or code)


def field_words(fields: Mapping[str, Field], path: str) -> str:
    """The label of what a register's path leads to: «Báo cáo viên · Họ và tên»; the record itself at its standing.

    Args:
        fields: a type's, by path (``RecordType.by_path``).
    """
    head, *rest = path.split("/")
    one = fields.get(head)
    if one is None:
        return _("Bản ghi") if head == "@" else head
    words = one.label.get(lang())
    sub = one.inner(rest[1]) if len(rest) > 1 else None
    return words if sub is None else f"{words} · {sub.label.get(lang())}"


