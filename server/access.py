"""Who may do what: one table of all routes, and the questions about units, confidential values and a tablet's scope.

What a role may do is data (``roles.yaml``). A route that is not in the table is shut to everybody.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.people import Grant, RoleHeld, User
from server.services import services
from shared.catalogue import Catalogue, RecordType
from shared.ids import b64
from sync.store import Scope

ANYBODY = frozenset({"*"})
"""No sign-in: the sign-in page itself, static files, and what proves its sender by other means (enrolment, exchange,
files)."""

READERS = frozenset({"collector", "case_worker", "unit_lead", "district_officer", "district_lead"})
RECORDERS = frozenset({"collector", "case_worker"})
DISTRICT = frozenset({"district_officer", "district_lead"})
ADMIN = frozenset({"admin"})
CASES = frozenset({"case_worker", "unit_lead", "district_officer", "district_lead"})
"""Who asks to read a case, who answers for one."""

REPORT_FLOW = "report"
EVERYBODY = READERS | ADMIN | {"viewer"}

__all__ = [
    "ADMIN", "ANYBODY", "CASES", "DISTRICT", "ENDPOINTS", "EVERYBODY", "READERS", "RECORDERS", "PeopleRights", "Rule", "asks_for_cases",
    "granted_cases", "may_do", "may_see_confidential", "roles_of", "scope_of", "units_visible", "units_where",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who may use a route, and on what.

    ``who``: roles. ``unit``: whether the ``unit`` or ``record`` of the address must be visible to the person (else it does not
    exist for them); ``word``: what they must be allowed to do in that unit (``may`` of ``roles.yaml``). ``confidential``: the
    record's confidential values are shown, so the need is asked for and the reading audited.
    """

    who: frozenset[str]
    word: str = "read"
    confidential: bool = False


ENDPOINTS: Mapping[str, Rule] = {
    "static": Rule(who=ANYBODY),
    "api-docs.openapi_json": Rule(who=ANYBODY),
    "enrol.enrol": Rule(who=ANYBODY),
    "enrol.copy": Rule(who=ANYBODY),
    "enrol.again": Rule(who=ANYBODY),
    "exchange.exchange": Rule(who=ANYBODY),
    "files.files": Rule(who=ANYBODY),
    "catalogue.catalogue": Rule(who=EVERYBODY),
    "catalogue.record_type": Rule(who=EVERYBODY),
    "catalogue.units": Rule(who=EVERYBODY),
    "people.me": Rule(who=EVERYBODY),
    "people.people": Rule(who=ADMIN),
    "session.sign_in": Rule(who=ANYBODY),
    "session.enter": Rule(who=ANYBODY),
    "session.choose_language": Rule(who=ANYBODY),
    "session.sign_out": Rule(who=ANYBODY),
    "session.token": Rule(who=EVERYBODY),
    "today.today": Rule(who=EVERYBODY),
    "search.search": Rule(who=READERS),
    "figures.records": Rule(who=READERS),
    "records.types": Rule(who=READERS),
    "records.listing": Rule(who=READERS),
    "records.record": Rule(who=READERS),
    "records.open_confidential": Rule(who=READERS, confidential=True),
    "writing.new": Rule(who=READERS),
    "writing.edit": Rule(who=READERS),
    "attachments.file": Rule(who=READERS),
    "attachments.sealed_file": Rule(who=READERS, confidential=True),
    "acts.past": Rule(who=READERS),
    "acts.move": Rule(who=READERS),
    "acts.withdraw": Rule(who=READERS),
    "acts.move_many": Rule(who=frozenset({"district_officer"})),
    "questions.questions": Rule(who=READERS),
    "questions.decide": Rule(who=READERS),
    "alike.decide_alike": Rule(who=READERS),
    "review.held": Rule(who=frozenset({"district_officer"}), word="accept"),
    "review.see_to": Rule(who=frozenset({"district_officer"}), word="accept"),
    "incidents.incidents": Rule(who=READERS),
    "incidents.acknowledge": Rule(who=frozenset({"district_officer"}), word="acknowledge"),
    "needs.needs": Rule(who=CASES),
    "needs.ask": Rule(who=frozenset({"district_officer"})),
    "needs.grant": Rule(who=CASES - {"district_officer"}),
    "needs.end": Rule(who=CASES),
    "reports.reports": Rule(who=READERS),
    "reports.report": Rule(who=READERS),
    "reports.docx": Rule(who=READERS),
    "reports.xlsx": Rule(who=READERS),
    "reports.move": Rule(who=READERS),
    "reports.give_back": Rule(who=frozenset({"district_officer"}), word="return"),
    "reports.accept": Rule(who=frozenset({"district_officer"}), word="accept"),
    "reports.consolidate": Rule(who=frozenset({"district_officer"}), word="consolidate"),
    "bundles.bundles_page": Rule(who=DISTRICT | ADMIN),
    "bundles.take": Rule(who=DISTRICT | ADMIN),
    "bundles.answer_file": Rule(who=DISTRICT | ADMIN),
    "recovery.recovery": Rule(who=DISTRICT | ADMIN),
    "users.users": Rule(who=ADMIN),
    "users.add": Rule(who=ADMIN),
    "users.add_role": Rule(who=ADMIN),
    "users.drop_role": Rule(who=ADMIN),
    "users.password": Rule(who=ADMIN),
    "users.disable": Rule(who=ADMIN),
    "tablets.tablets": Rule(who=ADMIN),
    "tablets.enrol_code": Rule(who=ADMIN),
    "tablets.revoke_tablet": Rule(who=ADMIN),
    "units.units": Rule(who=ADMIN),
}
"""Endpoint → rule: the one table. A new route needs a row here, or nobody gets in; a test tries every role on every row."""


