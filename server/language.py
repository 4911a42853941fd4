"""The language of a request: what the person chose, else Vietnamese."""

from flask import has_request_context, session
from flask_login import current_user

LANGUAGES = ("vi", "en")
SESSION_KEY = "lang"

__all__ = ["LANGUAGES", "choose", "lang"]


def lang() -> str:
    """``vi`` or ``en``: the session's choice, else that of the person, else Vietnamese."""
    if not has_request_context():
        return LANGUAGES[0]
    chosen = session.get(SESSION_KEY)
    if chosen in LANGUAGES:
        return str(chosen)
    told = getattr(current_user, "lang", None)
    return told if told in LANGUAGES else LANGUAGES[0]


def choose(language: str) -> None:
    """Keep a choice in the session; an unknown language chooses nothing."""
    if language in LANGUAGES:
        session[SESSION_KEY] = language
