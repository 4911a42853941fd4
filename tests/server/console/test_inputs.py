"""What is typed becomes a plain value and comes back as it was written; what cannot be read stays the text that it is."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from server.console.form_reading import apply_deed, read_form, without_empty_rows
from server.console.inputs import INPUTS, read_one, text_of
from shared.catalogue import load_catalogue
from shared.field import Field
from shared.kinds import KINDS
from shared.labels import Label
from sync.view import Sealed

NOT_TYPED = {"rows", "flow", "figures"}


def a(kind: str) -> Field:
    return Field(code="x", kind=kind, label=Label("x", "x"), merge="ask")


def test_every_kind_that_is_typed_has_an_input() -> None:
    assert set(INPUTS) == set(KINDS) - NOT_TYPED


@pytest.mark.parametrize(("kind", "typed", "value"), [
    ("text", "  Phụ nữ ", "Phụ nữ"), ("text", "Phu\u0323 n\u01b0\u0303", "Phụ nữ"), ("text", "   ", None),
    ("int", "48", 48), ("int", "1.234", 1234), ("int", "12 500", 12500), ("int", "-3", -3), ("int", "1.5", "1.5"), ("int", "12,5", "12,5"),
    ("int", "nhiều", "nhiều"), ("int", "1" * 40, "1" * 40), ("int", "", None), ("money", "3.600.000", 3_600_000),
    ("decimal", "1,5", 1.5), ("decimal", "1.234,5", 1234.5), ("decimal", "2.5", 2.5), ("decimal", "7", 7), ("decimal", "NaN", "NaN"),
    ("date", "28/05/2022", "2022-05-28"), ("date", "1/6/2022", "2022-06-01"), ("date", "2022-05-28", "2022-05-28"), ("date", "31/02/2022", "31/02/2022"),
    ("date", "28/05/22", "28/05/22"), ("datetime", "30/05/2022 05:20", "2022-05-30T05:20+07:00"), ("datetime", "5h20 30/5/2022", "2022-05-30T05:20+07:00"),
    ("datetime", "30/05/2022", "30/05/2022"), ("datetime", "30/05/2022 25:00", "30/05/2022 25:00"), ("bool", "1", True), ("bool", "0", False), ("bool", "", None),
    ("choice", "other", "other"), ("unit", "long_khanh_a", "long_khanh_a"), ("geo", "10.81, 105.31", [10.81, 105.31]), ("geo", "đầu ấp", "đầu ấp"),
    ("url", "https://x.vn", "https://x.vn"), ("long", "một\r\nhai", "một\nhai"),
])  # fmt: skip
def test_reading(kind: str, typed: str, value: Any) -> None:
    assert read_one(a(kind), [typed]) == value


@pytest.mark.parametrize(("kind", "value", "text"), [
    ("int", 48, "48"), ("int", 2022, "2022"), ("money", 3_600_000, "3.600.000"), ("decimal", 1.5, "1,5"), ("date", "2022-05-28", "28/05/2022"),
    ("datetime", "2022-05-30T05:20+07:00", "30/05/2022 05:20"), ("bool", False, "0"), ("geo", [10.81, 105.31], "10.81, 105.31"), ("int", "nhiều", "nhiều"),
    ("date", "hôm qua", "hôm qua"), ("text", None, ""),
])  # fmt: skip
def test_writing_and_back(kind: str, value: Any, text: str) -> None:
    assert text_of(a(kind), value) == text
    if value is not None and kind in ("int", "money", "decimal", "date", "datetime", "geo"):
        assert read_one(a(kind), [text]) == value


ACTIVITY = load_catalogue().types["communication_activity"]
CASE = load_catalogue().types["gbv_case"]


def test_only_what_the_form_held_is_read() -> None:
    form = MultiDict([("held", "title"), ("held", "topics"), ("title", ""), ("topics", "law"), ("topics", "gbv"), ("place", "Chợ"), ("held", "state"), ("held", "no_such")])
    assert read_form(ACTIVITY, form, {"title": "cũ", "place": "cũ"}) == {"title": None, "topics": ["gbv", "law"]}


def test_rows_stand_in_the_order_of_their_inputs_and_keep_what_is_sealed() -> None:
    base = {"referrals": [{"id": "AAAAAAAAAAA", "to": "health", "result": Sealed("hash")}]}
    form = MultiDict([
        ("held", "referrals"), ("rows referrals", "BBBBBBBBBBB"), ("rows referrals", "AAAAAAAAAAA"), ("rows referrals", "../../etc"),
        ("referrals/AAAAAAAAAAA/to", "police"),
    ])  # fmt: skip
    read = read_form(CASE, form, base)
    assert read == {"referrals": [{"id": "BBBBBBBBBBB"}, {"id": "AAAAAAAAAAA", "to": "police", "result": Sealed("hash")}]}
    assert without_empty_rows(CASE, read, base)["referrals"] == [{"id": "AAAAAAAAAAA", "to": "police", "result": Sealed("hash")}]


def test_buttons_on_rows() -> None:
    values: dict[str, Any] = {"speakers": [{"id": "AAAAAAAAAAA"}, {"id": "BBBBBBBBBBB"}]}
    apply_deed(ACTIVITY, values, "down speakers AAAAAAAAAAA")
    assert [row["id"] for row in values["speakers"]] == ["BBBBBBBBBBB", "AAAAAAAAAAA"]
    apply_deed(ACTIVITY, values, "drop speakers BBBBBBBBBBB")
    apply_deed(ACTIVITY, values, "add speakers")
    assert len(values["speakers"]) == 2
    for nothing in ("add title", "drop speakers nobody", "look", "", "add no_such"):
        before = [*values["speakers"]]
        apply_deed(ACTIVITY, values, nothing)
        assert values["speakers"] == before
