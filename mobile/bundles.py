"""Exchanging by files where there is no network: this tablet's bundles out to a folder, the district's answers in from files.

A part that came and is not the last stays in the profile as it came, sealed, until the others are there. Works while locked: the
device's own keys seal and sign. What the bytes are: ``sync.over_file``; what an answer may do: ``sync.by_file``.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mobile import separation
from mobile.bridging import bridge
from mobile.hardware import write_whole
from mobile.keys import DeviceKeys
from mobile.remarks import note_unread, note_update
from mobile.rescue import forget_damaged
from shared.errors import SenError
from shared.ids import unb64
from shared.sealing import BoxKeys
from sync.again import entry_of
from sync.by_file import Kept, keep_answers, write_requests
from sync.clock import Time
from sync.copy_entries import ANSWERED, read_answer, write_question
from sync.errors import FrameFault
from sync.file_entries import FILE, TOLD, Asked, in_groups, read_file, read_told, write_asked, write_file
from sync.lost import Lost
from sync.mended import read_lost, write_lost
from sync.over_file import (
    SIZES,
    SUFFIX,
    Gathering,
    Part,
    Sender,
    file_name,
    key_mark,
    open_part,
    read_head,
    write_bundle,
)
from sync.tablet_half import TabletHalf

if TYPE_CHECKING:
    from mobile.tablet import Tablet

NOTE: Final = "bundle"
"""The note of the bundle that was written last and not answered yet."""

MEND: Final = "bundle_mend"
"""The note of what the server's disk lost and answers by bundle asked for; the next bundle brings what is held of it."""

MOST_KEPT: Final = 8
"""Bundles of which parts wait for others; the oldest goes when another begins."""

