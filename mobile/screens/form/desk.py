"""The desk of a form: what field widgets ask, answered by the form's presenter and the application around it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kivy.clock import Clock

from mobile.offers import Offer
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.page import Shell, ShellDesk
from mobile.widgets.desk import Remark
from mobile.widgets.picker import FileSheet
from mobile.widgets.sheets import AskSheet, PictureSheet, ReasonSheet
from shared.attachment import JPEG
from shared.errors import SenError

__all__ = ["FormDesk"]


class FormDesk(ShellDesk):
    """Answers for one open form; ``changed`` is called after every answer."""

    def __init__(self, *, shell: Shell, form: FormPresenter, changed: Callable[[], None]) -> None:
        super().__init__(shell)
        self.form, self.changed = form, changed

    def value(self, path: str) -> Any:
        """Give the value at a path."""
        return self.form.value(path)

    def remark(self, path: str) -> Remark:
        """Give what is wrong or doubtful at a path."""
        return self.form.remark(path)

    def answered(self, path: str, value: Any) -> None:
        """Take an answer into the draft."""
        self._try(lambda: self.form.set(path, value))

    def _try(self, work: Callable[[], Any]) -> Any:
        """Do something that may be refused (a full disk), say so plainly, and show what is true then."""
        result = None
        try:
            result = work()
        except SenError as error:
            self.shell.tell(error)
        self.changed()
        return result

    def keep(self, path: str) -> None:
        """Ask why a doubtful value shall stand."""
        ReasonSheet(
            title=self.say("mobile.keep.title"),
            words=self.remark(path).warning,
            ok=self.say("mobile.field.keep"),
            cancel=self.say("mobile.sheet.close"),
            missing=self.say("mobile.keep.reason"),
            typing=self.typing,
            then=lambda reason: self._try(lambda: self.form.keep(path, reason)),
        ).open()

    def offers(self, path: str, text: str = "") -> Sequence[Offer]:
        """Give what may be chosen at a path."""
        return self.form.offers(path, text)

    def words_for(self, path: str, value: Any) -> str:
        """Give the words of a value."""
        return self.form.words_for(path, value)

    def shown(self, path: str) -> bool:
        """Say whether the field at a path is asked."""
        return self.form.shown(path)

    def add_row(self, path: str) -> str:
        """Add a row."""
        return str(self._try(lambda: self.form.add_row(path)) or "")

    def move_row(self, path: str, row: str, step: int) -> None:
        """Move a row."""
        self._try(lambda: self.form.move_row(path, row, step))

    def delete_row(self, path: str, row: str) -> None:
        """Take a row away once the officer has said so."""

        def gone() -> None:
            self._try(lambda: self.form.delete_row(path, row))

        answers = [(self.say("mobile.row.delete"), gone), (self.say("mobile.sheet.close"), None)]
        title = self.say("mobile.row.delete_title")
        AskSheet(title=title, words=self.row_words(path, row), answers=answers, danger=True).open()

    def row_words(self, path: str, row: str) -> str:
        """Give a short name of a row."""
        return self.form.row_words(path, row)

    def pick_files(self, path: str, *, photos: bool) -> None:
        """Let files be chosen, and store them outside the window's thread."""

        def stored(result: Any) -> None:
            if isinstance(result, SenError):
                self.shell.tell(result)
            self.changed()

        def chosen(files: Sequence[Path]) -> None:
            self.shell.work(lambda: self.form.attach(path, files), stored)

        FileSheet(say=self.say, start=Path.home(), photos=photos, then=chosen).open()

    def file_words(self, item: Mapping[str, Any]) -> str:
        """Give what stands below a file's name."""
        return self.form.file_words(item)

    def open_file(self, path: str, item: Mapping[str, Any]) -> None:
        """Show a photo; bring it first where it has not come here, outside the window's thread."""
        sha256 = item["sha256"]

        def brought() -> bytes:
            self.form.fetch(path, sha256)
            return self.form.open_file(sha256)

        def there(result: Any) -> None:
            if isinstance(result, SenError):
                self.shell.tell(result)
            elif item.get("mime") == JPEG:
                PictureSheet(title=str(item.get("name", "")), picture=result, close=self.say("mobile.sheet.close")).open()
            self.changed()

        self.shell.work(brought, there)

    def later(self, work: Callable[[], None]) -> None:
        """Do something after the present touch."""
        Clock.schedule_once(lambda _: work(), 0)

    def now(self) -> str:
        """Give this minute."""
        return self.form.now()

    def locate(self) -> tuple[float, float] | None:
        """Give the tablet's place."""
        return self.form.locate()
