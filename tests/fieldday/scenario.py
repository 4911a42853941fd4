"""A scenario: a YAML file that a person who knows the work can read and write.

The sentences are a table, `SENTENCES`; `docs/scenarios.md` shows the same table and a test keeps them together. A mistake
in a file is told with its line.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.fieldday import forms, names

PARTS = "title, about, today, people and story"
MAKES = frozenset({"begin", "enter", "report_incident", "write_report"})
TYPED = MAKES | {
    "change", "finish", "withdraw", "submit", "decide", "approve", "hand_in", "accept", "give_back", "acknowledge", "consolidate",
}  # fmt: skip
"""The verbs that one person does."""

WHO, WHOM, NAME, UNIT, PERIOD = r"(?P<who>[^:]+?)", r"(?P<whom>\S+)", r"(?P<name>\S+)", r"(?P<unit>[a-z0-9_]+)", r"(?P<period>\d{4}-\w+)"
TYPE = r"(?P<type>[a-z0-9_]+)"


class ScenarioError(Exception):
    """A scenario that cannot be understood; the text says where and what is allowed there."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One kind of sentence: its verb, how it is written, what the values behind it are, and what it means."""

    verb: str
    pattern: str
    values: str
    """"" (none), "fields" (field: value) or "lists" (field: list of values)."""
    means: str
    needs: str = ""
    """"tablet" or "console": where the person must work; "" for either."""

    @property
    def alone(self) -> bool:
        """Whether one person does this: everything that is written into a record."""
        return self.verb in TYPED

    @property
    def written(self) -> str:
        """The sentence as the documentation shows it."""
        plain = self.pattern.replace(WHO, "WHO").replace(WHOM, "WHOM").replace(NAME, "RECORD").replace(UNIT, "UNIT").replace(PERIOD, "PERIOD").replace(TYPE, "TYPE")
        plain = re.sub(r"\(\?:(\w+)\)\?", r"\1", plain).replace("syncs?", "syncs")
        return re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda m: m[1].upper(), plain)


