"""What is done at consoles while the story is told: through the very functions that the console's pages call."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from server import editing, reporting
from server.clock import VIETNAM
from server.config import Config
from server.db import db, reading, transaction
from server.demo.story import DISTRICT, Person, Story
from server.editing import Saved
from server.enrolment import make_code
from server.passwords import hash_password
from server.people import User, add_user, give_role, user_by_login
from server.process import ready_app
from server.reporting import UnitReport
from server.services import services
from shared.errors import SenError
from shared.ids import new_id

REPORT = "periodic_report"
INCIDENT = "gbv_incident"

__all__ = ["Office"]


class Office:
    """Everybody's place at a console, on the demo's database."""

    def __init__(self, config: Config, story: Story) -> None:
        self.app: Flask = ready_app(config)
        self.story = story
        self._users: dict[str, User] = {}

    def set_clock(self, moment: datetime) -> None:
        """Let it be another time at all desks."""
        clock = services(self.app).clock
        clock.forward((moment.replace(tzinfo=VIETNAM) - clock.now()).total_seconds())

    def close(self) -> None:
        """Let the database go."""
        with self.app.app_context():
            db.engine.dispose()

    # people

    def add_people(self) -> None:
        """Add everybody of the story, marked as invented, with one password."""
        hashed = hash_password(self.story.password)

        def work(session: Session) -> None:
            held = services()
            now_ms = held.clock.now_ms()
            for person in self.story.people:
                user = add_user(session, login=person.login, name=person.name, password=None, now_ms=now_ms, demo=True)
                user.password = hashed
                for role in person.roles:
                    give_role(session, held.catalogue, user, role, person.unit)

        with self.app.app_context():
            transaction(work)

    def enrolment_code(self, person: Person) -> str:
        """A one-time code for a person's tablet."""

        def work(session: Session) -> str:
            user = user_by_login(session, person.login)
            assert user is not None
            now_ms = services().clock.now_ms()
            return make_code(session, services().catalogue, user=user, unit=person.unit, made_by=None, now_ms=now_ms, hours=24)

        with self.app.app_context():
            return transaction(work)

    def _user(self, person: Person) -> User:
        if person.login not in self._users:
            with reading() as connection, Session(connection, expire_on_commit=False) as session:
                user = user_by_login(session, person.login)
                assert user is not None
                session.expunge(user)
            self._users[person.login] = user
        return self._users[person.login]

    # records

    def enter(self, person: Person, type_code: str, values: Mapping[str, Any]) -> str:
        """Fill in a form and submit it; gives the record's id. Raises SenError("submit_not_ready") for what is wrong in the story."""
        with self.app.app_context():
            saved: Saved = editing.save(self._user(person), None, type_code, person.unit, None, _with_rows(values), submit=True)
            if not saved.submitted:
                raise SenError("submit_not_ready")
            return saved.record

    def send_back(self, records: Sequence[str], why: str) -> None:
        """Return submitted records to their unit."""
        with self.app.app_context():
            for record in records:
                editing.move(self._user(self.story.of_district("district_officer")), record, "state", "returned", why=why)

    def acknowledge(self, unit: str, records: Sequence[str]) -> None:
        """Acknowledge incidents, as the district does when they come in."""
        with self.app.app_context():
            officer = self._user(self.story.of_district("district_officer"))
            told = {"district_ack_at": services().clock.now().isoformat(timespec="minutes"), "district_ack_by": officer.name}
            for record in records:
                editing.write_values(officer, record, INCIDENT, unit, told)

    # reports

    def write_report(self, person: Person, period: str, values: Mapping[str, Any]) -> None:
        """Begin a body's report."""
        with self.app.app_context():
            whole = {"period": period, "kind": services().catalogue.periods.get(period).kind, **values}
            editing.save(self._user(person), None, REPORT, person.unit, None, whole)

    def approve(self, person: Person, period: str) -> None:
        """Approve the own unit's report as its head; the figures are frozen."""
        with self.app.app_context():
            told = services().catalogue.periods.get(period)
            user = self._user(person)
            report = reporting.report_of(user, person.unit, told)
            reporting.freeze(report, told)
            assert report.record is not None
            editing.move(user, report.record, "state", "approved")

    def send_report(self, person: Person, period: str) -> None:
        """Send the own unit's approved report."""
        with self.app.app_context():
            user, report = self._user(person), self._report(person.unit, period)
            assert report.record is not None
            reporting.freeze(report, services().catalogue.periods.get(period))
            editing.move(user, report.record, "state", "submitted")

    def judge_reports(self, states: Mapping[str, str], period: str, why: str) -> None:
        """Accept and return what was sent, as the story says: {unit: accepted | returned | …}."""
        with self.app.app_context():
            officer = self._user(self.story.of_district("district_officer"))
            for unit, state in states.items():
                report = self._report(unit, period)
                if state == "accepted" and report.state == "submitted":
                    reporting.accept(officer, report)
                elif state == "returned" and report.record:
                    editing.write_values(officer, report.record, REPORT, unit, {"return_reason": why})
                    reporting.give_back(officer, report.record, why)

    def consolidate(self, period: str) -> None:
        """Make the district's report of a period from what was accepted."""
        with self.app.app_context():
            officer = self._user(self.story.of_district("district_officer"))
            reporting.consolidate(officer, DISTRICT, services().catalogue.periods.get(period))

    def _report(self, unit: str, period: str) -> UnitReport:
        told = services().catalogue.periods.get(period)
        return reporting.reports_of([unit], told)[unit]


def _with_rows(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with an id for each row that has none, as a form gives them."""

    def rowed(value: Any) -> Any:
        rows = isinstance(value, list) and value and isinstance(value[0], Mapping)
        return [{"id": new_id(), **row} for row in value] if rows else value

    return {code: rowed(value) for code, value in values.items()}
