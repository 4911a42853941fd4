"""Read people: oneself, and for administrators all users with their roles. No password and no key is in any answer."""

from typing import Any

from flask.views import MethodView
from flask_login import current_user
from marshmallow import Schema, fields
from sqlalchemy import select

from server.access import units_visible
from server.api.wire import ApiBlueprint
from server.db import db
from server.people import User
from server.services import services
from shared.text import name_key

blueprint = ApiBlueprint("people", __name__, url_prefix="/api", description="Users and their roles")
blueprints = (blueprint,)

__all__ = ["blueprints"]


class RoleSchema(Schema):
    """A role held in a unit."""

    role = fields.String(required=True)
    unit = fields.String(required=True)
    since = fields.Date(allow_none=True)
    until = fields.Date(allow_none=True)


class PersonSchema(Schema):
    """A user."""

    id = fields.String(required=True)
    login = fields.String(required=True)
    name = fields.String(required=True)
    active = fields.Boolean(required=True)
    roles = fields.List(fields.Nested(RoleSchema), required=True)


class MeSchema(PersonSchema):
    """Oneself, with the units whose records one may read."""

    units = fields.List(fields.String(), required=True)


def _told(user: User) -> dict[str, Any]:
    roles = user.roles_on(services().clock.today())
    return {"id": user.id, "login": user.login, "name": user.name, "active": user.is_active, "roles": roles}


@blueprint.route("/me", endpoint="me")
class MeView(MethodView):
    """Oneself."""

    @blueprint.response(200, MeSchema)
    def get(self) -> Any:
        """The person who is signed in."""
        units = services().catalogue.units.ordered(list(units_visible(current_user)))
        return {**_told(current_user), "units": [unit.code for unit in units]}


@blueprint.route("/people", endpoint="people")
class PeopleView(MethodView):
    """All users."""

    @blueprint.response(200, PersonSchema(many=True))
    def get(self) -> Any:
        """All users in the order of their names."""
        users = db.session.scalars(select(User)).all()
        return [_told(user) for user in sorted(users, key=lambda user: name_key(user.name))]
