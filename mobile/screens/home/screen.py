"""«Hôm nay»: what must be done at the left, what may be recorded at the right."""

from typing import Any

from kivy.metrics import dp
from kivy.properties import StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.screens.home.presenter import HomePresenter, Todo
from mobile.screens.home.presenter import TypeCard as TypeRow
from mobile.screens.page import Page
from mobile.widgets.basics import Card, PressCard, RoundButton, Scroll, Words
from mobile.widgets.cards import CardGrid
from mobile.widgets.picker import ListSheet

__all__ = ["HomeScreen"]


class TodoCard(PressCard):
    """One thing to do."""

    words = StringProperty("")
    below = StringProperty("")
    pill = StringProperty("")
    tone = StringProperty("plain")


class TypeCard(PressCard):
    """One record type with what there is of it."""

    words = StringProperty("")
    below = StringProperty("")


class HomeBody(Scroll):
    """The two columns of this screen."""


class HomeScreen(Page):
    """The first screen of an unlocked tablet."""

    presenter: HomePresenter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.can_go_back = False
        self.body = HomeBody()
        self.ids.body.add_widget(self.body)
        self.ids.bar.bind(on_status_press=lambda *_: self.shell.go("sync"))

    def enter(self, **where: Any) -> None:
        """Show what waits now."""
        self.body.scroll_y = 1
        self.news()

    def news(self) -> None:
        """Draw both columns again."""
        self.title = f"Sen   {self.presenter.unit}"
        self.status = self.presenter.status()
        self._todo()
        self._records()

    def _todo(self) -> None:
        say, column, todo = self.shell.say, self.body.ids.todo, self.presenter.todo()
        if not self.differs("todo", todo):
            return
        column.clear_widgets()
        sync = RoundButton(text=say("mobile.sync.title"))
        sync.bind(on_release=lambda *_: self.shell.go("sync"))
        column.add_widget(self._head(say("mobile.home.todo"), sync))
        for one in todo:
            column.add_widget(self._todo_card(one))
        if not todo:
            card = Card()
            card.add_widget(Words(text=say("mobile.home.nothing")))
            column.add_widget(card)

    def _head(self, words: str, *deeds: Any) -> BoxLayout:
        head = BoxLayout(size_hint_y=None, height=dp(48), spacing=dp(8))
        head.add_widget(Words(role="head", text=words, pos_hint={"center_y": 0.5}))
        for deed in deeds:
            head.add_widget(deed)
        return head

    def _todo_card(self, one: Todo) -> TodoCard:
        card = TodoCard(words=one.words, below=one.below, pill=one.pill, tone=one.tone, payload=one)
        card.bind(on_release=lambda card: self.shell.go(card.payload.go, **card.payload.where))
        return card

    def _records(self) -> None:
        say, column, types = self.shell.say, self.body.ids.records, self.presenter.types()
        if not self.differs("types", types):
            return
        column.clear_widgets()
        new = RoundButton(text=say("mobile.home.new"), filled=True)
        new.bind(on_release=lambda *_: self.choose_new())
        column.add_widget(self._head(say("mobile.home.records"), new))
        grid = CardGrid(least_dp=190)
        for one in types:
            grid.add_widget(self._type_card(one.words, one.below, lambda one=one: self.shell.go("records", type=one.code)))
        grid.add_widget(self._type_card(self.presenter.all_words(), say("mobile.home.by_name"), self.choose_list))
        column.add_widget(grid)
        note = Card()
        note.add_widget(Words(role="small", text=self.presenter.note()))
        column.add_widget(note)

    def _type_card(self, words: str, below: str, work: Any) -> TypeCard:
        card = TypeCard(words=words, below=below)
        card.bind(on_release=lambda *_: work())
        return card

    def choose_new(self) -> None:
        """Ask which type is to be recorded."""
        self._choose(lambda one: self.shell.go("incident" if one.code == "gbv_incident" else "form", **self._where(one)))

    def _where(self, one: TypeRow) -> dict[str, str]:
        return {} if one.code == "gbv_incident" else {"type": one.code}

    def choose_list(self) -> None:
        """Ask whose list is to be shown."""
        self._choose(lambda one: self.shell.go("records", type=one.code))

    def _choose(self, then: Any) -> None:
        def rows(text: str) -> list[tuple[str, str, TypeRow]]:
            return [(one.words, one.below, one) for one in self.presenter.types(everything=True, text=text)]

        title = self.shell.say("mobile.home.which")
        ListSheet(say=self.shell.say, typing=self.shell.typing, title=title, rows=rows, then=then).open()
