"""«Hai người ghi khác nhau»: which is right? Both values large, who, which tablet, when written, when sent; a third value; later."""

from dataclasses import dataclass
from typing import Any

from mobile.question import Candidate, Question, QuestionDesk
from mobile.tablet import Tablet
from shared.catalogue import Field
from shared.errors import SenError
from sync.log import RECORD_STANDING

__all__ = ["CandidateCard", "ConflictPresenter"]


@dataclass(frozen=True, kw_only=True)
class CandidateCard:
    """One of the values. ``current`` is the one in use; ``deed`` is the button («Giữ 48», «Dùng 52»)."""

    number: int
    caption: str
    value: str
    who: str
    when: str
    deed: str
    current: bool


class ConflictPresenter:
    """Answers: which of the two is right? One question at a time; «Để sau» goes on to the next."""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet
        self.desk = QuestionDesk(tablet)
        self.waiting: list[Question] = []
        self.at = 0

    def show(self, record: str = "", path: str = "") -> None:
        """Show the open questions: all, or those of a record, beginning with the one at a path."""
        self.waiting = self.desk.questions(record)
        places = [(question.record, question.path) for question in self.waiting]
        self.at = places.index((record, path)) if (record, path) in places else 0

    @property
    def question(self) -> Question | None:
        """The question that is shown; None when nothing is open."""
        return self.waiting[self.at] if self.at < len(self.waiting) else None

    @property
    def progress(self) -> str:
        """«1 / 2»."""
        return f"{min(self.at + 1, len(self.waiting))} / {len(self.waiting)}"

    @property
    def title(self) -> str:
        """The record's title."""
        return "" if self.question is None else self.tablet.title_of(self.question.record)

    @property
    def below(self) -> str:
        """The record's type and day."""
        return "" if self.question is None else self.desk.below(self.question)

    @property
    def field_words(self) -> str:
        """The field's label (for a row with the row's name)."""
        return "" if self.question is None else self.desk.field_words(self.question)

    @property
    def field(self) -> Field | None:
        """The field, for the box of a third value; None for a withdrawal or a deletion."""
        return None if self.question is None else self.desk.field(self.question)

    def cards(self) -> list[CandidateCard]:
        """The values, the one in use first."""
        if self.question is None:
            return []
        return [self._card(number, candidate) for number, candidate in enumerate(self.desk.candidates(self.question))]

    def _card(self, number: int, candidate: Candidate) -> CandidateCard:
        say = self.tablet.say
        return CandidateCard(
            number=number, caption=say("conflict_current" if candidate.current else "conflict_other"), value=candidate.words,
            who=candidate.who, when=candidate.when, current=candidate.current, deed=candidate.deed,
        )  # fmt: skip

    def before(self) -> str:
        """What stood there before the two, and that all stay in the history."""
        if self.question is None:
            return ""
        return f"{self.desk.before(self.question)} {self.tablet.say('conflict_history')}".strip()

    def history(self) -> list[tuple[str, str, str]]:
        """What was ever written at the place of the question, the newest first: (value in words, who, when)."""
        asked = self._asked()
        return self.tablet.history(asked.record, "" if asked.path == RECORD_STANDING else asked.path)

    def take(self, number: int, why: str = "") -> None:
        """Decide for one of the values. Raises SenError: somebody decided meanwhile, disk full."""
        self.desk.decide(self._asked(), number, why)
        self._next()

    def write(self, value: Any, why: str = "") -> None:
        """Decide for a value of one's own. Raises SenError for a value that is not of the field's kind."""
        self.desk.decide_value(self._asked(), value, why)
        self._next()

    def later(self) -> bool:
        """Leave this one open; False when there is no other."""
        self.at += 1
        return self.question is not None

    def _asked(self) -> Question:
        if self.question is None:
            raise SenError("nothing_open")
        return self.question

    def _next(self) -> None:
        del self.waiting[self.at]
        self.at = min(self.at, max(0, len(self.waiting) - 1))
