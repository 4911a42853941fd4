"""Enrolment: a one-time code for a person and a unit becomes a device with keys, and so does a copy of a tablet; a device that this server
forgot is taken up again; a device's revocation.

A code is short and easy to read aloud, used once, valid for some days, and kept only as a hash. An answer that was lost can be
asked for again with the same keys, and with no others.
"""

import hashlib
import secrets
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.access import scope_of
from server.audit import note
from server.certificates import certificate_of, read_certificate, take_up
from server.keystore import KeyStore
from server.people import LONGEST_NAME, Device, EnrolmentCode, User
from shared.catalogue import Catalogue
from shared.errors import SenError
from shared.ids import b64, new_id
from shared.sealing import KEY_BYTES, BoxKeys, agree, verify
from shared.text import clean
from sync.again import again_proof
from sync.copies import Marks, copy_proof

LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No 0 and O, no 1, I and L: nobody confuses them on paper or on the telephone."""

CODE_LETTERS = 12
"""59 bits: with ten tries a minute nobody meets one in the days that it lives."""

GROUP = 4

__all__ = [
    "CODE_LETTERS", "LETTERS", "CopyRequest", "Enrolled", "Request", "enrol", "enrol_again", "enrol_copy", "make_code", "read_code",
    "revoke",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a tablet asks with: the code and its public keys (32 bytes each)."""

    code: str
    sign: bytes
    box: bytes
    officer_box: bytes
    name: str


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """Who was enrolled: the device and its person, and what the device keeps of it (``server.certificates``)."""

    device: Device
    user: User
    certificate: str


def read_code(text: str) -> str:
    """A code as it is kept: capitals without blanks and dashes."""
    return "".join(letter for letter in text.upper() if letter not in " -\t")


def _hash(code: str) -> str:
    return b64(hashlib.sha256(b"sen-enrol/1" + code.encode("utf-8", "replace")).digest())


def make_code(
    session: Session, catalogue: Catalogue, *, user: User, unit: str, made_by: str | None, now_ms: int, hours: int
) -> str:
    """Make a code for a person and a unit: ``ABCD-EFGH-JKMN``. It is told once and cannot be shown again.

    Raises:
        SenError: ``unknown_unit``; ``no_role_here`` where the person could hold nothing on a tablet of that unit.
    """
    if unit not in catalogue.units:
        raise SenError("unknown_unit")
    scope = scope_of(user, unit)
    if not scope.units or (scope.home and unit not in scope.units):
        raise SenError("no_role_here")
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LETTERS))
    session.add(
        EnrolmentCode(
            hash=_hash(code), user=user.id, unit=unit, made_by=made_by, made_ms=now_ms, expires_ms=now_ms + hours * 3_600_000
        )
    )
    note(session, user=made_by or "", action="enrol_code", subject=user.id, at_ms=now_ms)
    return "-".join(code[start : start + GROUP] for start in range(0, CODE_LETTERS, GROUP))


def _check_keys(request: Request) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(request.sign)
        for box in (request.box, request.officer_box):
            agree(BoxKeys.new().private, box)
    except (ValueError, SenError, UnsupportedAlgorithm) as error:
        raise SenError("bad_key") from error
    if len({request.sign, request.box, request.officer_box}) != 3 or len(request.sign) != KEY_BYTES:
        raise SenError("bad_key")


def enrol(session: Session, keys: KeyStore, request: Request, *, now_ms: int) -> Enrolled:
    """Enrol a device, in the present writing transaction.

    Raises:
        SenError: ``code_wrong``, ``code_used``, ``code_expired``, ``bad_key`` or ``device_revoked``.
    """
    _check_keys(request)
    query = select(EnrolmentCode).where(EnrolmentCode.hash == _hash(read_code(request.code))).with_for_update()
    code = session.scalar(query)
    if code is None:
        raise SenError("code_wrong")
    if code.device is not None:
        return _told_again(session, keys, code, request)
    if now_ms > code.expires_ms:
        raise SenError("code_expired")
    user = session.get_one(User, code.user)
    if not user.is_active:
        raise SenError("code_wrong")
    if session.scalar(select(Device.id).where(Device.sign == request.sign)) is not None:
        raise SenError("bad_key")
    device = Device(
        id=new_id(), user=user.id, unit=code.unit, name=clean(request.name).strip()[:LONGEST_NAME], sign=request.sign,
        box=request.box, officer_box=request.officer_box, enrolled_ms=now_ms,
    )  # fmt: skip
    session.add(device)
    session.flush()
    code.used_ms, code.device = now_ms, device.id
    note(session, user=user.id, action="enrol", subject=device.id, at_ms=now_ms)
    return _enrolled(session, keys, device)


