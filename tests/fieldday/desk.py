"""A person's place at the console: what the story's verbs are there, typed into the console's own forms over HTTP."""

from __future__ import annotations

from tests.fieldday.screen import Refused


class Desk:
    def __init__(self, address: str, login: str, password: str, unit: str) -> None:
        self.via = "console"

    def __getattr__(self, name):
        def f(*a, **k):
            raise Refused("no console yet")

        return f
