"""From one file of ``record_types/`` to a ``RecordType``: what is unknown, missing or contradictory is told with file and line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.field import Choice, Field
from shared.former import Former
from shared.kinds import KINDS, check_value
from shared.labels import Label
from shared.messages import facts_in
from shared.record_type import RecordType, Rule, Section, Stock
from shared.rules import Expression, RuleFault, compile_expression
from shared.shape import NAME, check_shape
from shared.yaml_source import Source, fault, read_yaml

COMMON = """
unit: {kind: unit, label: {vi: Đơn vị, en: Unit}, required: true}
note: {kind: long, label: {vi: Ghi chú, en: Note}}
attachments: {kind: files, label: {vi: "Tài liệu, hình ảnh", en: Documents and pictures}}
state: {kind: flow, label: {vi: Tình trạng, en: State}}
"""
"""Fields that every record type has. In a type with confidential fields, notes and attachments are confidential too."""

COMMON_NAMES = ("unit", "note", "attachments", "state")

NUMBERS = frozenset({"int", "money", "decimal"})
LISTS = frozenset({"choices", "files", "photos", "rows"})
ONLY_FOR: dict[str, frozenset[str]] = {
    "choices": frozenset({"choice", "choices"}),
    "fields": frozenset({"rows"}),
    "flow": frozenset({"flow"}),
    "max": NUMBERS | LISTS,
    "max_length": frozenset({"text", "long", "url"}),
    "min": NUMBERS | LISTS,
    "not_future": frozenset({"date", "datetime"}),
    "ref": frozenset({"ref"}),
    "rows_from": frozenset({"rows"}),
}
"""Key → the kinds of field that may have it. ``min`` and ``max`` of a list are numbers of items."""

NEEDED_BY: dict[str, str] = {"choice": "choices", "choices": "choices", "flow": "flow", "ref": "ref", "rows": "fields"}
"""Kind → the key that it needs."""

__all__ = ["TypeReader", "read_choices"]


def read_choices(rows: Sequence[Any], file: str, line: int = 1) -> tuple[Choice, ...]:
    """Read a choice list. Raises CatalogueError for a code twice or a missing label."""
    choices: dict[str, Choice] = {}
    for entry in rows:
        row = check_shape(entry, "choice", file=file, line=line)
        code = row["code"]
        if code in choices:
            raise fault("catalogue_code_twice", row, "code", name=code)
        choices[code] = Choice(
            code=code, label=Label.of(row), valid_from=row.get("valid_from"), valid_to=row.get("valid_to"), folded=bool(row.get("folded"))
        )  # fmt: skip
    return tuple(choices.values())


class TypeReader:
    """Reads record types against the choice lists, the flows, the instruments and the names of all types."""

    def __init__(
        self, choices: Mapping[str, tuple[Choice, ...]], flows: Mapping[str, Any], instruments: Mapping[str, Any], types: frozenset[str],
        former: Former,
    ) -> None:  # fmt: skip
        self.choices = choices
        self.flows = flows
        self.instruments = instruments
        self.types = types
        self.former = former

    def read(self, file: str, document: Any, *, dropped: bool = False) -> RecordType:
        """Read and check one record type; ``dropped`` is one that only earlier catalogues had. Raises CatalogueError."""
        body = check_shape(document, "record_type", file=file)
        code = body["code"]
        if not dropped and not file.endswith(f"/{code}.yaml"):
            raise fault("catalogue_file_name", body, "code", name=code)
        fields = self._fields(body)
        fields, former = self._with_former(code, fields)
        flow = body.get("flow", "record")
        if flow not in self.flows:
            raise fault("catalogue_unknown_name", body, "flow", name=flow)
        _heads(body, fields)
        _sealing(body, fields)
        names = frozenset(fields)
        return RecordType(
            code=code, label=Label.of(body["label"]), icon=body.get("icon", "file-document-outline"), group=body["group"],
            letter=tuple(body.get("letter") or ()), title=body.get("title"), date=body.get("date"), figure=body.get("figure"),
            urgent=bool(body.get("urgent")), unit_kinds=tuple(body.get("unit_kinds") or ()), sealed_by=body.get("sealed_by"), flow=flow,
            valid_from=body.get("valid_from"), valid_to=body.get("valid_to"), fields=fields, sections=_sections(body, fields),
            rules=_rules(body, fields), computed=_in_order(body, _expressions(body, fields, names, "computed")),
            shown=_expressions(body, fields, names, "show_when"), wanted=_expressions(body, fields, names, "require_when"),
            alike=_alike(body, fields), stock=_stock(body, fields), former=former, dropped=dropped,
            by_server=body.get("made_by") == "server",
        )  # fmt: skip

    def _fields(self, body: Source) -> dict[str, Field]:
        rows = body["fields"]
        fields = {code: self._field(code, rows, row) for code, row in rows.items()}
        common = read_yaml(body.file, COMMON)
        for code, row in common.items():
            if code in fields:
                raise fault("catalogue_code_twice", rows, code, name=code)
            if body.get("sealed_by") is not None and code in ("note", "attachments"):
                row["sensitivity"] = "confidential"
            if code == "state":
                row["flow"] = body.get("flow", "record")
            fields[code] = self._field(code, common, row)
        _names(rows, fields)
        return fields

    def _with_former(self, code: str, fields: Mapping[str, Field]) -> tuple[dict[str, Field], dict[str, Field]]:
        """The fields of a type with what they were before, and those that earlier catalogues had alone, by path."""
        by_path = {one.path: name for name, one in fields.items()}
        present, gone = dict(fields), dict[str, Field]()
        for path, rows in self.former.fields.get(code, {}).items():
            earlier = [self._field(path, self.former.at, row) for row in rows]
            if path in by_path:
                name = by_path[path]
                present[name] = replace(present[name], earlier=tuple(earlier))
            elif path in fields:
                raise fault("catalogue_rename_clash", self.former.at, code, name=path)
            else:
                gone[path] = replace(earlier[0], earlier=tuple(earlier[1:]), dropped=True)
        return present, gone

    def _field(self, code: str, parent: Source, entry: Any, *, sub: bool = False) -> Field:
        body = check_shape(entry, "field", file=parent.file, line=parent.line_of(code))
        if not NAME.fullmatch(code) or code in ("and", "or", "not", "in", "if", "else", "id"):
            raise fault("catalogue_field", parent, code)
        if body["kind"] not in KINDS or (sub and body["kind"] in ("rows", "flow", "figures")):
            raise fault("catalogue_unknown_name", body, "kind", name=body["kind"])
        self._keys(body)
        kind = KINDS[body["kind"]]
        merge = body.get("merge", kind.merges[0])
        if merge not in kind.merges:
            raise fault("catalogue_value", body, "merge", value=merge)
        if body.get("sensitivity") == "confidential" and not kind.sealable:
            raise fault("catalogue_not_sealable", body, "sensitivity")
        choices, choices_name = self._choices(body)
        inner: Any = body.get("fields") or {}
        was = body.get("was") or ()
        field = Field(
            code=code, kind=body["kind"], label=Label.of(body["label"]), merge=merge, sensitivity=body.get("sensitivity", "public"),
            required=bool(body.get("required")), help=_label(body, "help"), choices=choices, choices_name=choices_name,
            minimum=body.get("min"), maximum=body.get("max"), max_length=body.get("max_length"), ref=body.get("ref"),
            flow=body.get("flow"), fields={name: self._field(name, inner, row, sub=True) for name, row in inner.items()},
            rows_from=body.get("rows_from"), computed=body.get("computed"), show_when=body.get("show_when"),
            require_when=body.get("require_when"), default=body.get("default"), not_future=bool(body.get("not_future")),
            from_above=bool(body.get("from_above")),
            valid_from=body.get("valid_from"), valid_to=body.get("valid_to"), unit_kinds=tuple(body.get("unit_kinds") or ()),
            unit_of_measure=_label(body, "unit_of_measure"), source=body.get("source", ""),
            was=(was,) if isinstance(was, str) else tuple(was),
        )  # fmt: skip
        _names(inner, field.fields)
        _default(body, field)
        return field

    def _keys(self, body: Source) -> None:
        """The keys that a kind may have and needs, and whether the names under them exist."""
        kind = body["kind"]
        for key, kinds in ONLY_FOR.items():
            if key in body and kind not in kinds:
                raise fault("catalogue_key_of_kind", body, key, value=kind)
        if body.get(NEEDED_BY.get(kind, "kind")) is None:
            raise fault("catalogue_missing_key", body, NEEDED_BY[kind])
        known = {"ref": self.types, "flow": self.flows, "rows_from": self.instruments}
        for key, names in known.items():
            if body.get(key) is not None and body[key] not in names:
                raise fault("catalogue_unknown_name", body, key, name=body[key])
        if "min" in body and "max" in body and body["min"] > body["max"]:
            raise fault("catalogue_value", body, "max", value=str(body["max"]))

    def _choices(self, body: Source) -> tuple[tuple[Choice, ...], str]:
        named = body.get("choices")
        if named is None:
            return (), ""
        if isinstance(named, list) and named:
            return read_choices(named, body.file, body.line_of("choices")), ""
        if not isinstance(named, str) or named not in self.choices:
            raise fault("catalogue_unknown_name", body, "choices", name=str(named)[:60])
        return self.choices[named], named


def _names(rows: Mapping[str, Any], fields: Mapping[str, Field]) -> None:
    """Former names: none of them is the name of another field, present or former; so no two fields ever share their place in lines."""
    taken = {name: name for name in fields}
    for code, field in fields.items():
        if len(set(field.was)) != len(field.was):
            raise fault("catalogue_rename_clash", rows[code], "was", name=code)
        for name in field.was:
            if taken.setdefault(name, code) != code:
                raise fault("catalogue_rename_clash", rows[code], "was", name=name)


def _label(body: Source, key: str) -> Label | None:
    return None if body.get(key) is None else Label.of(body[key])


def _default(body: Source, field: Field) -> None:
    value = field.default
    known = field.kind != "choice" or field.choice(str(value)) is not None
    if value is not None and (check_value(field, value) is not None or not known):
        raise fault("catalogue_value", body, "default", value=str(value)[:60])


def _heads(body: Source, fields: Mapping[str, Field]) -> None:
    """The fields that lists and periods are made from; they are read without a key, so none may be confidential."""
    for key in ("title", "date", "figure"):
        name = body.get(key)
        if name is None:
            continue
        if name not in fields:
            raise fault("catalogue_unknown_name", body, key, name=name)
        if fields[name].confidential:
            raise fault("catalogue_title_confidential", body, key)
    if body.get("date") and fields[body["date"]].kind not in ("date", "datetime"):
        raise fault("catalogue_value", body, "date", value=body["date"])


def _alike(body: Source, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """The fields by which records are told apart; they are compared without a key."""
    names = tuple(body.get("alike") or ())
    for name in names:
        if name not in fields or fields[name].confidential:
            raise fault("catalogue_unknown_name", body, "alike", name=name)
    return names


def _stock(body: Source, fields: Mapping[str, Field]) -> Stock | None:
    row = body.get("stock")
    if row is None:
        return None
    for key in ("of", "kind"):
        if row[key] not in fields:
            raise fault("catalogue_unknown_name", row, key, name=row[key])
    for name in row["by"]:
        if name not in fields:
            raise fault("catalogue_unknown_name", row, "by", name=name)
    for key in ("adds", "takes"):
        for code in row[key]:
            if fields[row["kind"]].choice(code) is None:
                raise fault("catalogue_unknown_name", row, key, name=code)
    return Stock(of=row["of"], by=tuple(row["by"]), kind=row["kind"], adds=tuple(row["adds"]), takes=tuple(row["takes"]))


def _sealing(body: Source, fields: Mapping[str, Field]) -> None:
    """A type with confidential fields says whose case key seals them: ``self``, or a ref to the case."""
    confidential = any(one.confidential or any(sub.confidential for sub in one.fields.values()) for one in fields.values())
    sealed_by = body.get("sealed_by")
    refs = [name for name, field in fields.items() if field.kind == "ref" and not field.confidential]
    if (confidential and sealed_by is None) or sealed_by not in (None, "self", *refs):
        raise fault("catalogue_sealed_by", body, "sealed_by")


def _sections(body: Source, fields: Mapping[str, Field]) -> tuple[Section, ...]:
    """The sections in order; every field that is entered stands in exactly one, notes and attachments in the last by themselves."""
    sections: dict[str, Section] = {}
    placed: set[str] = set()
    for row in body.get("sections") or ():
        if row["code"] in sections:
            raise fault("catalogue_code_twice", row, "code", name=row["code"])
        for name in row["fields"]:
            if name not in fields:
                raise fault("catalogue_unknown_name", row, "fields", name=name)
            if name in placed:
                raise fault("catalogue_code_twice", row, "fields", name=name)
            placed.add(name)
        sections[row["code"]] = Section(
            code=row["code"], label=Label.of(row["label"]), fields=tuple(row["fields"]), folded=bool(row.get("folded"))
        )  # fmt: skip
    for name, field in fields.items():
        if name not in placed and field.computed is None and name not in COMMON_NAMES and field.kind != "figures":
            raise fault("catalogue_field_unplaced", body["fields"], name)
    if sections:
        code, last = list(sections.items())[-1]
        rest = tuple(name for name in ("note", "attachments") if name not in placed)
        sections[code] = Section(code=code, label=last.label, fields=last.fields + rest, folded=last.folded)
    return tuple(sections.values())


def _rules(body: Source, fields: Mapping[str, Field]) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    names = frozenset(fields)
    for row in body.get("rules") or ():
        code = row["code"]
        if code in rules:
            raise fault("catalogue_code_twice", row, "code", name=code)
        _named(row, "fields", row["fields"] or [""], fields)
        message = Label.of(row["message"])
        told = sorted(facts_in(message.vi) | facts_in(message.en))
        _named(row, "message", told, fields)
        if any(fields[name].confidential for name in told):
            raise fault("catalogue_rule_tells", row, "message")
        rules[code] = Rule(
            code=code, level=row["level"], check=_expression(row, "check", names),
            when=_expression(row, "when", names) if row.get("when") else None, fields=tuple(row["fields"]), message=message,
        )  # fmt: skip
    return tuple(rules.values())


def _named(row: Source, key: str, names: Iterable[str], fields: Mapping[str, Field]) -> None:
    for name in names:
        if name not in fields:
            raise fault("catalogue_unknown_name", row, key, name=name)


def _expressions(body: Source, fields: Mapping[str, Field], names: frozenset[str], key: str) -> dict[str, Expression]:
    """The expressions under one key, by path (``field`` or ``field/sub``; a row's see the record's fields and the row's)."""
    found = {}
    for code, field in fields.items():
        row = body["fields"].get(code)
        if getattr(field, key):
            found[code] = _expression(row, key, names)
        for sub_code, sub in field.fields.items():
            if getattr(sub, key):
                found[f"{code}/{sub_code}"] = _expression(row["fields"][sub_code], key, names | frozenset(field.fields))
    return found


def _in_order(body: Source, computed: Mapping[str, Expression]) -> dict[str, Expression]:
    """Computed fields, each after those that it needs. Raises CatalogueError where they need each other."""
    order: dict[str, Expression] = {}
    open_paths: set[str] = set()

    def place(path: str) -> None:
        if path in order:
            return
        head, _, sub = path.partition("/")
        if path in open_paths or (sub or head) in computed[path].names:
            raise fault("catalogue_cycle", body["fields"], head, name=path)
        open_paths.add(path)
        for other in computed:
            name, _, other_sub = other.partition("/")
            if (other != path and name in computed[path].names) or (sub and name == head and other_sub in computed[path].names):
                place(other)
        order[path] = computed[path]

    for path in computed:
        place(path)
    return order


def _expression(row: Source, key: str, names: frozenset[str]) -> Expression:
    try:
        return compile_expression(row[key], names)
    except RuleFault as wrong:
        raise fault("catalogue_rule", row, key, why=wrong.code, name=wrong.name) from wrong
