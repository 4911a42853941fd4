"""From one file of ``record_types/`` to a ``RecordType``: what is unknown, missing or contradictory is told with file and line."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.field import Choice, Field
from shared.kinds import KINDS
from shared.labels import Label
from shared.record_type import RecordType, Rule, Section
from shared.rules import Expression, RuleFault, compile_expression
from shared.yaml_source import CatalogueError, Source, read_yaml

TYPE_KEYS = frozenset(
    "code label icon group letter title date figure urgent unit_kinds sealed_by flow valid_from valid_to fields sections rules".split()
)
FIELD_KEYS = frozenset(
    "kind label help required sensitivity merge choices min max max_length ref flow fields rows_from computed show_when require_when "
    "default not_future valid_from valid_to unit_kinds unit_of_measure source".split()
)
RULE_KEYS = frozenset("code level when check fields message source".split())
SECTION_KEYS = frozenset("code label folded fields".split())
SENSITIVITIES = ("public", "internal", "confidential")
GROUPS = ("communication", "gbv", "models", "management", "reports", "statistics")

COMMON = """
unit: {kind: unit, label: {vi: Đơn vị, en: Unit}, required: true}
note: {kind: long, label: {vi: Ghi chú, en: Note}}
attachments: {kind: files, label: {vi: "Tài liệu, hình ảnh", en: Documents and pictures}}
state: {kind: flow, label: {vi: Tình trạng, en: State}}
"""
"""Fields that every record type has. In a type with confidential fields, notes and attachments are confidential too."""

__all__ = ["TypeReader", "read_choices"]


def fault(code: str, at: Source, key: str = "", **context: Any) -> CatalogueError:
    """A mistake at a key of a mapping."""
    return CatalogueError(code, file=at.file, line=at.line_of(key), key=key, **context)


def label_of(body: Source, key: str, *, needed: bool = True) -> Label | None:
    """Read a label; both languages are needed."""
    value = body.get(key)
    if value is None and not needed:
        return None
    if not isinstance(value, dict) or not value.get("vi") or not value.get("en"):
        raise fault("catalogue_label", body, key)
    return Label.of(value)


def read_choices(rows: Sequence[Source], file: str) -> tuple[Choice, ...]:
    """Read a choice list; raises CatalogueError for a code twice or a missing label."""
    choices: dict[str, Choice] = {}
    for row in rows:
        code = row.get("code")
        if not isinstance(code, str) or not row.get("vi") or not row.get("en"):
            raise CatalogueError("catalogue_label", file=file, line=row.line, key=str(code))
        if code in choices:
            raise CatalogueError("catalogue_code_twice", file=file, line=row.line, key=code)
        unknown = set(row) - {"code", "vi", "en", "valid_from", "valid_to", "folded", "source"}
        if unknown:
            raise fault("catalogue_unknown_key", row, sorted(unknown)[0])
        label = Label(str(row["vi"]), str(row["en"]))
        choices[code] = Choice(
            code=code, label=label, valid_from=row.get("valid_from"), valid_to=row.get("valid_to"), folded=bool(row.get("folded"))
        )  # fmt: skip
    return tuple(choices.values())


class TypeReader:
    """Reads record types against the choice lists, the flows, the instruments and the names of all types."""

    def __init__(
        self, choices: Mapping[str, tuple[Choice, ...]], flows: Mapping[str, Any], instruments: Mapping[str, Any], types: frozenset[str]
    ) -> None:
        self.choices = choices
        self.flows = flows
        self.instruments = instruments
        self.types = types

    def read(self, file: str, body: Source) -> RecordType:
        """Read and check one record type. Raises CatalogueError."""
        _known(body, TYPE_KEYS)
        code = body.get("code")
        if not isinstance(code, str) or not file.endswith(f"/{code}.yaml"):
            raise fault("catalogue_file_name", body, "code", code=str(code))
        if body.get("group") not in GROUPS:
            raise fault("catalogue_value", body, "group", value=str(body.get("group")))
        fields = self._fields(body, body.get("sealed_by") is not None)
        sealed_by = body.get("sealed_by")
        confidential = any(one.confidential or any(sub.confidential for sub in one.fields.values()) for one in fields.values())
        if confidential and not sealed_by or sealed_by not in (None, "self") and sealed_by not in fields:
            raise fault("catalogue_sealed_by", body, "sealed_by")
        flow = body.get("flow", "record")
        if flow not in self.flows:
            raise fault("catalogue_unknown_name", body, "flow", name=flow)
        for key in ("title", "date", "figure"):
            if body.get(key) is not None and body[key] not in fields:
                raise fault("catalogue_unknown_name", body, key, name=body[key])
        if body.get("title") and fields[body["title"]].confidential:
            raise fault("catalogue_title_confidential", body, "title")
        label = label_of(body, "label")
        assert label is not None
        names = frozenset(fields)
        return RecordType(
            code=code, label=label, icon=str(body.get("icon", "file-document-outline")), group=body["group"],
            letter=tuple(str(one) for one in body.get("letter", ())), title=body.get("title"), date=body.get("date"),
            figure=body.get("figure"), urgent=bool(body.get("urgent")), unit_kinds=tuple(body.get("unit_kinds", ())),
            sealed_by=sealed_by, flow=flow, valid_from=body.get("valid_from"), valid_to=body.get("valid_to"), fields=fields,
            sections=_sections(body, fields), rules=_rules(body, fields),
            computed=_expressions(body, fields, names, "computed"), shown=_expressions(body, fields, names, "show_when"),
            wanted=_expressions(body, fields, names, "require_when"),
        )  # fmt: skip

    def _fields(self, body: Source, sealed: bool) -> dict[str, Field]:
        rows = body.get("fields")
        if not isinstance(rows, Source) or not rows:
            raise fault("catalogue_no_fields", body, "fields")
        fields = {code: self._field(code, rows, row) for code, row in rows.items()}
        common = read_yaml(body.file, COMMON)
        for code, row in common.items():
            if code in fields:
                raise fault("catalogue_code_twice", rows, code)
            if sealed and code in ("note", "attachments"):
                row["sensitivity"] = "confidential"
            fields[code] = self._field(code, common, row)
        return fields

    def _field(self, code: str, parent: Source, body: Any) -> Field:
        if not isinstance(body, Source) or not code.isidentifier() or code != code.lower():
            raise fault("catalogue_field", parent, code)
        _known(body, FIELD_KEYS)
        kind = KINDS.get(str(body.get("kind")))
        if kind is None:
            raise fault("catalogue_unknown_name", body, "kind", name=str(body.get("kind")))
        merge = body.get("merge", kind.merges[0])
        sensitivity = body.get("sensitivity", "public")
        if merge not in kind.merges or sensitivity not in SENSITIVITIES:
            raise fault("catalogue_value", body, "merge" if merge not in kind.merges else "sensitivity", value=f"{merge}/{sensitivity}")
        if sensitivity == "confidential" and body["kind"] == "choices":
            raise fault("catalogue_not_sealable", body, "sensitivity")
        label = label_of(body, "label")
        assert label is not None
        choices, choices_name = self._choices(body)
        self._references(body)
        sub = body.get("fields", {})
        return Field(
            code=code, kind=body["kind"], label=label, merge=merge, sensitivity=sensitivity, required=bool(body.get("required")),
            help=label_of(body, "help", needed=False), choices=choices, choices_name=choices_name, minimum=body.get("min"),
            maximum=body.get("max"), max_length=body.get("max_length"), ref=body.get("ref"), flow=body.get("flow"),
            fields={name: self._field(name, sub, row) for name, row in sub.items()}, rows_from=body.get("rows_from"),
            computed=body.get("computed"), show_when=body.get("show_when"), require_when=body.get("require_when"),
            default=body.get("default"), not_future=bool(body.get("not_future")), valid_from=body.get("valid_from"),
            valid_to=body.get("valid_to"), unit_kinds=tuple(body.get("unit_kinds", ())),
            unit_of_measure=label_of(body, "unit_of_measure", needed=False), source=str(body.get("source", "")),
        )  # fmt: skip

    def _choices(self, body: Source) -> tuple[tuple[Choice, ...], str]:
        named = body.get("choices")
        if body["kind"] not in ("choice", "choices"):
            if named is not None:
                raise fault("catalogue_value", body, "choices", value=body["kind"])
            return (), ""
        if isinstance(named, list):
            return read_choices(named, body.file), ""
        if named not in self.choices:
            raise fault("catalogue_unknown_name", body, "choices", name=str(named))
        return self.choices[named], str(named)

    def _references(self, body: Source) -> None:
        if body["kind"] == "ref" and body.get("ref") not in self.types:
            raise fault("catalogue_unknown_name", body, "ref", name=str(body.get("ref")))
        if body.get("flow") is not None and body["flow"] not in self.flows:
            raise fault("catalogue_unknown_name", body, "flow", name=body["flow"])
        if body.get("rows_from") is not None and body["rows_from"] not in self.instruments:
            raise fault("catalogue_unknown_name", body, "rows_from", name=body["rows_from"])
        if (body["kind"] == "rows") is not isinstance(body.get("fields"), Source):
            raise fault("catalogue_field", body, "fields")


def _known(body: Source, keys: frozenset[str]) -> None:
    for key in body:
        if key not in keys:
            raise fault("catalogue_unknown_key", body, key)


def _sections(body: Source, fields: Mapping[str, Field]) -> tuple[Section, ...]:
    sections, placed = [], dict[str, int]()
    for row in body.get("sections", ()):
        _known(row, SECTION_KEYS)
        for name in row.get("fields", ()):
            if name not in fields:
                raise fault("catalogue_unknown_name", row, "fields", name=name)
            if name in placed:
                raise fault("catalogue_code_twice", row, "fields", name=name)
            placed[name] = row.line
        label = label_of(row, "label")
        assert label is not None
        sections.append(Section(code=row["code"], label=label, fields=tuple(row.get("fields", ())), folded=bool(row.get("folded"))))
    for name, field in fields.items():
        if name not in placed and field.computed is None and name not in ("unit", "note", "attachments", "state") and field.kind != "figures":
            raise fault("catalogue_field_unplaced", body["fields"], name)
    if sections:
        last = sections[-1]
        rest = tuple(name for name in ("note", "attachments") if name not in placed)
        sections[-1] = Section(code=last.code, label=last.label, fields=last.fields + rest, folded=last.folded)
    return tuple(sections)


def _rules(body: Source, fields: Mapping[str, Field]) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    for row in body.get("rules", ()):
        _known(row, RULE_KEYS)
        code = str(row.get("code"))
        if code in rules:
            raise fault("catalogue_code_twice", row, "code", name=code)
        if row.get("level") not in ("error", "warning"):
            raise fault("catalogue_value", row, "level", value=str(row.get("level")))
        for name in row.get("fields", ()) or ("",):
            if name not in fields:
                raise fault("catalogue_unknown_name", row, "fields", name=name)
        message = label_of(row, "message")
        assert message is not None
        when = _expression(row, "when", frozenset(fields)) if row.get("when") else None
        rules[code] = Rule(
            code=code, level=row["level"], check=_expression(row, "check", frozenset(fields)), when=when,
            fields=tuple(row["fields"]), message=message,
        )  # fmt: skip
    return tuple(rules.values())


def _expressions(body: Source, fields: Mapping[str, Field], names: frozenset[str], key: str) -> dict[str, Expression]:
    """The expressions under one key, by path (``field`` or ``field/sub``; a row's see the record's fields and the row's)."""
    attribute = {"computed": "computed", "show_when": "show_when", "require_when": "require_when"}[key]
    found = {}
    for code, field in fields.items():
        row = body["fields"].get(code)
        if getattr(field, attribute):
            found[code] = _expression(row, key, names)
        for sub_code, sub in field.fields.items():
            if getattr(sub, attribute):
                found[f"{code}/{sub_code}"] = _expression(row["fields"][sub_code], key, names | frozenset(field.fields))
    return found


def _expression(row: Source, key: str, names: frozenset[str]) -> Expression:
    try:
        return compile_expression(str(row.get(key, "")), names)
    except RuleFault as wrong:
        raise fault("catalogue_rule", row, key, why=wrong.code, name=wrong.name) from wrong
