"""The desk of one field alone: the third value of a question, written into no form."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mobile.offers import Offer, Offers
from mobile.screens.page import Shell, ShellDesk
from mobile.tablet import Tablet
from mobile.value_text import value_text
from mobile.widgets.desk import Remark
from shared.field import Field

__all__ = ["OneFieldDesk"]


class OneFieldDesk(ShellDesk):
    """Holds one answer; rows and files are never asked here."""

    def __init__(self, *, shell: Shell, tablet: Tablet, field: Field) -> None:
        super().__init__(shell)
        self.tablet, self.field = tablet, field
        self.answer: Any = None
        self.error = ""

    def value(self, path: str) -> Any:
        """Give the answer."""
        return self.answer

    def remark(self, path: str) -> Remark:
        """Give what is wrong with the answer."""
        return Remark(self.error)

    def answered(self, path: str, value: Any) -> None:
        """Take the answer."""
        self.answer, self.error = value, ""

    def keep(self, path: str) -> None:
        """Nothing is doubtful here."""

    def offers(self, path: str, text: str = "") -> Sequence[Offer]:
        """Give what may be chosen."""
        tablet = self.tablet
        offers = Offers(
            catalogue=tablet.catalogue,
            language=self.language,
            unit=tablet.who.unit,
            today=self.today,
            records=tablet.refs,
        )
        return offers.of(self.field, day=None, text=text)

    def words_for(self, path: str, value: Any) -> str:
        """Give the words of a value."""
        tablet = self.tablet
        return value_text(
            self.field, value, catalogue=tablet.catalogue, language=self.language, title_of=tablet.title_of
        )

    def shown(self, path: str) -> bool:
        """The one field is asked."""
        return True

    def add_row(self, path: str) -> str:
        """There are no rows."""
        return ""

    def move_row(self, path: str, row: str, step: int) -> None:
        """There are no rows."""

    def delete_row(self, path: str, row: str) -> None:
        """There are no rows."""

    def row_words(self, path: str, row: str) -> str:
        """There are no rows."""
        return ""

    def pick_files(self, path: str, *, photos: bool) -> None:
        """There are no files."""

    def file_words(self, item: Mapping[str, Any]) -> str:
        """There are no files."""
        return ""

    def open_file(self, path: str, item: Mapping[str, Any]) -> None:
        """There are no files."""

    def later(self, work: Callable[[], None]) -> None:
        """Do it now."""
        work()

    def now(self) -> str:
        """Give this minute."""
        return self.tablet.clock.now().isoformat(timespec="minutes")

    def locate(self) -> tuple[float, float] | None:
        """Give the tablet's place."""
        return self.tablet.hardware.place()
