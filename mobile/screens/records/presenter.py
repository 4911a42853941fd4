"""«Danh sách»: where is it? Search without tone marks as one types; chips for state and period."""

from collections.abc import Sequence
from dataclasses import dataclass

from mobile.index import Entry
from mobile.tablet import Tablet
from mobile.unfinished import unfinished
from shared.labels import date_text, number_text
from shared.text import fold

__all__ = ["Chip", "RecordRow", "RecordsPresenter"]

TONES = {"returned": "soon", "accepted": "good", "submitted": "accent", "approved": "accent"}


@dataclass(frozen=True, kw_only=True)
class RecordRow:
    """One line of the list; ``record`` is the id that «form» is told, ``type`` the record's type."""

    record: str
    type: str
    words: str
    below: str
    figure: str
    pill: str
    tone: str


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One narrowing: ``code`` is what ``toggle`` is told."""

    code: str
    words: str
    chosen: bool


class RecordsPresenter:
    """Answers: where is it? One type's records, the newest first."""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet
        self.type = ""
        self.text = ""
        self.chosen: set[str] = set()
        self.only: frozenset[str] | None = None
        self.heading = ""
        self.count = 0

    def show(self, type: str = "", state: str = "", *, only: Sequence[str] = (), heading: str = "") -> None:
        """Show a type's records («» all types), at first only those of a state where one is named; with ``only`` just these."""
        self.type, self.text, self.heading = type, "", heading
        self.only = frozenset(only) if heading else None
        self.chosen = {f"state:{state}"} if state else set()

    @property
    def title(self) -> str:
        """The type's name, that of all records, or what the records named by ``only`` are behind."""
        if self.heading:
            return self.heading
        types = self.tablet.catalogue.types
        return types[self.type].label.get(self.tablet.language) if self.type in types else self.tablet.say("all_records")

    def search(self, text: str) -> None:
        """Narrow by a text."""
        self.text = text

    def toggle(self, code: str) -> None:
        """Choose a chip, or give it up; of two chips of one kind the later one stands."""
        if code in self.chosen:
            self.chosen.remove(code)
            return
        kind = code.partition(":")[0]
        self.chosen = {one for one in self.chosen if not one.startswith(f"{kind}:")} | {code}

    def chips(self) -> list[Chip]:
        """The states that occur, what is in question, and the running periods."""
        say, language, catalogue = self.tablet.say, self.tablet.language, self.tablet.catalogue
        chips = []
        for state in self.tablet.index.states(self.type):
            flow = catalogue.types[self.type].flow if self.type in catalogue.types else "record"
            label = catalogue.flows[flow].states.get(state) or catalogue.flows["record"].states.get(state)
            chips.append((f"state:{state}", label.get(language) if label else state))
        if self.tablet.index.asked(self.type):
            chips.append(("open:1", say("two_answers")))
        if any(self.type in ("", one.type) for one in unfinished(self.tablet)):
            chips.append(("draft:1", say("not_finished")))
        for period in catalogue.periods.of(self.tablet.clock.today(), "half_year"):
            chips.append((f"period:{period.code}", period.label.get(language)))
        return [Chip(code=code, words=words, chosen=code in self.chosen) for code, words in chips]

    def rows(self) -> list[RecordRow]:
        """The records that are left, the newest first; above them those that stand in a draft alone."""
        told = dict(code.split(":", 1) for code in self.chosen)
        found = self.tablet.index.find(self.type, self.text, state=told.get("state", ""), open_only="open" in told)
        if "period" in told:
            period = self.tablet.catalogue.periods.get(told["period"])
            found = [entry for entry in found if entry.day and period.starts.isoformat() <= entry.day[:10] <= period.ends.isoformat()]
        drafts, waiting = self.tablet.drafts.records(), {record for record, _, _ in self.tablet.store.outbox.unsent_records()}
        if "draft" in told:
            found = [entry for entry in found if entry.id in drafts]
        if self.only is not None:
            found = [entry for entry in found if entry.id in self.only]
        rows = [self._row(entry, draft=entry.id in drafts, waits=entry.id in waiting) for entry in found]
        if told.keys() <= {"draft"} and self.only is None:
            rows = self._drafts() + rows
        self.count = len(rows)
        return rows

    def _drafts(self) -> list[RecordRow]:
        """The records of which nothing is in the log yet."""
        words, held = fold(self.text).split(), self.tablet.index.entry
        return [
            RecordRow(
                record=one.record, type=one.type, words=one.title, below=date_text(one.day) if one.day else "", figure="",
                pill=self.tablet.say("not_finished"), tone="soon",
            )
            for one in unfinished(self.tablet)
            if self.type in ("", one.type) and held(one.record) is None and all(word in fold(one.title) for word in words)
        ]  # fmt: skip

    def said(self) -> str:
        """How many records ``rows`` gave last."""
        return self.tablet.say("records_found", count=self.count)

    def _row(self, entry: Entry, *, draft: bool, waits: bool) -> RecordRow:
        record_type = self.tablet.catalogue.all_types[entry.type]
        say, language = self.tablet.say, self.tablet.language
        pill, tone = self.tablet.state_words(record_type, entry.state), TONES.get(entry.state, "plain")
        if entry.questions:
            pill, tone = say("two_answers"), "soon"
        elif draft:
            pill, tone = say("not_finished"), "soon"
        elif waits and entry.state == "submitted":
            pill, tone = say("state_waits"), "soon"
        elif waits:
            pill = say("state_unsent", state=pill)
        parts = [date_text(entry.day)] if entry.day else []
        if not self.type:
            parts.insert(0, record_type.label.get(language))
        if entry.unit != self.tablet.who.unit:
            parts.append(self.tablet.unit_words(entry.unit))
        figure = number_text(entry.figure) if isinstance(entry.figure, int | float) else ""
        return RecordRow(
            record=entry.id, type=entry.type, words=entry.title, below=" · ".join(parts), figure=figure, pill=pill, tone=tone
        )  # fmt: skip
