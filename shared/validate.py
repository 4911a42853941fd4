"""Judging a record's plain values by its type: all that is wrong at once, by path, in both languages.

A draft may lack what a submitted record may not. An error stops submission, never saving; a warning asks «vẫn đúng?» and its answer is kept.
One marshmallow schema a type and language-free: sentences come from the codes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from weakref import WeakKeyDictionary

from marshmallow import EXCLUDE, Schema, ValidationError

from shared.catalogue import Catalogue
from shared.field import Field
from shared.kinds import KINDS
from shared.labels import date_text, number_text
from shared.messages import phrase
from shared.record_type import RecordType, Rule
from shared.rules import Expression

MAX_ROWS = 500

__all__ = ["Problem", "complete", "schema_of", "validate"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong: where (``speakers/ROW/name``), which code, how strong, and the facts of its sentence.

    ``sentences`` are a rule's own messages by language; without them the code's stand.
    """

    path: str
    code: str
    level: str = "error"
    facts: Mapping[str, Any] = field(default_factory=dict)
    sentences: Mapping[str, str] | None = None

    def text(self, lang: str = "vi") -> str:
        """The sentence for a person; confidential values are never in it."""
        if self.sentences is None:
            return phrase(self.code, lang, **self.facts)
        text = self.sentences[lang]
        for name, value in self.facts.items():
            text = text.replace("{" + name + "}", str(value))
        return text


def complete(record_type: RecordType, values: Mapping[str, Any], catalogue: Catalogue, today: date) -> dict[str, Any]:
    """The values with the computed fields of the type, in rows too; what cannot be computed is left out."""
    full = dict(values)
    for path, expression in record_type.computed.items():
        head, _, sub = path.partition("/")
        if sub:
            full[head] = [
                {**row, **_given(sub, expression.evaluate({**full, **row}, today, catalogue.value_of_series))}
                for row in full.get(head) or ()
            ]
        else:
            full.pop(head, None)
            full |= _given(head, expression.evaluate(full, today, catalogue.value_of_series))
    return full


