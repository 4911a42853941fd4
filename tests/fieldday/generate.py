"""A day drawn from a seed: officers in pairs, who enter, correct, collide, decide, lose the network and the battery.

The result is a scenario like one from a file, of the same sentences. The same seed gives the same day.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.fieldday.scenario import Person, Scenario, Step

TEMPLATES = Path(__file__).parent / "templates.yaml"
TODAY = datetime.date(2022, 5, 30)
PERIOD = "2022-H1"
UNITS = ("long_khanh_a", "long_thuan", "phu_thuan_a", "thuong_lac", "thuong_phuoc_1", "thuong_thoi_tien")
DISTRICT = "hong_ngu"
OFFICERS = ("Lan", "Huệ", "Minh", "Tâm", "Hạnh", "Dũng", "Mai", "Phúc", "Yến", "Sơn", "Thu", "Khoa")
CLERK = "Thảo"


def generate(*, seed: int, tablets: int, records: int) -> Scenario:
    """A day of `tablets` officers, two to a commune, who enter `records` records between them."""
    return _Day(seed, tablets, records).scenario()


class _Day:
    """The day while it is being drawn."""

    def __init__(self, seed: int, tablets: int, records: int) -> None:
        self.seed, self.records = seed, records
        self.random = random.Random(f"day:{seed}:{tablets}:{records}")
        self.templates: Mapping[str, Any] = yaml.safe_load(TEMPLATES.read_text(encoding="utf-8"))
        self.people = {name: self._officer(n, name) for n, name in enumerate(_names(tablets))}
        self.officers = list(self.people)
        self.people[CLERK] = Person(name=CLERK, unit=DISTRICT, roles=("district_officer",), tablet=False)
        self.story: list[Step] = []
        self.drawn: dict[tuple[str, str], set[int]] = {}
        self.entered: dict[str, tuple[str, str]] = {}
        """Record → (who entered it, its type)."""

    @staticmethod
    def _officer(n: int, name: str) -> Person:
        roles = ("collector", "case_worker", "unit_lead")
        return Person(name=name, unit=UNITS[n // 2 % len(UNITS)], roles=roles, tablet=True)

    def say(self, verb: str, *who: str, **more: Any) -> None:
        self.story.append(Step(verb=verb, who=who, **more))

    def scenario(self) -> Scenario:
        """Morning: entering. Noon: corrections apart from each other. Afternoon: everything comes together."""
        self._morning()
        self.say("sync", *self.officers)
        self.say("sync", *self.officers)
        self._noon()
        self._afternoon()
        return Scenario(
            title=f"Một ngày, số {self.seed}",
            about="Drawn from a seed; see tests/fieldday/generate.py.",
            today=TODAY,
            people=self.people,
            story=tuple(self.story),
        )

    def _morning(self) -> None:
        offline: set[str] = set()
        for n in range(self.records):
            who = self.officers[n % len(self.officers)]
            chance = self.random.random()
            if chance < 0.1 and who not in offline:
                self.say("offline", who)
                offline.add(who)
            elif chance < 0.2 and who in offline:
                self.say("online", who)
                offline.discard(who)
                self.say("sync", who)
            elif chance < 0.24:
                self.say("kill", who)
                self.say("return", who)
            self._enter(who, f"R{n + 1}")
            if self.random.random() < 0.3:
                self._change(who, self.random.choice(self._own(who)))
        for who in sorted(offline):
            self.say("online", who)
        victim = self.random.choice(self.officers)
        self.say("kill_syncing", victim)
        self.say("return", victim)

    def _noon(self) -> None:
        """Offline, each officer corrects; the two of a commune write apart in one field of one record."""
        for who in self.officers:
            self.say("offline", who)
        self.reporter = self.random.choice(self.officers)
        self._incident(self.reporter)
        self.collisions: list[tuple[str, str, tuple[str, str]]] = []
        for one, other in zip(self.officers[::2], self.officers[1::2], strict=False):
            self._collide(one, other)
            for who in (one, other):
                busy = {name for name, _, _ in self.collisions}
                free = [name for name in self._own(who) if name not in busy]
                if free and self.random.random() < 0.7:
                    self._change(who, self.random.choice(free))
                if len(free) > 2 and self.random.random() < 0.2:
                    gone = self.random.choice(free)
                    self.say("withdraw", who, name=gone)
                    del self.entered[gone]
        for who in self.officers:
            self.say("online", who)
        victim = self.random.choice(self.officers)
        self.say("cut", victim)
        self.say("kill_syncing", victim)
        self.say("return", victim)

    def _collide(self, one: str, other: str) -> None:
        choices = [
            (name, field)
            for name in self._own(one) + self._own(other)
            for field in self.templates[self.entered[name][1]]["asks"]
        ]
        for name, field in self.random.sample(choices, min(2, len(choices))):
            if any(name == known for known, _, _ in self.collisions):
                continue
            self.collisions.append((name, field, (one, other)))
            for who in (one, other):
                self.say("change", who, name=name, values={field: self._later(name, field)})

    def _afternoon(self) -> None:
        for _ in range(2):
            self.say("sync", *self.officers)
        for name, field, (one, other) in self.collisions:
            if self.random.random() < 0.6:
                decider = self.random.choice((one, other))
                self.say("decide", decider, name=name, values={field: self._later(name, field)})
        for _ in range(2):
            self.say("sync", *self.officers)
        asked = {name for name, _, _ in self.collisions}
        calm = [name for name in self.entered if name not in asked and not self._confidential(name)]
        for name in self.random.sample(calm, min(4, len(calm))):
            self.say("submit", self.entered[name][0], name=name)
            self.say("sync", self.entered[name][0])
            self.say("accept", CLERK, name=name)
        self.say("acknowledge", CLERK, name="incident")
        self._report()
        self.say("consolidate", CLERK, period=PERIOD)
        for _ in range(2):
            self.say("sync", *self.officers)

    def _report(self) -> None:
        """One commune's head writes the half-year report and hands it in; the district accepts it."""
        head = self.random.choice(self.officers)
        unit = self.people[head].unit
        values: dict[str, Any] = {
            "kind": "half_year",
            "strengths": f"Cấp ủy, chính quyền quan tâm. (dữ liệu mẫu {self.seed})",
            "limits": "Kinh phí còn hạn chế. (dữ liệu mẫu)",
        }
        if self.people[self.reporter].unit != unit:
            values["zero_declared"] = ["gbv_incident"]
        self.say("write_report", head, name="report", period=PERIOD, values=values)
        self.say("approve", head, name="report")
        self.say("submit", head, name="report")
        self.say("sync", head)
        self.say("accept", CLERK, name="report")

    # --- records and values

    def _own(self, who: str) -> list[str]:
        return [name for name, (by, _) in self.entered.items() if by == who]

    def _confidential(self, name: str) -> bool:
        return bool(self.templates[self.entered[name][1]].get("confidential"))

    def _enter(self, who: str, name: str) -> None:
        types = list(self.templates)
        type = self.random.choices(types, [self.templates[t]["often"] for t in types])[0]
        self.entered[name] = (who, type)
        fields = {field: self._value(name, field, told) for field, told in self.templates[type]["fields"].items()}
        self.say("enter", who, name=name, values={"type": type} | fields)

    def _change(self, who: str, name: str) -> None:
        field = self.random.choice(self.templates[self.entered[name][1]]["changes"])
        self.say("change", who, name=name, values={field: self._later(name, field)})

    def _later(self, name: str, field: str) -> Any:
        template = self.templates[self.entered[name][1]]
        return self._value(name, field, template["later"].get(field) or template["fields"][field])

    def _incident(self, who: str) -> None:
        hour, minute = self.random.randrange(6, 12), self.random.randrange(60)
        values = {
            "known_at": f"{TODAY.isoformat()}T{hour:02}:{minute:02}+07:00",
            "violence": ["physical"],
            "danger_now": self.random.random() < 0.5,
            "victims": [{"sex": "female", "age_group": "age_25_39"}],
        }
        self.say("report_incident", who, name="incident", values=values)

    def _value(self, name: str, field: str, told: Any) -> Any:
        """A value as the template tells; numbers and texts of one field of a record are never alike."""
        if not (isinstance(told, dict) and "draw" in told):
            return told
        match told["draw"]:
            case "number":
                return self._fresh(name, field, told["from"], told["to"])
            case "date":
                days = (told["to"] - told["from"]).days
                return (told["from"] + datetime.timedelta(days=self.random.randrange(days + 1))).isoformat()
            case "one":
                return self.random.choice(told["of"])
            case "some":
                return sorted(self.random.sample(told["of"], self.random.randint(1, 3)))
            case "text":
                return f"{self.random.choice(told['of'])} {self._fresh(name, field, 1, 9999)}"
            case other:
                raise ValueError(f"nothing is drawn as {other!r}")

    def _fresh(self, name: str, field: str, low: int, high: int) -> int:
        used = self.drawn.setdefault((name, field), set())
        value = self.random.choice([n for n in range(low, min(high, low + 5000) + 1) if n not in used])
        used.add(value)
        return value


def _names(count: int) -> list[str]:
    """So many names of invented officers."""
    return [
        OFFICERS[n % len(OFFICERS)] + (f" {n // len(OFFICERS) + 1}" if n >= len(OFFICERS) else "") for n in range(count)
    ]
