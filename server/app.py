"""Wiring: one Flask app from the settings of one process."""

import importlib
from datetime import timedelta

from flask import Flask
from flask_babel import Babel
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from server.api import Api, StrictJSON
from server.api.exchange import ShortWay
from server.clock import Clock
from server.config import Config
from server.db import db, engine_options, watch_engine
from server.guard import guard_requests
from server.keystore import KeyStore
from server.language import lang
from server.logbook import log_requests
from server.people import User
from server.places import Places, private_folder
from server.problems import answer_problems
from server.reports.check import check_outlines
from server.services import Services
from shared.catalogue import load_catalogue

AREAS = (
    "server.api.enrol", "server.api.exchange", "server.api.files", "server.api.catalogue", "server.api.people", "server.console.session",
    "server.console.today", "server.console.records", "server.console.writing", "server.console.attachments", "server.console.acts",
    "server.console.figures", "server.console.search", "server.console.questions", "server.console.alike", "server.console.incidents",
    "server.console.needs", "server.console.review", "server.console.reports", "server.console.bundles", "server.console.users",
    "server.console.tablets", "server.console.units", "server.console.recovery",
)  # fmt: skip
"""The modules that serve addresses; each has ``blueprints``."""

CSP = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": ["'self'", "data:"], "font-src": "'self'",
    "connect-src": "'self'", "form-action": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'", "manifest-src": "'self'",
}  # fmt: skip
"""Content Security Policy: everything from this server, nothing inline."""

csrf = CSRFProtect()
talisman = Talisman()
limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=False)
login = LoginManager()
migrate = Migrate()

__all__ = ["AREAS", "create_app", "csrf", "limiter"]


def create_app(config: Config | None = None) -> Flask:
    """Make the app.

    Raises:
        SenError: the master key is missing or wrong.
        CatalogueError: the catalogue has a mistake, with its file and line.
    """
    config = config or Config.read()
    places = Places(config)
    private_folder(places.var)
    app = Flask("server", static_folder="static", template_folder="templates")
    catalogue = load_catalogue(config.catalogue)
    check_outlines(catalogue)
    held = Services(
        config=config, places=places, clock=Clock(config.today), catalogue=catalogue,
        keys=KeyStore(places.keys, places.master_key),
    )  # fmt: skip
    app.extensions["sen"] = held
    _configure(app, held)
    _extend(app, config)
    log_requests(app)
    guard_requests(app)
    answer_problems(app)
    api = Api(app)
    for area in AREAS:
        for blueprint in importlib.import_module(area).blueprints:
            if area.startswith("server.api."):
                api.register_blueprint(blueprint)
                csrf.exempt(blueprint)
            else:
                app.register_blueprint(blueprint)
    app.wsgi_app = ShortWay(app, app.wsgi_app)  # type: ignore[method-assign]
    return app


def _configure(app: Flask, held: Services) -> None:
    config = held.config
    url = held.places.database_url
    app.json = StrictJSON(app)
    app.config.update(
        SECRET_KEY=held.keys.cookie_secret,
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(url, config.database_wait_s),
        MAX_CONTENT_LENGTH=config.largest_body_mb * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=config.largest_body_mb * 1024 * 1024,
        MAX_FORM_PARTS=5000,
        SESSION_COOKIE_NAME="sen",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.https,
        PERMANENT_SESSION_LIFETIME=timedelta(minutes=config.session_minutes),
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE="vi",
        BABEL_DEFAULT_TIMEZONE="Asia/Ho_Chi_Minh",
        API_TITLE="Sen", API_VERSION="1", OPENAPI_VERSION="3.1.0", OPENAPI_URL_PREFIX="/api", OPENAPI_JSON_PATH="openapi.json",
    )  # fmt: skip
    if config.behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]


def _extend(app: Flask, config: Config) -> None:
    importlib.import_module("server.upward.tables")  # no address serves them, but the migrations know them
    db.init_app(app)
    with app.app_context():
        watch_engine(db.engine, config.database_wait_s)
    migrate.init_app(app, db, directory="server/migrations", render_as_batch=True)
    csrf.init_app(app)
    limiter.init_app(app)
    login.init_app(app)
    login.session_protection = "basic"
    Babel(app, locale_selector=lang)
    talisman.init_app(
        app, force_https=False, strict_transport_security=config.https, session_cookie_secure=config.https,
        session_cookie_http_only=True, session_cookie_samesite="Lax", content_security_policy=CSP, frame_options="DENY",
        referrer_policy="same-origin", x_xss_protection=False,
    )  # fmt: skip


@login.user_loader
def _load_user(told: str) -> User | None:
    """The person of a session, while the session's stamp is the person's and the person may sign in."""
    user_id, _, stamp = told.partition(".")
    user = db.session.get(User, user_id)
    return user if user is not None and user.stamp == stamp and user.is_active else None
