"""The reading routes, and the description of the API."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from server.people import User
from tests.server.conftest import PASSWORD, AddUser

SignIn = Callable[[User], FlaskClient]


def test_the_api_is_described(app: Flask, client: FlaskClient) -> None:
    told = client.get("/api/openapi.json").get_json()
    assert told["openapi"].startswith("3.")
    assert {"/api/enrol", "/api/me", "/api/people", "/api/catalogue", "/api/catalogue/units"} <= set(told["paths"])
    assert "argon2" not in str(told)
    assert set(told["paths"]) == {re.sub(r"<(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")} - {
        "/api/openapi.json"}  # fmt: skip
    problem = told["components"]["responses"]["DEFAULT_ERROR"]["content"]["application/problem+json"]["schema"]["$ref"].rpartition("/")[2]
    assert set(told["components"]["schemas"][problem]["properties"]) == {"type", "title", "status", "code", "errors"}
    for path, deeds in told["paths"].items():
        for deed in (deed for deed in deeds.values() if isinstance(deed, dict)):
            assert deed["summary"], path
            assert deed["responses"]["200"]["content"], path
            assert deed["responses"]["default"], path
            assert (deed.get("security") == []) == (path in ("/api/enrol", "/api/enrol/again", "/api/enrol/copy", "/api/exchange", "/api/files")), path
    for path in ("/api/enrol", "/api/exchange", "/api/files"):
        assert told["paths"][path]["post"]["requestBody"]["content"], path
    assert told["security"] == [{"session": []}]
    assert told["components"]["securitySchemes"]["session"]["name"] == app.config["SESSION_COOKIE_NAME"]
    assert all(reference in str(told["components"]) for reference in re.findall(r"#/components/\w+/(\w+)", str(told)))
    assert set(told["components"]["schemas"]["Enrol"]["properties"]) == {"code", "device_sign", "device_box", "officer_box", "name"}


def test_the_catalogue_its_types_and_units(app: Flask, add_person: AddUser, sign_in: SignIn) -> None:
    client = sign_in(add_person("lan", "collector@long_khanh_a"))
    told = client.get("/api/catalogue").get_json()
    codes = [one["code"] for one in told["types"]]
    assert "communication_activity" in codes
    for code in codes:
        one = client.get(f"/api/catalogue/types/{code}").get_json()
        assert one["fields"]
        assert all(field["label"]["vi"] and field["label"]["en"] for field in one["fields"])
    assert client.get("/api/catalogue/types/atlantis").get_json()["code"] == "unknown_type"
    units = client.get("/api/catalogue/units").get_json()
    assert units[0]["parent"] is None
    assert {"long_khanh_a", "hong_ngu"} <= {unit["code"] for unit in units}


def test_oneself_and_for_administrators_everybody(app: Flask, add_person: AddUser, sign_in: SignIn) -> None:
    lan = add_person("lan", "collector@long_khanh_a", name="Lê Thị Lan", password=PASSWORD)
    admin = add_person("quan", "admin@hong_ngu")
    me = sign_in(lan).get("/api/me").get_json()
    assert (me["login"], me["roles"][0]["unit"], me["units"][0]) == ("lan", "long_khanh_a", "long_khanh_a")
    assert sign_in(lan).get("/api/people").status_code == 403
    answer = sign_in(admin).get("/api/people")
    assert {one["login"] for one in answer.get_json()} == {"lan", "quan"}
    assert "argon2" not in answer.text
    assert "stamp" not in answer.text
