"""Plays a scenario: each sentence on the right screen, written into the journal before it is typed.

`VERBS` says which method plays which verb; a test sees that every sentence of the language has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.fieldday.forms import new_names
from tests.fieldday.journal import Journal
from tests.fieldday.office import Office
from tests.fieldday.outage import OUTAGES, follow
from tests.fieldday.scenario import MAKES, Scenario, Step
from tests.fieldday.screen import CannotSync, Ended, Refused, Screen, first, stands_for
from tests.fieldday.tablet import Tablet

TRIES = 40
"""How often a sync over a bad link is tried again before the day says that it does not get through."""


class Day:
    """One day: who has which tablet, which record of the story has which id, what was claimed."""

    def __init__(
        self, scenario: Scenario, office: Office, tablets: Mapping[str, Tablet], journal: Journal, folder: Path
    ) -> None:
        self.scenario = scenario
        self.office = office
        self.tablets = tablets
        self.journal = journal
        self.folder = folder
        self.ids: dict[str, str] = {}
        self.kinds: dict[str, tuple[str, str]] = {}
        """Record → (type, unit)."""
        self.urgent: set[str] = set()
        """Who has an incident on the tablet that has not left."""
        self.units = {name: person.unit for name, person in scenario.people.items()}
        """Where each works now."""
        self.exchanges = 0
        self.kills = 0
        self.decided = 0
        self.claims = 0
        self.failed: list[str] = []
        self.reports: list[Path] = []
        self.begun: dict[str, dict[str, Any]] = {}
        """Record → what was typed into its form, which was left open."""
        self.renamed: dict[str, dict[str, str]] = {}
        """Record type → new name of a field → the name that it has in lines."""
        self.bundles: dict[str, list[list[Path]]] = {}
        """Person → the files of each bundle that they wrote and did not lose."""

    def play(self, tell: Callable[[str], None]) -> None:
        """Play the whole story; what does not go as told is noted, and the day goes on."""
        for step in self.scenario.story:
            tell(f"{step.verb} {' '.join(step.who)} {step.name}".strip())
            if step.name and step.name not in self.ids and step.verb not in MAKES:
                self.fail(step, f"«{step.verb} {step.name}» cannot be: {step.name} was never made")
                continue
            try:
                VERBS[step.verb](self, step)
            except Refused as refused:
                self.fail(step, f"«{step.verb} {step.name}» was refused: {refused}")
            except CannotSync as cut:
                self.fail(step, f"«{step.verb}»: {cut}")

    def evening(self) -> None:
        """Everybody has a network and syncs until all is quiet: twice, so that each sees what the last one brought."""
        for tablet in self.tablets.values():
            tablet.proxy.offline = False
            if not tablet.running:
                tablet.start()
        for _ in range(2):
            for name in self.tablets:
                self.sync_one(name)

    def fail(self, step: Step, sentence: str) -> None:
        """Note that something did not go as the story tells."""
        place = f"line {step.line}: " if step.line else ""
        self.failed.append(place + sentence)

    def screen(self, name: str) -> Screen:
        """Where a person works."""
        return self.tablets[name] if name in self.tablets else self.office.desk(name)

    def sync_one(self, name: str) -> None:
        """Let one person sync until nothing is left, however often the link breaks."""
        self._through(name, self.screen(name).sync)
        self.urgent.discard(name)

    def send_urgent(self, name: str) -> None:
        """What a tablet does by itself: an urgent incident leaves at once, when there is a network."""
        tablet = self.tablets[name]
        if name in self.urgent and tablet.running and not tablet.proxy.offline:
            self._through(name, tablet.send_urgent)
            self.urgent.discard(name)

    def _through(self, name: str, exchange: Callable[[], None]) -> None:
        screen = self.screen(name)
        if isinstance(screen, Tablet) and screen.wiped:
            return
        for _ in range(TRIES):
            try:
                self.exchanges += 1
                exchange()
                return
            except CannotSync:
                if isinstance(screen, Tablet) and screen.proxy.offline:
                    return
        raise CannotSync(f"{name} does not get through in {TRIES} tries")

    def typed(
        self, step: Step, act: str, fields: Mapping[str, Any], do: Callable[[Screen], str | None], *, all: bool = False
    ) -> None:
        """Write an act into the journal with what the screen shows, do it, and note that the screen said «saved»."""
        screen = self.screen(step.who[0])
        type, unit = self.kinds[step.name]
        fields = self.first_names(type, fields)
        known = self.ids.get(step.name)
        shown = (screen.shown(known) or {}) if known else {}
        saw = shown if all else {name: shown[name] for name in fields if name in shown}
        number = self.journal.write(
            who=step.who[0], via=screen.via, act=act, record=step.name, type=type, unit=unit,
            fields=dict(fields), saw=saw, id=known or "",
        )  # fmt: skip
        try:
            id = do(screen) or known or ""
        except Ended:
            raise
        except Refused:
            self.journal.refused(number)
            raise
        self.ids[step.name] = id
        self.journal.done(number, id)

    def first_names(self, type: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields by the names that they have in lines, for ever; people use those that their screens show."""
        was = self.renamed.get(type, {})
        return {was.get(name, name): value for name, value in fields.items()}

    # --- what people do

    def begin(self, step: Step) -> None:
        """What is typed is nobody's word yet: it goes into the journal when the form is finished."""
        values = dict(step.values)
        type = values.pop("type")
        self.kinds[step.name] = (type, self.units[step.who[0]])
        self.ids[step.name] = self.tablets[step.who[0]].begin(type, values)
        self.begun[step.name] = values

    def finish(self, step: Step) -> None:
        id, tablet, type = self.ids[step.name], self.tablets[step.who[0]], self.kinds[step.name][0]
        values = {**self.begun.pop(step.name, {}), **self.first_names(type, step.values)}
        self.typed(step, "write", values, lambda _: tablet.finish(id, step.values))

    def change_forms(self, step: Step) -> None:
        self.office.change_forms(step.type, step.values)
        follow(self)
        first = self.renamed.setdefault(step.type, {})
        first.update({new: first.get(old, old) for new, old in new_names(step.values).items()})

    def enter(self, step: Step) -> None:
        values = dict(step.values)
        type = values.pop("type", "gbv_incident")
        unit = self.units[step.who[0]]
        self.kinds[step.name] = (type, unit)
        self.typed(step, "write", values, lambda screen: screen.enter(type, unit, values))

    def report_incident(self, step: Step) -> None:
        self.enter(step)
        self.urgent.add(step.who[0])
        self.send_urgent(step.who[0])

    def change(self, step: Step) -> None:
        id = self.ids[step.name]
        self.typed(step, "write", step.values, lambda screen: screen.change(id, step.values))

    def withdraw(self, step: Step) -> None:
        id = self.ids[step.name]
        self.typed(step, "withdraw", {}, lambda screen: screen.withdraw(id), all=True)

    def decide(self, step: Step) -> None:
        id = self.ids[step.name]
        for field, value in self.first_names(self.kinds[step.name][0], step.values).items():
            if len((self.screen(step.who[0]).shown(id) or {}).get(field, ())) < 2:
                self.fail(step, f"{step.who[0]} has no question open in {step.name}.{field}")
                continue

            def do(screen: Screen, field: str = field, value: Any = value) -> None:
                screen.decide(id, field, value)

            self.typed(step, "decide", {field: value}, do)
            self.decided += 1

    def write_report(self, step: Step) -> None:
        unit = self.scenario.people[step.who[0]].unit
        self.kinds[step.name] = ("periodic_report", unit)
        values = {"period": step.period} | dict(step.values)
        tablet = self.tablets[step.who[0]]
        self.typed(step, "write", values, lambda _: tablet.write_report(step.period, step.values))

    def _moves(self, step: Step, to: str, reason: str = "") -> None:
        id = self.ids[step.name]
        self.typed(step, "go", {"state": to}, lambda screen: screen.move(id, to, reason))

    def submit(self, step: Step) -> None:
        self._moves(step, "submitted")

    def approve(self, step: Step) -> None:
        self._moves(step, "approved")

    def accept(self, step: Step) -> None:
        self._moves(step, "accepted")

    def give_back(self, step: Step) -> None:
        self._moves(step, "returned", str(step.values["reason"]))

    def acknowledge(self, step: Step) -> None:
        self.office.desk(step.who[0]).acknowledge(self.ids[step.name])

    def consolidate(self, step: Step) -> None:
        folder, clerk = self.folder / "reports", self.scenario.people[step.who[0]]
        number = self.journal.write(
            who=clerk.name,
            via="console",
            act="consolidate",
            record=step.period,
            type="periodic_report",
            unit=clerk.unit,
        )
        self.journal.done(number, "")
        self.reports += self.office.desk(step.who[0]).consolidate(step.period, folder)

    # --- rights

    def move_officer(self, step: Step) -> None:
        roles = self.scenario.people[step.whom].roles
        self.office.desk(step.who[0]).move_officer(step.whom, roles, step.unit)
        self.units[step.whom] = step.unit

    def revoke(self, step: Step) -> None:
        self.office.desk(step.who[0]).revoke(step.whom)

    def take_up(self, step: Step) -> None:
        self.office.desk(step.who[0]).take_up(self.ids[step.name])

    # --- networks and batteries

    def offline(self, step: Step) -> None:
        for name in step.who:
            self.tablets[name].proxy.offline = True

    def online(self, step: Step) -> None:
        for name in step.who:
            self.tablets[name].proxy.offline = False
            self.send_urgent(name)

    def sync(self, step: Step) -> None:
        for name in step.who:
            self.sync_one(name)

    # --- sticks

    def stick(self, name: str, way: str) -> Path:
        """The folder of a person's stick: `out` to the district, `back` to the tablet."""
        return self.folder / "sticks" / self.tablets[name].via / way

    def write_bundle(self, step: Step) -> None:
        for name in step.who:
            self.bundles.setdefault(name, []).append(self.tablets[name].write_bundle(self.stick(name, "out")))

    def lose_bundle(self, step: Step) -> None:
        for name in step.who:
            for file in self.bundles[name].pop():
                file.unlink()

    def import_bundles(self, step: Step) -> None:
        """The newest first, each in the wrong order of its parts."""
        desk = self.office.desk(step.who[0])
        for name, written in self.bundles.items():
            for files in reversed(written):
                desk.import_bundle(files[::-1], self.stick(name, "back"))

    def read_answer(self, step: Step) -> None:
        for name in step.who:
            self.tablets[name].read_bundles(self.stick(name, "back"))

    def cut(self, step: Step) -> None:
        for name in step.who:
            self.tablets[name].sync_cut()
            self.exchanges += 1

    def kill(self, step: Step) -> None:
        for name in step.who:
            self.tablets[name].kill()
            self.kills += 1

    def kill_syncing(self, step: Step) -> None:
        for name in step.who:
            self.tablets[name].kill_syncing()
            self.exchanges += 1
            self.kills += 1

    def come_back(self, step: Step) -> None:
        for name in step.who:
            self.tablets[name].start()
            self.send_urgent(name)

    # --- what must be seen

    def see(self, step: Step) -> None:
        for who in step.who:
            shown = self.screen(who).shown(self.ids[step.name])
            for field, value in self.first_names(self.kinds[step.name][0], step.values).items():
                self.claim(
                    step,
                    stands_for(first(shown, field), value),
                    f"{who} sees {step.name}.{field}",
                    value,
                    first(shown, field),
                )

    def see_question(self, step: Step) -> None:
        for who in step.who:
            shown = self.screen(who).shown(self.ids[step.name]) or {}
            for field, values in self.first_names(self.kinds[step.name][0], step.values).items():
                there = shown.get(field, [])
                same = len(there) == len(values) and all(
                    any(stands_for(one, value) for one in there) for value in values
                )
                self.claim(step, same, f"{who} sees two answers in {step.name}.{field}", values, there)

    def see_not(self, step: Step) -> None:
        for who in step.who:
            shown = self.screen(who).shown(self.ids[step.name])
            self.claim(step, shown is None, f"{who} does not see {step.name}", None, shown)

    def see_receipt(self, step: Step) -> None:
        for who in step.who:
            there = self.tablets[who].has_receipt(self.ids[step.name])
            self.claim(step, there, f"{who} sees the receipt of {step.name}", True, there)

    def see_wiped(self, step: Step) -> None:
        for who in step.who:
            words = self.tablets[who].wiped
            self.claim(step, "đã bị thu hồi" in words, f"{who} sees that the tablet was revoked", "đã bị thu hồi", words)

    def figure(self, step: Step) -> None:
        there = self.office.figure(step.figure, step.unit, step.period)
        name = f"figure {step.figure} of {step.unit} in {step.period}"
        self.claim(step, str(there) == step.number, name, step.number, there)

    def claim(self, step: Step, holds: bool, what: str, wanted: object, there: object) -> None:
        """Count a claim, and note it where it does not hold."""
        self.claims += 1
        if not holds:
            self.fail(step, f"{what}: {wanted!r} was to be there, and there is {there!r}")


