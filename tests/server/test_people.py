"""People: logins, roles, signing in with a wait that grows and is kept on disk."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from server.db import db, transaction
from server.people import User, add_user, disable_user, give_role, names_of, set_password, sign_in, user_by_login
from server.services import services
from shared.errors import SenError
from tests.server.conftest import PASSWORD, AddUser


@pytest.mark.parametrize(("login", "name", "code"), [
    ("", "Lan", "bad_login"), ("lan lê", "Lan", "bad_login"), ("x" * 41, "Lan", "bad_login"), ("lan", "", "bad_text"), ("LAN", "Lan", "login_taken"),
    ("mai", "Mai\u202e", "bad_text"),
])  # fmt: skip
def test_b06_what_is_no_login_or_no_name_is_refused(app: Flask, add_person: AddUser, login: str, name: str, code: str) -> None:
    add_person("lan")
    with app.app_context(), pytest.raises(SenError) as told:
        transaction(lambda session: add_user(session, login=login, name=name, password=None, now_ms=1))
    assert told.value.code == code


def test_b05_a_name_is_stored_nfc_and_a_login_without_tone_marks(app: Flask) -> None:
    with app.app_context():
        user = transaction(lambda session: add_user(session, login="Hồng", name="Lê Thị Hồng", password=None, now_ms=1))
        assert user.login == "hong"
        assert user.name == "Lê Thị Hồng"
        with Session(db.engine) as session:
            assert user_by_login(session, "HỒNG") is not None


@pytest.mark.parametrize(("role", "unit", "code"), [("king", "hong_ngu", "unknown_role"), ("admin", "atlantis", "unknown_unit")])
def test_an_unknown_role_or_unit_is_refused(app: Flask, add_person: AddUser, role: str, unit: str, code: str) -> None:
    user = add_person("lan")
    with app.app_context(), pytest.raises(SenError) as told:
        transaction(lambda session: give_role(session, services().catalogue, session.get_one(User, user.id), role, unit))
    assert told.value.code == code


def test_t09_wrong_passwords_make_one_wait_and_longer_each_time(app: Flask, add_person: AddUser) -> None:
    add_person("lan", password=PASSWORD)
    now_ms, waits = 1_000_000, []
    with app.app_context():
        for _ in range(8):
            attempt = sign_in("lan", "sai", now_ms)
            while attempt.code == "sign_in_wait":
                waits.append(attempt.wait_s)
                assert sign_in("lan", PASSWORD, now_ms).user is None, "even the right password waits"
                now_ms += attempt.wait_s * 1000
                attempt = sign_in("lan", "sai", now_ms)
            assert attempt.code == "sign_in_wrong"
        assert waits == [2, 4, 8]
        assert sign_in("lan", PASSWORD, now_ms + 3_600_000).user is not None
        assert sign_in("lan", "sai", now_ms + 3_600_000).code == "sign_in_wrong", "the count begins anew"


def test_t09_who_there_is_cannot_be_told_from_the_answer(app: Flask, add_person: AddUser) -> None:
    add_person("lan", password=PASSWORD)
    no_password = add_person("hoa")
    with app.app_context():
        answers = {sign_in(login, "sai", 5).code for login in ("lan", "nobody", no_password.login, "")}
        assert answers == {"sign_in_wrong"}


def test_t12_a_disabled_person_and_an_old_password_sign_in_no_more(app: Flask, add_person: AddUser) -> None:
    lan = add_person("lan", password=PASSWORD)
    other = "một mật khẩu hoàn toàn khác"
    with app.app_context():
        transaction(lambda session: set_password(session, session.get_one(User, lan.id), other))
        assert sign_in("lan", PASSWORD, 5).user is None
        user = sign_in("lan", other, 5).user
        assert user is not None
        assert user.get_id() != lan.get_id()
        transaction(lambda session: disable_user(session, services().keys, session.get_one(User, lan.id), 6))
        assert sign_in("lan", other, 7).code == "sign_in_wrong"


def test_names_stand_in_vietnamese_order(app: Flask, add_person: AddUser) -> None:
    for login, name in (("a", "Nguyễn Thị Đào"), ("b", "Trần Văn Ân"), ("c", "Lê Thị Dung")):
        add_person(login, name=name)
    with app.app_context(), Session(db.engine) as session:
        assert list(names_of(session).values()) == ["Trần Văn Ân", "Lê Thị Dung", "Nguyễn Thị Đào"]
        assert names_of(session, []) == {}
