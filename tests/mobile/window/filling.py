"""Fills the form in front by touch and keys, field after field, and remembers what was typed.

What to type follows from a field's kind; where a type's rules want something else, ``PLANS`` says it.
"""

from typing import Any

from mobile.widgets.field import FieldWidget
from mobile.widgets.field_choice import ChoiceField
from mobile.widgets.field_files import ComputedField, FilesField
from mobile.widgets.field_rows import RowsField
from mobile.widgets.field_text import (
    DateField,
    DatetimeField,
    DecimalField,
    GeoField,
    IntField,
    TextField,
    UrlField,
)
from tests.mobile.window.hand import find, frames, scroll_to, top, touch, type_into, until

DAY, DAY_TYPED = "2022-05-20", "20/5/2022"
PLANS: dict[str, dict[str, Any]] = {
    "case_support": {"service": "psychological", "follow_up_on": "27/5/2022"},
    "contact_ban": {
        "asked_at": ("20/5/2022", "07:00"),
        "decided_at": ("20/5/2022", "09:00"),
        "granted": "granted",
        "from_at": ("20/5/2022", "10:00"),
        "to_at": ("22/5/2022", "10:00"),
    },
    "gbv_case": {"birth_year": "1990", "birth_date": "8/3/1990", "is_child": False, "case_state": "open", "decree20": ["death"]},
    "budget": {"year": "2022"},
    "plan": {"year": "2022", "from_year": "2022", "to_year": "2022"},
    "target": {"year": "2022"},
    "gender_statistics": {"year": "2022"},
}
"""Type → field → what is typed or chosen there instead of what its kind would say."""

NOT_FILLED = {("gbv_case", "decree20"), ("difficulty", "answer_state")}
"""Fields whose choice would ask for an answer that only the district gives."""


def number_for(path: str, field: Any) -> int:
    """A number that keeps the rules: totals are larger than their parts, years are years."""
    code = path.rsplit("/", 1)[-1]
    if "year" in code and (field.minimum or 0) > 1900:
        return 2022
    wanted = 9 if "total" in code or code == "quantity" else 2
    return max(wanted, int(field.minimum or 0))