VERBS: Mapping[str, Callable[[Day, Step], None]] = {
    "offline": Day.offline,
    "online": Day.online,
    "enter": Day.enter,
    "report_incident": Day.report_incident,
    "begin": Day.begin,
    "finish": Day.finish,
    "change_forms": Day.change_forms,
    "change": Day.change,
    "withdraw": Day.withdraw,
    "submit": Day.submit,
    "decide": Day.decide,
    "sync": Day.sync,
    "write_bundle": Day.write_bundle,
    "lose_bundle": Day.lose_bundle,
    "import_bundles": Day.import_bundles,
    "read_answer": Day.read_answer,
    "cut": Day.cut,
    "kill": Day.kill,
    "kill_syncing": Day.kill_syncing,
    "return": Day.come_back,
    "write_report": Day.write_report,
    "approve": Day.approve,
    "hand_in": Day.submit,
    "accept": Day.accept,
    "give_back": Day.give_back,
    "acknowledge": Day.acknowledge,
    "move_officer": Day.move_officer,
    "revoke": Day.revoke,
    "take_up": Day.take_up,
    "consolidate": Day.consolidate,
    "see": Day.see,
    "see_question": Day.see_question,
    "see_receipt": Day.see_receipt,
    "see_wiped": Day.see_wiped,
    "see_not": Day.see_not,
    "figure": Day.figure,
    **OUTAGES,
}
