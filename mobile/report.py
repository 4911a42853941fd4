"""The unit's periodic report on the tablet: figures reckoned here without a network, last period beside, approval, sending.

The figures are frozen when the lead approves: from then on the report shows what was frozen, and says beside it what has changed since.
"""

from typing import TYPE_CHECKING, Any

from mobile.duties import due_periods
from mobile.form import Form
from shared.corrections import apply_corrections, corrections_of
from shared.errors import SenError
from shared.figure_text import figure_text
from shared.figures import Figures
from shared.indicator_plan import plan_of
from shared.indicators import CountedReport, compute
from shared.labels import date_text
from shared.periods import Period
from sync.view import Sealed, plain

if TYPE_CHECKING:
    from mobile.index import Entry
    from mobile.tablet import Tablet

TYPE = "periodic_report"
SENT = frozenset({"submitted", "accepted", "consolidated"})
FROZEN = frozenset({"approved"}) | SENT
KINDS = {"half_year": "half_year", "year": "year", "campaign": "action_month"}
"""Kind of period → kind of report."""

__all__ = ["ReportWork"]


class ReportWork:
    """One period's report at hand; ``open`` comes first."""

    def __init__(self, tablet: "Tablet") -> None:
        self.tablet = tablet
        self._form: Form | None = None
        self._period: Period | None = None
        self._now: Figures | None = None
        self._before: Figures | None = None

    # which report

    @staticmethod
    def periods(tablet: "Tablet") -> list[tuple[str, str, str, str]]:
        """The periods that are due or running and those with a report here: (code, words, state, record or "")."""
        held = {str(entry.facts.get("period")): entry for entry in tablet.index.find(TYPE)}
        today, periods = tablet.clock.today(), tablet.catalogue.periods
        running = [*periods.of(today, "half_year"), *periods.of(today, "year"), *due_periods(tablet, today)]
        codes = {period.code: period for period in running}
        for code in held:
            if code not in codes:
                try:
                    codes[code] = periods.get(code)
                except KeyError:
                    continue
        record_type = tablet.catalogue.types[TYPE]
        rows = []
        for period in sorted(codes.values(), key=lambda one: one.ends, reverse=True):
            entry = held.get(period.code)
            state = tablet.say("not_begun") if entry is None else tablet.state_words(record_type, entry.state)
            rows.append((period.code, period.label.get(tablet.language), state, "" if entry is None else entry.id))
        return rows

    def open(self, *, record: str = "", period: str = "") -> Form:
        """Open a report by its record, or a period's: the one that is here, else a new one. Raises SenError("unknown_period")."""
        if not record:
            entry = self._entry(period)
            record = "" if entry is None else entry.id
        if record:
            self._form = self.tablet.forms.open(record)
            period = str(self._form.values.get("period") or period)
        try:
            self._period = self.tablet.catalogue.periods.get(period)
        except KeyError as error:
            raise SenError("unknown_period") from error
        if self._form is None:
            values = {"period": period, "kind": KINDS.get(self._period.kind, "half_year")}
            self._form = self.tablet.forms.start(TYPE, values)
        return self._form

    def _entry(self, period: str) -> "Entry | None":
        found = self.tablet.index.find(TYPE)
        return next((entry for entry in found if entry.facts.get("period") == period and entry.unit == self.tablet.who.unit), None)

    @property
    def form(self) -> Form:
        """The report's form. Raises SenError("nothing_open")."""
        if self._form is None:
            raise SenError("nothing_open")
        return self._form

    @property
    def period(self) -> Period:
        """The report's period. Raises SenError("nothing_open")."""
        if self._period is None:
            raise SenError("nothing_open")
        return self._period

    # words

    def due_words(self) -> str:
        """«Hạn 01/06/2022 · còn 2 ngày · đã soạn 5/6 phần»."""
        say, due, parts = self.tablet.say, self.period.due, []
        if due is not None:
            days = (due - self.tablet.clock.today()).days
            left = say("days_late", days=-days) if days < 0 else say("days_left", days=days)
            parts.append(say("due_on", day=date_text(due), left=left))
        sections = [section for section in self.form.type.sections if not section.folded]
        done = sum(any(self.form.values.get(code) not in (None, "", []) for code in section.fields) for section in sections)
        return " · ".join([*parts, say("parts_done", done=done, all=len(sections))])

    def state_words(self) -> str:
        """What has become of it, with the reason where it was returned."""
        words = self.tablet.state_words(self.form.type, self.form.state)
        if self.form.state != "returned":
            return words
        reason = self.form.values.get("return_reason") or self.tablet.forms.reason(self.form.record, "state")
        return f"{words}: {reason}" if reason else words

    # figures

    def compute(self) -> None:
        """Reckon this period's figures and the previous one's from the records on this tablet."""
        records = self._records()
        self._now = self._figures(records, self.period)
        before = self.tablet.catalogue.periods.get(self.period.previous)
        self._before = self._frozen_of(before.code) or self._figures(records, before)

    def _records(self) -> list[dict[str, Any]]:
        """The records of this tablet as the indicators take them; sealed values are not in them."""
        store, catalogue, found = self.tablet.store, self.tablet.catalogue, []
        ids = store.records()
        told = store.told(ids)
        for record in ids:
            state = store.shown_of(record, told.get(record))
            record_type = None if state is None else catalogue.all_types.get(state.type)
            if state is None or record_type is None or state.withdrawn:
                continue
            values = {code: value for code, value in plain(state, record_type).items() if not isinstance(value, Sealed)}
            stands = values.get("state") or catalogue.flows[record_type.flow].start
            found.append({"id": record, "type": state.type, "unit": state.unit, "state": stands, "values": values})
        return found

    def _figures(self, records: list[dict[str, Any]], period: Period) -> Figures:
        unit, catalogue = self.tablet.who.unit, self.tablet.catalogue
        earlier = []
        for record in records:
            raw = record["values"].get("figures")
            if record["type"] != TYPE or record["state"] not in SENT or not isinstance(raw, dict) or not raw.get("own"):
                continue
            if not catalogue.periods.knows(record["values"].get("period", "")):
                continue
            covered = catalogue.periods.get(record["values"]["period"])
            if covered.ends < period.starts:
                ids = frozenset(Figures.from_plain(raw).record_ids())
                starts, ends = covered.starts.isoformat(), covered.ends.isoformat()
                earlier.append(CountedReport(unit=record["unit"], starts=starts, ends=ends, records=ids))
        figures = compute(catalogue, records, units=[unit], period=period, earlier=earlier, declared=self._declared(period))
        if period.code != self.period.code:
            return figures
        corrected = corrections_of(self.form.values)
        return apply_corrections(catalogue, figures, {unit: corrected}) if corrected else figures

    def _declared(self, period: Period) -> dict[str, frozenset[str]] | None:
        """What this report declares as not having occurred, while it is still being written."""
        if period.code != self.period.code:
            return None
        return {self.tablet.who.unit: frozenset(self.form.values.get("zero_declared") or ())}

    def _frozen_of(self, period: str) -> Figures | None:
        entry = self._entry(period)
        state = None if entry is None else self.tablet.store.show(entry.id)
        value = None if state is None else state.current("figures")
        return _read(None if value is None else value.value)

    @property
    def frozen(self) -> Figures | None:
        """The figures that were frozen with the report; None while it is being written."""
        return _read(self.form.values.get("figures")) if self.form.state in FROZEN else None

    def _present(self) -> Figures:
        if self._now is None:
            self.compute()
        assert self._now is not None
        return self._now

    def rows(self) -> list[tuple[str, str, str, str, str, tuple[str, ...]]]:
        """The figures that say anything: (code, label, unit, value, previous value, records)."""
        figures, language, unit = self.frozen or self._present(), self.tablet.language, self.tablet.who.unit
        self._present()
        rows = []
        for code, indicator in plan_of(self.tablet.catalogue).indicators.items():
            figure = figures.of(code, unit)
            before = self._before.of(code, unit) if self._before is not None else None
            if figure.value is None and (before is None or before.value is None) and not figure.suppressed:
                continue
            told = "" if before is None else figure_text(before, indicator, lang=language)
            words, unit_words = indicator.label.get(language, ""), indicator.unit.get(language, "")
            value = figure_text(figure, indicator, lang=language)
            rows.append((code, words, unit_words, value, told, figure.records))
        return rows

    def changed(self) -> list[str]:
        """Figures that differ now from the frozen ones, in words; empty while nothing is frozen."""
        frozen, unit, language = self.frozen, self.tablet.who.unit, self.tablet.language
        if frozen is None:
            return []
        told = []
        for code, indicator in plan_of(self.tablet.catalogue).indicators.items():
            then, now = frozen.of(code, unit), self._present().of(code, unit)
            if then.value != now.value:
                facts = {"was": figure_text(then, indicator, lang=language), "now": figure_text(now, indicator, lang=language)}
                told.append(self.tablet.say("figure_changed", figure=indicator.label.get(language), **facts))
        return told

    # declarations and narratives

    def zeros(self) -> list[tuple[str, str, bool, int]]:
        """What may be declared as not having occurred: (code, words, declared, how many records say otherwise)."""
        language, declared = self.tablet.language, self.form.values.get("zero_declared") or []
        starts, ends = self.period.starts.isoformat(), self.period.ends.isoformat()
        rows = []
        for choice in self.form.type.fields["zero_declared"].choices:
            count = sum(starts <= entry.day[:10] <= ends for entry in self.tablet.index.entries(choice.code))
            rows.append((choice.code, choice.label.get(language), choice.code in declared, count))
        return rows

    def declare(self, code: str, on: bool) -> None:
        """Declare that nothing of a kind occurred, or take it back. Raises SenError: ``zero_has_records``, ``report_frozen``."""
        self._writable()
        held = set(self.form.values.get("zero_declared") or [])
        if on and any(row[0] == code and row[3] for row in self.zeros()):
            raise SenError("zero_has_records")
        self.form.answer("zero_declared", sorted(held | {code} if on else held - {code}))
        self.tablet.forms.autosave(self.form)
        self._now = None

    def _writable(self) -> None:
        if self.form.state in SENT:
            raise SenError("report_frozen")

    def narrative_before(self, field: str) -> str:
        """Last period's text of a narrative; "" where there is none."""
        entry = self._entry(self.period.previous)
        state = None if entry is None else self.tablet.store.show(entry.id)
        value = None if state is None else state.current(self.form.type.path_of(field))
        return str(value.value) if value is not None and isinstance(value.value, str) else ""

    # approval and sending

    def moves(self) -> list[str]:
        """The states to which this officer may move the report now, the one that leads on first."""
        flow = self.tablet.catalogue.flows[self.form.type.flow]
        return [move.to for move in flow.moves_from(self.form.state, self.tablet.who.roles)]

    def go_to(self, to: str, *, reckoned: bool = False) -> None:
        """Move the report; when it is approved the figures are frozen as ``compute`` has just ``reckoned`` them, else reckoned anew.

        Raises:
            SenError: ``no_right``, ``submit_not_ready``, ``tablet_full``.
        """
        if to not in self.moves():
            raise SenError("no_right")
        form = self.form
        if to == "approved":
            if not reckoned:
                self.compute()
            form.answer("figures", self._present().plain())
        self.tablet.forms.go(form, to)
        self._form = self.tablet.forms.open(form.record)


def _read(raw: Any) -> Figures | None:
    return Figures.from_plain(raw) if isinstance(raw, dict) and raw.get("own") else None
