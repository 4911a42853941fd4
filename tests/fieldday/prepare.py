"""Make the people of a day in an empty database, in one process: `python -m tests.fieldday.prepare FOLDER < people.json`.

Reads `[{name, login, unit, roles, tablet, password}]`, prints `{login: code}` with an enrolment code for each that has a
tablet. The settings (SEN_DATABASE, SEN_TODAY, …) come from the environment, as for the server that follows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from server.config import Config
from server.db import transaction
from server.enrolment import make_code
from server.people import add_user, give_role
from server.process import ready_app
from server.services import services


def prepare(folder: Path, people: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Add the people; gives the enrolment codes by login."""
    app = ready_app(Config.read(var=folder))
    with app.app_context():
        held = services()

        def work(session: Session) -> dict[str, str]:
            codes = {}
            for person in people:
                now_ms = held.clock.now_ms()
                user = add_user(
                    session,
                    login=person["login"],
                    name=person["name"],
                    password=person["password"],
                    now_ms=now_ms,
                    demo=True,
                )
                for role in person["roles"]:
                    give_role(session, held.catalogue, user, role, person["unit"])
                if person["tablet"]:
                    codes[person["login"]] = make_code(
                        session, held.catalogue, user=user, unit=person["unit"], made_by=None, now_ms=now_ms, hours=24
                    )
            return codes

        return transaction(work)


if __name__ == "__main__":
    print(json.dumps(prepare(Path(sys.argv[1]), json.load(sys.stdin))))
