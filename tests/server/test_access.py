"""One table of all routes: none is missing, and each lets in whom it names and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from server import access
from server.access import ANYBODY, ENDPOINTS, EVERYBODY, PeopleRights, may_see_confidential, scope_of, units_visible
from server.db import db, transaction
from server.people import Grant, User, end_role
from server.services import services
from shared.ids import new_id, new_record_id
from tests.server.conftest import AddUser

ROLES = sorted(EVERYBODY)
SignIn = Callable[[User], FlaskClient]


def address(rule: str) -> str:
    """An address of a route with something unknown in each of its places."""
    return "/".join("unknown" if part.startswith("<") else part for part in rule.split("/"))


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """(endpoint, method, address) of every route that the app serves."""
    return [
        (rule.endpoint, method, address(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"})
    ]


def test_every_route_is_in_the_table_and_every_row_is_a_route(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(ENDPOINTS)


def test_every_role_of_the_table_is_in_the_catalogue(app: Flask) -> None:
    with app.app_context():
        people = {role.code for role in services().catalogue.roles.values() if not role.upward}
        assert people == EVERYBODY, "the account of a server signs in nowhere"
    for endpoint, rule in ENDPOINTS.items():
        assert rule.who == ANYBODY or rule.who <= EVERYBODY, endpoint


def test_a_route_that_is_not_in_the_table_is_shut(app: Flask, add_person: AddUser, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    user = add_person("quan", "admin@hong_ngu")
    monkeypatch.setattr(access, "ENDPOINTS", {})
    assert sign_in(user).get("/api/me").status_code == 404


def test_t04_nobody_gets_in_without_signing_in(app: Flask, client: FlaskClient) -> None:
    for endpoint, method, path in routes(app):
        if ENDPOINTS[endpoint].who != ANYBODY:
            answer = client.open(path, method=method, data={} if method != "GET" else None)
            assert answer.status_code in (302, 400, 401), endpoint
            if answer.status_code == 302:
                assert "/" in answer.headers["Location"]


@pytest.mark.parametrize("role", ROLES)
def test_t04_every_role_at_every_route(app: Flask, add_person: AddUser, sign_in: SignIn, role: str) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    client = sign_in(add_person("nguoi", f"{role}@hong_ngu"))
    for endpoint, method, path in routes(app):
        rule = ENDPOINTS[endpoint]
        if rule.who == ANYBODY:
            continue
        answer = client.open(path, method=method)
        shut = answer.status_code == 403 and b"no_access" in answer.data
        assert shut == (role not in rule.who), (endpoint, method, answer.status_code)
        assert answer.status_code < 500, (endpoint, method, answer.status_code)


@pytest.mark.parametrize("role", ROLES)
def test_t09_no_write_of_the_console_goes_without_its_token(app: Flask, add_person: AddUser, sign_in: SignIn, role: str) -> None:
    client = sign_in(add_person("nguoi", f"{role}@hong_ngu"))
    writes = [one for one in routes(app) if one[1] != "GET" and not one[2].startswith("/api/")]
    for endpoint, method, path in writes:
        rule = ENDPOINTS[endpoint]
        if rule.who == ANYBODY or role in rule.who:
            answer = client.open(path, method=method, data={"csrf_token": "forged"})
            assert answer.status_code == 400, endpoint
            assert b'data-code="csrf_failed"' in answer.data, endpoint
    assert len(writes) > 20


def test_t05_what_is_not_visible_does_not_exist(app: Flask, add_person: AddUser) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    with app.app_context():
        visible = units_visible(lan)
        units = services().catalogue.units
    assert "long_khanh_a" in visible
    assert {units[code].kind for code in visible - {"long_khanh_a"}} == {"hamlet"}
    assert "long_khanh_b" not in visible
    assert "hong_ngu" not in visible


@pytest.mark.parametrize(("role", "unit", "sees"), [
    ("district_officer", "hong_ngu", True), ("district_lead", "hong_ngu", True), ("viewer", "hong_ngu", False), ("admin", "hong_ngu", False),
    ("unit_lead", "long_khanh_a", True), ("unit_lead", "long_khanh_b", False),
])  # fmt: skip
def test_units_visible_by_role(app: Flask, add_person: AddUser, role: str, unit: str, sees: bool) -> None:
    user = add_person("nguoi", f"{role}@{unit}")
    with app.app_context():
        assert ("long_khanh_a" in units_visible(user)) is sees


def test_what_was_merged_into_a_unit_stays_visible_to_it(app: Flask, add_person: AddUser) -> None:
    user = add_person("lan", "collector@thuong_lac")
    with app.app_context():
        assert "thuong_thoi_hau_b" in units_visible(user)


CASE = "gbv_case"


def see(app: Flask, user: User, unit: str = "long_khanh_a", case: str | None = None) -> bool:
    with app.app_context(), Session(db.engine) as session:
        return may_see_confidential(session, user, unit, CASE, case)


@pytest.mark.parametrize(("role", "sees"), [
    ("case_worker@long_khanh_a", True), ("case_worker@long_khanh_b", False), ("collector@long_khanh_a", False),
    ("unit_lead@long_khanh_a", False), ("district_officer@hong_ngu", False), ("district_lead@hong_ngu", False),
    ("viewer@hong_ngu", False), ("admin@hong_ngu", False), ("admin@long_khanh_a", False),
])  # fmt: skip
def test_p09_t04_confidential_values_without_a_grant(app: Flask, add_person: AddUser, role: str, sees: bool) -> None:
    assert see(app, add_person("nguoi", role), case=new_record_id()) is sees


@pytest.mark.parametrize(("change", "sees"), [
    ({}, True), ({"granted_by": None}, False), ({"self": True}, False), ({"until": -1}, False), ({"since": 1}, False), ({"ended_ms": 5}, False),
    ({"other_case": True}, False), ({"granted_ms": None}, False),
])  # fmt: skip
def test_t11_a_grant_is_dated_and_by_a_second_person(app: Flask, add_person: AddUser, change: dict[str, object], sees: bool) -> None:
    officer, lead = add_person("huyen", "district_officer@hong_ngu"), add_person("lanh_dao", "district_lead@hong_ngu")
    case, today = new_record_id(), date(2022, 5, 30)
    grant = Grant(
        id=new_id(), user=officer.id, case=new_record_id() if "other_case" in change else case, reason="Kiểm tra hồ sơ hỗ trợ", asked_ms=1,
        granted_by=officer.id if "self" in change else lead.id, granted_ms=2, since=today, until=today + timedelta(days=7), ended_ms=None,
    )  # fmt: skip
    for name, value in change.items():
        if name in ("granted_by", "granted_ms", "ended_ms"):
            setattr(grant, name, value)
        elif name in ("since", "until"):
            setattr(grant, name, today + timedelta(days=int(str(value))))
    with app.app_context():
        transaction(lambda session: session.add(grant))
    assert see(app, officer, case=case) is sees
    assert see(app, lead, case=case) is False


def test_t11_an_administrator_with_a_grant_still_sees_nothing(app: Flask, add_person: AddUser) -> None:
    admin, lead, case = add_person("quan", "admin@hong_ngu"), add_person("lanh_dao", "district_lead@hong_ngu"), new_record_id()
    today = date(2022, 5, 30)
    grant = Grant(id=new_id(), user=admin.id, case=case, reason="…", asked_ms=1, granted_by=lead.id, granted_ms=2, since=today, until=today)
    with app.app_context():
        transaction(lambda session: session.add(grant))
    assert see(app, admin, case=case) is False


def test_a_tablets_scope_follows_the_role_and_its_version_the_scope(app: Flask, add_person: AddUser) -> None:
    lan, hoa = add_person("lan", "collector@long_khanh_a"), add_person("hoa", "case_worker@long_khanh_a")
    officer = add_person("huyen", "district_officer@hong_ngu")
    with app.app_context():
        of_lan, of_hoa, of_officer = scope_of(lan, "long_khanh_a"), scope_of(hoa, "long_khanh_a"), scope_of(officer, "hong_ngu")
        assert of_lan.stream == "hong_ngu"
        assert of_lan.units == of_hoa.units
        assert (of_lan.cases, of_hoa.cases, of_officer.cases) == (False, True, False)
        assert set(of_lan.units) < set(of_officer.units)
        assert len({of_lan.version, of_hoa.version, of_officer.version}) == 3
        moved = scope_of(lan, "long_khanh_b")
        assert (moved.units, moved.home) == (of_lan.units, "long_khanh_a"), "a tablet of another unit follows its officer"
        assert moved.version != of_lan.version and of_lan.home == ""
        elsewhere = scope_of(lan, "trung_uong")
        assert (elsewhere.units, elsewhere.home) == ((), ""), "never into another district's stream"
        assert scope_of(lan, "long_khanh_a") == of_lan


def test_t05_a_case_manager_who_also_reads_the_district_gets_no_foreign_cases_on_a_tablet(app: Flask, add_person: AddUser) -> None:
    both = add_person("hai", "case_worker@hong_ngu", "district_officer@hong_ngu")
    with app.app_context():
        scope = scope_of(both, "hong_ngu")
        assert "long_khanh_a" in scope.units
        assert scope.cases is False


def test_rights_of_those_who_write_lines(app: Flask, add_person: AddUser) -> None:
    lan, hoa, lead = add_person("lan", "collector@long_khanh_a"), add_person("hoa", "case_worker@long_khanh_a"), add_person("sep", "unit_lead@long_khanh_a")
    officer = add_person("huyen", "district_officer@hong_ngu")
    with app.app_context(), Session(db.engine) as session:
        catalogue = services().catalogue
        rights = PeopleRights(session, catalogue, date(2022, 5, 30))
        activity, case = catalogue.types["communication_activity"], catalogue.types[CASE]
        assert rights.may_write(lan.id, "long_khanh_a", activity)
        assert not rights.may_write(lan.id, "long_khanh_b", activity)
        assert not rights.may_write(lan.id, "long_khanh_a", case)
        assert rights.may_write(hoa.id, "long_khanh_a", case)
        assert not rights.may_write(lead.id, "long_khanh_a", activity)
        assert not rights.may_write("nobody-here", "long_khanh_a", activity)
        assert rights.may_go(lan.id, "long_khanh_a", "record", "draft", "submitted")
        assert rights.may_go(lan.id, "long_khanh_a", "record", None, "submitted")
        assert not rights.may_go(lan.id, "long_khanh_a", "record", "submitted", "accepted")
        assert rights.may_go(officer.id, "long_khanh_a", "record", "submitted", "accepted")
        assert not rights.may_go(officer.id, "long_khanh_a", "record", "draft", "accepted")
        assert not rights.may_go(officer.id, "long_khanh_a", "no_such_flow", "draft", "accepted")
        assert rights.may_act(officer.id, "long_khanh_a")
        assert not rights.may_act(add_person("quan", "admin@hong_ngu").id, "long_khanh_a")


def test_t12_a_session_ends_when_a_role_ends(app: Flask, add_person: AddUser, sign_in: SignIn) -> None:
    lan = add_person("lan", "collector@long_khanh_a", "collector@long_khanh_b")
    client = sign_in(lan)
    assert client.get("/api/me").status_code == 200

    def end(session: Session) -> None:
        user = session.get_one(User, lan.id)
        end_role(session, services().keys, user, user.roles[0], 7)

    with app.app_context():
        transaction(end)
    assert client.get("/api/me").status_code == 401


def test_a_dated_role_is_held_in_its_days_only(app: Flask, add_person: AddUser) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    lan.roles[0].since, lan.roles[0].until = date(2022, 5, 1), date(2022, 5, 30)
    with app.app_context():
        assert "long_khanh_a" in units_visible(lan)
        assert not units_visible(lan, date(2022, 5, 31))
        assert not units_visible(lan, date(2022, 4, 30))
