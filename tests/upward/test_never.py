"""What never crosses: no identity, no case, nothing sealed, no type and no field beside the list; and how small counts go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from server import db, editing
from server.models import Blob, LineRow
from server.upward.passing import CONSOLIDATED
from shared.catalogue import Catalogue, RecordType, load_catalogue
from shared.ids import new_id
from shared.yaml_source import CatalogueError
from sync.log import Change
from tests.support.marks import Marks, found_in
from tests.support.province import DISTRICT, PROVINCE, Level, enrol
from tests.support.recorder import Recorder
from tests.upward.conftest import Pair

UNIT = "long_khanh_a"
CATALOGUE = load_catalogue()
CASE_FIRST = sorted(CATALOGUE.types, key=lambda code: (code != "gbv_case", code))
OPEN_KINDS = frozenset({"text", "long"})


class Planted(NamedTuple):
    """The records by type, and the marks by where they were planted."""

    records: Mapping[str, str]
    marks: Mapping[str, str]


def plant(level: Level, marks: Marks) -> dict[str, str]:
    """A record of every type that people fill in, sent, with a mark in every confidential field and in every open text beside the list."""
    records: dict[str, str] = {}
    with level.inside():
        lan = level.user("lan")
        for code in CASE_FIRST:
            record_type = CATALOGUE.types[code]
            if record_type.by_server:
                continue
            values = {**_short_enough(record_type, marks, marks.of(record_type, "commune")), **_open_texts(record_type, marks)}
            values = {name: [{"id": new_id(), **row} for row in value] if isinstance(value, list) else value for name, value in values.items()}
            if record_type.sealed_by not in (None, "self"):
                values[record_type.sealed_by or ""] = records["gbv_case"]
            saved = editing.save(lan, None, code, UNIT, None, values)
            assert saved.written, (code, [(one.path, one.code) for one in saved.problems])
            records[code] = saved.record
            if record_type.flow == "record":
                editing.move(lan, saved.record, "state", "submitted")
    return records


def _short_enough(record_type: RecordType, marks: Marks, values: dict[str, Any]) -> dict[str, Any]:
    """The same with shorter marks where a field holds no long one."""
    for code, value in values.items():
        limit = record_type.fields[code].max_length
        if isinstance(value, str) and limit is not None and len(value) > limit:
            values[code] = marks.planted[f"commune {record_type.code}/{code}"] = f"7391{len(marks.planted):05}"
    return values


def _open_texts(record_type: RecordType, marks: Marks) -> dict[str, Any]:
    """Texts for the open fields of a record of a commune: none of its records is passed on, whatever its type."""
    fields = {code: field for code, field in record_type.fields.items() if field.kind in OPEN_KINDS and field.computed is None}
    return {code: marks.plant(f"commune open {record_type.code}/{code}", field) for code, field in fields.items() if not field.confidential}


@pytest.fixture
def crossed(levels: tuple[Level, Level]) -> tuple[Pair, Planted, bytes]:
    """All that crosses when everything that is planted at the district has been there for an exchange, a report among it."""
    district, province = levels
    with Recorder(province.address) as recorder:
        enrol(district, province, recorder.address)
        pair = Pair(district, province)
        marks = Marks()
        records = plant(district, marks)
        note = marks.plant("district report/note", CATALOGUE.types["periodic_report"].fields["note"])
        report = pair.report(note=note)
        assert district.upward().sent > 0
        pair.edit(district, "hien", report, general_situation="Có 05 ấp.")
        assert district.upward().sent > 0
        return pair, Planted(records, marks.planted), b"\n".join(recorder.crossed)


def test_no_planted_word_crosses_or_reaches_the_provinces_database(crossed: tuple[Pair, Planted, bytes]) -> None:
    pair, planted, wire = crossed
    assert len(planted.marks) > 150 and sum("commune open" not in where for where in planted.marks) > 30
    assert b"C\xc3\xb3 05 \xe1\xba\xa5p." in wire, "the wire is read as it is"
    assert found_in(wire, planted.marks.values()) == []
    assert found_in(pair.province.dump().encode(), planted.marks.values()) == []
    if "://" not in pair.province.database:
        for path in pair.province.folder.rglob("*"):
            assert not path.is_file() or found_in(path.read_bytes(), planted.marks.values()) == [], path


def test_no_record_case_blob_or_line_of_a_tablet_is_named(crossed: tuple[Pair, Planted, bytes]) -> None:
    pair, planted, wire = crossed
    with pair.district.inside(), db.reading() as connection:
        blobs = list(connection.scalars(select(Blob.hash)))
        logs = {*connection.scalars(select(LineRow.log).distinct())}
    assert blobs
    names = [*planted.records.values(), *blobs, *logs]
    above = pair.province.dump()
    assert [name for name in names if name.encode() in wire or name in above] == []
    with pair.province.inside(), db.reading() as connection:
        assert not list(connection.scalars(select(Blob.hash)))


def test_every_line_that_crosses_is_of_a_type_and_of_fields_of_the_list(crossed: tuple[Pair, Planted, bytes]) -> None:
    _, _, wire = crossed
    lines = [Change.parse(line) for line in wire.split(b"\n") if line.startswith(b'{"n":')]
    assert {change.type for change in lines} == {"periodic_report", CONSOLIDATED}
    for change in lines:
        heads = {op.path.partition("/")[0] for op in change.operations}
        assert heads <= CATALOGUE.upward[change.type].up and all(op.blob is None for op in change.operations)


def test_small_counts_of_cases_go_hidden_by_commune_and_whole_over_the_district(pair: Pair) -> None:
    incident = {"known_at": "2022-05-20T08:00+07:00", "violence": ["physical"], "victims": [{"id": new_id(), "sex": "female", "age_group": "age_25_39"}]}
    pair.district.add("tu", "collector@long_thuan")
    with pair.district.inside():
        for login, unit, count in (("lan", UNIT, 3), ("tu", "long_thuan", 6)):  # one victim each
            user = pair.district.user(login)
            for _ in range(count):
                saved = editing.save(user, None, "gbv_incident", unit, None, incident)
                assert saved.written, [(one.path, one.code) for one in saved.problems]
                editing.move(user, saved.record, "state", "submitted")
    pair.report()
    pair.district.upward()
    told = pair.province.values(CONSOLIDATED, DISTRICT, UNIT, "long_thuan")
    figures = {values["unit"]: {row["figure"]: row for row in values["figures"]} for values in told.values()}
    assert figures[DISTRICT]["I13V"]["value"] == 9 and figures[DISTRICT]["I13V"]["shown"] == "known"
    assert figures[UNIT]["I13V"]["shown"] == "few" and "value" not in figures[UNIT]["I13V"]
    assert figures["long_thuan"]["I13V"]["shown"] == "hidden", "9 and 6 would tell the 3"
    (report,) = pair.province.values("periodic_report", DISTRICT).values()
    frozen = report["figures"]
    assert frozen["own"][UNIT]["I13V"]["status"] == "few" and "value" not in json.dumps(frozen["own"][UNIT]["I13V"])
    assert frozen["totals"]["I13V"]["value"] == 9
    assert frozen["records"] == [] and '"records": [0' not in json.dumps(frozen)


@pytest.mark.parametrize(
    ("code", "key", "name"),
    [
        ("gbv_case", "up", "unit"), ("case_support", "down", "given_on"), ("periodic_report", "up", "attachments"),
        ("model_check", "up", "model"), ("periodic_report", "up", "no_such_field"), ("no_such_type", "up", "unit"),
    ],
)  # fmt: skip
def test_a_list_that_names_what_may_never_be_passed_stops_the_server(code: str, key: str, name: str) -> None:
    texts = CATALOGUE.texts | {"upward.yaml": f"- {{code: {code}, {key}: [{name}]}}\n"}
    with pytest.raises(CatalogueError) as told:
        Catalogue(texts)
    assert "upward.yaml" in str(told.value)


def test_the_province_takes_nothing_else_from_the_account_of_a_server(pair: Pair) -> None:
    """Even a server that was tampered with: a line of another type is set aside up there, and the account signs in nowhere."""
    with pair.province.inside():
        server = pair.province.user("may_huyen")
        with pytest.raises(Exception, match="no_right"):
            editing.write_values(server, None, "communication_activity", UNIT, {"title": "Nói chuyện"})
        with pytest.raises(Exception, match="no_right"):
            editing.write_values(pair.province.user("giao"), None, CONSOLIDATED, DISTRICT, {"period": "2022-H1"})
        editing.write_values(server, None, CONSOLIDATED, UNIT, {"period": "2022-H1"})
    assert PROVINCE not in {values["unit"] for values in pair.province.values(CONSOLIDATED, UNIT, PROVINCE).values()}
