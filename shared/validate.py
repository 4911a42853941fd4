"""Judging a record's plain values by its type: all that is wrong at once, by path, in both languages.

A draft may lack what a submitted record may not. An error stops submission, never saving; a warning asks «vẫn đúng?» and the answer is
kept. A field that the form does not show (its condition, its dates, the kind of unit) is neither needed nor judged. A sealed value that
the reader may not open counts as given.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shared.catalogue import Catalogue
from shared.field import Choice, Field
from shared.kinds import longest
from shared.labels import Label, date_text, number_text, raw_text
from shared.messages import MISSING, facts_in, fill, phrase
from shared.record_type import RecordType, Rule
from shared.retyped import is_old_answer
from shared.rules import Expression, is_plain
from shared.schema import faults, schema_of
from shared.validity import in_force

EARLIEST_YEAR = 1900
LATEST_YEAR = 2100
"""Years outside are slips of the hand (0022, 20222)."""

__all__ = ["Problem", "complete", "is_shown", "validate", "zero_declarations"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong: where (``speakers/ROW/name``), which code, how strong, and the facts of its sentence.

    ``sentence`` is a rule's own message; without it the code's stands. No confidential value is among the facts.
    """

    path: str
    code: str
    level: str = "error"
    params: Mapping[str, Any] = field(default_factory=dict)
    sentence: Label | None = None

    def text(self, lang: str = "vi") -> str:
        """The sentence for a person."""
        params = {name: value.get(lang) if isinstance(value, Label) else value for name, value in self.params.items()}
        return phrase(self.code, lang, **params) if self.sentence is None else fill(self.sentence.get(lang), params)


def complete(record_type: RecordType, values: Mapping[str, Any], catalogue: Catalogue, today: date) -> dict[str, Any]:
    """The values with the computed fields of the type, in rows too; what cannot be computed is left out."""
    full = {name: value for name, value in values.items() if name not in record_type.computed}
    for path, expression in record_type.computed.items():
        head, _, sub = path.partition("/")
        if not sub:
            full |= _given(head, expression.evaluate(full, today, catalogue.value_of_series))
        elif isinstance(full.get(head), list):
            full[head] = [_with(row, sub, expression, full, today, catalogue) for row in full[head]]
    return full


def _with(row: Any, sub: str, expression: Expression, around: Mapping[str, Any], today: date, catalogue: Catalogue) -> Any:
    if not isinstance(row, dict):
        return row
    rest = {name: value for name, value in row.items() if name != sub}
    return rest | _given(sub, expression.evaluate({**around, **rest}, today, catalogue.value_of_series))


