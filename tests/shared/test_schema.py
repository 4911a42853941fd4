"""A record type as a marshmallow schema: built once, checked by the table of kinds, fit for OpenAPI."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import ValidationError

from shared.catalogue import Catalogue, load_catalogue
from shared.schema import faults, schema_of
from tests.support.tiny import TINY


class Sealed(NamedTuple):
    blob: str


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.from_texts(TINY)


def test_a_schema_is_built_once_and_holds_what_is_entered(catalogue: Catalogue) -> None:
    meeting = catalogue.types["meeting"]
    schema = schema_of(meeting, catalogue)
    assert schema_of(meeting, catalogue) is schema
    assert set(schema.fields) == {name for name, field in meeting.fields.items() if field.computed is None}


def test_faults_come_by_path_with_the_ids_of_rows(catalogue: Catalogue) -> None:
    values: dict[str, Any] = {
        "title": 1, "held_on": None, "men": "computed", "gone": object(), "link": Sealed("x"), "mask": "true",
        "guests": [{"id": "A", "name": "An"}, {"id": "B", "name": 5, "paid": 1.5, "gone": 1}, {"id": "C", "name": Sealed("y")}],
    }  # fmt: skip
    assert dict(faults(schema_of(catalogue.types["meeting"], catalogue), values)) == {
        "title": "wrong_kind", "mask": "wrong_kind", "guests/B/name": "wrong_kind", "guests/B/paid": "wrong_kind",
    }  # fmt: skip


def test_it_loads_plain_values_unchanged_and_raises_codes(catalogue: Catalogue) -> None:
    schema = schema_of(catalogue.types["meeting"], catalogue)
    values = {"title": "Họp", "total": 3, "guests": [{"id": "A", "name": "An"}], "topics": ["law"]}
    assert schema.load(values) == {**values, "guests": [{"name": "An"}]}
    with pytest.raises(ValidationError) as told:
        schema.load({"total": "3"})
    assert told.value.messages == {"total": ["wrong_kind"]}


def test_every_type_that_ships_documents_itself() -> None:
    catalogue = load_catalogue()
    spec = APISpec(title="Sen", version="1", openapi_version="3.0.3", plugins=[MarshmallowPlugin()])
    for code, record_type in catalogue.types.items():
        spec.components.schema(code, schema=schema_of(record_type, catalogue))
    told = spec.to_dict()["components"]["schemas"]
    assert told["communication_activity"]["properties"]["participants_total"]["type"] == ["integer", "null"] or (
        told["communication_activity"]["properties"]["participants_total"]["type"] == "integer"
    )
    assert told["communication_activity"]["properties"]["title"]["x-label-vi"] == "Tên hoạt động"
    assert told["communication_activity"]["properties"]["speakers"]["type"] == "array"
