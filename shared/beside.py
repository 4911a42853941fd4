"""What is doubtful about a record beside the others of its unit: the same event entered twice, a stock that would fall below zero,
a day in a period whose report has gone. All are warnings: they ask, and the answer is kept.

Which fields make two records alike, and what is a stock, is said by the type in the catalogue.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.labels import date_text, number_text
from shared.periods import Period
from shared.record_type import RecordType
from shared.rules import is_plain
from shared.text import fold
from shared.validate import Problem

__all__ = ["Beside", "Reported", "alike", "doubts_beside"]


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A period whose report a unit has sent, and the records that it counted."""

    period: Period
    records: Collection[str]


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What stands beside a record: the plain values of its unit's other records of the type by id, and the reports that were sent."""

    others: Mapping[str, Mapping[str, Any]]
    reported: Iterable[Reported] = ()


Look = Callable[[], Beside]


def doubts_beside(record_type: RecordType, record: str, values: Mapping[str, Any], beside: Beside) -> Iterator[Problem]:
    """The doubts about a record that is to be sent."""
    others = {other: told for other, told in beside.others.items() if other != record}
    for other in alike(record_type, values, others):
        params = {"title": _said(others[other].get(record_type.title or "")), "date": date_text(_day(record_type, others[other]))}
        yield Problem(path=record_type.alike[0], code="possible_duplicate", level="warning", params=params)
        break
    yield from _stock(record_type, values, others.values())
    day = _day(record_type, values)
    for one in beside.reported:
        if day and record not in one.records and one.period.starts.isoformat() <= day <= one.period.ends.isoformat():
            told = {"period": one.period.label}
            yield Problem(path=record_type.date or "", code="in_reported_period", level="warning", params=told)
            break


def alike(record_type: RecordType, values: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The ids of those among the others that say the same in every field by which the type tells its records apart."""
    own = _key(record_type, values)
    return [] if own is None else [other for other, told in others.items() if _key(record_type, told) == own]


def _key(record_type: RecordType, values: Mapping[str, Any]) -> tuple[str, ...] | None:
    told = [values.get(name) for name in record_type.alike]
    if not told or any(value in (None, "") or not is_plain(value) for value in told):
        return None
    return tuple(" ".join(fold(str(value)).split()) for value in told)


def _stock(record_type: RecordType, values: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    stock = record_type.stock
    if stock is None or values.get(stock.kind) not in stock.takes:
        return
    same = [one for one in others if all(one.get(name) == values.get(name) for name in stock.by)]
    left = sum(stock.sign(one) * amount for one in (*same, values) if isinstance(amount := one.get(stock.of), int))
    if left < 0:
        yield Problem(path=stock.of, code="stock_below_zero", level="warning", params={"count": number_text(-left)})


def _day(record_type: RecordType, values: Mapping[str, Any]) -> str:
    value = values.get(record_type.date or "")
    return value[:10] if isinstance(value, str) else ""


def _said(value: Any) -> str:
    return value if isinstance(value, str) else "–"
