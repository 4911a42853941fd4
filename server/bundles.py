"""Bundles at the district: the parts of tablets' requests in, the server's answers out, as sealed files below the server's folder.

A part waits, as it came, until the others are there; then its lines are committed like those of an exchange, and the answer is written.
Whoever carries files needs no right to what is in them, but must answer for the tablet's unit; nobody here can read an answer.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from sqlalchemy import select

from server import db
from server.access import units_visible, units_where
from server.audit import note
from server.bundle_copies import answered_copy
from server.bundle_files import Brought as FilesBrought
from server.bundle_files import asked_in, bring, given, told_of
from server.certificates import read_certificate, take_up
from server.editing import sql_server
from server.people import Device, User
from server.places import private_folder, write_private
from server.services import services
from shared.errors import SenError
from shared.ids import SHORT_ID
from sync.again import NEVER, certificate_of
from sync.by_file import Brought, answer_requests
from sync.errors import FrameFault
from sync.file_entries import Asked
from sync.over_file import SIZES, SUFFIX, Entry, Gathering, Part, Sender, open_part, read_head, unproved, write_bundle
from sync.server_half import ServerHalf

DAY_MS: Final = 86_400_000
KEPT_DAYS: Final = 30
"""How long an answer can be fetched; it can be made anew from the request at any time."""

WAIT_DAYS: Final = 180
"""How long a part waits for the others."""

LARGEST_FILE: Final = SIZES[-1]
_BUNDLE_LETTERS: Final = 22
TOLD: Final = "told.json"

__all__ = ["LARGEST_FILE", "Answered", "Taken", "Waiting", "answers", "part_of_answer", "take", "waiting"]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A request that was read, and its answer: whose, when it was written on the tablet and read here, by whom, what came, and how many
    files the answer ``id`` has. ``photos`` came with it, ``photos_known`` that were here before, ``refused`` were not taken. Where photos
    alone came, ``written_ms`` is 0, and the answer says that they did.
    """

    id: str
    device: str
    written_ms: int
    read_ms: int
    by: str
    files: int
    told: int = 0
    new: int = 0
    aside: int = 0
    lacking: int = 0
    photos: int = 0
    photos_known: int = 0
    refused: int = 0


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A request of which parts have not come: whose, and which; none is missing of files whose records have not come."""

    device: str
    came: int
    missing: tuple[int, ...]


@dataclass(kw_only=True)
class Taken:
    """What some files brought: requests that were read, requests that wait for parts, files that were refused."""

    answered: list[Answered] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    refused: list[tuple[str, SenError]] = field(default_factory=list)


def take(files: Sequence[tuple[str, bytes]], by: User) -> Taken:
    """Read files that a person brought, in whatever order and by whatever name: (name, bytes).

    Raises:
        SenError: ``disk_full`` where a part cannot be kept, and whatever the database says; what came is kept.
    """
    _clear_out()
    found, touched, reach = Taken(), dict[str, None](), _reach(by)
    for _, data in files:
        _take_up(data, reach)
    for name, data in files:
        try:
            part = _open(data)
            if _unit_of(part.sender) not in reach:
                raise SenError("bundle_not_yours")
            _keep(_incoming() / part.head.bundle / f"{part.head.number}{SUFFIX}", data)
            touched[part.head.bundle] = None
        except SenError as error:
            if error.code == "disk_full":
                raise
            found.refused.append((name, error))
    alone: dict[str, str] = {}
    for bundle in touched:
        gathering = _gather(_incoming() / bundle)
        if gathering.missing:
            found.waiting.append(_waiting(gathering))
            continue
        try:
            if not gathering.messages():
                alone[bundle] = gathering.sender
                continue
            found.answered.append(_answer(gathering, by))
        except FrameFault as error:
            found.refused.append((f"sen-{bundle[:6]}", error))
        _remove(_incoming() / bundle)
    for sender in dict.fromkeys(alone.values()):
        if all(one.device != sender for one in found.answered):
            found.answered += _answer_files(sender, by)
    found.waiting += [_waiting(_gather(folder)) for bundle in alone if (folder := _incoming() / bundle).exists()]
    return found


def waiting(by: User) -> list[Waiting]:
    """The requests of a person's units that wait for parts."""
    reach, found = _reach(by), []
    for folder in _folders(_incoming()):
        gathering = _gather(folder)
        if gathering.came and _unit_of(gathering.sender) in reach:
            found.append(_waiting(gathering))
    return found


