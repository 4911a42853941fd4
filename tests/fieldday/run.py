"""Runs one day from an empty folder to its summary."""

from __future__ import annotations

import contextlib
import shutil
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fieldday.compare import Findings, compare, shapes
from tests.fieldday.day import Day
from tests.fieldday.evidence import gather
from tests.fieldday.journal import Journal, read
from tests.fieldday.office import open_office
from tests.fieldday.pages import differing, words
from tests.fieldday.replica import differences, units_below
from tests.fieldday.scenario import Person, Scenario, later
from tests.fieldday.summary import Summary
from tests.fieldday.tablet import Tablet
from tests.support.databases import fresh_database
from tests.support.link import LINKS
from tests.support.processes import ROOT
from tests.support.proxy import Proxy

DATA = ROOT / "shared" / "data"
PIN = "258036"
DISTRICT = "district_officer"
"""Whose console shows every record of the units below, but for what is confidential."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How a day is run: its scenario, the seed of its network, the link and the database, its folder."""

    scenario: Scenario
    name: str
    seed: int
    link: str
    db: str
    folder: Path


def run(setting: Setting, tell: Callable[[str], None]) -> Summary:
    """Play one day and compare it with its journal; everything that it leaves stands in the setting's folder.

    A day that broke off is told like one that lost something: its summary is written, with the reason, and is not good.
    """
    shutil.rmtree(setting.folder, ignore_errors=True)
    setting.folder.mkdir(parents=True)
    owners = [person for person in setting.scenario.people.values() if person.tablet]
    summary = Summary(scenario=setting.name, seed=setting.seed, link=setting.link, db=setting.db, tablets=len(owners))
    began = time.monotonic()
    try:
        _whole(summary, setting, owners, tell)
    except Exception as error:
        summary.replicas_equal = False
        summary.findings.append(f"the day broke off: {type(error).__name__}: {error}")
        (setting.folder / "broke-off.txt").write_text(traceback.format_exc(), encoding="utf-8")
    summary.seconds = round(time.monotonic() - began, 1)
    summary.write(setting.folder / "summary.json")
    return summary


def _whole(summary: Summary, setting: Setting, owners: Sequence[Person], tell: Callable[[str], None]) -> None:
    """The day from the empty database to the comparison."""
    folder, scenario = setting.folder, setting.scenario
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(fresh_database(setting.db, folder / "database"))
        office = stack.enter_context(open_office(folder / "server", database, scenario.people, scenario.today))
        tablets: dict[str, Tablet] = {}
        for n, person in enumerate(owners):
            proxy = stack.enter_context(Proxy(office.place, LINKS[setting.link], seed=setting.seed * 1000 + n))
            tablet = tablets[person.name] = Tablet(folder / f"tablet-{n + 1}", proxy, scenario.today, PIN)
            stack.callback(tablet.stop)
            tablet.start()
            if person.name not in later(scenario.story):
                tablet.enrol(office.codes[person.name], person.name)
        journal = Journal(folder / "journal.jsonl")
        stack.callback(journal.close)
        day = Day(scenario, office, tablets, journal, folder)
        day.play(tell)
        tell("evening")
        day.evening()
        tell("comparing")
        _judge(summary, day, database)
        _count(summary, day)


def _judge(summary: Summary, day: Day, database: str) -> None:
    """Hold the journal, the server's tables and the tablets' screens against each other."""
    shape = shapes(DATA / "record_types")
    evidence = gather(database)
    entries = read(day.folder / "journal.jsonl")
    found: Findings = compare(entries, evidence, shape)
    clerk = next((p for p in day.scenario.people.values() if not p.tablet and DISTRICT in p.roles), None)
    if clerk is not None:
        units = units_below(DATA / "units.yaml", clerk.unit)
        seen = [stored for stored in evidence.records.values() if stored.unit in units]
        found.broken += differing(day.office.desk(clerk.name).shown, seen, words(DATA), shape)
    for name, tablet in day.tablets.items():
        if tablet.wiped:
            continue
        units = units_below(DATA / "units.yaml", day.units[name])
        found.replicas_differ += differences(name, tablet.dump(), evidence, units, shape)
    summary.conflicts_decided = day.decided
    summary.take(found)
    summary.set_aside = evidence.set_aside


def _count(summary: Summary, day: Day) -> None:
    """Take over what the day and its proxies counted."""
    counts = [tablet.proxy.counts for tablet in day.tablets.values()]
    summary.exchanges, summary.kills = day.exchanges, day.kills
    summary.claims, summary.claims_failed = day.claims, day.failed
    summary.round_trips = sum(c.exchanges for c in counts)
    summary.bytes_up = sum(c.bytes_up for c in counts)
    summary.bytes_down = sum(c.bytes_down for c in counts)
    summary.cuts = sum(c.cuts for c in counts)
    summary.reports = [
        path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path) for path in day.reports
    ]
