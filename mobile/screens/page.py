"""What every screen shares: its bar, its body, and what it may ask of the application around it."""

from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.screenmanager import Screen

from mobile.widgets.cards import Split
from shared.errors import SenError

__all__ = ["Page", "Shell", "ShellDesk", "Split"]


class Shell(Protocol):
    """The application as a screen sees it."""

    language: str
    typing: str
    today: date
    server: str
    """The address offered to a tablet that is not enrolled yet."""

    def say(self, code: str, **params: object) -> str:
        """Give a phrase of the messages in the officer's language."""

    def go(self, name: str, **where: Any) -> None:
        """Show another screen; «back» returns to this one as it was."""

    def back(self) -> None:
        """Return to the screen before."""

    def home(self, said: str = "") -> None:
        """Return to «Hôm nay», forgetting the way; ``said`` is shown there for a while."""

    def return_to(self, name: str, **where: Any) -> None:
        """Go back as far as a screen, and tell it where to stand."""

    def toast(self, words: str) -> None:
        """Say for a while that something was done."""

    def settings_changed(self) -> None:
        """Take other settings at once."""

    def unlocked(self) -> None:
        """Go on where the lock stood in the way."""

    def hide(self) -> None:
        """Lock at once and show nothing of the work."""

    def tell(self, error: SenError) -> None:
        """Say in a sentence what could not be done."""

    def work(self, job: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do something long outside the window's thread; ``then`` gets its result in the window's thread.

        A SenError that the job raises is its result.
        """


class ShellDesk:
    """What every desk on a screen tells its field widgets of the application around it (``mobile.widgets.desk``)."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    @property
    def language(self) -> str:
        """The officer's language."""
        return self.shell.language

    @property
    def typing(self) -> str:
        """The officer's way of typing."""
        return self.shell.typing

    @property
    def today(self) -> date:
        """The day on this tablet."""
        return self.shell.today

    def say(self, code: str, **params: object) -> str:
        """Give a phrase."""
        return self.shell.say(code, **params)


class Page(Screen):
    """A screen with the bar; ``ids.body`` takes what it shows."""

    title = StringProperty("")
    status = StringProperty("")
    hide_text = StringProperty("")
    can_go_back = BooleanProperty(True)

    def __init__(self, *, shell: Shell, presenter: Any, **kwargs: Any) -> None:
        self.shell, self.presenter = shell, presenter
        self.where: dict[str, Any] = {}
        """What this screen would have to be told to stand as it does now."""
        self._drawn: dict[str, Any] = {}
        super().__init__(**kwargs)
        self.hide_text = shell.say("mobile.bar.hide")

    def bare(self) -> None:
        """Take the bar away: on screens that show nothing of the work."""
        self.ids.bar.parent.remove_widget(self.ids.bar)

    def enter(self, **where: Any) -> None:
        """Show what is true now; called each time the screen comes to the front."""

    def leave(self) -> None:
        """Keep what was typed; called each time the screen goes to the back, also at «Ẩn nhanh»."""

    def on_back(self) -> bool:
        """Deal with «back» inside this screen; False lets the application go back."""
        return False

    def news(self) -> None:
        """Show what has changed behind the screen, as after a sync."""

    def differs(self, part: str, told: Any) -> bool:
        """Whether a part of the screen has to be drawn anew for what is told now.

        What stays the same keeps its widgets: a finger that is just pressing one must not lose it.
        """
        if part in self._drawn and self._drawn[part] == told:
            return False
        self._drawn[part] = told
        return True