def _given(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {name: value}


def is_shown(
    record_type: RecordType,
    path: str,
    values: Mapping[str, Any],
    *,
    today: date,
    catalogue: Catalogue,
    row: Mapping[str, Any] | None = None,
) -> bool:
    """Whether the form shows a field: by its condition, its dates against the record's own day, and the kind of the record's unit.

    Args:
        path: ``field`` or, with the ``row`` that it stands in, ``field/sub``.
        values: plain values with the computed ones (``complete``).
    """
    return _Judging(record_type, values, "draft", today, catalogue).shown(path, {**values, **(row or {})})


def validate(
    record_type: RecordType, values: Mapping[str, Any], *, stage: str = "draft", today: date, catalogue: Catalogue
) -> list[Problem]:
    """Judge plain values.

    Args:
        stage: ``draft`` (may lack) or ``submit`` (may not, and is asked what is unusual).
        today: the local date.

    Returns:
        Every problem: errors first, in the order of the fields; a rule stands at the first of its fields that is shown.
    """
    if stage not in ("draft", "submit"):
        raise ValueError(stage)
    wrong = dict(faults(schema_of(record_type, catalogue), values))
    sound = complete(record_type, _without(values, wrong), catalogue, today)
    work = _Judging(record_type, sound, stage, today, catalogue, wrong, values)
    found = [*work.type_fits(), *work.kinds(), *work.fields(), *work.rules()]
    return sorted(found, key=lambda problem: problem.level != "error")


def _without(values: Mapping[str, Any], wrong: Collection[str]) -> dict[str, Any]:
    """The values but those of the wrong kind, by path: no rule may take them for what they are not."""
    sound = {name: value for name, value in values.items() if name not in wrong}
    for path in wrong:
        head, _, rest = path.partition("/")
        if rest and head in sound:
            row_id, _, sub = rest.partition("/")
            sound[head] = [
                {name: value for name, value in row.items() if row["id"] != row_id or name != sub} for row in sound[head]
            ]  # fmt: skip
    return sound


def zero_declarations(declared: Collection[str], counts: Mapping[str, int], asked: Iterable[Choice]) -> list[Problem]:
    """Judge what a periodic report declares as nothing: nothing found and nothing declared is not zero; a person must say so.

    Args:
        declared: the record types that the report declares as «Kỳ này không phát sinh».
        counts: how many records of each type the period has.
        asked: the types that can be declared: the choices of ``zero_declared``.
    """
    found = []
    for one in asked:
        count = counts.get(one.code, 0)
        if one.code in declared and count:
            params = {"type": one.label, "count": number_text(count)}
            found.append(Problem(path=f"zero_declared/{one.code}", code="zero_contradicted", params=params))
        elif one.code not in declared and not count:
            found.append(Problem(path=f"zero_declared/{one.code}", code="zero_undeclared", level="warning", params={"type": one.label}))
    return found


def _at(values: Mapping[str, Any], path: str) -> Any:
    head, *rest = path.split("/")
    if len(rest) < 2:
        return values.get(head)
    return next((row.get(rest[1]) for row in values.get(head) or () if isinstance(row, dict) and row.get("id") == rest[0]), None)


class _Judging:
    """One record under judgement; ``values`` are complete with the computed ones, ``given`` as they were given."""

    def __init__(
        self,
        record_type: RecordType,
        values: Mapping[str, Any],
        stage: str,
        today: date,
        catalogue: Catalogue,
        wrong: Mapping[str, str] | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self.type = record_type
        self.given = given or {}
        self.values = values
        self.submit = stage == "submit"
        self.today = today
        self.catalogue = catalogue
        self.day = record_type.day_of(values)
        self.wrong = wrong or {}
        unit = catalogue.units.get(values["unit"]) if isinstance(values.get("unit"), str) else None
        self.unit_kind = "" if unit is None else unit.kind

    def type_fits(self) -> Iterator[Problem]:
        """Whether this unit fills in this form, and whether the form is in force on the record's day; asked, for others may offer it."""
        if not self.submit:
            return
        told = {"type": self.type.label}
        if self.unit_kind and not self.type.offered_to(self.unit_kind):
            yield Problem(path="unit", code="form_not_for_unit", level="warning", params=told)
        if self.type.date and not in_force(self.day, self.type.valid_from, self.type.valid_to):
            yield Problem(path=self.type.date, code="form_not_in_force", level="warning", params=told)

    def kinds(self) -> Iterator[Problem]:
        """What is of the wrong kind; it is not judged further."""
        for path, code in self.wrong.items():
            one = self.type.field_at(path)
            if one is not None and is_old_answer(one, value := _at(self.given, path)):
                yield Problem(path=path, code="old_kind", params={"value": MISSING if one.confidential else raw_text(value)})
                continue
            yield Problem(path=path, code=code, params={} if one is None else {"limit": number_text(longest(one))})

    def fields(self) -> Iterator[Problem]:
        for code, one in self.type.fields.items():
            yield from self.one(one, code, code, self.values.get(code), self.values)

    def one(self, one: Field, rule_path: str, path: str, value: Any, around: Mapping[str, Any]) -> Iterator[Problem]:
        if one.computed is not None or path in self.wrong or not self.shown(rule_path, around):
            return
        if value is None or value == "" or value == []:
            if self.submit and (one.required or self.holds(self.type.wanted.get(rule_path), around)):
                yield Problem(path=path, code="required")
        elif is_plain(value):
            yield from self.limits(one, path, value)
            if one.kind == "rows":
                yield from self.rows(one, path, value)

    def shown(self, rule_path: str, around: Mapping[str, Any]) -> bool:
        one = self.type.fields[rule_path.partition("/")[0]]
        if "/" in rule_path:
            one = one.fields[rule_path.partition("/")[2]]
        elsewhere = bool(one.unit_kinds and self.unit_kind) and self.unit_kind not in one.unit_kinds
        if elsewhere or not one.valid_on(self.day):
            return False
        condition = self.type.shown.get(rule_path)
        return condition is None or self.holds(condition, around)

    def holds(self, expression: Expression | None, values: Mapping[str, Any]) -> bool:
        return expression is not None and bool(expression.evaluate(values, self.today, self.catalogue.value_of_series))

    def limits(self, one: Field, path: str, value: Any) -> Iterator[Problem]:
        """The range, the date, and whether what is named exists and was in force on the record's day."""
        many = isinstance(value, list) and one.kind != "geo"
        amount = len(value) if many else value
        if isinstance(amount, int | float) and not isinstance(amount, bool):
            if one.minimum is not None and amount < one.minimum:
                yield Problem(path=path, code="too_few" if many else "too_small", params={"limit": number_text(one.minimum)})
            if one.maximum is not None and amount > one.maximum:
                yield Problem(path=path, code="too_many" if many else "too_large", params={"limit": number_text(one.maximum)})
        if one.kind in ("date", "datetime"):
            yield from self.dates(one, path, value)
        for code in [value] if one.kind == "choice" else value if one.kind == "choices" else ():
            yield from self.chosen(one.choice(code), path)
        yield from self.named(one, path, value)

    def dates(self, one: Field, path: str, value: str) -> Iterator[Problem]:
        if not EARLIEST_YEAR <= int(value[:4]) <= LATEST_YEAR:
            yield Problem(path=path, code="unlikely_date", params={"date": date_text(value)})
        elif one.not_future and value[:10] > self.today.isoformat():
            yield Problem(path=path, code="after_today")

    def chosen(self, choice: Choice | None, path: str) -> Iterator[Problem]:
        if choice is None:
            yield Problem(path=path, code="not_chosen")
        elif not choice.valid_on(self.day):
            yield Problem(path=path, code="choice_not_in_force", params={"choice": choice.label})

    def named(self, one: Field, path: str, value: Any) -> Iterator[Problem]:
        if one.kind == "unit":
            unit = self.catalogue.units.get(value)
            if unit is None:
                yield Problem(path=path, code="unknown_unit")
            elif not unit.exists_on(self.day):
                yield Problem(path=path, code="unit_not_in_force", level="warning", params={"unit": unit.name})
        elif one.kind == "period" and not self.catalogue.periods.knows(value):
            yield Problem(path=path, code="unknown_period")
        elif one.kind == "flow" and value not in self.catalogue.flows[one.flow or self.type.flow].states:
            yield Problem(path=path, code="unknown_state")

    def rows(self, one: Field, path: str, rows: list[dict[str, Any]]) -> Iterator[Problem]:
        items = self.catalogue.instruments[one.rows_from]["items"] if one.rows_from else ()
        known = {item["code"] for item in items}
        for row in rows:
            if known and row["id"] not in known:
                yield Problem(path=f"{path}/{row['id']}", code="not_chosen")
            around = {**self.values, **row}
            for code, sub in one.fields.items():
                yield from self.one(sub, f"{one.code}/{code}", f"{path}/{row['id']}/{code}", row.get(code), around)

    def rules(self) -> Iterator[Problem]:
        for rule in self.type.rules:
            if not (self.submit or rule.level == "error") or any(self.wrong_at(name) for name in rule.fields):
                continue
            place = next((name for name in rule.fields if self.shown(name, self.values)), None)
            if place is not None and self.broken(rule):
                told = {name: self.told(name) for name in facts_in(rule.message.vi) | facts_in(rule.message.en)}
                yield Problem(path=place, code=rule.code, level=rule.level, params=told, sentence=rule.message)

    def wrong_at(self, name: str) -> bool:
        return any(path == name or path.startswith(f"{name}/") for path in self.wrong)

    def broken(self, rule: Rule) -> bool:
        if rule.when is not None and not self.holds(rule.when, self.values):
            return False
        found = rule.check.evaluate(self.values, self.today, self.catalogue.value_of_series)
        return found is not None and not found

    def told(self, name: str) -> str | Label:
        """A value as a sentence says it; a confidential one is never told."""
        one, value = self.type.fields[name], self.values.get(name)
        if one.confidential or value is None or not is_plain(value):
            return MISSING
        if isinstance(value, int | float) and not isinstance(value, bool):
            return number_text(value)
        choice = one.choice(value) if one.kind == "choice" else None
        return choice.label if choice else date_text(value) if one.kind == "date" else str(value)
