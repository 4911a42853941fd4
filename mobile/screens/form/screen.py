"""The form of a record: its sections with their progress, one of them open, everything saved as it is typed."""

from typing import Any

from kivy.clock import Clock
from kivy.metrics import dp, sp
from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout

from mobile.screens.form.fields_view import FieldsView
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.page import Page
from mobile.widgets import theme
from mobile.widgets.basics import Link, RoundButton
from mobile.widgets.field import Note
from mobile.widgets.sheets import HistorySheet, ReasonSheet
from shared.errors import SenError

__all__ = ["FormScreen"]


class SectionButton(ButtonBehavior, BoxLayout):
    """One section: its name, how far it is, whether something in it is wrong."""

    words = StringProperty("")
    below = StringProperty("")
    chosen = BooleanProperty(False)
    wrong = BooleanProperty(False)


class FormBody(BoxLayout):
    """Sections at the left (above, in a narrow window), the open one beside them."""

    wide = BooleanProperty(True)

    def lead_to(self, button: "SectionButton") -> None:
        """Bring a section's button into sight, where the buttons stand in a strip."""
        Clock.schedule_once(lambda _: self._lead_to(button), 0.1)

    def _lead_to(self, button: "SectionButton") -> None:
        strip, tabs = self.ids.strip, self.ids.tabs
        if self.wide or button not in tabs.children:
            return
        if tabs.width > strip.width:
            strip.scroll_to(button, padding=dp(14), animate=False)
        else:
            strip.scroll_x = 0

    def on_width(self, *_: Any) -> None:
        """Choose the layout."""
        self.wide = self.width >= dp(theme.WIDE_DP)


class FormScreen(Page):
    """The form."""

    presenter: FormPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = FormBody()
        self.ids.body.add_widget(self.body)
        self.grid: FieldsView = self.body.ids.grid
        self.buttons: dict[str, SectionButton] = {}
        self.section = ""
        self.body.bind(wide=lambda *_: self._fit())

    def enter(self, *, record: str = "", type: str = "", path: str = "", **where: Any) -> None:
        """Open a record's form at a path, or that of a new record of a type."""
        self._drawn.clear()
        self.presenter.open(record, type)
        self.where = {"record": self.presenter.record}
        self.title = self.presenter.title
        codes = self._tabs()
        self.section = self.presenter.section_of(path) if path else codes[0]
        self._load()
        self.body.lead_to(self.buttons[self.section])
        if path:
            self.grid.lead_to(path, self.body.ids.scroll)

    def _tabs(self) -> list[str]:
        """Hold a button for each section of which anything is asked now; gives their codes."""
        codes = [tab.code for tab in self.presenter.sections()]
        if codes != list(self.buttons):
            self.body.ids.tabs.clear_widgets()
            self.buttons = {code: self._section_button(code) for code in codes}
            self._fit()
        return codes

    def _section_button(self, code: str) -> SectionButton:
        button = SectionButton()
        button.bind(on_release=lambda *_: self.choose(code))
        self.body.ids.tabs.add_widget(button)
        return button

    def _fit(self) -> None:
        for button in self.buttons.values():
            button.size_hint_x = 1 if self.body.wide else None
            button.width = sp(176)

    def _load(self) -> None:
        self._fit()
        self.body.ids.scroll.scroll_y = 1
        self.grid.load(shell=self.shell, form=self.presenter, section=self.section, changed=self.news)
        self.news()

    def choose(self, section: str) -> None:
        """Go to another section: what was typed in this one becomes a change."""
        self.grid.flush()
        self._try(self.presenter.leave_section)
        self.section = section
        self._load()
        self.body.lead_to(self.buttons[section])

    def _try(self, work: Any) -> bool:
        try:
            work()
        except SenError as error:
            self.shell.tell(error)
            return False
        return True

    def leave(self) -> None:
        """Keep what was typed, and turn it into a change."""
        self.grid.flush()
        if self.presenter.form is not None:
            self._try(self.presenter.leave)

    def news(self) -> None:
        """Show what the form now says: values, remarks, progress, and that it is saved."""
        if self.presenter.form is None:
            return
        self.grid.refresh()
        if self.section not in self._tabs():
            self.choose(next(iter(self.buttons)))
            return
        for number, tab in enumerate(self.presenter.sections(), 1):
            button = self.buttons[tab.code]
            button.words, button.below = f"{number} {tab.words}", tab.progress
            button.chosen, button.wrong = tab.code == self.section, tab.wrong
        self.body.ids.missing.text = self.presenter.missing_words()
        self.status = self.presenter.saved_words()
        self._notices()
        self._deeds()

    def _notices(self) -> None:
        box, notices = self.body.ids.notices, self.presenter.notices()
        if not self.differs("notices", notices):
            return
        box.clear_widgets()
        for notice in notices:
            deed = None
            if notice.path:
                deed = Link(text=self.shell.say("mobile.form.decide"), pos_hint={"center_y": 0.5})
                where = {"record": self.where["record"], "path": notice.path}
                deed.bind(on_release=lambda *_, where=where: self.shell.go("conflict", **where))
            box.add_widget(Note(words=notice.words, tone=notice.tone, deed=deed))

    def _deeds(self) -> None:
        """The deeds below the fields; «Gửi» is the one filled button. Drawn again only when they differ."""
        presenter, say = self.presenter, self.shell.say
        codes = [tab.code for tab in presenter.sections()]
        after = codes[codes.index(self.section) + 1 :][:1]
        asked = [("submit", say("mobile.form.submit"))] if presenter.can_submit else []
        asked += [(f"next:{code}", say("mobile.form.next")) for code in after]
        asked += [("copy", say("mobile.form.copy"))] if presenter.can_copy else []
        asked += [(f"go:{move.to}", move.words) for move in presenter.moves()]
        asked += [("history", say("history_see")), ("withdraw", say("mobile.form.withdraw"))] if presenter.can_withdraw else []
        if not self.differs("deeds", asked):
            return
        box = self.body.ids.deeds
        box.clear_widgets()
        for code, words in asked:
            button = Link(text=words) if code in ("history", "withdraw") else RoundButton(text=words, filled=code == "submit")
            button.bind(on_release=lambda *_, code=code: self.do(code))
            box.add_widget(button)

    def do(self, code: str) -> None:
        """Do what a button below the fields says."""
        self.grid.flush()
        deed, _, target = code.partition(":")
        if deed == "submit":
            self.shell.go("submit", record=self.where["record"])
        elif deed == "next":
            self.choose(target)
        elif deed == "withdraw":
            self.withdraw()
        elif deed == "history":
            self.presenter.leave_section()
            rows, close = self.presenter.history(), self.shell.say("mobile.sheet.close")
            HistorySheet(title=self.shell.say("history_title"), rows=rows, close=close).open()
        else:
            self._try(self.presenter.copy if deed == "copy" else lambda: self.presenter.go_to(target))
            self.news()

    def withdraw(self) -> None:
        """Ask why, then take the record back."""
        say = self.shell.say
        title = say("mobile.form.withdraw")

        def gone(reason: str) -> None:
            if self._try(lambda: self.presenter.withdraw(reason)):
                self.shell.back()

        ReasonSheet(
            title=title,
            words=say("mobile.form.withdraw_words"),
            ok=title,
            cancel=say("mobile.sheet.close"),
            missing=say("mobile.keep.reason"),
            typing=self.shell.typing,
            then=gone,
        ).open()
