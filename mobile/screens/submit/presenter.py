"""«Gửi»: is it right? All errors and doubts at once; each leads to its field; a doubt may stand, with a reason."""

from dataclasses import dataclass

from mobile.form import Form
from mobile.tablet import Tablet
from shared.errors import SenError

__all__ = ["Finding", "SubmitPresenter"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong or doubtful.

    ``path`` leads to its field in ``section``; ``code`` is what ``keep`` is told; ``kept`` is the reason given, "" while none is.
    """

    path: str
    section: str
    label: str
    words: str
    code: str
    warning: bool
    kept: str = ""


class SubmitPresenter:
    """Answers: is it right? Works on the form that is open for the record."""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet
        self.form: Form | None = None

    def show(self, record: str) -> None:
        """Judge a record as one that is to be sent; from now on its form shows what is missing."""
        self.form = self.tablet.forms.open(record)
        self.form.tried = True

    @property
    def open_form(self) -> Form:
        """The form under judgement. Raises SenError("nothing_open")."""
        if self.form is None:
            raise SenError("nothing_open")
        return self.form

    @property
    def title(self) -> str:
        """The record's title."""
        return self.tablet.title_of_form(self.open_form)

    def findings(self) -> list[Finding]:
        """Errors first, then doubts, each at its field."""
        form, language = self.open_form, self.tablet.language
        found = []
        for problem in form.problems("submit"):
            field = form.type.field_at(problem.path)
            found.append(
                Finding(
                    path=problem.path, section=form.section_of(problem.path), label=field.label.get(language) if field else "",
                    words=problem.text(language), code=problem.code, warning=problem.level == "warning",
                    kept=form.kept.get(problem.code, ""),
                )
            )  # fmt: skip
        return found

    @property
    def errors(self) -> int:
        """How many errors stand in the way."""
        return sum(not finding.warning for finding in self.findings())

    @property
    def doubts(self) -> int:
        """How many doubts have no reason yet."""
        return sum(finding.warning and not finding.kept for finding in self.findings())

    @property
    def ready(self) -> bool:
        """Whether it can be sent now."""
        return not self.errors and not self.doubts

    def summary(self) -> str:
        """What stands in the way, in one sentence."""
        errors, doubts = self.errors, self.doubts
        if errors:
            return self.tablet.say("submit_errors", count=errors)
        return self.tablet.say("submit_doubts", count=doubts) if doubts else self.tablet.say("submit_ready")

    def keep(self, code: str, reason: str) -> None:
        """Let a doubt stand («Giữ nguyên»), with the reason; "" takes it back. Raises SenError("reason_wanted")."""
        self.tablet.forms.keep_warning(self.open_form, code, reason)

    def submit(self) -> None:
        """Hand the record in: its changes and its new state go into the log; an urgent one leaves at once.

        Raises:
            SenError: ``submit_not_ready``, ``no_right``, ``tablet_full``.
        """
        if not self.ready:
            raise SenError("submit_not_ready")
        self.tablet.forms.submit(self.open_form)
        self.form = None
