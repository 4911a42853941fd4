"""A tablet with its profile open, locked or not: what all presenters are given.

Wires profile, keys, store, index, drafts, files, forms and the exchange together; decides nothing by itself. While locked there are no case
keys and no list; what was typed is kept, and sending goes on.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mobile import separation
from mobile import wipe as wiping
from mobile.background import Background
from mobile.bundles import Bundles
from mobile.carrier import Carrier
from mobile.case_keys import CaseKeys
from mobile.clock import Clock, moment_of
from mobile.database import Database
from mobile.drafts import Drafts
from mobile.files import Files
from mobile.form import Form
from mobile.forms import Forms
from mobile.hardware import Desktop, Hardware
from mobile.history import history as written_in
from mobile.index import Index
from mobile.keys import DeviceKeys, PinLock, RowKey
from mobile.profile import Enrolled, Profile, ProfileLock
from mobile.remarks import UNREADABLE
from mobile.rescue import opened
from mobile.status import time_words
from mobile.store import Store
from mobile.syncing import Syncer
from mobile.value_text import UNKNOWN, value_text
from shared.catalogue import Catalogue, CatalogueError, RecordType, load_catalogue
from shared.errors import SenError
from shared.ids import b64, unb64
from shared.labels import date_text, datetime_text, phrase
from shared.sealing import BoxKeys, derive
from sync.log import Change
from sync.store import Device, Scope
from sync.view import Sealed

CATALOGUE = "catalogue"
LAST_GOOD = "catalogue/good"
"""Under which names the store keeps the catalogue that was told last, and the last one that this app could read."""

__all__ = ["Tablet"]


class Tablet:
    """One tablet.

    Args:
        folder: the profile's folder; made where there is none.
        hardware: the device below; a desktop where none is given.
        alone: hold the folder for this process alone; False only looks and must not write.
        cheap_pin: argon2id with little memory, for tests alone.
    """

    def __init__(
        self, folder: Path, clock: Clock | None = None, *, hardware: Hardware | None = None, alone: bool = True, cheap_pin: bool = False
    ) -> None:  # fmt: skip
        self.clock = clock or Clock()
        self.profile = Profile.load(folder)
        self.hardware = hardware or Desktop(folder)
        self._alone = alone
        self._held = ProfileLock(folder)
        if alone:
            self._held.take()
            if wiping.under_way(folder):
                wiping.finish(folder, self.hardware)
                self.profile = Profile.load(folder)
        self._cheap_pin = cheap_pin
        self.pin = PinLock(folder / wiping.OFFICER, self.clock.now_ms, cheap=cheap_pin)
        self._shipped = self._catalogue = load_catalogue()
        self._officer: BoxKeys | None = None
        self._case_keys: CaseKeys | None = None
        self._store: Store | None = None
        self.background = Background(self)
        self.wrote_urgent: Callable[[bool], None] = lambda urgent: None
        """Told after each change of the log, with whether it is urgent; the sync thread listens."""
        self.told_to_wipe: Callable[[], object] = self.wipe
        """Called when the server has read everything of this revoked tablet; a window does it in its own thread."""
        if self.profile.enrolled is not None:
            try:
                self._open_store(self.profile.enrolled)
            except SenError:
                self._held.give_back()
                raise

    # opening

    def _open_store(self, who: Enrolled) -> None:
        rows, path = RowKey(self._device_keys().rows), self.profile.folder / wiping.DATABASE
        if not self._alone:
            return self._wire(path, rows, who)
        return opened(path, rows, lambda: self._wire(path, rows, who), self.clock.now_ms)

    def _wire(self, path: Path, rows: RowKey, who: Enrolled) -> None:
        """Open the store and what stands on it; where some of that is damaged, nothing stays open."""
        database = Database(path)
        try:
            self._store = Store(
                database, rows, self._identity(who), catalogue=lambda: self._catalogue, now_ms=self.clock.now_ms, heard=self._heard,
                let_go=self._let_go,
            )  # fmt: skip
            if (now := separation.finish(self, self._store, who)) != who:
                self.become(now)
            self._take_catalogue()
            self.index = Index(self._store, lambda: self._catalogue, self.clock.today, self.title_from)
            self.drafts = Drafts(self._store, rows, self._draft_key)
        except SenError:
            database.close()
            self._store = None
            raise
        self.files = Files(path.parent / "files", database, rows, lambda case: self.case_keys.key(case))
        self.forms = Forms(self)
        self.syncer = Syncer(self)
        self.bundles = Bundles(self)
        self.carrier = Carrier(self)
        if self._alone:
            self.syncer.look_beside()

    def _device_keys(self) -> DeviceKeys:
        keys = DeviceKeys.load(self.hardware)
        if keys is None:
            raise SenError("keys_damaged")
        return keys

    def _identity(self, who: Enrolled) -> Device:
        keys = self._device_keys()
        mac_key = keys.mac_key(unb64(who.server_box), who.device)
        return Device(who.device, keys.public, mac_key, who.user, Scope(who.stream, (), False, ""), {})

    def become(self, who: Enrolled) -> None:
        """This copy is a device of its own from now on: its keys and its profile say so already."""
        self.store.become(self._identity(who))

    def enrolled_as(self, who: Enrolled) -> None:
        """Take note of an enrolment, on disk, and open the store; the first exchange begins at once."""
        self.profile.enrolled = who
        self.profile.save()
        wiping.forget(self.profile.folder)
        self._open_store(who)
        self.background.changed()

    @property
    def enrolled(self) -> bool:
        """Whether the tablet has an officer and a server."""
        return self.profile.enrolled is not None

    @property
    def who(self) -> Enrolled:
        """Whose tablet this is, and the unit in which the officer records now. Raises SenError("not_enrolled")."""
        if self.profile.enrolled is None:
            raise SenError("not_enrolled")
        home = "" if self._store is None else self._store.device().scope.home
        return replace(self.profile.enrolled, unit=home) if home else self.profile.enrolled

    @property
    def store(self) -> Store:
        """The store. Raises SenError("not_enrolled")."""
        if self._store is None:
            raise SenError("not_enrolled")
        return self._store

    def wipe(self) -> bool:
        """Destroy what this revoked tablet holds, once everything is handed in; tells whether it did.

        What was being typed becomes changes first, and leaves with the next exchange, which tells again to wipe. Drafts that wait
        behind the PIN of a locked tablet cannot be opened, and go.
        """
        if self.unlocked:
            self.forms.close_all()
        with self.syncer.paused() as paused:
            if not paused or self.store.unsent_count():
                self.wrote(urgent=False)
                return False
            folder, who = self.profile.folder, self.who
            wiping.begin(folder, wiping.Wiped(at_ms=self.clock.now_ms(), server=who.server_name, address=who.address))
            self._officer = self._case_keys = None
            self.store.database.close()
            self._store = None
            wiping.finish(folder, self.hardware)
        self.profile = Profile.load(folder)
        self.pin = PinLock(folder / wiping.OFFICER, self.clock.now_ms, cheap=self._cheap_pin)
        return True

    def wiped_words(self) -> str:
        """What befell this tablet, until it is enrolled anew; "" where nothing did."""
        told = wiping.wiped(self.profile.folder)
        if told is None or self.enrolled:
            return ""
        return self.say("tablet_wiped", time=datetime_text(moment_of(told.at_ms)), server=told.server)

    def close(self) -> None:
        """Leave the forms, close the database, give the folder back."""
        self.background.stop()
        if self._store is not None:
            if self.unlocked:
                self.forms.close_all()
            self._store.database.close()
            self._store = None
        self._officer = self._case_keys = None
        self._held.give_back()

    # locking

    @property
    def unlocked(self) -> bool:
        """Whether the officer's key is in memory."""
        return self._officer is not None

    def unlock(self, pin: str) -> None:
        """Open the tablet with the PIN. Raises SenError: ``wrong_pin``, ``pin_wait``, ``pin_destroyed``."""
        self.unlocked_with(self.pin.unlock(pin))

    def unlocked_with(self, officer: BoxKeys) -> None:
        """The same with the officer's pair at hand, as after enrolment."""
        self._officer = officer
        who = self.who
        self._case_keys = CaseKeys(self.store, officer, who.user, (who.server, unb64(who.server_box)))
        self.store.seals.wrap_anew(self._case_keys)
        self.index.build()

    def lock(self) -> None:
        """Leave the forms and forget every key but the device's."""
        if self.unlocked:
            self.forms.close_all()
        self._officer = self._case_keys = None

    def change_pin(self, old: str, new: str) -> None:
        """Put the officer's key behind another PIN. Raises SenError."""
        officer = self.pin.unlock(old)
        self.pin.set(self.who.user, officer, new)

    @property
    def case_keys(self) -> CaseKeys:
        """The case keys. Raises SenError("locked")."""
        if self._case_keys is None:
            raise SenError("locked")
        return self._case_keys

    def _draft_key(self, case: str) -> bytes | None:
        if case:
            return self.case_keys.key(case)
        return None if self._officer is None else derive(self._officer.private, b"sen-draft/1")

    # the catalogue

    @property
    def catalogue(self) -> Catalogue:
        """The last good catalogue: the one that was synced, else the one that shipped."""
        return self._catalogue

    def _take_catalogue(self) -> None:
        """Take the synced catalogue. One that this app cannot read is left aside and said to be (``remarks``); the last good one stays."""
        store, told = self.store, self.store.document_version(CATALOGUE)
        if told is None or told == self._catalogue.version or (told == store.note(UNREADABLE) and self._catalogue is not self._shipped):
            return
        found = self._read_catalogue(CATALOGUE)
        if found is None:
            store.set_note(UNREADABLE, told)
        else:
            store.forget_notes(UNREADABLE)
            if told != store.document_version(LAST_GOOD):
                store.keep_document(LAST_GOOD, store.document(CATALOGUE))
        self._catalogue = found or self._read_catalogue(LAST_GOOD) or self._catalogue

    def _read_catalogue(self, name: str) -> Catalogue | None:
        told = self.store.document(name)
        try:
            return None if told is None else Catalogue.from_texts(told["texts"])
        except (CatalogueError, KeyError, TypeError, ValueError, AttributeError):
            return None

    def _heard(self, records: Iterable[str]) -> None:
        index: Index | None = getattr(self, "index", None)
        if index is not None:
            index.changed(records)

    def _let_go(self, files: Iterable[str]) -> None:
        """Take the files of records that left the tablet away."""
        self.files.forget(files)

    def pulled(self) -> None:
        """Take up what an exchange brought: a new catalogue, changed records in the list."""
        before = self._catalogue
        self._take_catalogue()
        if self._catalogue.version != before.version:
            self.store.soundness.took_up(before)
            self.index.changed(self.store.records())
        if self.unlocked:
            self.index.refresh()

    def wrote(self, *, urgent: bool) -> None:
        """Take note that the log has a new change; an urgent one leaves at once."""
        self.wrote_urgent(urgent)

    # words

    @property
    def language(self) -> str:
        """``vi`` or ``en``."""
        return self.profile.settings.language

    def say(self, code: str, **facts: Any) -> str:
        """A phrase in the officer's language."""
        return phrase(code, self.language, **facts)

    def unit_words(self, unit: str) -> str:
        """A unit's name."""
        found = self._catalogue.units.get(unit)
        return unit if found is None else found.name.get(self.language)

    def state_words(self, record_type: RecordType, state: str) -> str:
        """The words of a workflow's state."""
        label = self._catalogue.flows[record_type.flow].states.get(state)
        return state if label is None else label.get(self.language)

    def move_words(self, record_type: RecordType, to: str) -> str:
        """The words of the button that moves to a state."""
        code = f"move_{to}"
        words = self.say(code)
        return self.state_words(record_type, to) if words in (code, self.say("general_error")) else words

    def saved_words(self, form: Form) -> str:
        """«Đã lưu trên máy 07:58:12» once something was typed; else what has become of the record («Đã gửi · máy chủ nhận lúc 07:42»)."""
        if form.saved_ms:
            return self.say("saved_here", time=f"{moment_of(form.saved_ms):%H:%M:%S}")
        if not form.known:
            return ""
        begun = form.state == self._catalogue.flows[form.type.flow].start
        if self.store.outbox.waits(form.record):
            return self.say("kept_waits" if begun else "state_waits")
        received = self.store.outbox.record_received_ms(form.record)
        state = self.state_words(form.type, form.state)
        return state if received is None else f"{state} · {self.say('server_has', time=time_words(self, received))}"

    def age_words(self, since_ms: int) -> str:
        """«chờ 3 ngày», «chờ 2 giờ», «vừa xong»."""
        minutes = max(0, self.clock.now_ms() - since_ms) // 60_000
        if minutes < 60:
            return self.say("age_minutes", count=minutes) if minutes else self.say("age_now")
        return self.say("age_hours", count=minutes // 60) if minutes < 48 * 60 else self.say("age_days", count=minutes // 1440)

    def person_words(self, user: str) -> str:
        """A person's name: this officer's, or as the district's list of people has it."""
        if user == self.who.user:
            return self.who.user_name
        people = self.store.document("people") or {}
        return str(people.get("names", {}).get(user) or self.say("unknown_person"))

    # records in words

    def title_from(self, record_type: RecordType, values: Mapping[str, Any]) -> str:
        """The title of a record in the list, from its plain values; never a confidential word."""
        field = record_type.fields.get(record_type.title or "")
        value = None if field is None else values.get(field.code)
        if field is None or field.confidential or value in (None, "", []) or isinstance(value, Sealed):
            return record_type.label.get(self.language)
        words = value_text(field, value, catalogue=self._catalogue, language=self.language, title_of=self.title_of)
        if record_type.title == "kind" and values.get("period"):
            period = record_type.fields["period"]
            words = value_text(period, values["period"], catalogue=self._catalogue, language=self.language)
        return words.splitlines()[0][:160] if words.strip() else record_type.label.get(self.language)

    def title_of(self, record: str) -> str:
        """The title of a record by its id."""
        entry = self.index.entry(record)
        return UNKNOWN if entry is None else entry.title

    def title_of_form(self, form: Form) -> str:
        """The title of an open form."""
        return self.title_from(form.type, form.values)

    def refs(self, type: str, text: str) -> list[tuple[str, str, str]]:
        """Records of a type by words, to refer to: (id, title, line below)."""
        found = self.index.find(type, text)
        return [(entry.id, entry.title, date_text(entry.day) if entry.day else self.unit_words(entry.unit)) for entry in found[:200]]

    def opened(self, record_type: RecordType, record: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Plain values with the confidential ones opened, where this officer has the key and the tablet is unlocked."""
        return dict(values) if self._case_keys is None else self._case_keys.open_values(record_type, record, values)

    def history(self, record: str, path: str = "") -> list[tuple[str, str, str]]:
        """What was written in a record, the newest first: (value in words, who, when); at one path, or everywhere."""
        return written_in(self, record, path)

    def fingerprint(self) -> str:
        """A short mark of this tablet's public key, to compare by telephone."""
        return b64(hashlib.sha256(self.store.device().key).digest())[:8]

    def change_of(self, name: str) -> Change | None:
        """The change of a name, where its line is held."""
        line = self.store.line(name)
        return None if line is None else Change.parse(line)