def answers(by: User) -> list[Answered]:
    """The answers for tablets of a person's units that can be fetched, the newest first."""
    reach, found = _reach(by), []
    for folder in _folders(_outgoing()):
        one = _told(folder)
        if one is not None and _unit_of(one.device) in reach:
            found.append(one)
    return sorted(found, key=lambda one: one.read_ms, reverse=True)


def part_of_answer(id: str, number: int, by: User) -> tuple[str, bytes]:
    """A file of an answer: its name and its bytes. Raises SenError("not_found")."""
    one = _told(_outgoing() / id) if _is_id(id) else None
    if one is None or not 1 <= number <= one.files or _unit_of(one.device) not in _reach(by):
        raise SenError("not_found")
    path = _outgoing() / id / f"{number}{SUFFIX}"
    return f"sen-{id[:6]}-{number}-{one.files}{SUFFIX}", path.read_bytes()


# reading a request


def _reach(by: User) -> frozenset[str]:
    return units_visible(by) | units_where(by, "administer")


def _unit_of(device: str) -> str | None:
    return db.db.session.scalar(select(Device.unit).where(Device.id == device))


def _sign_of(device: str) -> bytes:
    found = db.db.session.get(Device, device)
    if found is None:
        raise FrameFault("bundle_device_unknown")
    return found.sign


def _take_up(data: bytes, reach: frozenset[str]) -> None:
    """Take up the device that wrote a part, where this server, restored from an older backup, forgot it, and the part tells who it was."""
    held = services()
    try:
        sender, entry = unproved(data, held.keys.identity.box)
        certificate = certificate_of(entry)
        if not certificate or db.db.session.get(Device, sender) is not None:
            return
        told = read_certificate(held.keys, certificate)
        if told.id != sender or told.unit not in reach:
            return
        open_part(data, held.keys.identity.box, lambda _: told.sign)
        db.transaction(lambda session: take_up(session, held.keys, told, now_ms=held.clock.now_ms()))
    except SenError as error:
        if not isinstance(error, FrameFault) and error.code not in NEVER:
            raise
        return  # the file is refused below, for the same reason
    held.keys.keep_certificates({sender: certificate})
    db.db.session.rollback()  # what it reads from here on knows the device


def _open(data: bytes) -> Part:
    return open_part(data, services().keys.identity.box, _sign_of)


def _gather(folder: Path) -> Gathering:
    """The parts that have come; one that opens no more, for the disk damaged it, must come again."""
    gathering = Gathering()
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            try:
                gathering.add(_open(path.read_bytes()))
            except SenError:
                path.unlink()
    return gathering


def _waiting(gathering: Gathering) -> Waiting:
    return Waiting(device=gathering.sender, came=gathering.came, missing=tuple(gathering.missing))


def _answer(gathering: Gathering, by: User) -> Answered:
    """Commit a request's lines, then the files that came with it, and write the answer."""
    server, sender = sql_server(), gathering.sender
    now_ms = services().clock.now_ms()
    messages, half = gathering.messages(), ServerHalf(server)
    brought = db.retrying(lambda: answer_requests(half, sender, messages, now_ms=now_ms))
    copy, box = answered_copy(sender, gathering.entries())
    files, asked = _bring_files(sender, asked_in(gathering.entries()))
    beside = [*copy, *([told_of(sender, asked, files)] if asked.files or asked.held else [])]
    bundles = chain([(brought.answer, beside)], (([], entries) for entries in given(sender, asked)))
    one = _keep_answer(sender, bundles, files, by, brought, box=box)
    server.note_seen(sender, now_ms, half.unsent)
    return one


