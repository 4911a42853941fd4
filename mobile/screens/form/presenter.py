"""«Biểu mẫu»: what is still missing? One section at a time; every answer is kept at once, sealed, on this tablet.

The presenter is the desk that the field widgets ask (``mobile.widgets.desk.Desk``): values, remarks and words by path. Leaving a
section, locking or submitting turns the difference to what the form showed when it was opened into one change of the log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from mobile.form import Form
from mobile.offers import Offer, Offers
from mobile.tablet import Tablet
from mobile.value_text import UNKNOWN, value_text
from mobile.widgets.desk import Remark
from shared.catalogue import Field
from shared.errors import SenError
from sync.paths import is_sealed

__all__ = ["FormPresenter", "Move", "Notice", "SectionTab"]


@dataclass(frozen=True, kw_only=True)
class SectionTab:
    """One section: «Chính», «4/6». ``progress`` says how much is answered; ``wrong`` that an error stands in it."""

    code: str
    words: str
    progress: str
    wrong: bool
    folded: bool


class Notice(NamedTuple):
    """A sentence above the fields; ``path`` is where its question stands («» none), for ``Shell.go("conflict", …)``."""

    words: str
    tone: str
    path: str = ""


class Move(NamedTuple):
    """A move of a workflow that may be made now: the state, and the words of the button."""

    to: str
    words: str


class FormPresenter:
    """Answers: what is still missing here?"""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet
        self.form: Form | None = None

    # which form is open

    def start(self, type: str, **values: Any) -> str:
        """Open the form of a new record of a type, in the officer's unit; gives the record's id. Raises SenError("unknown_type")."""
        self.leave()
        self.form = self.tablet.forms.start(type, values)
        return self.form.record

    def open(self, record: str = "", type: str = "") -> "FormPresenter":
        """Open a record's form as it was left, or a new one of a type; gives itself. Raises SenError("no_such_record")."""
        if not record:
            self.start(type)
            return self
        if self.form is not None and self.form.record != record:
            self.leave()
        self.form = self.tablet.forms.open(record)
        return self

    @property
    def record(self) -> str:
        """The id of the record whose form is open."""
        return self.open_form.record

    @property
    def open_form(self) -> Form:
        """The form that is open. Raises SenError("nothing_open")."""
        if self.form is None:
            raise SenError("nothing_open")
        return self.form

    # words around the fields

    @property
    def title(self) -> str:
        """The type's name."""
        return self.open_form.type.label.get(self.tablet.language)

    def saved_words(self) -> str:
        """«Đã lưu trên máy 07:58:12»; "" before anything was typed."""
        return self.tablet.saved_words(self.open_form)

    def sections(self) -> list[SectionTab]:
        """The sections with their progress; a section of which nothing is asked now is not among them."""
        form, language = self.open_form, self.tablet.language
        wrong = {form.section_of(problem.path) for problem in form.shown_problems() if problem.level == "error"}
        tabs = []
        for section in form.type.sections:
            if not any(form.shown(code) for code in section.fields):
                continue
            done, wanted = form.progress(section)
            progress = f"{done}/{wanted}" if wanted else ""
            words, bad = section.label.get(language), section.code in wrong
            tabs.append(SectionTab(code=section.code, words=words, progress=progress, wrong=bad, folded=section.folded))
        return tabs

    def section_of(self, path: str) -> str:
        """The code of the section in which a path stands; the first one where it stands in none."""
        return self.open_form.section_of(path)

    def paths(self, section: str) -> list[str]:
        """The paths of a section's fields in their order, those too that are not asked now (``shown`` tells)."""
        return list(next(one for one in self.open_form.type.sections if one.code == section).fields)

    def field(self, path: str) -> Field:
        """The field at a path. Raises SenError("unknown_field")."""
        field = self.open_form.type.field_at(path)
        if field is None:
            raise SenError("unknown_field")
        return field

    def missing_words(self) -> str:
        """«Cần thêm 2 câu trả lời để gửi»; "" when nothing is missing."""
        count = len([problem for problem in self.open_form.problems("submit") if problem.code == "required"])
        return self.tablet.say("answers_missing", count=count) if count else ""

    def notices(self) -> list[Notice]:
        """What must be known before writing here: returned with a reason, two people's answers, withdrawn."""
        return [Notice(words=words, tone=tone, path=path) for words, tone, path in self.tablet.forms.notices(self.open_form)]

    @property
    def can_submit(self) -> bool:
        """Whether this officer may hand the record in as it stands (the screen «submit» says whether it is ready)."""
        return self.tablet.forms.may_submit(self.open_form)

    @property
    def can_copy(self) -> bool:
        """Whether there is a record to copy from."""
        return self.tablet.forms.last_like(self.open_form) is not None

    @property
    def can_withdraw(self) -> bool:
        """Whether there is anything to take back."""
        return self.open_form.known

    def moves(self) -> list[Move]:
        """Where else this officer may move the record's workflow: (state, words)."""
        return [Move(to, self.tablet.move_words(self.open_form.type, to)) for to in self.tablet.forms.moves(self.open_form)]

    # the desk of the field widgets

    @property
    def language(self) -> str:
        """``vi`` or ``en``."""
        return self.tablet.language

    @property
    def typing(self) -> str:
        """``off``, ``telex`` or ``vni``."""
        return self.tablet.profile.settings.typing

    @property
    def today(self) -> date:
        """The local date."""
        return self.tablet.clock.today()

    def say(self, code: str, **params: object) -> str:
        """A phrase in the officer's language."""
        return self.tablet.say(code, **params)

    def value(self, path: str) -> Any:
        """The value at a path, computed ones too; None where it is unknown."""
        return self.open_form.value(path)

    def remark(self, path: str) -> Remark:
        """What is wrong or doubtful at a path."""
        error = warning = ""
        for problem in self.open_form.shown_problems():
            if problem.path == path and problem.level == "error":
                error = error or problem.text(self.language)
            elif problem.path == path and problem.code not in self.open_form.kept:
                warning = warning or problem.text(self.language)
        return Remark(error, warning)

    def set(self, path: str, value: Any) -> None:
        """Take an answer (None: taken away) and keep it at once. Raises SenError("tablet_full"): the old stays readable."""
        self.open_form.answer(path, value)
        self.tablet.forms.autosave(self.open_form)

    def doubt(self, path: str) -> str:
        """The code of the doubt at a path, under which ``keep`` stores the reason; "" where there is none."""
        doubts = [problem for problem in self.open_form.shown_problems() if problem.path == path and problem.level == "warning"]
        return doubts[0].code if doubts else ""

    def keep(self, path: str, reason: str) -> None:
        """Let the doubt at a path stand («Giữ nguyên»), with the reason. Raises SenError("reason_wanted")."""
        self.tablet.forms.keep_warning(self.open_form, self.doubt(path), reason)

    def offers(self, path: str, text: str = "") -> Sequence[Offer]:
        """What may be chosen at a path."""
        form = self.open_form
        offers = Offers(
            catalogue=self.tablet.catalogue, language=self.language, unit=form.unit, today=self.today, records=self.tablet.refs
        )  # fmt: skip
        field = form.type.field_at(path)
        if field is not None and field.kind == "flow":
            return self.tablet.forms.flow_offers(form, field, path)
        return offers.of(field, day=form.day, text=text) if field is not None else []

    def words_for(self, path: str, value: Any) -> str:
        """The words of a value at a path; «–» for None."""
        field = self.open_form.type.field_at(path)
        if field is None:
            return UNKNOWN
        return value_text(field, value, catalogue=self.tablet.catalogue, language=self.language, title_of=self.tablet.title_of)

    def shown(self, path: str) -> bool:
        """Whether the field at a path is asked at all, as the other answers are."""
        return self.open_form.shown(path)

    def add_row(self, path: str) -> str:
        """Add an empty row at the end; gives its id."""
        row = self.open_form.add_row(path)
        self.tablet.forms.autosave(self.open_form)
        return row

    def move_row(self, path: str, row: str, step: int) -> None:
        """Move a row up (-1) or down (1)."""
        self.open_form.move_row(path, row, step)
        self.tablet.forms.autosave(self.open_form)

    def delete_row(self, path: str, row: str) -> None:
        """Take a row away."""
        self.open_form.delete_row(path, row)
        self.tablet.forms.autosave(self.open_form)

    def row_words(self, path: str, row: str) -> str:
        """A short name of a row: the fixed item's own, else what its first answers say."""
        return self.tablet.forms.row_words(self.open_form, path, row)

    def attach(self, path: str, files: Sequence[Path]) -> None:
        """Store files of the disk and add them to the field at a path. Raises SenError: unreadable, too large, disk full."""
        self.tablet.forms.add_files(self.open_form, path, files)

    def remove_file(self, path: str, sha256: str) -> None:
        """Take a file out of the field at a path; its bytes stay while a change names them."""
        left = [one for one in self.value(path) or [] if one["sha256"] != sha256]
        self.set(path, left or None)

    def open_file(self, sha256: str) -> bytes:
        """The bytes of a file of this form. Raises SenError("file_not_here")."""
        return self.tablet.files.read(sha256)

    def file_words(self, item: Mapping[str, Any]) -> str:
        """What stands below a file's name: its size, and that it has not come here or has not left."""
        tablet = self.tablet
        if not tablet.files.has(item["sha256"]):
            return tablet.say("file_wished" if tablet.files.state(item["sha256"]) == "wished" else "file_not_come")
        size = tablet.say("mobile.field.size_kb", kb=-(-int(item.get("size", 0)) // 1024))
        state = tablet.files.state(item["sha256"])
        return f"{size} · {tablet.say('file_unsent')}" if state in ("kept", "waits") else size

    def fetch(self, path: str, sha256: str) -> None:
        """Bring a file that another device recorded; takes long, so run it outside the window's thread. Raises SenError."""
        self.tablet.carrier.fetch(sha256, sealed=is_sealed(self.open_form.type, path))

    def now(self) -> str:
        """This minute as a stored datetime."""
        return self.tablet.clock.now().isoformat(timespec="minutes")

    def locate(self) -> tuple[float, float] | None:
        """The place of this tablet, where it knows."""
        return self.tablet.hardware.place()

    # what becomes of it

    def leave_section(self) -> None:
        """Turn what was typed into one change of the log; the form stays open."""
        if not self.open_form.untouched:
            self.tablet.forms.leave(self.open_form)

    def leave(self) -> None:
        """The same when the form is left, and on locking; nothing where no form is open."""
        if self.form is not None and not self.form.untouched:
            self.tablet.forms.leave(self.form)

    def copy(self) -> None:
        """Fill what is empty with the answers of the last record of this type («Sao chép từ lần trước»); never dates, figures or files."""
        self.tablet.forms.copy_last(self.open_form)

    def go_to(self, to: str) -> None:
        """Move the record's workflow (approve, take back to draft). Raises SenError."""
        self.tablet.forms.go(self.open_form, to)
        self.form = self.tablet.forms.open(self.record)

    def withdraw(self, reason: str) -> None:
        """Take the record back, naming all that the screen showed of it. Raises SenError("reason_wanted")."""
        self.tablet.forms.withdraw(self.open_form, reason)
        self.form = None

    def history(self, path: str = "") -> list[tuple[str, str, str]]:
        """What was ever written at a path of the record, the newest first: (value in words, who, when)."""
        return self.tablet.history(self.open_form.record, self.open_form.type.path_of(path) if path else "")