SENTENCES: tuple[Sentence, ...] = tuple(
    Sentence(verb=verb, pattern=pattern, values=values, needs=needs, means=means)
    for verb, pattern, values, needs, means in (
        ("offline", f"{WHO} go(?:es)? offline", "", "tablet", "the tablet has no network from here on"),
        ("online", f"{WHO} go(?:es)? online", "", "tablet", "the tablet has a network again; nothing but an urgent incident is sent yet"),
        ("enter", f"{WHO} enters {NAME}", "fields", "", "a new record, `type` among its values; RECORD is its name in the story"),
        ("report_incident", f"{WHO} reports the incident {NAME}", "fields", "tablet", "an urgent incident (type gbv_incident): it leaves at once, as soon as there is a network"),
        ("begin", f"{WHO} begins {NAME}", "fields", "tablet", "a new record's form, left open: what was typed is a draft on the tablet alone"),
        ("finish", f"{WHO} finishes {NAME}", "fields", "tablet", "the form that was left open goes on, under the forms that the tablet has now, and is saved"),
        ("change", f"{WHO} changes {NAME}", "fields", "", "new values in some fields of a record that the person sees"),
        ("withdraw", f"{WHO} withdraws {NAME}", "", "", "the record is taken back; what others wrote in it unseen keeps it as a question"),
        ("submit", f"{WHO} submits {NAME}", "", "tablet", "the record is handed in; it must be complete"),
        ("decide", f"{WHO} decides {NAME}", "fields", "", "the answer to a question that two people's values left open"),
        ("sync", f"{WHO} syncs?", "", "", "one or more people (`Lan and Huệ sync`, `everybody syncs`) exchange until nothing is left"),
        ("write_bundle", f"{WHO} writes a bundle", "", "tablet", "all that has not left is written as sealed files onto a stick; no network is needed"),
        ("lose_bundle", f"{WHO} loses the bundle", "", "tablet", "the files that were written last are gone before anybody read them"),
        ("import_bundles", f"{WHO} imports the bundles", "", "console", "every stick is read at the district, old files on it too, and takes the answers"),
        ("read_answer", f"{WHO} reads the answer", "", "tablet", "the tablet reads all answers on its stick, also those that it has read before"),
        ("cut", f"{WHO} syncs and is cut", "", "tablet", "the sync breaks off on the way; what arrived and what did not is left open"),
        ("kill", f"{WHO} is killed", "", "tablet", "the tablet's process ends at once (SIGKILL), as with a dead battery"),
        ("kill_syncing", f"{WHO} is killed while syncing", "", "tablet", "the same, in the middle of an exchange"),
        ("return", f"{WHO} comes back", "", "tablet", "the killed tablet is started again"),
        ("write_report", f"{WHO} writes the report {NAME} of {PERIOD}", "fields", "tablet", "the unit's report of a period: figures computed on the tablet, texts as given"),
        ("approve", f"{WHO} approves {NAME}", "", "", "the head of the unit approves the report"),
        ("hand_in", f"{WHO} hands in {NAME}", "", "", "the approved report is submitted"),
        ("accept", f"{WHO} accepts {NAME}", "", "console", "the district accepts a record or a report"),
        ("give_back", f"{WHO} returns {NAME}", "fields", "console", "the district returns it; `reason` says why"),
        ("acknowledge", f"{WHO} acknowledges {NAME}", "", "console", "the district takes note of an urgent incident"),
        ("keep_copy", f"{WHO} keeps a copy of the tablet", "", "tablet", "the tablet's storage is copied, as a backup; the tablet goes on"),
        ("put_back", f"{WHO} puts the copy back", "", "tablet", "the tablet goes back to the copy that was kept; what it wrote since is no longer on it"),
        ("take_copy", f"{WHO} takes a copy of the tablet of {WHOM}", "", "tablet", "the tablet is thrown away for a copy of the other one, whose officer it then is; both go on"),
        ("back_up", "the server is backed up", "", "", "a backup of the server's database is made"),
        ("restore", "the server is restored", "", "", "the server goes back to its backup, at the same address"),
        ("move", "the server is restored on another machine", "", "", "its machine is lost, keys and all: database and keys come back from the backup, at the same address"),
        ("enrol", f"{WHO} enrols", "", "tablet", "the tablet is enrolled only here; every other one is before the story begins"),
        ("move_officer", f"{WHO} moves {WHOM} to {UNIT}", "", "console", "the administrator ends an officer's roles and gives the same ones in another unit"),
        ("revoke", f"{WHO} revokes the tablet of {WHOM}", "", "console", "the administrator revokes an officer's tablet; it wipes itself when all is handed in"),
        ("take_up", f"{WHO} takes up {NAME}", "", "console", "the district takes up what came of the record from a revoked tablet or without a right"),
        ("change_forms", f"the district changes the form {TYPE}", "fields", "", "the server starts again with other forms; of a field is told `is dropped`, `is called NAME` or `is now KIND`"),
        ("consolidate", f"{WHO} consolidates {PERIOD}", "", "console", "the district's own report of the period is made, as DOCX and XLSX"),
        ("see", f"{WHO} sees {NAME}", "fields", "", "these values must stand on the person's screen now"),
        ("see_question", f"{WHO} sees two answers in {NAME}", "lists", "", "these fields must be open questions there, with these values"),
        ("see_receipt", f"{WHO} sees the receipt of {NAME}", "", "tablet", "the tablet says that the server has the incident"),
        ("see_wiped", f"{WHO} sees that the tablet was revoked", "", "tablet", "the tablet has wiped itself and says so"),
        ("see_copy", f"{WHO} sees that the tablet is a copy", "", "tablet", "the tablet says that it was a copy and is a device of its own"),
        ("see_put_back", f"{WHO} sees that the tablet was put back", "", "tablet", "the tablet says that it was restored or copied, and that nothing is lost"),
        ("see_two", f"{WHO} sees the copy of the tablet of {WHOM}", "", "console", "the page of tablets names the copy, which is a device of its own"),
        ("see_recovered", f"{WHO} sees what the tablet of {WHOM} brought back", "", "console", "the page of the restored server names the tablet that handed back what was forgotten"),
        ("see_known", f"{WHO} sees that the tablet of {WHOM} is known again", "", "console", "the page of the restored server names the tablet, which it had forgotten"),
        ("see_not", f"{WHO} does not see {NAME}", "", "", "the record must not be on the person's screen"),
        ("figure", rf"figure (?P<figure>\w+) of {UNIT} in {PERIOD} is (?P<number>\S+)", "", "", "this figure must come out, by the server's own computation"),
    )
)  # fmt: skip
# Longer sentences first: «is killed while syncing» must not be read as «is killed».
_BY_LENGTH = sorted(SENTENCES, key=lambda s: -len(s.written))


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody in the story; without a tablet they work on the console."""

    name: str
    unit: str
    roles: tuple[str, ...]
    tablet: bool


@dataclass(frozen=True, kw_only=True)
class Step:
    """One sentence of the story, understood. `line` is where it stands (from 1); 0 when it was generated."""

    verb: str
    who: tuple[str, ...] = ()
    whom: str = ""
    name: str = ""
    unit: str = ""
    period: str = ""
    figure: str = ""
    number: str = ""
    type: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A whole story. `today` is the date of the day it plays on."""

    title: str
    about: str
    today: datetime.date
    people: Mapping[str, Person]
    story: Sequence[Step]


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises ScenarioError."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path.name}: not YAML: {error}") from error
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return _scenario(node)
    except ScenarioError as error:
        raise ScenarioError(f"{path.name}{error}" if str(error).startswith(",") else f"{path.name}: {error}") from error


