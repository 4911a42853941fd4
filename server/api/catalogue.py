"""Read the catalogue: its version, its record types, the units."""

from typing import Any

from flask.views import MethodView
from marshmallow import Schema, fields

from server.api.wire import ApiBlueprint
from server.services import services
from shared.catalogue import Field, RecordType
from shared.errors import SenError
from shared.labels import Label

blueprint = ApiBlueprint("catalogue", __name__, url_prefix="/api/catalogue", description="The forms as data")
blueprints = (blueprint,)

__all__ = ["blueprints"]


class LabelSchema(Schema):
    """A text in both languages."""

    vi = fields.String(required=True)
    en = fields.String(required=True)


class TypeRowSchema(Schema):
    """A record type in a list."""

    code = fields.String(required=True)
    label = fields.Nested(LabelSchema, required=True)
    group = fields.String()


class ChoiceSchema(LabelSchema):
    """One choice of a field."""

    code = fields.String(required=True)


class FieldSchema(Schema):
    """A field of a record type; ``fields`` are those of its rows."""

    code = fields.String(required=True)
    kind = fields.String(required=True)
    label = fields.Nested(LabelSchema, required=True)
    required = fields.Boolean(required=True)
    sensitivity = fields.String(required=True)
    merge = fields.String(required=True)
    choices = fields.List(fields.Nested(ChoiceSchema))
    fields_ = fields.List(fields.Nested(lambda: FieldSchema()), data_key="fields", attribute="fields")


class RecordTypeSchema(TypeRowSchema):
    """One record type with its fields."""

    flow = fields.String(required=True)
    urgent = fields.Boolean(required=True)
    fields_ = fields.List(fields.Nested(FieldSchema), required=True, data_key="fields", attribute="fields")


class CatalogueSchema(Schema):
    """The catalogue in short."""

    version = fields.String(required=True)
    types = fields.List(fields.Nested(TypeRowSchema), required=True)


class UnitSchema(Schema):
    """A unit of the tree; dates are local, null where unknown."""

    code = fields.String(required=True)
    parent = fields.String(allow_none=True)
    kind = fields.String(required=True)
    name = fields.Nested(LabelSchema, required=True)
    starts = fields.Date(allow_none=True)
    ends = fields.Date(allow_none=True)


def _label(label: Label) -> dict[str, str]:
    return {"vi": label.vi, "en": label.en}


def _field(field: Field) -> dict[str, Any]:
    told: dict[str, Any] = {
        "code": field.code, "kind": field.kind, "label": _label(field.label), "required": field.required,
        "sensitivity": field.sensitivity, "merge": field.merge,
    }  # fmt: skip
    if field.choices:
        told["choices"] = [{"code": one.code, **_label(one.label)} for one in field.choices]
    if field.fields:
        told["fields"] = [_field(one) for one in field.fields.values()]
    return told


def _type(record_type: RecordType) -> dict[str, Any]:
    return {
        "code": record_type.code, "label": _label(record_type.label), "group": record_type.group, "flow": record_type.flow,
        "urgent": record_type.urgent, "fields": [_field(one) for one in record_type.fields.values()],
    }  # fmt: skip


@blueprint.route("", endpoint="catalogue")
class CatalogueView(MethodView):
    """The catalogue in short."""

    @blueprint.response(200, CatalogueSchema)
    def get(self) -> Any:
        """Its version and its record types."""
        held = services().catalogue
        rows = [{"code": one.code, "label": _label(one.label), "group": one.group} for one in held.types.values()]
        return {"version": held.version, "types": rows}


@blueprint.route("/types/<code>", endpoint="record_type")
class TypeView(MethodView):
    """One record type."""

    @blueprint.response(200, RecordTypeSchema)
    def get(self, code: str) -> Any:
        """Its fields, with labels, kinds, choices and sensitivity."""
        known = services().catalogue.types.get(code)
        if known is None:
            raise SenError("unknown_type")
        return _type(known)


@blueprint.route("/units", endpoint="units")
class UnitsView(MethodView):
    """The tree of units."""

    @blueprint.response(200, UnitSchema(many=True))
    def get(self) -> Any:
        """All units in administrative order."""
        return services().catalogue.units.ordered()
