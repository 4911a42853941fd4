"""«Gửi»: everything that is wrong or doubtful, each leading to its field; then the one button that sends."""

from typing import Any

from kivy.properties import BooleanProperty, StringProperty

from mobile.screens.page import Page
from mobile.screens.submit.presenter import Finding, SubmitPresenter
from mobile.widgets.basics import PressCard, RoundButton, Scroll
from mobile.widgets.sheets import ReasonSheet
from shared.errors import SenError

__all__ = ["SubmitScreen"]


class FindingCard(PressCard):
    """One thing that is wrong or doubtful."""

    label = StringProperty("")
    words = StringProperty("")
    kept = StringProperty("")
    warning = BooleanProperty(False)


class SubmitBody(Scroll):
    """The list of findings."""


class SubmitScreen(Page):
    """The last look before a record is handed in."""

    presenter: SubmitPresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = SubmitBody()
        self.ids.body.add_widget(self.body)
        say, deeds = self.shell.say, self.body.ids.deeds
        self.send = RoundButton(text=say("mobile.submit.send"), filled=True)
        self.send.bind(on_release=lambda *_: self.submit())
        back = RoundButton(text=say("mobile.submit.back"))
        back.bind(on_release=lambda *_: self.shell.back())
        deeds.add_widget(self.send)
        deeds.add_widget(back)

    def enter(self, *, record: str = "", **where: Any) -> None:
        """Judge a record."""
        self.where = {"record": record}
        self.presenter.show(record)
        self.title = self.shell.say("mobile.submit.title")
        self.news()

    def news(self) -> None:
        """Draw the findings again."""
        ids = self.body.ids
        ids.record.text, ids.summary.text = self.presenter.title, self.presenter.summary()
        ids.findings.clear_widgets()
        for finding in self.presenter.findings():
            ids.findings.add_widget(self._card(finding))

    def _card(self, finding: Finding) -> FindingCard:
        card = FindingCard(label=finding.label, words=finding.words, warning=finding.warning)
        card.kept = self.shell.say("mobile.submit.kept", reason=finding.kept) if finding.kept else ""
        card.bind(on_release=lambda *_: self.lead_to(finding))
        if finding.warning and not finding.kept:
            keep = RoundButton(text=self.shell.say("mobile.field.keep"), pos_hint={"center_y": 0.5})
            keep.bind(on_release=lambda *_: self.keep(finding))
            card.add_widget(keep)
        return card

    def lead_to(self, finding: Finding) -> None:
        """Go to the field that a finding is about."""
        self.shell.return_to("form", path=finding.path, **self.where)

    def keep(self, finding: Finding) -> None:
        """Ask why a doubt may stand."""

        def kept(reason: str) -> None:
            self.presenter.keep(finding.code, reason)
            self.news()

        say = self.shell.say
        ReasonSheet(
            title=say("mobile.keep.title"),
            words=finding.words,
            ok=say("mobile.field.keep"),
            cancel=say("mobile.sheet.close"),
            missing=say("mobile.keep.reason"),
            typing=self.shell.typing,
            then=kept,
        ).open()

    def submit(self) -> None:
        """Send; where something stands in the way, go to the first of it."""
        if not self.presenter.ready:
            waiting = [f for f in self.presenter.findings() if not (f.warning and f.kept)]
            first = waiting[0]
            if first.warning:
                self.keep(first)
            else:
                self.lead_to(first)
            return
        try:
            self.presenter.submit()
        except SenError as error:
            self.shell.tell(error)
            return
        self.shell.home(said=self.shell.say("mobile.submit.done"))
