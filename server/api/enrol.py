"""``POST /api/enrol``: a one-time code and a tablet's public keys become a device."""

from typing import Any, ClassVar

from flask.views import MethodView
from marshmallow import Schema, ValidationError, fields, validate

from server.api.wire import ApiBlueprint
from server.app import limiter
from server.db import transaction
from server.enrolment import Enrolled, Request, enrol
from server.people import LONGEST_NAME
from server.services import services
from shared.ids import b64, unb64
from shared.sealing import KEY_BYTES

TRIES = "10 per minute; 100 per day"
"""From one address; a wrong code is counted like a right one."""

blueprint = ApiBlueprint("enrol", __name__, url_prefix="/api/enrol", description="A code and keys become a device")
blueprints = (blueprint,)

__all__ = ["blueprints"]


class KeyField(fields.Field[bytes]):
    """A public key of 32 bytes in base64url without padding."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        try:
            key = unb64(value)
        except (TypeError, ValueError, AttributeError) as error:
            raise ValidationError("bad_key") from error
        if len(key) != KEY_BYTES:
            raise ValidationError("bad_key")
        return key


class EnrolSchema(Schema):
    """What a tablet sends."""

    error_messages = {"unknown": "unknown_field", "type": "wrong_kind"}  # noqa: RUF012  (marshmallow's own way)
    code = fields.String(required=True, validate=validate.Length(min=1, max=40, error="code_wrong"))
    device_sign = KeyField(required=True, metadata={"description": "Ed25519 public key of the device"})
    device_box = KeyField(required=True, metadata={"description": "X25519 public key of the device"})
    officer_box = KeyField(required=True, metadata={"description": "X25519 public key of the officer"})
    name = fields.String(required=True, validate=validate.Length(min=1, max=LONGEST_NAME, error="too_long"))


class ServerSchema(Schema):
    """The server as a device."""

    id = fields.String(required=True)
    box = fields.String(required=True, metadata={"description": "X25519 public key, base64url"})
    sign = fields.String(required=True, metadata={"description": "Ed25519 public key, base64url: the signature of its bundles"})
    name = fields.String(required=True)


class UserSchema(Schema):
    """The officer whose tablet it is."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)


class EnrolledSchema(Schema):
    """What the tablet is told."""

    device = fields.String(required=True)
    server = fields.Nested(ServerSchema, required=True)
    user = fields.Nested(UserSchema, required=True)
    unit = fields.String(required=True)
    stream = fields.String(required=True)
    catalogue = fields.String(required=True, metadata={"description": "version of the catalogue"})


@blueprint.route("", endpoint="enrol")
class EnrolView(MethodView):
    """Enrolment."""

    decorators: ClassVar = [limiter.limit(TRIES)]

    @blueprint.doc(security=[])
    @blueprint.arguments(EnrolSchema)
    @blueprint.response(200, EnrolledSchema)
    def post(self, told: dict[str, Any]) -> Any:
        """Enrol a device; the same keys may ask again for an answer that was lost."""
        held = services()
        request = Request(
            code=told["code"], sign=told["device_sign"], box=told["device_box"], officer_box=told["officer_box"], name=told["name"]
        )
        enrolled: Enrolled = transaction(lambda session: enrol(session, held.keys, request, now_ms=held.clock.now_ms()))
        device, user, own = enrolled.device, enrolled.user, held.keys.identity
        today = held.clock.today()
        return {
            "device": device.id,
            "server": {"id": own.id, "box": b64(own.box.public), "sign": b64(own.key), "name": held.config.name},
            "user": {"id": user.id, "name": user.name, "roles": sorted({role.role for role in user.roles_on(today)})},
            "unit": device.unit,
            "stream": held.catalogue.units.stream_of(device.unit),
            "catalogue": held.catalogue.version,
        }