def _answer_files(sender: str, by: User) -> list[Answered]:
    """Keep the files that came alone, and answer that they did; nothing where none of them is named by a line yet."""
    files, asked = _bring_files(sender, Asked(()))
    return [_keep_answer(sender, [([], [told_of(sender, asked, files)])], files, by)] if files.files else []


def _bring_files(sender: str, asked: Asked) -> tuple[FilesBrought, Asked]:
    """Keep the files of a tablet's bundles that are whole; those that no line names yet wait. Gives what came and what was asked."""
    brought = FilesBrought()
    for folder in _folders(_incoming()):
        gathering = _gather(folder)
        if gathering.missing or not gathering.came or gathering.sender != sender or gathering.messages():
            continue
        entries = gathering.entries()
        asked = asked._replace(files=tuple(dict.fromkeys((*asked.files, *asked_in(entries).files))))
        if not bring(sender, entries, brought):
            _remove(folder)
    return brought, asked


def _keep_answer(
    sender: str, bundles: Iterable[tuple[Sequence[bytes], Sequence[Entry]]], files: FilesBrought, by: User,
    brought: Brought | None = None, *, box: bytes | None = None,
) -> Answered:  # fmt: skip
    """Write the bundles of an answer, one after the other, and note it in the audit trail; ``box`` is the key to which it is sealed, where
    that is another than the sender's.
    """
    held = services()
    now_ms, box = held.clock.now_ms(), box or db.db.session.get_one(Device, sender).box
    server, id, count = Sender(held.keys.identity.id, held.keys.sign), "", 0
    for messages, beside in bundles:
        for part in write_bundle(server, box, messages, beside=beside):
            id, count = id or read_head(part).bundle, count + 1
            _keep(_outgoing() / id / f"{count}{SUFFIX}", part)
    lines = {} if brought is None else {name: getattr(brought, name) for name in ("told", "new", "aside", "lacking")}
    one = Answered(
        id=id, device=sender, written_ms=0 if brought is None else brought.written.ms, read_ms=now_ms, by=by.id, files=count,
        photos=files.new, photos_known=files.known, refused=files.refused, **lines,
    )  # fmt: skip
    _keep(_outgoing() / id / TOLD, json.dumps(asdict(one)).encode("ascii"))
    db.transaction(lambda session: note(session, user=by.id, action="bundle", subject=sender, at_ms=now_ms))
    return one


# files


def _incoming() -> Path:
    return services().places.var / "bundles" / "in"


def _outgoing() -> Path:
    return services().places.var / "bundles" / "out"


def _is_id(text: str) -> bool:
    return len(text) == _BUNDLE_LETTERS and SHORT_ID.fullmatch(text[:11]) is not None and SHORT_ID.fullmatch(text[11:]) is not None


def _keep(path: Path, data: bytes) -> None:
    try:
        private_folder(path.parent.parent)
        write_private(path, data)
    except OSError as error:
        raise SenError("disk_full") from error


def _folders(place: Path) -> Iterator[Path]:
    if place.exists():
        yield from (folder for folder in place.iterdir() if _is_id(folder.name))


def _told(folder: Path) -> Answered | None:
    try:
        return Answered(**json.loads((folder / TOLD).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _clear_out() -> None:
    """Let go of answers that nobody will fetch any more, and of parts whose others never came."""
    now_ms = services().clock.now_ms()
    for folder in list(_folders(_outgoing())):
        one = _told(folder)
        if one is not None and now_ms - one.read_ms > KEPT_DAYS * DAY_MS:
            _remove(folder)
    for folder in list(_folders(_incoming())):
        if services().clock.now_ms() - folder.stat().st_mtime * 1000 > WAIT_DAYS * DAY_MS:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder; another process may be removing it too."""
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()
