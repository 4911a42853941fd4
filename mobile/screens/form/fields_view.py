"""The fields of one section of an open form: built once, drawn again after every answer."""

from collections.abc import Callable
from typing import Any

from kivy.clock import Clock
from kivy.metrics import dp
from kivy.uix.scrollview import ScrollView

from mobile.screens.form.desk import FormDesk
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.page import Shell
from mobile.widgets.field import FieldGrid, FieldWidget
from mobile.widgets.field_rows import RowsField
from mobile.widgets.fields import build_field

__all__ = ["FieldsView"]


class FieldsView(FieldGrid):
    """The fields of one section that are asked now."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widgets: dict[str, FieldWidget] = {}
        self.section = ""
        self.form: FormPresenter | None = None
        self.desk: FormDesk | None = None

    def load(self, *, shell: Shell, form: FormPresenter, section: str, changed: Callable[[], None]) -> None:
        """Begin with the fields of a form's section; what was there before is forgotten."""
        self.form, self.section = form, section
        self.desk = FormDesk(shell=shell, form=form, changed=changed)
        self.show([])
        self.widgets = {}
        self.refresh()

    def refresh(self) -> None:
        """Hold the fields that are asked now, and show what is true of each."""
        if self.form is None or self.desk is None:
            return
        wanted = []
        for path in self.form.paths(self.section):
            if not self.form.shown(path):
                continue
            if path not in self.widgets:
                self.widgets[path] = build_field(self.form.field(path), path, self.desk)
            wanted.append(self.widgets[path])
        self.show(wanted)
        for widget in wanted:
            widget.refresh()

    def flush(self) -> None:
        """Hand on what was typed and not yet handed on."""
        for widget in self.fields:
            widget.flush()

    def lead_to(self, path: str, scroll: ScrollView) -> None:
        """Bring the field at a path into sight, its row opened."""
        code, *rest = path.split("/")
        widget = self.widgets.get(code)
        if widget is None:
            return
        if rest and isinstance(widget, RowsField):
            widget.open_row(rest[0])
        Clock.schedule_once(lambda _: _scroll(scroll, widget), 0.1)


def _scroll(scroll: ScrollView, widget: FieldWidget) -> None:
    if scroll.children and scroll.children[0].height > scroll.height:
        scroll.scroll_to(widget, padding=dp(40), animate=False)
