"""``POST /api/enrol``: a one-time code and a tablet's public keys become a device. ``POST /api/enrol/copy``: so does a copy of a tablet.
``POST /api/enrol/again``: a device that this server forgot, for it was restored from an older backup, is taken up again.
"""

from typing import Any, ClassVar

from flask.views import MethodView
from marshmallow import Schema, ValidationError, fields, validate

from server.api.wire import ApiBlueprint
from server.app import limiter
from server.db import transaction
from server.enrolment import CopyRequest, Enrolled, Request, enrol, enrol_again, enrol_copy
from server.people import LONGEST_NAME
from server.services import services
from server.welcome import welcome
from shared.ids import unb64
from shared.sealing import KEY_BYTES
from sync.again import LONGEST_CERTIFICATE
from sync.copies import LONGEST_MARK

SIGNATURE_BYTES = 64
ID_LETTERS = 11


def _tries() -> str:
    """How often one address may try; a wrong code is counted like a right one."""
    tries = services().config.enrol_tries
    return f"{tries} per minute; {10 * tries} per day"


PROVEN_TRIES = "60 per minute; 600 per day"
"""Of a copy, or of a device that was forgotten, from one address; there is nothing to guess, for a signature proves who asks."""

blueprint = ApiBlueprint("enrol", __name__, url_prefix="/api/enrol", description="A code and keys become a device")
blueprints = (blueprint,)

__all__ = ["blueprints"]


class KeyField(fields.Field[bytes]):
    """A public key or a signature of so many bytes in base64url without padding."""

    def __init__(self, *, length: int = KEY_BYTES, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length = length

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        try:
            key = unb64(value)
        except (TypeError, ValueError, AttributeError) as error:
            raise ValidationError("bad_key") from error
        if len(key) != self.length:
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
    certificate = fields.String(required=True, metadata={"description": "kept as it is, for a server that forgets this device"})


@blueprint.route("", endpoint="enrol")
class EnrolView(MethodView):
    """Enrolment."""

    decorators: ClassVar = [limiter.limit(_tries)]

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
        return welcome(enrolled)


class CopySchema(Schema):
    """What a copy sends."""

    error_messages = {"unknown": "unknown_field", "type": "wrong_kind"}  # noqa: RUF012  (marshmallow's own way)
    device = fields.String(required=True, validate=validate.Length(equal=ID_LETTERS, error="copy_unknown"))
    mark = fields.String(required=True, validate=validate.Length(max=LONGEST_MARK, error="copy_unknown"))
    device_sign = KeyField(required=True, metadata={"description": "Ed25519 public key of the new device"})
    device_box = KeyField(required=True, metadata={"description": "X25519 public key of the new device"})
    name = fields.String(required=True, validate=validate.Length(min=1, max=LONGEST_NAME, error="too_long"))
    signature = KeyField(required=True, length=SIGNATURE_BYTES, metadata={"description": "Ed25519 signature with the former key"})


@blueprint.route("/copy", endpoint="copy")
class CopyView(MethodView):
    """A copy of a tablet."""

    decorators: ClassVar = [limiter.limit(PROVEN_TRIES)]

    @blueprint.doc(security=[])
    @blueprint.arguments(CopySchema)
    @blueprint.response(200, EnrolledSchema)
    def post(self, told: dict[str, Any]) -> Any:
        """Make a copy of a tablet, whose original goes on, a device of its own; the same keys may ask again for a lost answer."""
        held = services()
        request = CopyRequest(
            device=told["device"], mark=told["mark"], sign=told["device_sign"], box=told["device_box"], name=told["name"],
            signature=told["signature"],
        )  # fmt: skip
        return welcome(transaction(lambda session: enrol_copy(session, held.keys, request, now_ms=held.clock.now_ms())))


class AgainSchema(Schema):
    """What a device sends that the server does not know."""

    error_messages = {"unknown": "unknown_field", "type": "wrong_kind"}  # noqa: RUF012  (marshmallow's own way)
    certificate = fields.String(required=True, validate=validate.Length(min=1, max=LONGEST_CERTIFICATE, error="certificate_wrong"))
    signature = KeyField(required=True, length=SIGNATURE_BYTES, metadata={"description": "Ed25519 signature of the device"})


@blueprint.route("/again", endpoint="again")
class AgainView(MethodView):
    """A device that was forgotten."""

    decorators: ClassVar = [limiter.limit(PROVEN_TRIES)]

    @blueprint.doc(security=[])
    @blueprint.arguments(AgainSchema)
    @blueprint.response(200, EnrolledSchema)
    def post(self, told: dict[str, Any]) -> Any:
        """Take up a device that was enrolled here after the backup from which this server was restored; told again it changes nothing."""
        held = services()
        certificate, signature = told["certificate"], told["signature"]
        return welcome(transaction(lambda session: enrol_again(session, held.keys, certificate, signature, now_ms=held.clock.now_ms())))
