"""«Tệp đồng bộ»: what tablets without a network send as files, read here; and the answers to carry back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask import Blueprint, Response, request, url_for
from sqlalchemy import select

from server import bundles, db
from server.console.shell import me, page
from server.console.words import moment_words, unit_words
from server.language import lang
from server.people import Device, names_of
from server.services import services
from shared.errors import SenError

blueprint = Blueprint("bundles", __name__)
blueprints = (blueprint,)

__all__ = ["AnswerLine", "Bundles", "WaitingLine", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class AnswerLine:
    """A request that was read, and the addresses of its answer's files; ``written`` is "" where photos and files came alone."""

    tablet: str
    person: str
    unit: str
    written: str
    read: str
    by: str
    told: int
    new: int
    aside: int
    lacking: int
    photos: int
    photos_known: int
    refused: int
    files: list[str]


@dataclass(frozen=True, kw_only=True)
class WaitingLine:
    """A request that waits for parts; ``missing`` is "" for photos and files whose records have not come."""

    tablet: str
    person: str
    came: int
    missing: str


@dataclass(frozen=True, kw_only=True)
class Bundles:
    """The page: what just came, what waits, which answers can be fetched."""

    came: list[AnswerLine] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    waiting: list[WaitingLine]
    answers: list[AnswerLine]
    largest_mb: int


@blueprint.get("/bundles")
def bundles_page() -> Response:
    """What waits and what can be fetched."""
    return _page(bundles.Taken())


@blueprint.post("/bundles")
def take() -> Response:
    """Read the files that were chosen or dropped."""
    files = [(one.filename or "", one.read(bundles.LARGEST_FILE + 1)) for one in request.files.getlist("files") if one.filename]
    if not files:
        raise SenError("no_file_chosen")
    taken = bundles.take(files, me())
    return _page(taken)


@blueprint.get("/bundles/<answer>/<number>")
def answer_file(answer: str, number: str) -> Response:
    """A file of an answer; only the tablet that it is for can open it."""
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise SenError("not_found")
    name, data = bundles.part_of_answer(answer, int(number), me())
    told = Response(data, mimetype="application/octet-stream")
    told.headers.set("Content-Disposition", "attachment", filename=name)
    told.headers["Cache-Control"] = "no-store"
    return told


def _page(taken: bundles.Taken) -> Response:
    answers, waiting = bundles.answers(me()), bundles.waiting(me())
    tablets = _tablets({one.device for one in (*answers, *taken.answered)} | {one.device for one in waiting})
    new = {one.id for one in taken.answered}
    context = Bundles(
        came=[_line(one, tablets) for one in taken.answered], refused=[(name, error.text(lang())) for name, error in taken.refused],
        waiting=[
            WaitingLine(tablet=tablets[one.device].name, person=_person(tablets[one.device]), came=one.came, missing=_numbers(one.missing))
            for one in waiting
        ],
        answers=[_line(one, tablets) for one in answers if one.id not in new], largest_mb=services().config.largest_body_mb,
    )  # fmt: skip
    return page("bundles/bundles.html", context, status=422 if taken.refused and not (taken.answered or taken.waiting) else 200)


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _tablets(ids: set[str]) -> dict[str, Device]:
    return {one.id: one for one in db.db.session.scalars(select(Device).where(Device.id.in_(ids)))}


def _person(device: Device) -> str:
    return names_of(db.db.session(), [device.user]).get(device.user, "")


def _line(one: bundles.Answered, tablets: Mapping[str, Device]) -> AnswerLine:
    device = tablets[one.device]
    names = names_of(db.db.session(), sorted({device.user, one.by}))
    return AnswerLine(
        tablet=device.name, person=names.get(device.user, ""), unit=unit_words(device.unit),
        written=moment_words(one.written_ms) if one.written_ms else "", read=moment_words(one.read_ms), by=names.get(one.by, ""),
        told=one.told, new=one.new, aside=one.aside, lacking=one.lacking, photos=one.photos,
        photos_known=one.photos_known, refused=one.refused,
        files=[url_for("bundles.answer_file", answer=one.id, number=number) for number in range(1, one.files + 1)],
    )  # fmt: skip
