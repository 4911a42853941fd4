"""Widgets of fields that are typed: text, long text, numbers, money, addresses, dates, times, places."""

from typing import Any

from kivy.metrics import dp
from kivy.uix.boxlayout import BoxLayout

from mobile.reading import editable_number, read_date, read_decimal, read_int, read_time, written_date
from mobile.widgets.basics import RoundButton
from mobile.widgets.calendar import DateSheet
from mobile.widgets.entry import InputBox
from mobile.widgets.field import FieldWidget

__all__ = [
    "DateField",
    "DatetimeField",
    "DecimalField",
    "GeoField",
    "IntField",
    "LongField",
    "MoneyField",
    "TextField",
    "UrlField",
]


class TextField(FieldWidget):
    """One line of text."""

    span = 0.5
    label_inside = True
    multiline = False
    wraps = True
    numeric = False
    composed = True

    def build(self) -> None:
        """Add the box."""
        self.box = InputBox(
            label=self.label,
            suffix=self._unit(),
            multiline=self.multiline,
            wraps=self.wraps and not self.multiline,
            numeric=self.numeric,
            private=self.field.sensitivity == "confidential",
            typing=self.desk.typing if self.composed else "off",
        )
        self.box.helped = bool(self.help_text)
        self.box.bind(on_typed=lambda _, text: self.typed(text), focused=self._focus_moved)
        self.box.bind(on_help_press=self.toggle_help)
        self.add_widget(self.box)
        if (self.field.max_length or 0) > 200:
            self.span = 1.0

    def _unit(self) -> str:
        unit = getattr(self.field, "unit_of_measure", None)
        return unit.get(self.desk.language) if unit else ""

    def show(self, value: Any) -> None:
        """Put the value into the box, unless the person is typing there."""
        super().show(value)
        if not self.box.focused:
            self.box.show(self.resting(value))

    def typed(self, text: str) -> None:
        """Answer with what was typed."""
        value = self.read(text)
        if text.strip() and value is None:
            self.error = self.desk.say(self.unreadable)
            return
        if self.error == self.desk.say(self.unreadable):
            self.error = ""
        if value != self.value:
            self.answer(value)

    unreadable = "mobile.field.unreadable_text"

    def read(self, text: str) -> Any:
        """Make a value of a text; None where it says nothing."""
        return text if text.strip() else None

    def resting(self, value: Any) -> str:
        """Give what the box shows while nobody types in it."""
        return "" if value is None else str(value)

    def edited(self, value: Any) -> str:
        """Give what the box holds while somebody types in it."""
        return self.resting(value)

    def _focus_moved(self, _: Any, focused: bool) -> None:
        if focused and self.edited(self.value) != self.box.text and not self.error:
            self.box.show(self.edited(self.value))
        elif not focused and not self.error:
            self.box.show(self.resting(self.value))

    def flush(self) -> None:
        """Tell what was typed."""
        self.box.flush()

    def mark(self) -> None:
        """Colour the edge of the box."""
        self.box.wrong, self.box.doubtful = bool(self.error), bool(self.warning)


class LongField(TextField):
    """Text of several lines."""

    span = 1.0
    multiline = True


class UrlField(TextField):
    """An address on the net, typed as it is."""

    wraps = False
    composed = False

    def read(self, text: str) -> Any:
        """Take it without the blanks around it."""
        return text.strip() or None


class IntField(TextField):
    """A whole number, shown as 1.234."""

    span = 1 / 3
    narrow_span = 0.5
    numeric = True
    wraps = False
    composed = False
    unreadable = "mobile.field.unreadable_int"

    def read(self, text: str) -> Any:
        """Read it as it is written in Vietnam."""
        return read_int(text)

    def resting(self, value: Any) -> str:
        """Part the thousands."""
        return "" if value is None else self.desk.words_for(self.path, value)

    def edited(self, value: Any) -> str:
        """Give the digits alone."""
        return "" if value is None else editable_number(value)


class MoneyField(IntField):
    """An amount in đồng."""

    narrow_span = 1.0
    span = 0.5

    def _unit(self) -> str:
        return "đồng"

    def resting(self, value: Any) -> str:
        """Part the thousands; the unit stands beside the box."""
        return "" if value is None else f"{value:,}".replace(",", ".")


class DecimalField(IntField):
    """A number with decimals, shown as 1.234,5."""

    unreadable = "mobile.field.unreadable_decimal"

    def read(self, text: str) -> Any:
        """Read it as it is written in Vietnam."""
        return read_decimal(text)


