"""Devices that a restored server forgot: those enrolled after the backup was made.

What a server knows of a device when it enrols it stands in a *certificate*, sealed under a key of its own: the device, what it was a copy
of, whose it is, and that person's roles. The key store keeps each certificate, and each tablet its own. A database that does not know the
device learns it again from either: at the start of the server, or when the tablet comes. A certificate says what this server itself gave;
what ended since stays ended, for the key store knows it; what the database knows is never changed by one.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from server.audit import note
from server.db import reading, transaction
from server.keystore import KeyStore
from server.known_people import Ended, Told, ended_by, take_person, told_of
from server.logbook import log_event
from server.people import Device, EnrolmentCode, User
from server.services import services
from shared.errors import SenError
from shared.ids import b64, unb64

DEVICE_AGAIN = "enrol_again"
"""The word of the audit trail: a device was taken up again."""

__all__ = ["DEVICE_AGAIN", "Certified", "certificate_of", "keep_missing", "read_certificate", "take_up", "take_up_forgotten"]


class Certified:
    """What a certificate says: of the device itself, then of those that it was a copy of, and of its person."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.devices: list[dict[str, Any]] = told["devices"]
        self.person = Told(told["person"], told["roles"])

    @property
    def id(self) -> str:
        """The device."""
        return str(self.devices[0]["id"])

    @property
    def unit(self) -> str:
        """The unit of its enrolment."""
        return str(self.devices[0]["unit"])

    @property
    def sign(self) -> bytes:
        """Its Ed25519 public key."""
        return unb64(self.devices[0]["sign"])


# telling


def certificate_of(session: Session, keys: KeyStore, device: Device) -> str:
    """Certify a device as it is now."""
    user = session.get_one(User, device.user)
    devices = [_told(session, one) for one in _line_of(session, device)]
    told = {"devices": devices, **told_of(user)._asdict()}
    return keys.certify(zlib.compress(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8"), 9))


def _line_of(session: Session, device: Device) -> list[Device]:
    """A device and those that it was before it became one of its own."""
    line = [device]
    while line[-1].copy_of and (former := session.get(Device, line[-1].copy_of)) is not None and former not in line:
        line.append(former)
    return line


def _told(session: Session, device: Device) -> dict[str, Any]:
    code = session.scalar(select(EnrolmentCode.hash).where(EnrolmentCode.device == device.id))
    keys = {name: b64(getattr(device, name)) for name in ("sign", "box", "officer_box")}
    plain = {name: getattr(device, name) for name in ("id", "unit", "name", "enrolled_ms", "copy_of")}
    return plain | keys | {"code": code}


def read_certificate(keys: KeyStore, certificate: str) -> Certified:
    """What this server once said. Raises SenError("certificate_wrong")."""
    return Certified(json.loads(zlib.decompress(keys.certified(certificate))))


# taking up


def take_up(session: Session, keys: KeyStore, told: Certified, *, now_ms: int) -> Device:
    """The device of a certificate, taken up again with its person where this database does not know them; in the present writing
    transaction.

    Who was locked and what was revoked comes back as such: its work is handed in and kept for review, as that of any revoked device.

    Raises:
        SenError: ``bad_key`` where the database knows the device, or its key, as something else.
    """
    known = session.get(Device, told.id) or _known_meanwhile(session, told.id)
    if known is None:
        ended = ended_by(keys)
        take_person(session, told.person, ended, now_ms)
        for one in reversed(told.devices):
            _take_device(session, told.person.person["id"], one, ended, now_ms)
    elif known.sign != told.sign:
        raise SenError("bad_key")
    return session.get_one(Device, told.id)


def _known_meanwhile(session: Session, device: str) -> Device | None:
    """The device, once nobody else can be taking it up at this moment."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE device IN SHARE ROW EXCLUSIVE MODE"))
    return session.get(Device, device)


def _take_device(session: Session, user: str, one: dict[str, Any], ended: Ended, now_ms: int) -> None:
    if session.get(Device, one["id"]) is not None:
        return
    keys = {name: unb64(one[name]) for name in ("sign", "box", "officer_box")}
    if session.scalar(select(Device.id).where(Device.sign == keys["sign"])) is not None:
        raise SenError("bad_key")
    plain = {name: value for name, value in one.items() if name != "code"}
    session.add(Device(**(plain | keys), user=user, revoked_ms=ended.get(("device", one["id"]))))
    session.flush()
    code = None if one["code"] is None else session.get(EnrolmentCode, one["code"])
    if code is not None and code.device is None:  # it was in the backup as one that nobody has used
        code.used_ms, code.device = one["enrolled_ms"], one["id"]
    note(session, user=user, action=DEVICE_AGAIN, subject=one["id"], at_ms=now_ms)


# at the start of a server, in an app's context


def take_up_forgotten() -> int:
    """Take up every device that the key store knows to have been enrolled and the database does not; gives how many there were."""
    held = services()
    kept = held.keys.certificates()
    with reading() as connection:
        known = set(connection.scalars(select(Device.id)))
    return sum(_taken(held.keys, kept[device], held.clock.now_ms()) for device in sorted(kept.keys() - known))


def _taken(keys: KeyStore, certificate: str, now_ms: int) -> bool:
    """Take up one device; a certificate that cannot be used keeps no server from starting."""
    try:
        told = read_certificate(keys, certificate)
        transaction(lambda session: take_up(session, keys, told, now_ms=now_ms))
    except SenError as error:
        log_event("not_taken_up", code=error.code)
        return False
    return True


def keep_missing() -> None:
    """Keep a certificate of every device of which the key store has none: those enrolled by an earlier version."""
    keys = services().keys
    kept = keys.certificates()
    with reading() as connection, Session(connection) as session:
        devices = [one for one in session.scalars(select(Device)) if one.id not in kept]
        missing = {one.id: certificate_of(session, keys, one) for one in devices}
    if missing:
        keys.keep_certificates(missing)