__all__ = ["Bundles", "Read", "Written"]


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: when, how many changes and photos or files are in it, and its files; the folder may be on a stick that is gone."""

    at_ms: int
    changes: int
    photos: int = 0
    files: tuple[str, ...]
    folder: str


@dataclass(kw_only=True)
class Read:
    """What some files brought: answers that were kept, bundles of which parts are missing (their numbers), files that were refused.

    ``opened`` bundles were whole; ``handed_in`` of this tablet's photos and files are at the district now; ``photos`` came from there.
    ``separated``: this tablet was a copy, and is a device of its own from now on.
    """

    kept: list[Kept] = field(default_factory=list)
    missing: list[list[int]] = field(default_factory=list)
    refused: list[tuple[str, SenError]] = field(default_factory=list)
    opened: int = 0
    handed_in: int = 0
    photos: int = 0
    separated: bool = False


class Bundles:
    """Writes and reads the bundles of one tablet."""

    def __init__(self, tablet: "Tablet") -> None:
        self._tablet = tablet
        self._kept = tablet.profile.folder / "bundles"

    def _keys(self) -> DeviceKeys:
        keys = DeviceKeys.load(self._tablet.hardware)
        if keys is None:
            raise SenError("keys_damaged")
        return keys

    # out

    def write(self, folder: Path, *, largest: int = SIZES[-1]) -> Written:
        """Write all that this tablet has to say into files of a folder: its records first, then its photos in bundles of their own.

        Raises:
            SenError: ``folder_not_writable``; parts that were written before it may be left there, and do no harm.
        """
        tablet = self._tablet
        with tablet.syncer.alone():
            tablet.syncer.look_over()
            changes, now_ms = tablet.store.unsent_count(), tablet.clock.now_ms()
            messages = write_requests(tablet.store, now=Time(now_ms, 0), mend=self._mend())
            who, sender = tablet.who, Sender.of(tablet.who.device, self._keys().sign)
            beside = [write_question(separation.question(tablet))] if separation.asked(tablet) else []
        receiver, names, photos = unb64(who.server_box), list[str](), 0
        asked = tablet.files.asked()
        beside += [write_asked(asked)] if any(asked) else []
        _put(write_bundle(sender, receiver, messages, before=entry_of(who.certificate), beside=beside, largest=largest), folder, names)
        for group in in_groups(tablet.files.bring()):
            photos += len(group)
            entries = [write_asked(Asked(tuple(digest for digest, _ in group))), *(write_file(*one) for one in group)]
            _put(write_bundle(sender, receiver, [], beside=entries, largest=largest), folder, names)
        written = Written(at_ms=now_ms, changes=changes, photos=photos, files=tuple(names), folder=str(folder))
        tablet.store.set_note(NOTE, json.dumps(asdict(written)))
        return written

    def _mend(self) -> Lost:
        """What the server's disk lost and the answers asked for."""
        return read_lost(json.loads(self._tablet.store.note(MEND) or "[]"))

    def unanswered(self) -> Written | None:
        """The bundle that was written last, while no answer has come by file."""
        told = self._tablet.store.note(NOTE)
        if not told:
            return None
        body = json.loads(told)
        return Written(**{**body, "files": tuple(body["files"])})

    # in

    def read(self, paths: Sequence[Path]) -> Read:
        """Read the district's answers from files; of a folder, from all of Sen's files in it, in whatever order and by whatever name."""
        found, boxes, touched = Read(), self._boxes(), dict[str, bytes]()
        for path in _files(paths):
            try:
                data = _bytes_of(path)
                part = self._open(data, boxes)
                self._keep_part(part, data)
                touched[part.head.bundle] = part.head.receiver
            except SenError as error:
                found.refused.append((path.name, error))
        for bundle in sorted(touched, key=lambda one: touched[one] != key_mark(boxes[0].public)):  # what makes it another device comes last
            gathering = self._gather(bundle, boxes)
            if gathering.missing:
                found.missing.append(gathering.missing)
                continue
            try:
                self._take(gathering, found)
                self._forget(bundle)
            except SenError as error:
                found.refused.append((f"sen-{bundle[:6]}", error))
                if isinstance(error, FrameFault):  # a full tablet is no reason to ask for the files again
                    self._forget(bundle)
        if found.handed_in or any(not kept.overtaken for kept in found.kept):
            self._tablet.store.set_note(NOTE, "")
        return found

    def _boxes(self) -> list[BoxKeys]:
        """The pairs to which an answer may be sealed: this device's, and that of the one that it asked to become."""
        to_be = DeviceKeys.load(self._tablet.hardware, separation.SECRET)
        return [self._keys().box, *([] if to_be is None else [to_be.box])]

    def _open(self, data: bytes, boxes: Sequence[BoxKeys]) -> Part:
        who, receiver = self._tablet.who, read_head(data).receiver
        if receiver == key_mark(unb64(who.server_box)):
            raise FrameFault("bundle_is_outgoing")

        def key_of(sender: str) -> bytes:
            if sender != who.server:
                raise FrameFault("bundle_damaged")
            return unb64(who.server_sign)

        return open_part(data, next((box for box in boxes if key_mark(box.public) == receiver), boxes[0]), key_of)

    def _take(self, gathering: Gathering, found: Read) -> None:
        """Keep what a bundle brings: an answer, who this tablet is from now on, what it says of files, and files."""
        tablet, entries = self._tablet, gathering.entries()
        syncer, files = tablet.syncer, tablet.files
        found.opened += 1
        told = [read_answer(entry.body) for entry in entries if entry.kind == ANSWERED]
        with syncer.alone():
            if (messages := gathering.messages()) and not any(one.get("device") == tablet.who.device for one in told):
                found.kept.append(self._keep(messages))
            for one in told:
                found.separated = separation.take_answer(tablet, one) or found.separated
        for entry in entries:
            if entry.kind == TOLD:
                found.handed_in += files.told(read_told(entry.body))
            elif entry.kind == FILE:
                found.photos += files.came(*read_file(entry.body))

    def _keep(self, messages: Sequence[bytes]) -> Kept:
        """Keep an answer; what it asks of this tablet waits for the next bundle."""
        tablet = self._tablet
        half = TabletHalf(tablet.store)
        kept = keep_answers(half, messages, mend=self._mend())
        if not bridge(tablet.store.outbox) and not kept.again:
            forget_damaged(tablet.store)
        tablet.syncer.observe(kept.heard, tablet.clock.now_ms())
        note_update(tablet.store, kept.update)
        if half.unread:  # a bundle brings what is new alone, and does not tell that nothing is unread any more
            note_unread(tablet.store, len(half.unread))
        if kept.mend != self._mend():
            tablet.store.set_note(MEND, json.dumps(write_lost(kept.mend)))
        if kept.copied:
            separation.begin(tablet)
        return kept

    # parts that wait for others

    def _keep_part(self, part: Part, data: bytes) -> None:
        folder = self._kept / part.head.bundle
        try:
            if not folder.exists():
                self._make_room()
            write_whole(folder / f"{part.head.number}{SUFFIX}", data)
        except OSError as error:
            raise SenError("tablet_full") from error

    def _make_room(self) -> None:
        waiting = sorted(self._kept.iterdir(), key=lambda path: path.stat().st_mtime) if self._kept.exists() else []
        for folder in waiting[: max(0, len(waiting) - MOST_KEPT + 1)]:
            self._forget(folder.name)

    def _gather(self, bundle: str, boxes: Sequence[BoxKeys]) -> Gathering:
        """The parts that have come; one that opens no more, for the storage damaged it, must come again."""
        gathering = Gathering()
        for path in (self._kept / bundle).glob(f"*{SUFFIX}"):
            try:
                gathering.add(self._open(path.read_bytes(), boxes))
            except SenError:
                path.unlink()
        return gathering

    def _forget(self, bundle: str) -> None:
        folder = self._kept / bundle
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _put(parts: Sequence[bytes], folder: Path, names: list[str]) -> None:
    """Write the parts of a bundle into a folder, and add their names. Raises SenError("folder_not_writable")."""
    for part in parts:
        names.append(file_name(read_head(part)))
        try:
            write_whole(folder / names[-1], part)
        except OSError as error:
            raise SenError("folder_not_writable", folder=folder.name) from error


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files meant: those named, and of a folder those that end as Sen's do."""
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.iterdir() if one.suffix == SUFFIX and one.is_file())
        else:
            yield path


def _bytes_of(path: Path) -> bytes:
    """A file's bytes; no file that is larger than a part can be is read."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > SIZES[-1]:
                raise FrameFault("not_a_bundle")
            return file.read()
    except OSError as error:
        raise SenError("file_not_readable", file=path.name) from error
