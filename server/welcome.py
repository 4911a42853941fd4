"""What a device is told that was enrolled, whichever way it asked."""

from typing import Any

from server.enrolment import Enrolled
from server.services import services
from shared.ids import b64

__all__ = ["welcome"]


def welcome(enrolled: Enrolled) -> dict[str, Any]:
    """The answer to an enrolment; the key store keeps first that there was one."""
    held = services()
    held.keys.keep_certificates({enrolled.device.id: enrolled.certificate})
    device, user, own = enrolled.device, enrolled.user, held.keys.identity
    today = held.clock.today()
    return {
        "device": device.id,
        "server": {"id": own.id, "box": b64(own.box.public), "sign": b64(own.key), "name": held.config.name},
        "user": {"id": user.id, "name": user.name, "roles": sorted({role.role for role in user.roles_on(today)})},
        "unit": device.unit,
        "stream": held.catalogue.units.stream_of(device.unit),
        "catalogue": held.catalogue.version,
        "certificate": enrolled.certificate,
    }