def _at(node: yaml.Node, sentence: str) -> ScenarioError:
    """A mistake at the line of a node; `load` puts the file's name before it."""
    return ScenarioError(f", line {node.start_mark.line + 1}: {sentence}")


def _scenario(node: yaml.Node | None) -> Scenario:
    if not isinstance(node, yaml.MappingNode):
        raise ScenarioError(f"a scenario has {PARTS}")
    parts = {key.value: value for key, value in node.value}
    wanted = {"title", "about", "today", "people", "story"}
    if set(parts) != wanted or len(node.value) != len(wanted):
        odd = ", ".join(sorted(set(parts) ^ wanted)) or "a part that stands twice"
        raise ScenarioError(f"a scenario has {PARTS}; look at: {odd}")
    today = _plain(parts["today"])
    if not isinstance(today, datetime.date) or isinstance(today, datetime.datetime):
        raise _at(parts["today"], "today is a date, as 2022-05-30")
    if not isinstance(parts["people"], yaml.MappingNode):
        raise _at(
            parts["people"], "people are names, each with a unit and roles: «Lan: {unit: …, roles: […], tablet: yes}»"
        )
    people: dict[str, Person] = {}
    for key, told in parts["people"].value:
        if key.value in people:
            raise _at(key, f"{key.value} stands here twice")
        people[key.value] = _person(key, _plain(told))
    if not isinstance(parts["story"], yaml.SequenceNode):
        raise _at(parts["story"], "the story is a list of sentences, each behind «- »")
    told_steps = [(one, _step(one, people)) for one in parts["story"].value]
    _check_names(told_steps)
    _check_batteries(told_steps)
    _check_enrolled(told_steps)
    for one, step in told_steps:
        if step.verb == "figure" and all(person.tablet for person in people.values()):
            raise _at(
                one, "a figure is read off the console, and everybody here has a tablet: add a person without one"
            )
    story = tuple(step for _, step in told_steps)
    return Scenario(
        title=str(_plain(parts["title"])), about=str(_plain(parts["about"])), today=today, people=people, story=story
    )


