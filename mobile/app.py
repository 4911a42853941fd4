"""The application: wires a tablet, its presenters and its screens together, and nothing else.

The only ``App``, and what the screens know as their ``Shell``.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.modalview import ModalView
from kivy.uix.screenmanager import NoTransition, ScreenManager
from kivymd.app import MDApp

from mobile.flow import allowed
from mobile.navigation import Place, Way
from mobile.remarks import unsaid
from mobile.screens.page import Page
from mobile.screens.table import PAGES
from mobile.tablet import Tablet
from mobile.widgets import theme
from mobile.widgets.sheets import AskSheet
from mobile.widgets.strip import Strip
from mobile.widgets.toast import Toast
from shared.errors import SenError

__all__ = ["SenApp"]

NEWS_S: Final = 20
"""Seconds between two looks at what changed behind the screen (countdowns, sync words)."""

IDLE_S: Final = 300
"""Seconds without a touch or a key until the tablet locks; the screen comes back as it was."""

BACK_KEY: Final = 27


class SenApp(MDApp):
    """The tablet's application, and the shell around its screens. ``banner`` stays across the top of all of them."""

    def __init__(self, *, tablet: Tablet, server: str = "", banner: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.title = "Sen"
        self.tablet, self.server, self.banner = tablet, server, banner
        self.way = Way()
        self.pages: dict[str, Page] = {}
        self.front: Page | None = None
        self._wipes = 0
        self._idle = Clock.create_trigger(lambda _: self.lock(), IDLE_S)

    # the application

    def build(self) -> FloatLayout:
        """Build the window's root; the first screen comes with the first frame."""
        Window.clearcolor = theme.PAPER
        Window.softinput_mode = "below_target"
        theme.load()
        root = FloatLayout()
        self.manager = ScreenManager(transition=NoTransition())
        self.toasts = Toast()
        screens = BoxLayout(orientation="vertical")
        if self.banner:
            screens.add_widget(Strip(text=self.banner))
        screens.add_widget(self.manager)
        root.add_widget(screens)
        root.add_widget(self.toasts)
        return root

    def begin(self) -> None:
        """Open the window and show the first screen, without entering the loop: for those who drive it frame by frame."""
        from kivy.base import runTouchApp

        self._run_prepare()
        runTouchApp(embedded=True)

    def on_start(self) -> None:
        """Show the first screen and begin to look for news."""
        Window.bind(on_keyboard=self._key, on_touch_down=self._touched, on_key_down=self._touched)
        Clock.schedule_interval(lambda _: self.news(), NEWS_S)
        self.listen()
        self._show(self.way.front)

    def listen(self) -> None:
        """Let the tablet exchange by itself, and tell this window what comes of it."""
        self.tablet.told_to_wipe = lambda: self.post(self.wipe)
        self.tablet.background.start(self.post, self.news)

    def on_pause(self) -> bool:
        """Keep what was typed: the system may end the app now without another word (kivy#6701)."""
        if self.front is not None:
            self.front.leave()
        return True

    def on_stop(self) -> None:
        """Keep what was typed and close the tablet."""
        if self.front is not None:
            self.front.leave()
        Window.unbind(on_keyboard=self._key, on_touch_down=self._touched, on_key_down=self._touched)
        self.tablet.close()

    def post(self, work: Callable[[], None]) -> None:
        """Do something in the window's thread; the only crossing of threads."""
        Clock.schedule_once(lambda _: work(), 0)

    def _key(self, _: Any, key: int, *_rest: Any) -> bool:
        if key == BACK_KEY:
            self.back()
            return True
        return False

    def _touched(self, *_: Any) -> bool:
        if self.tablet.unlocked:
            self._idle.cancel()
            self._idle()
        return False

    # the shell

    @property
    def language(self) -> str:
        """The officer's language."""
        return self.tablet.language

    @property
    def typing(self) -> str:
        """The officer's way of typing."""
        return self.tablet.profile.settings.typing

    @property
    def today(self) -> date:
        """The day on this tablet."""
        return self.tablet.clock.today()

    def say(self, code: str, **params: object) -> str:
        """Give a phrase in the officer's language."""
        return self.tablet.say(code, **params)

    def go(self, name: str, **where: Any) -> None:
        """Show another screen."""
        self._leave()
        self._show(self.way.go(name, where))

    def back(self) -> None:
        """Close what lies over the screen, or return to the screen before; never out of the application."""
        if self._dismiss():
            return
        if self.front is not None and self.front.on_back():
            return
        self._leave()
        place = self.way.back()
        if place is not None:
            self._show(place)

    def home(self, said: str = "") -> None:
        """Return to «Hôm nay»."""
        self._leave()
        self._show(self.way.home())
        if said:
            self.toast(said)

    def return_to(self, name: str, **where: Any) -> None:
        """Go back as far as a screen, and tell it where to stand."""
        self._leave()
        self._show(self.way.return_to(name, where))

    def unlocked(self) -> None:
        """Go on where the lock stood in the way."""
        self._touched()
        self._show(self.way.front)

    def hide(self) -> None:
        """Lock at once; afterwards nothing leads back to what was shown."""
        self._leave()
        self.way.home()
        self._lock()

    def lock(self) -> None:
        """Lock; the screen comes back as it was."""
        if self.tablet.unlocked:
            self._leave()
            self._lock()

    def _lock(self) -> None:
        while self._dismiss():
            pass
        self._idle.cancel()
        self.tablet.lock()
        self.toasts.clear_widgets()
        self.forget_pages()
        self._show(self.way.front)

    def wipe(self) -> None:
        """Keep what was typed, let a revoked tablet destroy what it holds, and say what befell it."""
        if not self.tablet.enrolled:
            return
        self._leave()
        try:
            done = self.tablet.wipe()
        except SenError as error:
            self.tell(error)
            return
        if done:
            while self._dismiss():
                pass
            self._wipes += 1
            self._idle.cancel()
            self.toasts.clear_widgets()
            self.forget_pages()
            self._show(self.way.home())

    def tell(self, error: SenError) -> None:
        """Say in a sentence what could not be done."""
        close = (self.say("mobile.sheet.close"), None)
        AskSheet(title=self.say("mobile.shell.refused"), words=error.text(self.language), answers=[close]).open()

    def toast(self, words: str) -> None:
        """Say that something was done."""
        self.toasts.say(words)

    def work(self, job: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do something long outside the window's thread; ``then`` is not told where the tablet was wiped meanwhile."""
        before = self._wipes
        self.tablet.background.work(job, lambda result: then(result) if self._wipes == before else None)

    def settings_changed(self) -> None:
        """Build every other screen anew: their words are in another language now."""
        self.forget_pages(keep="settings")

    def news(self) -> None:
        """Let the screen in front show what changed behind it; say once that the tablet's clock is wrong."""
        if self.front is not None and self.tablet.unlocked:
            self.front.news()
            if words := unsaid(self.tablet):
                AskSheet(title=self.say("clock_title"), words=words, answers=[(self.say("mobile.sheet.close"), None)]).open()

    # the screens

    def forget_pages(self, keep: str = "") -> None:
        """Drop the widgets of all screens, so that nothing that they showed stays in memory."""
        for name in [name for name in self.pages if name != keep]:
            page = self.pages.pop(name)
            if page is not self.manager.current_screen or name != keep:
                self.manager.remove_widget(page)
        if self.front is not None and self.front.name not in self.pages:
            self.front = None

    def page(self, name: str) -> Page:
        """Give a screen, built when it is first asked for."""
        if name not in self.pages:
            pair = PAGES[name]
            self.pages[name] = pair.page(name=name, shell=self, presenter=pair.presenter(self.tablet))
            self.manager.add_widget(self.pages[name])
        return self.pages[name]

    def _leave(self) -> None:
        if self.front is not None and self.front.name == self.way.front.name:
            self.front.leave()
            self.way.remember(self.front.where)
        Window.release_all_keyboards()

    def _show(self, place: Place) -> None:
        enrolled, unlocked = self.tablet.enrolled, self.tablet.unlocked
        name = allowed(place.name, place.where, enrolled=enrolled, unlocked=unlocked)
        page = self.page(name)
        if self.front is not None and self.front is not page and self.front.name in ("unlock", "enrol"):
            self.front.leave()
        self.front = page
        self.manager.current = name
        if name != place.name:
            page.enter()
            return
        try:
            page.enter(**place.where)
        except SenError as error:
            self.way.home()
            self._show(self.way.front)
            self.tell(error)
        else:
            self.way.remember(page.where or place.where)

    def _dismiss(self) -> bool:
        for child in list(Window.children):
            if isinstance(child, ModalView):
                child.dismiss(animation=False)
                return True
        return False