class Filler:
    """Fills the section that a view of fields shows; ``typed`` is what was answered, by path."""

    def __init__(self, type_code: str) -> None:
        self.type = type_code
        self.plan = PLANS.get(type_code, {})
        self.typed: dict[str, Any] = {}

    def fill(self, view: Any) -> None:
        """Fill every field of the view, those too that appear while others are answered."""
        done: set[str] = set()
        while True:
            waiting = [widget for widget in view.fields if widget.path not in done]
            if not waiting:
                return
            done.add(waiting[0].path)
            self.answer(waiting[0])

    def answer(self, widget: FieldWidget) -> None:
        """Answer one field by its kind."""
        if isinstance(widget, ComputedField) or (self.type, widget.path) in NOT_FILLED:
            return
        if widget.value not in (None, "", []) and not isinstance(widget, RowsField):
            return
        for kind, work in (
            (RowsField, self._rows),
            (FilesField, self._files),
            (ChoiceField, self._choice),
            (DatetimeField, self._datetime),
            (GeoField, self._geo),
            (TextField, self._text),
        ):
            if isinstance(widget, kind):
                work(widget)
                return
        raise AssertionError(f"no way to fill {type(widget).__name__}")

    def _text(self, widget: TextField) -> None:
        keys, value = self._keys(widget)
        type_into(widget.box, keys)
        widget.flush()
        self.typed[widget.path] = value
        until(lambda: widget.desk.value(widget.path) == value, f"{self.type} {widget.path}")

    def _keys(self, widget: TextField) -> tuple[str, Any]:
        planned = self.plan.get(widget.path)
        if isinstance(widget, DateField):
            keys = planned or DAY_TYPED
            day, month, year = (int(part) for part in keys.split("/"))
            return keys, f"{year:04}-{month:02}-{day:02}"
        if isinstance(widget, DecimalField):
            return "12,5", 12.5
        if isinstance(widget, IntField):
            number = int(planned) if planned else number_for(widget.path, widget.field)
            return str(number), number
        if isinstance(widget, UrlField):
            return "https://hongngu.dongthap.gov.vn/tin-tuc", "https://hongngu.dongthap.gov.vn/tin-tuc"
        words = planned or f"Phụ nữ ấp Long Thới {len(self.typed)}"
        words = words[: widget.field.max_length or 1000].strip()
        if widget.multiline:
            words += "\nDòng hai: đủ dấu"
        return words, words

    def _choice(self, widget: ChoiceField) -> None:
        planned = self.plan.get(widget.path)
        chips = [chip for chip in widget.flow.children[::-1] if chip.payload is not None]
        wanted = planned if isinstance(planned, list) else [planned]
        chosen = [chip for chip in chips if chip.payload.value in wanted] if planned is not None else chips[:1]
        if not chosen:
            self._search(widget)
            return
        if widget.several and planned is None:
            chosen = chips[:2]
        values = [chip.payload.value for chip in chosen]
        for chip in chosen:
            touch(next(one for one in widget.flow.children if one.payload and one.payload.value == chip.payload.value))
        self._chose(widget, values)

    def _chose(self, widget: ChoiceField, values: list[Any]) -> None:
        value = sorted(values) if widget.several else values[0]
        self.typed[widget.path] = value
        until(lambda: widget.desk.value(widget.path) == value, f"{self.type} {widget.path} = {value}")

    def _search(self, widget: ChoiceField) -> None:
        """Nothing to choose is in sight: look for it in the sheet."""
        touch(widget.flow.children[0])
        sheet = until(lambda: find("OfferSheet"), f"the sheet of {self.type} {widget.path}")[0]
        if not widget.desk.offers(widget.path):
            assert sheet.nothing.text, "an empty sheet says so"
            assert not widget.field.required, f"{widget.path} has nothing to choose from"
            touch(find("RoundButton")[-1])
            return
        rows = until(lambda: [row for row in find("OfferRow") if row.words], f"offers of {self.type} {widget.path}")
        value = next(offer.value for offer in widget.desk.offers(widget.path) if offer.words == rows[0].words)
        touch(rows[0])
        if widget.several:
            touch(find("RoundButton")[0])
        self._chose(widget, [value])

    def _datetime(self, widget: DatetimeField) -> None:
        day, time = self.plan.get(widget.path, (DAY_TYPED, "07:58"))
        type_into(widget.day, day)
        type_into(widget.time, time)
        widget.flush()
        number, month, year = (int(part) for part in day.split("/"))
        value = f"{year:04}-{month:02}-{number:02}T{time}+07:00"
        self.typed[widget.path] = value
        until(lambda: widget.desk.value(widget.path) == value, f"{self.type} {widget.path}")

    def _geo(self, widget: GeoField) -> None:
        type_into(widget.latitude, "10,8")
        type_into(widget.longitude, "105,25")
        widget.flush()
        self.typed[widget.path] = [10.8, 105.25]
        until(lambda: widget.desk.value(widget.path) == [10.8, 105.25], widget.path)

    def _rows(self, widget: RowsField) -> None:
        if widget.fixed:
            row = next(iter(widget.cards))
            if not widget.all_open:
                touch(widget.cards[row].head)
        else:
            touch(widget.more)
            row = until(lambda: widget.opened, f"a row of {widget.path}")
        until(lambda: widget.cards.get(row) and widget.cards[row].grid, f"the open row of {widget.path}")
        self.fill(widget.cards[row].grid)

    def _files(self, widget: FilesField) -> None:
        button = find("RoundButton", within=widget)[0]
        touch(button)
        rows = until(lambda: [row for row in find("OfferRow") if row.words.endswith((".jpg", ".pdf"))], "files to choose")
        name = rows[0].words
        touch(rows[0])
        frames(2)
        touch(find("RoundButton", within=top())[0])
        until(lambda: widget.value, f"a file in {widget.path}")
        self.typed[widget.path] = name


__all__ = ["DAY", "Filler", "number_for", "scroll_to"]