def _plain(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _as_typed(value: Any) -> Any:
    """Dates as the texts that records hold: YAML reads 2022-05-29 as a date."""
    if isinstance(value, dict):
        return {name: _as_typed(told) for name, told in value.items()}
    if isinstance(value, list):
        return [_as_typed(told) for told in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def _person(key: yaml.Node, told: Any) -> Person:
    name = str(key.value)
    if not isinstance(told, dict) or not {"unit", "roles"} <= set(told) <= {"unit", "roles", "tablet"}:
        raise _at(key, f"{name} needs a unit and roles, and may have a tablet (yes or no)")
    if not isinstance(told["roles"], list) or not told["roles"]:
        raise _at(key, f"{name} needs a list of roles, as [collector]")
    try:
        names.check_person(name, told["unit"], told["roles"])
    except names.Unknown as error:
        raise _at(key, str(error)) from error
    return Person(name=name, unit=told["unit"], roles=tuple(told["roles"]), tablet=bool(told.get("tablet", False)))


def _step(node: yaml.Node, people: Mapping[str, Person]) -> Step:
    body = _as_typed(_plain(node))
    if not isinstance(body, (str, dict)) or (isinstance(body, dict) and len(body) != 1):
        raise _at(node, "a sentence is a text, or a text and its values behind a colon")
    sentence, values = (body, None) if isinstance(body, str) else next(iter(body.items()))
    try:
        return read_sentence(str(sentence), values, people, node.start_mark.line + 1)
    except ScenarioError as error:
        raise _at(node, str(error)) from error


def read_sentence(text: str, values: Any, people: Mapping[str, Person], line: int = 0) -> Step:
    """Understand one sentence. Raises ScenarioError."""
    for sentence in _BY_LENGTH:
        match = re.fullmatch(sentence.pattern, text.strip())
        if match is None:
            continue
        found = match.groupdict()
        who = tuple(_who(found.pop("who"), people)) if "who" in found else ()
        for name in who:
            if sentence.needs == "tablet" and not people[name].tablet:
                raise ScenarioError(f"{name} has no tablet: «{text}»")
            if sentence.needs == "console" and people[name].tablet:
                raise ScenarioError(f"{name} works on a tablet, and this is done on the console: «{text}»")
        if sentence.alone and len(who) > 1:
            raise ScenarioError(f"one person at a time does this: «{text}»")
        if found.get("whom", next(iter(people))) not in people:
            raise ScenarioError(f"nobody is called {found['whom']}; there are {', '.join(people)}")
        _check_values(sentence, text, values)
        return Step(verb=sentence.verb, who=who, values=values or {}, line=line, **found)
    near = difflib.get_close_matches(text, [s.written for s in SENTENCES], n=3, cutoff=0)
    raise ScenarioError(f"«{text}» is no sentence; the nearest are: {'; '.join(near)} (all in docs/scenarios.md)")


def _who(text: str, people: Mapping[str, Person]) -> Iterator[str]:
    if text == "everybody":
        yield from (name for name, person in people.items() if person.tablet)
        return
    for name in re.split(r" and |, ", text):
        if name not in people:
            raise ScenarioError(f"nobody is called {name}; there are {', '.join(people)}")
        yield name


def _check_values(sentence: Sentence, text: str, values: Any) -> None:
    if not sentence.values and values is not None:
        raise ScenarioError(f"«{text}» takes no values")
    if sentence.values and not (isinstance(values, dict) and values):
        raise ScenarioError(f"«{text}» needs values behind a colon, as {{field: value}}")
    empty = [name for name, value in (values or {}).items() if value is None]
    if empty:
        raise ScenarioError(f"«{text}»: {empty[0]} has no value; a text with a comma in it stands in quotes")
    if sentence.values == "lists" and not all(isinstance(value, list) for value in values.values()):
        raise ScenarioError(f"«{text}» needs a list of answers for each field")


def _check_names(story: Sequence[tuple[yaml.Node, Step]]) -> None:
    """Every record is entered, once, before it is spoken of; its type, fields and choices are the catalogue's."""
    known: dict[str, str] = {}
    renamed: dict[str, dict[str, str]] = {}
    for node, step in story:
        try:
            if step.verb == "change_forms":
                names.check_forms(step.type, step.values)
                renamed.setdefault(step.type, {}).update(forms.new_names(step.values))
                continue
            if step.verb == "figure":
                names.check_figure(step.figure, step.unit)
            if step.period:
                names.check_period(step.period)
            if not step.name:
                continue
            if step.verb in MAKES:
                if step.name in known:
                    raise _at(node, f"{step.name} is entered twice")
                known[step.name] = _type_of(step)
            elif step.name not in known:
                raise _at(node, f"nobody has entered {step.name} yet")
            if step.verb == "give_back":
                if set(step.values) != {"reason"}:
                    raise _at(node, "a return has one value, the reason: «{reason: …}»")
            elif step.values:
                was = renamed.get(known[step.name], {})
                fields = {was.get(field, field): value for field, value in step.values.items() if field != "type"}
                names.check_fields(known[step.name], fields, lists=step.verb == "see_question")
        except names.Unknown as error:
            raise _at(node, str(error)) from error


def _type_of(step: Step) -> str:
    """The record type that a step makes. Raises names.Unknown."""
    if step.verb == "write_report":
        return "periodic_report"
    if step.verb == "report_incident":
        return "gbv_incident"
    return names.check_type(step.values.get("type"))


def _check_batteries(story: Sequence[tuple[yaml.Node, Step]]) -> None:
    """A tablet that was killed does nothing until it comes back."""
    dead: set[str] = set()
    for node, step in story:
        for name in step.who:
            if step.verb == "return":
                if name not in dead:
                    raise _at(node, f"{name}'s tablet is running; only one that was killed comes back")
                dead.discard(name)
            elif name in dead and step.verb not in ("offline", "online"):
                raise _at(node, f"{name}'s tablet was killed; «{name} comes back» must stand before this")
            if step.verb in ("kill", "kill_syncing"):
                dead.add(name)


def later(story: Sequence[Step]) -> frozenset[str]:
    """Whose tablet the story itself enrols."""
    return frozenset(name for step in story if step.verb == "enrol" for name in step.who)


def _check_enrolled(story: Sequence[tuple[yaml.Node, Step]]) -> None:
    """A tablet does nothing before it is enrolled, once."""
    waiting = set(later([step for _, step in story]))
    for node, step in story:
        for name in step.who:
            if step.verb == "enrol" and name not in waiting:
                raise _at(node, f"{name}'s tablet is enrolled already")
            if step.verb != "enrol" and name in waiting:
                raise _at(node, f"{name}'s tablet is enrolled only further down")
        waiting -= set(step.who)
