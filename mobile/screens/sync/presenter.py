"""«Đồng bộ»: what has not left, and why?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mobile.bundles import Read
from mobile.mending import put_again, to_mend
from mobile.remarks import remarks
from mobile.status import sync_words, time_words
from mobile.tablet import Tablet
from shared.figure_text import amount_text
from sync.log import Change

MOST_NAMED: Final = 6
"""Names of written files that are told; of more, how many there are."""

__all__ = ["SyncPresenter", "WaitingRow"]


@dataclass(frozen=True, kw_only=True)
class WaitingRow:
    """One record whose changes have not left, one line that was set aside, or one file that was not taken (no ``record``), in words."""

    record: str
    words: str
    below: str
    tone: str = "plain"


class SyncPresenter:
    """Answers: what has not left, and why?"""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet

    def status(self) -> str:
        """The same words as on «Hôm nay»."""
        return sync_words(self.tablet)

    def state(self) -> str:
        """What goes on now: sending, no network, switched off, the server's last word."""
        return self.tablet.syncer.words()

    def remarks(self) -> list[str]:
        """What a person should know of the tablet itself: a wrong clock, a restored or copied storage."""
        return remarks(self.tablet)

    @property
    def busy(self) -> bool:
        """Whether an exchange is under way."""
        return self.tablet.syncer.busy

    @property
    def offline(self) -> bool:
        """Whether the switch «Ngoại tuyến» is on."""
        return self.tablet.profile.settings.offline

    def set_offline(self, on: bool) -> None:
        """Turn the switch; with the network back, what waits leaves by itself."""
        self.tablet.profile.set(offline=on)
        if not on:
            self.tablet.background.changed()

    def size(self) -> str:
        """How much has not left («12,4 KB»)."""
        kilobytes = self.tablet.store.outbox.unsent_bytes() / 1024
        return self.tablet.say("unsent_size", kb=amount_text(kilobytes, decimals=1, lang=self.tablet.language))

    def waiting(self) -> list[WaitingRow]:
        """The records with changes that have not left, the oldest first."""
        rows = []
        for record, count, since_ms in self.tablet.store.outbox.unsent_records():
            below = self.tablet.say("waiting_changes", count=count, age=self.tablet.age_words(since_ms))
            rows.append(WaitingRow(record=record, words=self.tablet.title_of(record), below=f"{self._type(record)}{below}"))
        return rows

    def _type(self, record: str) -> str:
        entry = self.tablet.index.entry(record)
        return "" if entry is None else f"{self.tablet.catalogue.all_types[entry.type].label.get(self.tablet.language)} · "

    def photos(self) -> str:
        """How many photos and files have not left («2 ảnh chưa gửi»); "" when none."""
        count = len(self.tablet.files.waiting())
        return self.tablet.say("files_unsent", count=count) if count else ""

    def aside(self) -> list[WaitingRow]:
        """The lines that the server set aside, with the reason and what to do."""
        rows = []
        for one in to_mend(self.tablet.store):
            record = one.change.record
            rows.append(WaitingRow(record=record, words=self._title(one.change), below=self.tablet.say(one.code), tone="soon"))
        for refused in self.tablet.files.refused():
            rows.append(WaitingRow(record="", words=self.tablet.say("file_not_taken"), below=self.tablet.say(refused.code), tone="soon"))
        return rows

    def _title(self, change: Change) -> str:
        """A record's name; of one that stands nowhere any more its type's."""
        found = self.tablet.catalogue.all_types.get(change.type)
        label = change.type if found is None else found.label.get(self.tablet.language)
        return label if self.tablet.store.show(change.record) is None else self.tablet.title_of(change.record)

    def mend(self, record: str) -> None:
        """Put what was set aside of a record into its form again. Raises SenError, as ``mending``."""
        put_again(self.tablet, record)

    # by files

    def written_words(self) -> str:
        """«Tệp gửi ghi lúc 07:42 (12 thay đổi): chưa có tệp trả lời»; "" where nothing is out."""
        out = self.tablet.bundles.unanswered()
        if out is None:
            return ""
        return self.tablet.say("bundle_out", time=time_words(self.tablet, out.at_ms), count=out.changes)

    def write_files(self, folder: Path) -> str:
        """Write everything that has not left as files; says what to do next. Long, as ``sync_now``. Raises SenError."""
        out, say = self.tablet.bundles.write(folder), self.tablet.say
        files = ", ".join(out.files[:MOST_NAMED]) + (f", … ({len(out.files)})" if len(out.files) > MOST_NAMED else "")
        words = say("bundle_written", count=out.changes, files=files, folder=folder.name or str(folder))
        return f"{words} {say('bundle_written_photos', count=out.photos)}" if out.photos else words

    def read_files(self, paths: Sequence[Path]) -> str:
        """Read answers from files; says in sentences what they brought and what is still needed. Long, as ``sync_now``."""
        return "\n".join(self._read_words(self.tablet.bundles.read(paths)))

    def _read_words(self, found: Read) -> Iterator[str]:
        say = self.tablet.say
        for kept in found.kept:
            if kept.overtaken and not kept.read:
                yield say("bundle_nothing_new")
            else:
                yield say("bundle_kept", received=kept.received, read=kept.read)
        waits = any(kept.copied or kept.holds or (kept.again and not kept.overtaken) for kept in found.kept)
        if waits and not found.separated:
            yield say("bundle_again")
        if found.handed_in:
            yield say("bundle_photos_handed_in", count=found.handed_in)
        if found.photos:
            yield say("bundle_photos_came", count=found.photos)
        for missing in found.missing:
            yield say("bundle_incomplete", missing=", ".join(map(str, missing)))
        for name, error in found.refused:
            yield f"{name}: {error.text(self.tablet.language)}"
        if not (found.kept or found.missing or found.refused or found.handed_in or found.photos):
            yield say("bundle_nothing_new" if found.opened else "bundle_none_found")

    def sync_now(self) -> None:
        """Exchange until both sides have nothing left, then send the photos and files; takes long, so run it outside the window's
        thread. Raises SenError.
        """
        self.tablet.syncer.sync()
        self.tablet.carrier.carry()
