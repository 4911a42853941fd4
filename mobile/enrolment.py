"""Enrolment from the tablet's side: keys first, on disk, then the question; so that a lost answer can be asked for again."""

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mobile.keys import DeviceKeys, check_pin
from mobile.profile import Enrolled
from shared.errors import SenError
from shared.ids import b64
from shared.sealing import BoxKeys
from sync.over_http import post_json

if TYPE_CHECKING:
    from mobile.tablet import Tablet

OFFICER = "officer"

__all__ = ["Request", "enrol"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a person typed: the server's address, the one-time code, a PIN, a name for the tablet («» its own)."""

    address: str
    code: str
    pin: str
    name: str = ""


def enrol(tablet: "Tablet", request: Request) -> None:
    """Enrol a tablet and leave it unlocked.

    Raises:
        SenError: ``already_enrolled``, a PIN that will not do, no network, or what the server says of the code.
    """
    if tablet.enrolled:
        raise SenError("already_enrolled")
    check_pin(request.pin)
    device = _device_keys(tablet)
    officer = _officer_keys(tablet, request.pin)
    name = request.name or platform.node() or "Sen"
    body = {
        "code": request.code, "device_sign": b64(device.public), "device_box": b64(device.box.public), "officer_box": b64(officer.public),
        "name": name,
    }  # fmt: skip
    answer = post_json(request.address, "/api/enrol", body)
    tablet.enrolled_as(_read(answer, request.address, name))
    tablet.unlocked_with(officer)


def _device_keys(tablet: "Tablet") -> DeviceKeys:
    keys = DeviceKeys.load(tablet.hardware)
    if keys is None:
        keys = DeviceKeys.new()
        keys.keep(tablet.hardware)
    return keys


def _officer_keys(tablet: "Tablet", pin: str) -> BoxKeys:
    """The officer's pair: that of an earlier try with the same PIN, else a new one."""
    try:
        return tablet.pin.unlock(pin)
    except SenError:
        keys = BoxKeys.new()
        tablet.pin.set(OFFICER, keys, pin)
        return keys


def _read(answer: Any, address: str, name: str) -> Enrolled:
    try:
        server, user = answer["server"], answer["user"]
        return Enrolled(
            address=address, device=answer["device"], name=name, server=server["id"], server_box=server["box"], server_sign=server["sign"],
            server_name=server["name"], user=user["id"], user_name=user["name"], roles=tuple(user["roles"]), unit=answer["unit"],
            stream=answer["stream"], certificate=answer.get("certificate", ""),
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise SenError("not_a_message") from error
