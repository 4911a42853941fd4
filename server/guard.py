"""The guard before every request: it reads the table of routes and lets nobody else in.

Then it sees to the unit or the record that the address names: what a person may not see does not exist for them, by the same
answer and the same work.
"""

from flask import Flask, current_app, request
from flask_login import current_user
from sqlalchemy import select

from server import access
from server.db import db
from server.models import RecordRow
from server.people import User
from server.services import services
from shared.errors import SenError
from shared.text import UNFIT

__all__ = ["guard_requests"]


def guard_requests(app: Flask) -> None:
    """Put the guard before every request of an app."""
    app.before_request(_guard)


def _guard() -> None:
    if (request.content_length or 0) > current_app.config["MAX_CONTENT_LENGTH"]:
        raise SenError("body_too_large")  # before a byte of it is read; the connection is closed behind the answer
    if request.routing_exception is not None:
        return
    if any(UNFIT.search(told) for told in (*(request.view_args or {}).values(), *request.args.values()) if isinstance(told, str)):
        raise SenError("bad_text")  # no text holds these, and PostgreSQL takes no NUL in a question
    rule = access.ENDPOINTS.get(request.endpoint or "")
    if rule is None:
        raise SenError("not_found")
    if rule.who == access.ANYBODY:
        return
    if not current_user.is_authenticated:
        raise SenError("sign_in_first")
    user: User = current_user._get_current_object()
    if not access.roles_of(user) & rule.who:
        raise SenError("no_access")
    _see_to_address(user, rule)


def _see_to_address(user: User, rule: access.Rule) -> None:
    told = request.view_args or {}
    if "record" not in told and "unit" not in told:
        return
    units = access.units_where(user, rule.word)
    if "unit" in told and told["unit"] not in units:
        raise SenError("not_found")
    if "record" in told:
        query = select(RecordRow.unit, RecordRow.type).where(RecordRow.id == str(told["record"]))
        row = db.session.execute(query).one_or_none()
        if row is None or row.unit not in units:
            raise SenError("not_found")
        if rule.confidential and row.type not in services().catalogue.sealed_types:
            raise SenError("not_found")