def _enrolled(session: Session, keys: KeyStore, device: Device) -> Enrolled:
    keys.mac_key(device.id, device.box)
    return Enrolled(device=device, user=session.get_one(User, device.user), certificate=certificate_of(session, keys, device))


def _told_again(session: Session, keys: KeyStore, code: EnrolmentCode, request: Request) -> Enrolled:
    """The answer once more, to the device that has had it; to any other the code is used."""
    device = session.get_one(Device, code.device)
    if (device.sign, device.box, device.officer_box) != (request.sign, request.box, request.officer_box):
        raise SenError("code_used")
    if device.revoked_ms is not None:
        raise SenError("device_revoked")
    return _enrolled(session, keys, device)


@dataclass(frozen=True, kw_only=True)
class CopyRequest:
    """What a copy asks with: the device that it is a copy of, its mark (``sync.copies``), new public keys (32 bytes each), and the former
    device's signature over all of this.
    """

    device: str
    mark: str
    sign: bytes
    box: bytes
    name: str
    signature: bytes


def enrol_copy(session: Session, keys: KeyStore, request: CopyRequest, *, now_ms: int) -> Enrolled:
    """Make a copy of a tablet, whose original goes on, a device of its own, in the present writing transaction.

    Who holds the former key is that officer's tablet; so it may do this once for each copy that the server found, and the district
    sees both. The officer's own key stays.

    Raises:
        SenError: ``copy_unknown``, ``bad_key``, ``device_revoked``.
    """
    former = session.scalar(select(Device).where(Device.id == request.device).with_for_update())
    if former is None:
        raise SenError("copy_unknown")
    try:
        verify(former.sign, request.signature, copy_proof(request.device, request.mark, request.sign, request.box))
    except SenError as error:
        raise SenError("copy_unknown") from error
    user = session.get_one(User, former.user)
    if former.revoked_ms is not None or not user.is_active:
        raise SenError("device_revoked")
    again, marks = session.scalar(select(Device).where(Device.sign == request.sign)), Marks.load(former.marks)
    if again is not None:
        if (again.copy_of, again.box) != (former.id, request.box) or again.revoked_ms is not None:
            raise SenError("bad_key")
        former.marks = marks.without(request.mark).dump()  # it may have shown itself once more before it heard the answer
        return _enrolled(session, keys, again)
    if request.mark not in marks.copies:
        raise SenError("copy_unknown")
    _check_keys(Request(code="", sign=request.sign, box=request.box, officer_box=former.officer_box, name=request.name))
    device = Device(
        id=new_id(), user=former.user, unit=former.unit, name=clean(request.name).strip()[:LONGEST_NAME], sign=request.sign,
        box=request.box, officer_box=former.officer_box, enrolled_ms=now_ms, copy_of=former.id,
    )  # fmt: skip
    session.add(device)
    former.marks = marks.without(request.mark).dump()
    session.flush()
    note(session, user=user.id, action="enrol_copy", subject=device.id, at_ms=now_ms)
    return _enrolled(session, keys, device)


def enrol_again(session: Session, keys: KeyStore, certificate: str, signature: bytes, *, now_ms: int) -> Enrolled:
    """Take up a device that this server enrolled and, restored from an older backup, forgot; in the present writing transaction.

    Nothing is changed where the device is known. One that was revoked, or whose person was locked, comes back revoked or locked.

    Args:
        signature: the device's, over ``sync.again.again_proof``.

    Raises:
        SenError: ``certificate_wrong``, ``bad_key``.
    """
    told = read_certificate(keys, certificate)
    try:
        verify(told.sign, signature, again_proof(certificate))
    except SenError as error:
        raise SenError("certificate_wrong") from error
    return _enrolled(session, keys, take_up(session, keys, told, now_ms=now_ms))


def revoke(session: Session, keys: KeyStore, device: Device, *, by: str, now_ms: int) -> None:
    """Revoke a device: it gets nothing more; what it still hands in is kept for review. It stays revoked after a restore."""
    if device.revoked_ms is None:
        device.revoked_ms, device.revoked_by = now_ms, by
        note(session, user=by, action="revoke", subject=device.id, at_ms=now_ms)
    keys.note_ended("device", device.id, device.revoked_ms)