# --- roles and units -----------------------------------------------------------------------------------------------


def _today() -> date:
    return services().clock.today()


def roles_of(user: User, day: date | None = None) -> frozenset[str]:
    """The codes of the roles that a person holds on a day (today)."""
    return frozenset(role.role for role in user.roles_on(day or _today()))


def _covered(catalogue: Catalogue, held: RoleHeld, day: date) -> set[str]:
    """The units that a role reaches: its own with its hamlets, or all below; and what was merged into them."""
    if held.unit not in catalogue.units:
        return set()
    below = catalogue.units.subtree(held.unit)
    if catalogue.roles[held.role].scope == "own":
        below = [unit for unit in below if unit.code == held.unit or unit.kind == "hamlet"]
    covered = {unit.code for unit in below}
    ended = [unit for unit in catalogue.units.values() if unit.ends is not None and unit.ends < day]
    while merged := {unit.code for unit in ended if covered & set(unit.successors)} - covered:
        covered |= merged
    return covered


def _held(catalogue: Catalogue, user: User, day: date, word: str) -> Iterable[RoleHeld]:
    for held in user.roles_on(day):
        role = catalogue.roles.get(held.role)
        if role is not None and user.is_active and (not word or word in role.may):
            yield held


def units_where(user: User, word: str, day: date | None = None) -> frozenset[str]:
    """The units in which a person may do something (a word of ``may`` in ``roles.yaml``)."""
    catalogue, day = services().catalogue, day or _today()
    return frozenset().union(*(_covered(catalogue, held, day) for held in _held(catalogue, user, day, word)))


def units_visible(user: User, day: date | None = None) -> frozenset[str]:
    """The units whose records a person may read."""
    return units_where(user, "read", day)


def may_do(user: User, word: str, unit: str) -> bool:
    """Whether a person may do something in a unit."""
    return unit in units_where(user, word)


def may_see_confidential(session: Session, user: User, unit: str, record_type: str, case: str | None = None) -> bool:
    """Whether a person may read the confidential values of a record.

    Case managers may in their own unit; officers of the district with a dated, reasoned grant of this case by a second
    person; administrators never.

    Args:
        case: the id of the record's case: its key's id.
    """
    catalogue, day = services().catalogue, _today()
    known = catalogue.all_types.get(record_type)
    if known is None or not known.sealed_by:
        return False
    for held in _held(catalogue, user, day, "read"):
        need = catalogue.roles[held.role].confidential
        if need == "own" and unit in _covered(catalogue, held, day):
            return True
        if need == "granted" and case and unit in _covered(catalogue, held, day) and _granted(session, user, case, day):
            return True
    return False


def asks_for_cases(user: User) -> bool:
    """Whether a person reads cases by granted needs."""
    return any(services().catalogue.roles[role].confidential == "granted" for role in roles_of(user))


def granted_cases(session: Session, user: User) -> list[str]:
    """The cases that a person may read now by a granted need."""
    if not asks_for_cases(user):
        return []
    day = _today()
    return [one.case for one in session.scalars(select(Grant).where(Grant.user == user.id)) if one.holds_on(day)]


def _granted(session: Session, user: User, case: str, day: date) -> bool:
    grants = session.scalars(select(Grant).where(Grant.user == user.id, Grant.case == case))
    return any(grant.holds_on(day) for grant in grants)


# --- a tablet ------------------------------------------------------------------------------------------------------


