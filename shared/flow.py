"""Named workflows, and the roles that may move them: states, legal transitions. Data of ``flows.yaml`` and ``roles.yaml``."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shared.labels import Label
from shared.yaml_source import Source, fault

__all__ = ["Flow", "Role", "Transition", "read_flow", "read_role"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A legal move of a workflow, and the roles that may make it."""

    start: str
    to: str
    roles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """A named workflow."""

    code: str
    start: str
    states: Mapping[str, Label]
    transitions: tuple[Transition, ...]

    def move(self, start: str | None, to: str) -> Transition | None:
        """The move from a state (None: the first one) to another, if there is one."""
        begin = start or self.start
        return next((one for one in self.transitions if one.start == begin and one.to == to), None)

    def moves_from(self, state: str | None, roles: Collection[str]) -> list[Transition]:
        """The moves that people of these roles may make from a state."""
        begin = state or self.start
        return [one for one in self.transitions if one.start == begin and set(one.roles) & set(roles)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """What a role may do: ``scope`` own or below, ``confidential`` none, own or granted, ``may`` a set of words; ``upward``: it is that of
    a server that passes on to this one, and records only what may be passed on (``shared.upward``).
    """

    code: str
    label: Label
    scope: str
    confidential: str
    may: frozenset[str]
    upward: bool = False


def read_flow(code: str, row: Source, roles: Collection[str]) -> Flow:
    """A workflow from its entry, already of the right shape. Raises CatalogueError for a state or a role that does not exist."""
    states: dict[str, Label] = {}
    for one in row["states"]:
        if one["code"] in states:
            raise fault("catalogue_code_twice", one, "code", name=one["code"])
        states[one["code"]] = Label.of(one)
    if row["start"] not in states:
        raise fault("catalogue_unknown_name", row, "start", name=row["start"])
    moves: dict[tuple[str, str], Transition] = {}
    for one in row["transitions"]:
        for key in ("from", "to"):
            if one[key] not in states:
                raise fault("catalogue_unknown_name", one, key, name=one[key])
        for role in one["roles"]:
            if role not in roles:
                raise fault("catalogue_unknown_name", one, "roles", name=role)
        if (one["from"], one["to"]) in moves:
            raise fault("catalogue_code_twice", one, "to", name=f"{one['from']} → {one['to']}")
        moves[one["from"], one["to"]] = Transition(start=one["from"], to=one["to"], roles=tuple(one["roles"]))
    return Flow(code=code, start=row["start"], states=states, transitions=tuple(moves.values()))


def read_role(row: Source) -> Role:
    """A role from its entry, already of the right shape."""
    return Role(
        code=row["code"], label=Label.of(row["label"]), scope=row["scope"], confidential=row["confidential"], may=frozenset(row["may"]),
        upward=bool(row.get("upward")),
    )  # fmt: skip