class DateField(TextField):
    """A date: typed as 28/5/2022 or chosen from a month, shown with its day of the week."""

    wraps = False
    composed = False
    unreadable = "mobile.field.unreadable_date"

    def build(self) -> None:
        """Add the box and the way to the month."""
        super().build()
        self.box.icon = "calendar-month"
        self.box.hint = self.desk.say("mobile.field.date_hint")
        self.box.bind(on_icon_press=lambda *_: self.choose())

    def choose(self) -> None:
        """Let the day be chosen from a month."""
        DateSheet(desk=self.desk, title=self.label, value=self.value, then=self.chosen).open()

    def chosen(self, value: str | None) -> None:
        """Take the day that was chosen."""
        self.error = ""
        self.box.show(self.resting(value))
        self.answer(value)

    def read(self, text: str) -> Any:
        """Read day, month and year."""
        return read_date(text.split("·")[0], self.desk.today)

    def resting(self, value: Any) -> str:
        """Write it out with its day of the week."""
        return "" if value is None else self.desk.words_for(self.path, value)

    def edited(self, value: Any) -> str:
        """Write day, month and year alone."""
        return "" if value is None else written_date(value)


class DatetimeField(FieldWidget):
    """A day and a time beside each other; a day alone is not an answer yet."""

    span = 1.0

    def build(self) -> None:
        """Add both boxes and «Bây giờ»."""
        say = self.desk.say
        row = BoxLayout(size_hint_y=None, height=dp(62), spacing=dp(10))
        self.day = InputBox(label=say("mobile.field.day"), numeric=False, icon="calendar-month")
        self.time = InputBox(label=say("mobile.field.time"), hint="07:58")
        self.day.hint = say("mobile.field.date_hint")
        now = RoundButton(text=say("mobile.field.now"), pos_hint={"center_y": 0.5})
        for box in (self.day, self.time):
            box.bind(on_typed=lambda *_: self.typed())
            row.add_widget(box)
        self.time.size_hint_x = 0.55
        self.day.bind(on_icon_press=lambda *_: self.choose())
        now.bind(on_release=lambda *_: self.take_now())
        row.add_widget(now)
        self.add_widget(row)

    def choose(self) -> None:
        """Let the day be chosen from a month."""
        day = read_date(self.day.text, self.desk.today)
        DateSheet(desk=self.desk, title=self.label, value=day, then=self.chosen).open()

    def chosen(self, value: str | None) -> None:
        """Take the day that was chosen."""
        self.day.show(written_date(value) if value else "")
        self.typed()

    def take_now(self) -> None:
        """Answer with this minute."""
        self.show(self.desk.now())
        self.error = ""
        self.answer(self.value)

    def typed(self) -> None:
        """Answer once both can be read."""
        day, time = read_date(self.day.text, self.desk.today), read_time(self.time.text)
        blank = not self.day.text.strip() and not self.time.text.strip()
        unread = (self.day.text.strip() and day is None) or (self.time.text.strip() and time is None)
        self.error = self.desk.say("mobile.field.unreadable_datetime") if unread else ""
        if blank and self.value is not None:
            self.answer(None)
        elif day and time and f"{day}T{time}+07:00" != self.value:
            self.answer(f"{day}T{time}+07:00")

    def show(self, value: Any) -> None:
        """Put day and time into their boxes."""
        super().show(value)
        if not (self.day.focused or self.time.focused):
            self.day.show(written_date(value) if value else "")
            self.time.show(value[11:16] if value else "")

    def flush(self) -> None:
        """Tell what was typed."""
        self.day.flush()
        self.time.flush()

    def mark(self) -> None:
        """Colour both boxes."""
        self.day.wrong = self.time.wrong = bool(self.error)


class GeoField(FieldWidget):
    """A place as latitude and longitude, with the tablet's own where it knows it."""

    span = 1.0

    def build(self) -> None:
        """Add both boxes and «Lấy vị trí»."""
        say = self.desk.say
        row = BoxLayout(size_hint_y=None, height=dp(62), spacing=dp(10))
        self.latitude = InputBox(label=say("mobile.field.latitude"), numeric=True)
        self.longitude = InputBox(label=say("mobile.field.longitude"), numeric=True)
        for box in (self.latitude, self.longitude):
            box.bind(on_typed=lambda *_: self.typed())
            row.add_widget(box)
        here = RoundButton(text=say("mobile.field.locate"), pos_hint={"center_y": 0.5})
        here.bind(on_release=lambda *_: self.take_here())
        row.add_widget(here)
        self.add_widget(row)

    def take_here(self) -> None:
        """Answer with the tablet's own place, or say that it has none."""
        place = self.desk.locate()
        self.error = "" if place else self.desk.say("mobile.field.no_place")
        if place:
            self.show(list(place))
            self.answer(list(place))

    def typed(self) -> None:
        """Answer once both are numbers."""
        texts = (self.latitude.text.strip(), self.longitude.text.strip())
        numbers = [read_decimal(text) for text in texts]
        unread = any(text and number is None for text, number in zip(texts, numbers, strict=True))
        self.error = self.desk.say("mobile.field.unreadable_decimal") if unread else ""
        if not any(texts) and self.value is not None:
            self.answer(None)
        elif None not in numbers and numbers != self.value:
            self.answer(numbers)

    def show(self, value: Any) -> None:
        """Put both numbers into their boxes."""
        super().show(value)
        for box, index in ((self.latitude, 0), (self.longitude, 1)):
            if not box.focused:
                box.show(editable_number(value[index]) if value else "")

    def flush(self) -> None:
        """Tell what was typed."""
        self.latitude.flush()
        self.longitude.flush()