def _given(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {name: value}


_schemas: WeakKeyDictionary[Catalogue, dict[str, type[Schema]]] = WeakKeyDictionary()


def schema_of(record_type: RecordType, catalogue: Catalogue) -> type[Schema]:
    """The marshmallow schema of a type, built once for a catalogue; the API documents itself by it."""
    schemas = _schemas.setdefault(catalogue, {})
    if record_type.code not in schemas:
        members: dict[str, Any] = {code: _member(one) for code, one in record_type.fields.items() if one.computed is None}
        members["Meta"] = type("Meta", (), {"unknown": EXCLUDE})
        schemas[record_type.code] = type(f"{record_type.code.title().replace('_', '')}Schema", (Schema,), members)
    return schemas[record_type.code]


def _member(one: Field) -> Any:
    def check(value: Any) -> None:
        code = KINDS[one.kind].check(one, value)
        if code is not None:
            raise ValidationError(code)

    metadata = {"description": one.label.en, "x-label-vi": one.label.vi}
    options: dict[str, Any] = {"allow_none": True, "metadata": metadata, "validate": check}
    if one.kind in ("int", "money"):
        options["strict"] = True
    return KINDS[one.kind].wire(**options)


def validate(
    record_type: RecordType, values: Mapping[str, Any], *, stage: str, today: date, catalogue: Catalogue
) -> list[Problem]:
    """Judge plain values.

    Args:
        stage: ``draft`` (may lack) or ``submit`` (may not).
        today: the local date.

    Returns:
        Every problem: errors first, each at its path; a rule stands at the first of its fields.
    """
    work = _Judging(record_type, complete(record_type, values, catalogue, today), stage, today, catalogue)
    found = [*work.kinds(values), *work.fields(), *(work.rules() if stage == "submit" else work.rules("error"))]
    return sorted(found, key=lambda problem: problem.level != "error")


class _Judging:
    """One record under judgement."""

    def __init__(self, record_type: RecordType, values: Mapping[str, Any], stage: str, today: date, catalogue: Catalogue) -> None:
        self.type = record_type
        self.values = values
        self.stage = stage
        self.today = today
        self.catalogue = catalogue
        self.day = record_type.day_of(values)

    def kinds(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """What marshmallow says of the kinds; wrong ones are not judged further."""
        given = {code: value for code, value in values.items() if value is not None}
        told = schema_of(self.type, self.catalogue)().validate(given)
        self.wrong = set(told)
        for code, messages in told.items():
            one = self.type.fields[code]
            message = str(messages[0]) if isinstance(messages, list) and messages else "wrong_kind"
            known = message if message.isidentifier() else "wrong_kind"
            yield Problem(path=code, code=known, facts={"limit": one.max_length or ""})

    def fields(self) -> Iterator[Problem]:
        for code, one in self.type.fields.items():
            if code in self.wrong or one.computed is not None:
                continue
            yield from self.one(one, code, code, self.values.get(code), self.values)

    def one(self, one: Field, rule_path: str, path: str, value: Any, around: Mapping[str, Any]) -> Iterator[Problem]:
        shown = self.holds(self.type.shown.get(rule_path), around, otherwise=True) and one.valid_on(self.day)
        if value is None or value == "" or value == []:
            wanted = one.required or self.holds(self.type.wanted.get(rule_path), around, otherwise=False)
            if wanted and shown and self.stage == "submit":
                yield Problem(path=path, code="required")
            return
        code = KINDS[one.kind].check(one, value)
        if code is not None:
            yield Problem(path=path, code=code, facts={"limit": one.max_length or ""})
            return
        yield from self.limits(one, path, value)
        if one.kind == "rows":
            yield from self.rows(one, rule_path, path, value)

    def limits(self, one: Field, path: str, value: Any) -> Iterator[Problem]:
        if one.minimum is not None and isinstance(value, int | float) and value < one.minimum:
            yield Problem(path=path, code="too_small", facts={"limit": number_text(one.minimum)})
        if one.maximum is not None and isinstance(value, int | float) and value > one.maximum:
            yield Problem(path=path, code="too_large", facts={"limit": number_text(one.maximum)})
        if one.not_future and isinstance(value, str) and value[:10] > self.today.isoformat():
            yield Problem(path=path, code="after_today")
        if one.kind == "choice" and one.choice(str(value)) is None or one.kind == "choices" and self.unknown_choice(one, value):
            yield Problem(path=path, code="not_chosen")
        if one.kind == "unit" and value not in self.catalogue.units:
            yield Problem(path=path, code="unknown_unit")

    def unknown_choice(self, one: Field, value: Iterable[Any]) -> bool:
        return any(one.choice(str(code)) is None for code in value)

    def rows(self, one: Field, rule_path: str, path: str, rows: list[Any]) -> Iterator[Problem]:
        if len(rows) > MAX_ROWS:
            yield Problem(path=path, code="too_many", facts={"limit": MAX_ROWS})
        for row in rows[:MAX_ROWS]:
            for code, sub in one.fields.items():
                if sub.computed is None:
                    around = {**self.values, **row}
                    yield from self.one(sub, f"{rule_path}/{code}", f"{path}/{row.get('id')}/{code}", row.get(code), around)

    def holds(self, expression: Expression | None, values: Mapping[str, Any], *, otherwise: bool) -> bool:
        if expression is None:
            return otherwise
        return bool(expression.evaluate(values, self.today, self.catalogue.value_of_series))

    def rules(self, level: str | None = None) -> Iterator[Problem]:
        for rule in self.type.rules:
            if (level is None or rule.level == level) and self.broken(rule):
                facts = {name: self.told(name) for name in self.type.fields}
                sentences = {"vi": rule.message.vi, "en": rule.message.en}
                yield Problem(path=rule.fields[0], code=rule.code, level=rule.level, facts=facts, sentences=sentences)

    def broken(self, rule: Rule) -> bool:
        if rule.when is not None and not rule.when.evaluate(self.values, self.today, self.catalogue.value_of_series):
            return False
        return rule.check.evaluate(self.values, self.today, self.catalogue.value_of_series) is False

    def told(self, name: str) -> str:
        """A value as a sentence says it; a confidential one is never told."""
        one, value = self.type.fields[name], self.values.get(name)
        if one.confidential or value is None:
            return "–"
        if isinstance(value, int | float) and not isinstance(value, bool):
            return number_text(value)
        choice = one.choice(str(value))
        return choice.label.vi if choice else date_text(value) if one.kind == "date" else str(value)
