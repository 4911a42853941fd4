"""The demo's story as read from its YAML: people, chapters, templates of records. Read once; nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
DISTRICT = "hong_ngu"
RECORD_FILES = ("records.yaml", "records_gbv.yaml", "records_more.yaml")

__all__ = ["DISTRICT", "Chapter", "Person", "Story", "load_story"]


@dataclass(frozen=True, kw_only=True)
class Person:
    """An invented person; ``tablet`` is the name of the profile that is theirs, "" without one."""

    login: str
    name: str
    unit: str
    roles: tuple[str, ...]
    tablet: str = ""


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A time of writing: who is at work, which days they enter, where each report of ``period`` stands in the end."""

    at: datetime
    first_day: date
    last_day: date
    communes: tuple[str, ...]
    bodies: tuple[str, ...]
    period: str
    reports: Mapping[str, str] = field(default_factory=dict)
    returned_records: Mapping[str, int] = field(default_factory=dict)
    consolidate: bool = False
    last_morning: bool = False

    def report_of(self, unit: str) -> str:
        """Where a unit's report stands at the end; "" where it is not begun."""
        return self.reports.get(unit, self.reports.get("otherwise", ""))


@dataclass(frozen=True, kw_only=True)
class Story:
    """All of it."""

    seed: int
    begins: datetime
    password: str
    pin: str
    people: tuple[Person, ...]
    chapters: tuple[Chapter, ...]
    templates: tuple[Mapping[str, Any], ...]
    narratives: Mapping[str, Any]
    told: Mapping[str, Any]
    """The rest of ``story.yaml``: reasons, conflicts, the incident."""

    def officer(self, unit: str) -> Person:
        """The first who records in a unit."""
        return next(person for person in self.people if person.unit == unit and "collector" in person.roles)

    def lead(self, unit: str) -> Person:
        """The head of a unit."""
        return next(person for person in self.people if person.unit == unit and "unit_lead" in person.roles)

    def second(self, unit: str) -> Person:
        """The second officer of a unit."""
        return [person for person in self.people if person.unit == unit and "collector" in person.roles][1]

    def of_district(self, role: str) -> Person:
        """Who holds a role for the whole district."""
        return next(person for person in self.people if role in person.roles)

    def turn_of(self, unit: str, period: str) -> int:
        """A number that is another one for each unit of a period, and for a unit in the next period."""
        units = list(dict.fromkeys(person.unit for person in self.people))
        periods = list(dict.fromkeys(chapter.period for chapter in self.chapters))
        return units.index(unit) + periods.index(period)

    @property
    def shipped(self) -> tuple[Person, ...]:
        """Those whose tablets the demo offers to open: the two of the unit in which the conflicts are."""
        unit = self.told["conflict_unit"]
        return (self.officer(unit), self.second(unit))


def _read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@cache
def load_story() -> Story:
    """The story that ships."""
    people, told = _read("people.yaml"), _read("story.yaml")
    communes, bodies = tuple(people["communes"]), tuple(people["bodies"])
    return Story(
        seed=told["seed"], begins=told["begins"], password=people["password"], pin=people["pin"], people=tuple(_people(people)),
        chapters=tuple(_chapter(one, communes, bodies) for one in told["chapters"]),
        templates=tuple(template for name in RECORD_FILES for template in _read(name)), narratives=_read("reports.yaml"), told=told,
    )  # fmt: skip


def _people(told: Mapping[str, Any]) -> Sequence[Person]:
    found = [Person(login=one["login"], name=one["name"], unit=one["unit"], roles=(one["role"],)) for one in told["district"]]
    for unit, one in told["communes"].items():
        found.append(Person(**one["officer"], unit=unit, roles=("collector", "case_worker"), tablet=one["tablet"]))
        found.append(Person(**one["lead"], unit=unit, roles=("unit_lead",)))
        if "second" in one:
            found.append(Person(**one["second"], unit=unit, roles=("collector",)))
    found += [Person(**one, unit=unit, roles=("collector", "unit_lead")) for unit, one in told["bodies"].items()]
    return found


def _chapter(told: Mapping[str, Any], communes: tuple[str, ...], bodies: tuple[str, ...]) -> Chapter:
    return Chapter(
        at=told["at"], first_day=told["days"][0], last_day=told["days"][1],
        communes=communes if told["communes"] == "all" else tuple(told["communes"]),
        bodies=bodies if told["bodies"] == "all" else tuple(told["bodies"]),
        period=told.get("period", ""), reports=told.get("reports", {}), returned_records=told.get("returned_records", {}),
        consolidate=told.get("consolidate", False), last_morning=told.get("last_morning", False),
    )  # fmt: skip
