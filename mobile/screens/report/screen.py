"""«Báo cáo»: the figures beside last period's, the narratives, «Kỳ này không phát sinh», approval and sending."""

from collections.abc import Callable
from typing import Any

from kivy.metrics import dp, sp
from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout

from mobile.screens.form.screen import FormBody, SectionButton
from mobile.screens.page import Page
from mobile.screens.report.presenter import FigureRow, PeriodChoice, ReportPresenter, ZeroChoice
from mobile.widgets.basics import Card, Chip, Column, Flow, Link, PressCard, RoundButton, Scroll, Words
from mobile.widgets.field import Note
from shared.errors import SenError

FIGURES = "@figures"
"""The tab of the figures; the others are the sections of the form."""

__all__ = ["ReportScreen"]


class FigureLine(ButtonBehavior, BoxLayout):
    """One figure: now and last period."""

    words = StringProperty("")
    value = StringProperty("")
    before = StringProperty("")
    heading = BooleanProperty(False)
    leads = BooleanProperty(False)
    """True: there are records behind the figure, and pressing it shows them."""


class ReportList(Scroll):
    """The periods to choose from."""


class ReportScreen(Page):
    """One period's report, or the choice of a period."""

    presenter: ReportPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.list, self.body = ReportList(), FormBody()
        self.grid = self.body.ids.grid
        self.extra = Column(spacing=dp(12))
        self.body.ids.notices.parent.add_widget(self.extra, index=1)
        self.tab = FIGURES
        self.body.bind(wide=lambda *_: self._fit())

    def enter(self, *, record: str = "", period: str = "", **where: Any) -> None:
        """Open a report, or ask for its period."""
        self.ids.body.clear_widgets()
        self._drawn.clear()
        if not record and not period:
            self.where = {}
            self._periods()
            return
        try:
            self.where = {"record": self.presenter.show(record, period)}
        except SenError as error:
            self.shell.tell(error)
            self.shell.back()
            return
        self.ids.body.add_widget(self.body)
        self.title, self.tab = self.presenter.title, FIGURES
        self.tabs: dict[str, SectionButton] = {}
        self.body.ids.tabs.clear_widgets()
        for code in (FIGURES, *(tab.code for tab in self.presenter.form.sections())):
            self.tabs[code] = self._tab(code)
        self._fit()
        self.computed = False
        self.figures: list[FigureRow] = []
        self.changes: list[str] = []
        self._reckon()
        self.news()

    def _reckon(self, then: Callable[[], None] = lambda: None) -> None:
        """Reckon the figures outside the window's thread, show them, and do what waits for them."""
        record = self.where["record"]
        self.shell.work(self.presenter.compute, lambda result: self._computed(record, result, then))

    def _periods(self) -> None:
        self.title, self.status = self.shell.say("mobile.report.title"), ""
        self.ids.body.add_widget(self.list)
        column = self.list.ids.periods
        column.clear_widgets()
        column.add_widget(Words(role="head", text=self.shell.say("mobile.report.which")))
        for choice in self.presenter.periods():
            column.add_widget(self._period(choice))

    def _period(self, choice: PeriodChoice) -> PressCard:
        card = PressCard()
        card.add_widget(Words(role="strong", text=choice.words))
        card.add_widget(Words(role="small", text=choice.below))
        where = {"record": choice.record} if choice.record else {"period": choice.code}
        card.bind(on_release=lambda *_: self.shell.go("report", **where))
        return card

    def _tab(self, code: str) -> SectionButton:
        button = SectionButton()
        button.bind(on_release=lambda *_: self.choose(code))
        self.body.ids.tabs.add_widget(button)
        return button

    def _fit(self) -> None:
        for button in getattr(self, "tabs", {}).values():
            button.size_hint_x = 1 if self.body.wide else None
            button.width = sp(176)

    def _computed(self, record: str, result: Any, then: Callable[[], None]) -> None:
        """Show the figures, unless the officer has gone elsewhere or hidden everything meanwhile."""
        if self.parent is None or self.where.get("record") != record:
            return
        if isinstance(result, SenError):
            self.shell.tell(result)
            return
        self.computed = True
        then()
        self.figures, self.changes = self.presenter.figures(), self.presenter.changed()
        self.news()

    def choose(self, code: str) -> None:
        """Go to another part."""
        self.grid.flush()
        self.tab = code
        if code != FIGURES:
            form = self.presenter.form
            form.leave_section()
            self.grid.load(shell=self.shell, form=form, section=code, changed=self.news)
        self.body.ids.scroll.scroll_y = 1
        self.body.lead_to(self.tabs[code])
        self.news()

    def leave(self) -> None:
        """Keep what was typed."""
        self.grid.flush()
        if self.presenter.work is not None and self.where:
            try:
                self.presenter.form.leave()
            except SenError as error:
                self.shell.tell(error)

    def news(self) -> None:
        """Show the report as it is now."""
        if not self.where:
            return
        presenter, form = self.presenter, self.presenter.form
        self.status = form.saved_words()
        figures = self.tabs[FIGURES]
        figures.words, figures.chosen = self.shell.say("mobile.report.figures"), self.tab == FIGURES
        for tab in form.sections():
            button = self.tabs[tab.code]
            button.words, button.below, button.wrong = tab.words, tab.progress, tab.wrong
            button.chosen = tab.code == self.tab
        self.body.ids.missing.text = presenter.state()
        self._notices()
        if self.tab == FIGURES:
            self.grid.show([])
            self._figures()
        else:
            self.grid.refresh()
            self._befores()
        self._deeds()

    def _notices(self) -> None:
        state = "" if self.body.wide else self.presenter.state()
        told = [(notice.words, notice.tone) for notice in self.presenter.form.notices()]
        told += [(words, "soon") for words in self.changes]
        if not self.differs("notices", (self.presenter.due(), state, told)):
            return
        box = self.body.ids.notices
        box.clear_widgets()
        box.add_widget(Words(role="strong", text=self.presenter.due()))
        if state:
            box.add_widget(Words(role="small", text=state))
        for words, tone in told:
            box.add_widget(Note(words=words, tone=tone))

    def _figures(self) -> None:
        say = self.shell.say
        figures = self.figures
        zeros = self.presenter.zeros() if self.computed else []
        if not self.differs("extra", (self.tab, self.computed, figures, zeros)):
            return
        self.extra.clear_widgets()
        if not self.computed:
            self.extra.add_widget(Words(text=say("mobile.report.computing")))
            return
        table = Column(spacing=0)
        heads = {"value": say("mobile.report.now"), "before": say("mobile.report.before")}
        table.add_widget(FigureLine(words=say("mobile.report.figure"), heading=True, **heads))
        for row in figures:
            words = f"{row.words} ({row.unit})" if row.unit else row.words
            line = FigureLine(words=words, value=row.value, before=row.before, leads=bool(row.records))
            line.bind(on_release=lambda *_, row=row: self.show_records(row))
            table.add_widget(line)
        self.extra.add_widget(table)
        if zeros:
            self._zeros(zeros)

    def show_records(self, row: FigureRow) -> None:
        """Show the records behind a figure, where there are any."""
        if row.records:
            self.shell.go("records", only=row.records, heading=self.shell.say("behind_figure", figure=row.words))

    def _zeros(self, zeros: list[ZeroChoice]) -> None:
        card, flow = Card(spacing=8), Flow()
        card.add_widget(Words(role="strong", text=self.shell.say("mobile.report.zeros")))
        card.add_widget(Words(role="small", text=self.shell.say("mobile.report.zeros_help")))
        for zero in zeros:
            chip = Chip(text=zero.words, chosen=zero.declared)
            chip.bind(on_release=lambda *_, zero=zero: self.declare(zero.code, not zero.declared))
            flow.bind(width=lambda _, width, chip=chip: setattr(chip, "max_width", width))
            flow.add_widget(chip)
        card.add_widget(flow)
        self.extra.add_widget(card)

    def declare(self, code: str, on: bool) -> None:
        """Declare that nothing of a kind occurred, or take it back."""
        try:
            self.presenter.declare(code, on)
        except SenError as error:
            self.shell.tell(error)
        else:
            self._reckon()
        self.news()

    def _befores(self) -> None:
        """Last period's words for the narratives of this part, each ready to be copied."""
        if not self.differs("extra", self.tab):
            return
        self.extra.clear_widgets()
        for field in (widget.field for widget in self.grid.fields):
            text = self.presenter.narrative_before(field.code) if field.kind == "long" else ""
            if text:
                card = Card()
                label = field.label.get(self.shell.language)
                card.add_widget(Words(role="small", text=self.shell.say("mobile.report.before_words", label=label)))
                card.add_widget(Words(text=text))
                link = Link(text=self.shell.say("mobile.report.copy"))
                link.bind(on_release=lambda *_, code=field.code, text=text: self.copy(code, text))
                card.add_widget(link)
                self.extra.add_widget(card)

    def copy(self, code: str, text: str) -> None:
        """Put last period's words behind what stands there."""
        self.grid.flush()
        now = self.presenter.form.value(code)
        self.presenter.write(code, f"{now}\n{text}" if now else text)
        self.news()

    def _deeds(self) -> None:
        moves = self.presenter.moves()
        if not self.differs("deeds", (moves, self.presenter.needs_lead)):
            return
        box = self.body.ids.deeds
        box.clear_widgets()
        if self.presenter.needs_lead:
            box.add_widget(Words(role="small", text=self.shell.say("mobile.report.lead")))
        filled = False
        for move in moves:
            main = move.to in ("submitted", "approved") and not filled
            filled = filled or main
            button = RoundButton(text=move.words, filled=main)
            button.bind(on_release=lambda *_, to=move.to: self.do(to))
            box.add_widget(button)

    def do(self, to: str) -> None:
        """Approve, send, take back; for the approval the figures are reckoned first, outside the window's thread."""
        self.grid.flush()
        if to == "approved":
            self._reckon(lambda: self._go_to(to))
        else:
            self._go_to(to)
            self._reckon()

    def _go_to(self, to: str) -> None:
        try:
            self.presenter.go_to(to, reckoned=True)
        except SenError as error:
            self.shell.tell(error)
            if error.code == "submit_not_ready":
                self.shell.go("submit", record=self.where["record"])
                return
        self.news()
