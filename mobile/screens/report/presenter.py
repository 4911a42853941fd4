"""«Báo cáo»: can I send it? Parts done, figures with last period beside them, last period's words at hand, the lead's approval."""

from dataclasses import dataclass
from typing import Any

from mobile.report import ReportWork
from mobile.screens.form.presenter import FormPresenter, Move
from mobile.tablet import Tablet
from shared.errors import SenError

__all__ = ["FigureRow", "PeriodChoice", "ReportPresenter", "ZeroChoice"]


@dataclass(frozen=True, kw_only=True)
class FigureRow:
    """One figure: label, unit, value, and last period's; ``records`` are behind it."""

    code: str
    words: str
    unit: str
    value: str
    before: str
    records: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ZeroChoice:
    """One thing that may be declared as not having occurred; ``count`` says what the records say."""

    code: str
    words: str
    declared: bool
    count: int


@dataclass(frozen=True, kw_only=True)
class PeriodChoice:
    """One period whose report may be written or read."""

    code: str
    words: str
    below: str
    record: str


class ReportPresenter:
    """Answers: can I send it? ``form`` is the report's form: its narratives are fields like any others."""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet
        self.form = FormPresenter(tablet)
        self.work: ReportWork | None = None

    def periods(self) -> list[PeriodChoice]:
        """The periods that are due or running, and those whose reports are here, the newest first."""
        told = ReportWork.periods(self.tablet)
        return [PeriodChoice(code=code, words=words, below=below, record=record) for code, words, below, record in told]

    def show(self, record: str = "", period: str = "") -> str:
        """Open a period's report, a new one where there is none; gives its record id. Raises SenError("unknown_period")."""
        self.work = ReportWork(self.tablet)
        self.form.form = self.work.open(record=record, period=period)
        return self.form.record

    @property
    def open_work(self) -> ReportWork:
        """The report at hand. Raises SenError("nothing_open")."""
        if self.work is None:
            raise SenError("nothing_open")
        return self.work

    @property
    def title(self) -> str:
        """«Báo cáo 06 tháng đầu năm 2022»."""
        return self.open_work.period.label.get(self.tablet.language)

    def due(self) -> str:
        """«Hạn 01/06/2022 · còn 2 ngày · đã soạn 5/6 phần»."""
        return self.open_work.due_words()

    def state(self) -> str:
        """What has become of it, with the reason where it was returned."""
        return self.open_work.state_words()

    def compute(self) -> None:
        """Reckon the figures from the records on this tablet; seconds with many records, so run it outside the window's thread."""
        self.open_work.compute()

    def figures(self) -> list[FigureRow]:
        """The figures: those that were frozen when the report was sent, else as they are now."""
        return [
            FigureRow(code=code, words=words, unit=unit, value=value, before=before, records=records)
            for code, words, unit, value, before, records in self.open_work.rows()
        ]

    def changed(self) -> list[str]:
        """Figures that differ now from the frozen ones, in words («số liệu đã thay đổi»)."""
        return self.open_work.changed()

    def zeros(self) -> list[ZeroChoice]:
        """«Kỳ này không phát sinh»: each thing that may be declared, with what the records say."""
        told = self.open_work.zeros()
        return [ZeroChoice(code=code, words=words, declared=declared, count=count) for code, words, declared, count in told]

    def declare(self, code: str, on: bool) -> None:
        """Declare that nothing of a kind occurred, or take it back. Raises SenError("zero_has_records")."""
        self.open_work.declare(code, on)

    def narrative_before(self, field: str) -> str:
        """Last period's text of a narrative; "" where there is none."""
        return self.open_work.narrative_before(field)

    def write(self, field: str, value: Any) -> None:
        """Write a field of the report; kept at once."""
        self.form.set(field, value)

    def moves(self) -> list[Move]:
        """What this officer may do now: approve, send, take back to draft; the one that leads on stands first."""
        return [Move(to, self.tablet.move_words(self.open_work.form.type, to)) for to in self.open_work.moves()]

    @property
    def needs_lead(self) -> bool:
        """Whether the report waits for an approval that this officer cannot give."""
        return self.open_work.form.state in ("draft", "returned") and not any(move.to == "approved" for move in self.moves())

    def go_to(self, to: str, *, reckoned: bool = False) -> None:
        """Approve, send, or take back; the figures are frozen when the lead approves: as ``reckoned`` just now, else reckoned anew.

        Raises:
            SenError: ``submit_not_ready``, ``no_right``, ``tablet_full``.
        """
        self.open_work.go_to(to, reckoned=reckoned)
        self.form.form = self.open_work.form
