"""«Vụ việc»: is help on its way? The 60-second form, the countdown, the receipt, the telephone numbers."""

from mobile.incident import Progress, phones, progress_of
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet

TYPE = "gbv_incident"

__all__ = ["IncidentPresenter"]


class IncidentPresenter:
    """Answers: is help on its way? ``form`` is the form of the incident; its first section is all that must be filled in."""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet
        self.form = FormPresenter(tablet)
        self.record = ""

    def start(self) -> str:
        """Open a new incident, known now; gives its id."""
        self.record = self.form.start(TYPE, known_at=self.form.now())
        return self.record

    def show(self, record: str) -> None:
        """Open an incident."""
        self.form.open(record)
        self.record = record

    @property
    def progress(self) -> Progress:
        """The countdown and the receipts."""
        return progress_of(self.tablet, self.record, self.form.open_form.full())

    def countdown(self) -> str:
        """«Còn 9 giờ 20 phút», «Quá hạn 2 giờ», or who acknowledged it and when."""
        return self.progress.countdown

    def receipt(self) -> str:
        """«Chưa gửi được», «Máy chủ đã nhận lúc 14:05», «Cấp trên đã tiếp nhận lúc 14:20»."""
        return self.progress.receipt

    def phones(self) -> list[tuple[str, str]]:
        """Whom to call: (who, number)."""
        return phones(self.tablet)
