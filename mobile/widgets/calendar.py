"""A month from which a day is chosen; the week begins on Monday («T2»), as on a calendar of the office."""

from calendar import Calendar
from collections.abc import Callable
from datetime import date

from kivy.metrics import dp
from kivy.properties import BooleanProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.gridlayout import GridLayout
from kivy.uix.label import Label
from kivy.uix.widget import Widget

from mobile.widgets import theme
from mobile.widgets.basics import Icon, Words
from mobile.widgets.desk import Desk
from mobile.widgets.sheets import Sheet

__all__ = ["DateSheet"]

_FIRST_YEAR, _LAST_YEAR = 1900, 2100


class DayButton(ButtonBehavior, Label):
    """One day of the month."""

    chosen = BooleanProperty(False)
    is_today = BooleanProperty(False)


class StepIcon(ButtonBehavior, Icon):
    """An arrow to another month or year."""


class DateSheet(Sheet):
    """Asks for a day; ``then`` gets it as ``"2022-05-28"``, or None where it was taken away."""

    width_dp = 420

    def __init__(self, *, desk: Desk, title: str, value: str | None, then: Callable[[str | None], None]) -> None:
        super().__init__(title=title)
        self.desk, self.then = desk, then
        self.value = date.fromisoformat(value[:10]) if value else None
        shown = self.value or desk.today
        self.year, self.month = shown.year, shown.month
        self.heading = Words(role="strong", halign="center", pos_hint={"center_y": 0.5})
        self.grid = GridLayout(cols=7, size_hint_y=None, height=dp(48 * 7))
        self.ids.body.add_widget(self._steps())
        self.ids.body.add_widget(self.grid)
        self.deed(desk.say("mobile.sheet.today"), lambda: then(desk.today.isoformat()))
        if value:
            self.deed(desk.say("mobile.sheet.clear"), lambda: then(None))
        self.deed(desk.say("mobile.sheet.close"), None)
        self._draw()

    def _steps(self) -> BoxLayout:
        row = BoxLayout(size_hint_y=None, height=dp(48))
        for name, months in (("chevron-double-left", -12), ("chevron-left", -1)):
            row.add_widget(self._step(name, months))
        row.add_widget(self.heading)
        for name, months in (("chevron-right", 1), ("chevron-double-right", 12)):
            row.add_widget(self._step(name, months))
        return row

    def _step(self, name: str, months: int) -> StepIcon:
        icon = StepIcon(name=name)
        icon.bind(on_release=lambda *_: self.go(months))
        return icon

    def go(self, months: int) -> None:
        """Show the month that lies this many months away."""
        count = self.year * 12 + self.month - 1 + months
        if _FIRST_YEAR * 12 <= count < _LAST_YEAR * 12:
            self.year, self.month = count // 12, count % 12 + 1
            self._draw()

    def _draw(self) -> None:
        self.heading.text = self.desk.say("mobile.sheet.month", month=self.month, year=self.year)
        self.grid.clear_widgets()
        for name in self.desk.say("mobile.sheet.weekdays").split():
            self.grid.add_widget(Label(text=name, color=theme.SOFT, font_size=theme.SMALL, markup=False))
        days = list(Calendar().itermonthdates(self.year, self.month))
        for day in days:
            self.grid.add_widget(self._day(day) if day.month == self.month else Widget())
        self.grid.height = dp(48) * (len(days) // 7 + 1)

    def _day(self, day: date) -> DayButton:
        button = DayButton(text=str(day.day), chosen=day == self.value, is_today=day == self.desk.today)
        button.bind(on_release=lambda *_: self._chosen(day))
        return button

    def _chosen(self, day: date) -> None:
        self.dismiss(animation=False)
        self.then(day.isoformat())
