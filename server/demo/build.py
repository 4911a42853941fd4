"""Tells the story once, from an empty folder to a district with two years of records.

Two communes are at work at a time, each on a tablet process of its own that exchanges with the real server process; the bodies of the
district and the district itself work meanwhile at the console's functions. The server is started anew for each chapter, since its
clock stands at the chapter's time.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from server.config import Config
from server.demo.draw import Draft, draw_chapter
from server.demo.office import INCIDENT, Office
from server.demo.processes import ServerProcess, TabletProcess, go_on
from server.demo.story import Chapter, Person, Story
from server.services import services
from shared.catalogue import Catalogue

AT_ONCE: Final = 2
"""Tablets at work at a time: the demo is built on two cores, and the server wants a part of them."""

WRITTEN: Final = ("approved", "submitted", "accepted", "returned")
LEFT_OPEN: Final = 3
"""The last records of a unit that is still drafting its report stay drafts."""

Tell = Callable[[str], None]

__all__ = ["Builder"]


class Builder:
    """Builds one demo in a folder: ``server/`` and ``tablets/NAME/``. Tablets are told that the server is at ``port``."""

    def __init__(self, folder: Path, story: Story, *, port: int, tell: Tell) -> None:
        self.folder, self.story, self.port, self.tell = folder, story, port, tell
        self.ids: dict[str, str] = {}
        """Key of a drawn record → its id."""
        self.keys: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        """Unit → type → keys, in the order of typing."""
        self.lock = threading.Lock()

    def build(self) -> None:
        """Tell all chapters. Raises Refused or SenError where the story cannot be told."""
        config = Config(var=self.folder / "server", today=self.story.chapters[0].at)
        self.office = Office(config, self.story)
        self.catalogue: Catalogue = services(self.office.app).catalogue
        self.office.add_people()
        for number, chapter in enumerate(self.story.chapters, 1):
            self.heading = f"{number}/{len(self.story.chapters)} · {chapter.at:%d/%m/%Y}"
            self.tell(self.heading)
            self.office.set_clock(chapter.at)
            with self._serving(chapter) as server:
                if chapter.last_morning:
                    self._last_morning(chapter, server)
                else:
                    self._chapter(chapter, server)
        self.office.close()

    @contextmanager
    def _serving(self, chapter: Chapter) -> Iterator[ServerProcess]:
        """The server at a chapter's time; it starts while the first tablets are being typed into."""
        server = ServerProcess(self.folder / "server", chapter.at, port=self.port, log=self.folder / "server.log")
        server.begin()
        try:
            yield server
        finally:
            server.end()

    def _ready(self, server: ServerProcess) -> str:
        with self.lock:
            return server.wait_ready()

    # a chapter

    def _chapter(self, chapter: Chapter, server: ServerProcess) -> None:
        works: list[Callable[[], None]] = [lambda unit=unit: self._commune(chapter, unit, server) for unit in chapter.communes]  # type: ignore[misc]
        if chapter.bodies:
            works.insert(0, lambda: self._bodies(chapter))
        self._all_of(works, AT_ONCE + bool(chapter.bodies))
        for unit in chapter.communes:
            self.office.acknowledge(unit, [self.ids[key] for key in self.keys[unit][INCIDENT] if f"/{chapter.period}/" in key])
        if not chapter.reports:
            return
        states = {unit: chapter.report_of(unit) for unit in (*chapter.communes, *chapter.bodies)}
        for unit, count in chapter.returned_records.items():
            sent = [self.ids[key] for key in self.keys[unit]["communication_activity"] if f"/{chapter.period}/" in key]
            self.office.send_back(sent[1 : 1 + count], self.story.told["why_record_returned"])
        self.office.judge_reports(states, chapter.period, self.story.told["why_report_returned"])
        if chapter.consolidate:
            self.office.consolidate(chapter.period)

    def _all_of(self, works: Sequence[Callable[[], None]], at_once: int) -> None:
        """Do all works, so many at a time; the first that fails ends them."""
        pool = ThreadPoolExecutor(at_once)
        try:
            futures: list[Future[None]] = [pool.submit(work) for work in works]
            pending: set[Future[None]] = set(futures)
            while pending and not any(one.done() and one.exception() for one in futures):
                pending = wait(pending, timeout=0.5, return_when=FIRST_EXCEPTION).not_done
            for one in futures:
                if one.done():
                    one.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    # communes, on tablets

    def _open(self, person: Person, chapter: Chapter, server: ServerProcess) -> TabletProcess:
        tablet = TabletProcess(self.folder / "tablets" / person.tablet, chapter.at)
        tablet.__enter__()
        address = self._ready(server)
        if tablet.told["enrolled"]:
            tablet.ask("unlock", pin=self.story.pin)
        else:
            tablet.ask("enrol", address=address, code=self.office.enrolment_code(person), pin=self.story.pin, name=person.tablet)
        tablet.ask("sync")
        return tablet

    def _commune(self, chapter: Chapter, unit: str, server: ServerProcess) -> None:
        person, wanted = self.story.officer(unit), chapter.report_of(unit)
        tablet = self._open(person, chapter, server)
        try:
            self._type_in(tablet, chapter, unit, leave_open=LEFT_OPEN if wanted == "draft" else 0)
            texts = self._narratives("communes", unit, chapter)
            report = tablet.ask("report", period=chapter.period, values=texts)["record"] if wanted else ""
            tablet.ask("sync")
            if wanted in WRITTEN:
                self.office.approve(self.story.lead(unit), chapter.period)
                if wanted != "approved":
                    tablet.ask("sync")
                    tablet.ask("go", record=report, to="submitted", keep=self.story.told["keep"])
                    tablet.ask("sync")
        finally:
            tablet.__exit__()
        self.tell(f"{self.heading} · {self.catalogue.units[unit].short}")

    def _type_in(self, tablet: TabletProcess, chapter: Chapter, unit: str, *, leave_open: int) -> None:
        """Type the drawn records into a tablet and submit them; the last ones may stay drafts."""
        drafts = self._draw(chapter, unit)
        for number, draft in enumerate(drafts):
            record = tablet.ask("enter", type=draft.type, values=self._named(draft.values))["record"]
            self.ids[draft.key] = record
            if number < len(drafts) - leave_open:
                tablet.ask("submit", record=record, keep=self.story.told["keep"])

    def _draw(self, chapter: Chapter, unit: str) -> list[Draft]:
        with self.lock:
            drafts = draw_chapter(self.catalogue, self.story.templates, chapter, unit, seed=self.story.seed, known=self.keys[unit])
            for draft in drafts:
                self.keys[unit][draft.type].append(draft.key)
        return drafts

    def _named(self, value: Any) -> Any:
        """A drawn value with the ids of the records that it names."""
        if isinstance(value, Mapping):
            return self.ids[value["~ref"]] if "~ref" in value else {code: self._named(one) for code, one in value.items()}
        return [self._named(one) for one in value] if isinstance(value, list) else value

    def _narratives(self, kind: str, unit: str, chapter: Chapter) -> dict[str, str]:
        name = self.catalogue.units[unit].name.vi
        turn = self.story.turn_of(unit, chapter.period)
        told = self.story.narratives[kind].items()
        texts = {code: some[unit] if isinstance(some, Mapping) else some[turn % len(some)] for code, some in told}
        return {code: text.format(unit=name) for code, text in texts.items()}

    # bodies of the district, at the console

    def _bodies(self, chapter: Chapter) -> None:
        for unit in chapter.bodies:
            person = self.story.officer(unit)
            for draft in self._draw(chapter, unit):
                go_on()
                self.ids[draft.key] = self.office.enter(person, draft.type, self._named(draft.values))
            wanted = chapter.report_of(unit)
            if wanted:
                self.office.write_report(person, chapter.period, self._narratives("bodies", unit, chapter))
            if wanted in WRITTEN:
                self.office.approve(person, chapter.period)
            if wanted in WRITTEN and wanted != "approved":
                self.office.send_report(person, chapter.period)

    # the last morning

    def _last_morning(self, chapter: Chapter, server: ServerProcess) -> None:
        self._all_of([lambda: self._conflicts(chapter, server), lambda: self._incident(chapter, server)], AT_ONCE)

    def _conflicts(self, chapter: Chapter, server: ServerProcess) -> None:
        """Two officers write apart on one field, both out of reach, and exchange one after the other."""
        unit = self.story.told["conflict_unit"]
        first = self._open(self.story.officer(unit), chapter, server)
        second = self._open(self.story.second(unit), chapter, server)
        try:
            used: list[str] = []
            for tablet in (first, second):
                tablet.ask("offline", on=True)
            for told in self.story.told["conflicts"]:
                key = next(key for key in reversed(self.keys[unit][told["type"]]) if key not in used)
                used.append(key)
                for tablet, value in ((first, told["first"]), (second, told["second"])):
                    tablet.ask("change", record=self.ids[key], values={told["field"]: value})
            for tablet in (first, second):
                tablet.ask("offline", on=False)
            for tablet in (first, second, first):
                tablet.ask("sync")
        finally:
            second.__exit__()
            first.__exit__()
        self.tell(f"{self.heading} · {self.catalogue.units[unit].short}")

    def _incident(self, chapter: Chapter, server: ServerProcess) -> None:
        told = self.story.told["incident"]
        tablet = self._open(self.story.officer(told["unit"]), chapter, server)
        try:
            record = tablet.ask("enter", type=INCIDENT, values=told["values"])["record"]
            tablet.ask("submit", record=record, keep=self.story.told["keep"])
            tablet.ask("sync", urgent=True)
            tablet.ask("sync")
        finally:
            tablet.__exit__()
        self.tell(f"{self.heading} · {self.catalogue.units[told['unit']].short}")
