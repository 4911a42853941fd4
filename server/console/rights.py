"""What the pages offer a person: only deeds that ``server.access`` would let through."""

from collections.abc import Iterator
from contextlib import contextmanager

from server.access import PeopleRights, units_where
from server.editing import sql_server
from server.people import User
from server.services import services
from shared.flow import Transition
from shared.record_type import RecordType

__all__ = ["may_act", "may_write", "moves", "units_for_new"]


@contextmanager
def _rights() -> Iterator[PeopleRights]:
    with sql_server().reading() as reader:
        yield sql_server().rights(reader.connection)


def may_write(user: User, unit: str, record_type: RecordType) -> bool:
    """Whether a person may record and edit a type in a unit."""
    with _rights() as rights:
        return rights.may_write(user.id, unit, record_type)


def may_act(user: User, unit: str, record_type: RecordType) -> bool:
    """Whether a person may decide between two answers in a unit."""
    with _rights() as rights:
        return rights.may_write(user.id, unit, record_type) or rights.may_act(user.id, unit)


def moves(user: User, unit: str, flow: str, state: str | None) -> list[Transition]:
    """The moves of a workflow that a person may make in a unit from a state."""
    known = services().catalogue.flows[flow]
    begin = state or known.start
    with _rights() as rights:
        return [one for one in known.transitions if one.start == begin and rights.may_go(user.id, unit, flow, begin, one.to)]


def units_for_new(user: User, record_type: RecordType) -> list[str]:
    """The units for which a person may make a new record of a type today, in administrative order."""
    held = services()
    today = held.clock.today()
    units = held.catalogue.units
    own = [one for one in units.ordered(list(units_where(user, "record"))) if one.kind != "hamlet" and one.exists_on(today)]
    with _rights() as rights:
        return [
            one.code for one in own if record_type.offered_to(one.kind, today) and rights.may_write(user.id, one.code, record_type)
        ]  # fmt: skip