def scope_of(user: User, unit: str, *, catalogue: Catalogue | None = None, day: date | None = None) -> Scope:
    """What a person's tablet of a unit may hold.

    Sealed types are in it only where the person manages cases in every unit of the scope. The version follows the contents.
    ``home`` is where the person records now, where that is not the tablet's unit any more.
    """
    catalogue, day = catalogue or services().catalogue, day or _today()
    reach = [(held, _covered(catalogue, held, day)) for held in _held(catalogue, user, day, "read")]
    home = _home(catalogue, reach, unit, day)
    here = {one.code for one in catalogue.units.subtree(home)}
    units, own_cases = set[str](), set[str]()
    for held, covered in reach:
        if home not in covered:
            continue
        merged = {code for code in covered if set(catalogue.units[code].successors) & here}
        units |= covered & (here | merged)
        if catalogue.roles[held.role].confidential == "own":
            own_cases |= covered
    stream = catalogue.units.stream_of(unit)
    cases = bool(units) and units <= own_cases
    moved = home if home != unit else ""
    told = "\0".join([stream, str(int(cases)), *sorted(units), *([f"@{moved}"] if moved else [])])
    version = b64(hashlib.sha256(told.encode()).digest()[:6])
    return Scope(stream, tuple(sorted(units)), cases, version, moved)


def _home(catalogue: Catalogue, reach: Sequence[tuple[RoleHeld, set[str]]], unit: str, day: date) -> str:
    """Where the person of a tablet of a unit records: there; else in what the unit was merged into, or where the person was moved.

    A tablet stays in its district's stream: whoever goes to another district enrols anew there.
    """
    units, covered = catalogue.units, set[str]().union(*(codes for _, codes in reach))
    heirs = [one.code for one in units.heirs(unit, day) if one.code in covered]
    if unit in heirs or not covered:
        return unit
    held = [role.unit for role, _ in reach if role.unit in units and units[role.unit].exists_on(day)]
    moved = [] if unit in covered else [one.code for one in units.ordered(held)]
    there = [code for code in (*heirs, *moved) if units.stream_of(code) == units.stream_of(unit)]
    return there[0] if there else unit


class PeopleRights:
    """What people may do with lines, for the gate that judges them; answers are kept for one transaction."""

    def __init__(self, session: Session, catalogue: Catalogue, day: date) -> None:
        self.session = session
        self.catalogue = catalogue
        self.day = day
        self._users: dict[str, User | None] = {}
        self._reach: dict[str, frozenset[str]] = {}

    def _user(self, user: str) -> User | None:
        if user not in self._users:
            self._users[user] = self.session.get(User, user)
        return self._users[user]

    def _roles(self, user: str, unit: str, word: str = "") -> list[str]:
        person = self._user(user)
        if person is None:
            return []
        roles = []
        for held in _held(self.catalogue, person, self.day, word):
            if held.id not in self._reach:
                self._reach[held.id] = frozenset(_covered(self.catalogue, held, self.day))
            if unit in self._reach[held.id]:
                roles.append(held.role)
        return roles

    def _held_there(self, user: str, unit: str, word: str) -> list[str]:
        """The roles that a person holds in the very unit, not above it, and that allow a word."""
        person = self._user(user)
        held = () if person is None else _held(self.catalogue, person, self.day, word)
        return [role.role for role in held if role.unit == unit]

    def may_write(self, user: str, unit: str, record_type: RecordType) -> bool:
        """Whether a person may record and edit this type in this unit; sealed types only as a case manager of it.

        Who consolidates for a unit writes that unit's own report. The server of a district writes what may be passed on, and nobody
        else what only servers make.
        """
        roles = [role for role in self._roles(user, unit, "record") if self._records(role, record_type)]
        if record_type.flow == REPORT_FLOW and not roles:
            roles = self._held_there(user, unit, "consolidate")
        if record_type.sealed_by:
            return any(self.catalogue.roles[role].confidential == "own" for role in roles)
        return bool(roles)

    def _records(self, role: str, record_type: RecordType) -> bool:
        """Whether a role that records does so in this type."""
        if self.catalogue.roles[role].upward:
            passed = self.catalogue.upward.get(record_type.code)
            return passed is not None and bool(passed.up)
        return not record_type.by_server

    def may_act(self, user: str, unit: str) -> bool:
        """Whether a person may move a workflow or decide in this unit without recording there."""
        return any(self.catalogue.roles[role].may - {"read", "published", "administer"} for role in self._roles(user, unit))

    def may_go(self, user: str, unit: str, flow: str, start: str | None, to: str) -> bool:
        """Whether a person may move a workflow in this unit from a state to another, and whether the move exists."""
        known = self.catalogue.flows.get(flow)
        move = None if known is None else known.move(start, to)
        return move is not None and bool(set(self._roles(user, unit)) & set(move.roles))
