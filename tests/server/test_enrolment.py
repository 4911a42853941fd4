"""Enrolment: a code is used once, expires, is kept as a hash; a lost answer is told again to the same keys only."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import db, transaction
from server.endings import apply_ended
from server.enrolment import LETTERS, Enrolled, Request, enrol, make_code, read_code, revoke
from server.people import Device, EnrolmentCode, User, disable_user
from server.services import services
from shared.errors import SenError
from shared.sealing import BoxKeys
from tests.server.conftest import AddUser

HOUR_MS = 3_600_000


def new_request(code: str, name: str = "Máy xã") -> Request:
    sign = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Request(code=code, sign=sign, box=BoxKeys.new().public, officer_box=BoxKeys.new().public, name=name)


def code_for(user: User, unit: str = "long_khanh_a", now_ms: int = 0) -> str:
    def work(session: Session) -> str:
        person = session.get_one(User, user.id)
        return make_code(session, services().catalogue, user=person, unit=unit, made_by=None, now_ms=now_ms, hours=72)

    return transaction(work)


def try_enrol(request: Request, now_ms: int = 1) -> Enrolled:
    return transaction(lambda session: enrol(session, services().keys, request, now_ms=now_ms))


def test_a_code_reads_well_and_is_not_in_the_database(app: Flask, add_person: AddUser) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    with app.app_context():
        codes = [code_for(lan) for _ in range(20)]
        assert len(set(codes)) == 20
        for code in codes:
            assert len(code) == 14
            assert set(code) <= set(LETTERS) | {"-"}
        with Session(db.engine) as session:
            rows = session.scalars(select(EnrolmentCode)).all()
            told = "".join(str(vars(row)) for row in rows)
        assert not [code for code in codes if code in told or read_code(code) in told]


def test_f51_the_right_code_makes_one_device(app: Flask, add_person: AddUser) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    with app.app_context():
        request = new_request(code_for(lan).lower().replace("-", " "))
        first, again = try_enrol(request), try_enrol(request)
        assert first.device.id == again.device.id
        assert (first.user.id, first.device.unit, first.device.name) == (lan.id, "long_khanh_a", "Máy xã")
        for other in (new_request(request.code), replace(request, sign=new_request("x").sign), replace(request, box=new_request("x").box)):
            with pytest.raises(SenError, match="code_used"):
                try_enrol(other)
        with Session(db.engine) as session:
            assert len(session.scalars(select(Device)).all()) == 1


@pytest.mark.parametrize(("code", "hours", "fault"), [
    ("AAAA-BBBB-CCCC", 0, "code_wrong"), ("", 0, "code_wrong"), ("\u202e", 0, "code_wrong"), (None, 73, "code_expired"),
])  # fmt: skip
def test_f51_a_wrong_or_expired_code_makes_none(app: Flask, add_person: AddUser, code: str | None, hours: int, fault: str) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    with app.app_context():
        real = code_for(lan)
        with pytest.raises(SenError, match=fault):
            try_enrol(new_request(real if code is None else code), now_ms=hours * HOUR_MS)
        with Session(db.engine) as session:
            assert not session.scalars(select(Device)).all()


def test_f51_an_expired_code_still_repeats_a_lost_answer(app: Flask, add_person: AddUser) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    with app.app_context():
        request = new_request(code_for(lan))
        assert try_enrol(request).device.id == try_enrol(request, now_ms=100 * HOUR_MS).device.id


def test_keys_that_are_no_keys_are_refused(app: Flask, add_person: AddUser) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    with app.app_context():
        good = new_request(code_for(lan))
        for bad in (replace(good, box=bytes(32)), replace(good, officer_box=good.box), replace(good, sign=b"short")):
            with pytest.raises(SenError, match="bad_key"):
                try_enrol(bad)
        try_enrol(good)
        with pytest.raises(SenError, match="bad_key"):
            try_enrol(replace(new_request(code_for(lan)), sign=good.sign))


@pytest.mark.parametrize(("unit", "fault"), [("long_khanh_b", "no_role_here"), ("atlantis", "unknown_unit")])
def test_no_code_for_a_unit_in_which_one_has_no_role(app: Flask, add_person: AddUser, unit: str, fault: str) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    with app.app_context(), pytest.raises(SenError, match=fault):
        code_for(lan, unit)


def test_a_disabled_person_enrols_nothing(app: Flask, add_person: AddUser) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    with app.app_context():
        request = new_request(code_for(lan))
        transaction(lambda session: disable_user(session, services().keys, session.get_one(User, lan.id), 1))
        with pytest.raises(SenError, match="code_wrong"):
            try_enrol(request)


def test_f25_what_ended_stays_ended_in_a_database_that_forgot_it(app: Flask, add_person: AddUser) -> None:
    lan, hoa = add_person("lan", "collector@long_khanh_a"), add_person("hoa")
    with app.app_context():
        request = new_request(code_for(lan))
        device = try_enrol(request).device
        transaction(lambda session: revoke(session, services().keys, session.get_one(Device, device.id), by="", now_ms=9))
        transaction(lambda session: disable_user(session, services().keys, session.get_one(User, hoa.id), 9))
        with pytest.raises(SenError, match="device_revoked"):
            try_enrol(request)

        def forget(session: Session) -> None:
            session.get_one(Device, device.id).revoked_ms = None
            session.get_one(User, hoa.id).disabled_ms = None

        transaction(forget)
        assert apply_ended(app) == 2
        assert apply_ended(app) == 0
        with Session(db.engine) as session:
            assert session.get_one(Device, device.id).revoked_ms == 9
            assert not session.get_one(User, hoa.id).is_active
            assert session.get_one(User, hoa.id).stamp != hoa.stamp
