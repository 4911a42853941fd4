"""Signing in and out, the language, and a fresh token for a form whose session was renewed."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request, session, url_for
from flask_login import current_user, login_user, logout_user
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response as AnyResponse

from server import language
from server.app import limiter
from server.console.shell import page
from server.people import sign_in as try_password
from server.services import services
from shared.errors import SenError
from shared.messages import phrase

TRIES = "30 per minute"
"""From one address; each person's own tries are slowed down besides."""

blueprint = Blueprint("session", __name__)
blueprints = (blueprint,)

__all__ = ["blueprints"]


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """The page: what was typed as login, where to go afterwards, and what was wrong."""

    login: str = ""
    next: str = ""
    wrong: str = ""


def _inside(address: str) -> str:
    """An address on this server, or ""."""
    parts = urlsplit(address)
    fits = address.startswith("/") and not address.startswith("//") and "\\" not in address and not parts.netloc and not parts.scheme
    return address if fits else ""


@blueprint.get("/sign-in")
def sign_in() -> AnyResponse:
    """The page."""
    if current_user.is_authenticated:
        return redirect(url_for("today.today"))
    return page("session/sign_in.html", SignIn(next=_inside(request.args.get("next", ""))))


@blueprint.post("/sign-in")
@limiter.limit(TRIES)
def enter() -> AnyResponse:
    """Try a login and a password."""
    login, after = request.form.get("login", ""), _inside(request.form.get("next", ""))
    attempt = try_password(login, request.form.get("password", ""), services().clock.now_ms())
    if attempt.user is None:
        error = SenError(attempt.code, wait_s=attempt.wait_s)
        wrong = phrase(attempt.code, language.lang(), wait_s=attempt.wait_s)
        return page("session/sign_in.html", SignIn(login=login[:80], next=after, wrong=wrong), status=error.status)
    chosen = session.get(language.SESSION_KEY)
    session.clear()
    if chosen:
        language.choose(chosen)
    login_user(attempt.user)
    session.permanent = True
    return redirect(after or url_for("today.today"), 303)


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """Leave."""
    logout_user()
    session.clear()
    return redirect(url_for("session.sign_in"), 303)


@blueprint.post("/language")
def choose_language() -> AnyResponse:
    """Choose Vietnamese or English, and go back."""
    language.choose(request.form.get("lang", ""))
    return redirect(_inside(request.form.get("back", "")) or url_for("today.today"), 303)


@blueprint.get("/session/token")
def token() -> Response:
    """A token for the forms of this session, for a page that was opened in an earlier one."""
    return Response(generate_csrf(), mimetype="text/plain", headers={"Cache-Control": "no-store"})
