"""The tablet without a window: lines of JSON in, lines of JSON out, on the very same presenters.

``python -m mobile.headless --profile DIR`` reads ``{"do": COMMAND, …}`` line by line and answers each with
``{"ok": true, …}`` or ``{"ok": false, "code", "vi", "en"}``; the first line that it writes says who it is. The commands are a table,
``COMMANDS``; each one's docstring says what it takes. What drives whole days (field-day, demo, bench) types through it as an officer does.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from mobile.clock import Clock, parse_moment
from mobile.question import QuestionDesk
from mobile.screens.conflict.presenter import ConflictPresenter
from mobile.screens.enrol.presenter import EnrolPresenter
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.home.presenter import HomePresenter
from mobile.screens.incident.presenter import IncidentPresenter
from mobile.screens.records.presenter import RecordsPresenter
from mobile.screens.report.presenter import ReportPresenter
from mobile.screens.submit.presenter import SubmitPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from shared.record_type import RecordType
from sync.over_file import SIZES
from sync.state import Value
from sync.view import Sealed, plain

Answer = dict[str, Any]

__all__ = ["COMMANDS", "Headless", "main"]


class Headless:
    """One officer at one tablet, whose fingers are lines of JSON."""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet
        self.form = FormPresenter(tablet)
        self.submits = SubmitPresenter(tablet)
        self.reports = ReportPresenter(tablet)
        self.incidents = IncidentPresenter(tablet)

    def answer(self, line: str) -> Answer:
        """Do what a line says."""
        try:
            told = json.loads(line)
            command = COMMANDS.get(told.pop("do")) if isinstance(told, dict) and "do" in told else None
            if command is None:
                return {"ok": False, "code": "unknown_command", "vi": "Không có lệnh này.", "en": "There is no such command."}
            return {"ok": True, **(command(self, **told) or {})}
        except SenError as error:
            return {"ok": False, "code": error.code, "vi": error.text("vi"), "en": error.text("en")}
        except (ValueError, TypeError, KeyError, IndexError) as error:
            fault = error.__class__.__name__
            return {"ok": False, "code": "bad_command", "vi": "Lệnh không đúng.", "en": f"The command is wrong ({fault})."}

    # who and how

    def ready(self) -> Answer:
        """Say who this tablet is and what it holds unsent."""
        tablet = self.tablet
        told: Answer = {"enrolled": tablet.enrolled, "unlocked": tablet.unlocked, "today": tablet.clock.today().isoformat()}
        if not tablet.enrolled:
            return told | {"wiped": tablet.wiped_words()}
        who = tablet.who
        told |= {"device": who.device, "user": who.user, "unit": who.unit, "name": who.name, "unsent": tablet.store.unsent_count()}
        return told

    def enrol(self, address: str, code: str, pin: str, name: str = "") -> Answer:
        """Enrol with a server by a one-time code, and unlock."""
        EnrolPresenter(self.tablet).enrol(address=address, code=code, pin=pin, name=name)
        return self.ready()

    def unlock(self, pin: str) -> Answer:
        """Open the tablet with its PIN."""
        self.tablet.unlock(pin)
        return self.ready()

    def lock(self) -> None:
        """Lock; open forms become changes or stay as drafts."""
        self.tablet.lock()

    def offline(self, on: bool) -> None:
        """Turn the switch «Ngoại tuyến»."""
        SyncPresenter(self.tablet).set_offline(on)

    def address(self, address: str) -> None:
        """Follow the server to another address (a proxy, another port)."""
        self.tablet.profile.move_to(address)

    # writing

    def enter(self, type: str, values: Mapping[str, Any], unit: str = "") -> Answer:
        """Fill in a new record's form and leave it; gives the record's id. Rows are lists of {sub field: value}."""
        record = self.form.start(type)
        if unit:
            self.form.set("unit", unit)
        self._type_in(values)
        self.form.leave_section()
        return {"record": record, "waits": self.form.open_form.dirty}

    def change(self, record: str, values: Mapping[str, Any]) -> None:
        """Open a record's form, type values in and leave it. A row with an ``id`` is changed, one without is added."""
        self.form.open(record)
        self._type_in(values)
        self.form.leave_section()
        self._close(record)

    def start(self, type: str) -> Answer:
        """Open a new record's form and leave it open."""
        return {"record": self.form.start(type)}

    def open(self, record: str) -> Answer:
        """Open a record's form and leave it open."""
        self.form.open(record)
        return {"values": _portable(self.form.open_form.values)}

    def type(self, path: str, value: Any) -> Answer:
        """Answer at a path of the open form: it is kept as a draft, and in the log when the form is left."""
        self.form.set(path, value)
        return {"saved": self.form.saved_words(), "remark": list(self.form.remark(path))}

    def leave(self) -> None:
        """Leave the open form."""
        self.form.leave()

    def delete_row(self, record: str, path: str, row: str) -> None:
        """Take a row of a record away."""
        self.form.open(record)
        self.form.delete_row(path, row)
        self.form.leave_section()
        self._close(record)

    def attach(self, record: str, path: str, files: list[str]) -> None:
        """Add files of the disk to a record's field."""
        self.form.open(record)
        self.form.attach(path, [Path(file) for file in files])
        self.form.leave_section()
        self._close(record)

    def _type_in(self, values: Mapping[str, Any]) -> None:
        for path, value in values.items():
            field = self.form.field(path)
            if field.kind == "rows" and isinstance(value, list):
                for row in value:
                    row_id = row.get("id") or self.form.add_row(path)
                    for code, item in row.items():
                        if code != "id":
                            self.form.set(f"{path}/{row_id}/{code}", item)
            else:
                self.form.set(path, value)

    def _close(self, record: str) -> None:
        if not self.form.open_form.dirty:
            self.tablet.forms.close(record)
            self.form.form = None

    def findings(self, record: str) -> Answer:
        """What stands in the way of sending a record."""
        self.submits.show(record)
        return {"findings": [asdict(finding) for finding in self.submits.findings()], "ready": self.submits.ready}

    def submit(self, record: str, keep: str = "") -> None:
        """Hand a record in; ``keep`` is the reason for which every doubt stands."""
        self._move(record, "submitted", keep)

    def go(self, record: str, to: str, keep: str = "") -> None:
        """Move a record's workflow: submitted, approved, draft."""
        self._move(record, to, keep)

    def _move(self, record: str, to: str, keep: str) -> None:
        self.submits.show(record)
        form = self.submits.open_form
        for finding in self.submits.findings():
            if finding.warning and keep:
                self.submits.keep(finding.code, keep)
        if form.type.code == "periodic_report":
            self.reports.show(record)
            self.reports.go_to(to)
        elif to == "submitted":
            self.submits.submit()
        else:
            self.tablet.forms.go(form, to)
        self.tablet.forms.close(record)

    def withdraw(self, record: str, reason: str) -> None:
        """Take a record back."""
        self.form.open(record)
        self.form.withdraw(reason)

    def decide(self, record: str, path: str, value: Any = None, number: int | None = None, why: str = "") -> None:
        """Answer an open question: with the candidate of a number, or with a value of one's own."""
        conflict = ConflictPresenter(self.tablet)
        conflict.show(record, path)
        if conflict.question is None or conflict.question.path != path:
            raise SenError("question_changed")
        if number is not None:
            conflict.take(number, why)
            return
        desk = QuestionDesk(self.tablet)
        same = [at for at, one in enumerate(desk.candidates(conflict.question)) if one.value == value]
        if same:
            conflict.take(same[0], why)
        else:
            conflict.write(value, why)

    # the report and the incident

    def report(self, period: str, values: Mapping[str, Any]) -> Answer:
        """Write a period's report: narratives and declarations; gives its record."""
        record = self.reports.show(period=period)
        for code, value in values.items():
            if code == "zero_declared":
                for one in value:
                    self.reports.declare(one, True)
            elif code not in ("period", "kind"):
                self.reports.write(code, value)
        self.reports.form.leave()
        return {"record": record}

    def figures(self, period: str) -> Answer:
        """The figures of a period's report, reckoned on this tablet."""
        self.reports.show(period=period)
        self.reports.compute()
        return {"figures": [asdict(row) for row in self.reports.figures()]}

    def receipt(self, record: str) -> Answer:
        """How it stands with an incident: whether the server has it, whether it was acknowledged."""
        self.incidents.show(record)
        return asdict(self.incidents.progress)

    # looking

    def home(self) -> Answer:
        """What «Hôm nay» shows."""
        home = HomePresenter(self.tablet)
        types = [asdict(card) for card in home.types(everything=True)]
        return {"unit": home.unit, "status": home.status(), "todo": [asdict(todo) for todo in home.todo()], "types": types}

    def list(self, type: str = "", text: str = "", state: str = "") -> Answer:
        """What «Danh sách» shows."""
        records = RecordsPresenter(self.tablet)
        records.show(type, state)
        records.search(text)
        return {"rows": [asdict(row) for row in records.rows()], "chips": [asdict(chip) for chip in records.chips()]}

    def show(self, record: str) -> Answer:
        """What the screen shows of a record: each field's values, the current one first, then those in question."""
        told = self._record(record)
        return {"record": told}

    def dump(self) -> Answer:
        """Every record on this tablet as the screens show it."""
        return {"records": {record: self._record(record) for record in self.tablet.store.records()}}

    def _record(self, record: str) -> Answer | None:
        state = self.tablet.store.show(record)
        record_type = None if state is None else self.tablet.catalogue.all_types.get(state.type)
        if state is None or record_type is None:
            return None
        values = self.tablet.opened(record_type, record, plain(state, record_type))
        open_values: dict[str, list[Any]] = {}
        for path in state.open_paths():
            held = sorted(state.registers[path].values, key=lambda value: value.open)
            open_values[path] = [self._one(record_type, record, path, one) for one in held]
        shown = {(path := record_type.path_of(code)): open_values.get(path, [value]) for code, value in values.items()}
        return {
            "id": record, "type": state.type, "unit": state.unit, "withdrawn": state.withdrawn, "values": _portable(values),
            "shown": _portable(shown), "questions": _portable(open_values), "title": self.tablet.title_from(record_type, values),
        }  # fmt: skip

    def _one(self, record_type: RecordType, record: str, path: str, value: Value) -> Any:
        if value.blob is None:
            return value.value
        return self.tablet.opened(record_type, record, {path: Sealed(value.blob)})[path]

    def history(self, record: str, path: str = "") -> Answer:
        """What was ever written in a record, the newest first."""
        return {"history": [list(row) for row in self.tablet.history(record, path)]}

    # sending

    def sync(self, urgent: bool = False) -> Answer:
        """Exchange until nothing is left; photos and files go behind it (``carry``)."""
        syncer = self.tablet.syncer
        syncer.sync(urgent=urgent)
        unsent = self.tablet.store.unsent_count() if self.tablet.enrolled else 0
        return {"trips": syncer.trips, "received": syncer.received, "unsent": unsent, "wiped": self.tablet.wiped_words()}

    def write_bundle(self, folder: str, largest: int = SIZES[-1]) -> Answer:
        """Write everything that has not left as files into a folder; gives their names."""
        written = self.tablet.bundles.write(Path(folder), largest=largest)
        return {"files": list(written.files), "changes": written.changes, "photos": written.photos}

    def read_bundle(self, files: Sequence[str]) -> Answer:
        """Read the district's answer from files or folders; gives what came, what is missing, what was refused."""
        found = self.tablet.bundles.read([Path(file) for file in files])
        return {
            "received": sum(kept.received for kept in found.kept), "read": sum(kept.read for kept in found.kept),
            "kept": len(found.kept), "pages": sum(kept.pages for kept in found.kept), "again": any(kept.again for kept in found.kept),
            "handed_in": found.handed_in, "photos": found.photos, "missing": found.missing,
            "refused": [[name, error.code] for name, error in found.refused],
        }  # fmt: skip

    def carry(self) -> Answer:
        """Send the photos and files that wait; gives how many still do."""
        self.tablet.carrier.carry()
        return {"waiting": len(self.tablet.files.waiting())}

    def fetch(self, record: str, path: str, sha256: str) -> Answer:
        """Bring a file that another device recorded, as a touch on «ảnh chưa tới» does; gives the SHA-256 of its content."""
        self.form.open(record).fetch(path, sha256)
        return {"content": hashlib.sha256(self.form.open_file(sha256)).hexdigest()}

    def status(self) -> Answer:
        """What has not left, what was set aside, and the digest of what is held."""
        store, sync = self.tablet.store, SyncPresenter(self.tablet)
        return {
            "words": sync.status(), "state": sync.state(), "unsent": store.unsent_count(), "bytes": store.outbox.unsent_bytes(),
            "waiting": [asdict(row) for row in sync.waiting()], "aside": [list(one) for one in store.set_aside()], "photos": sync.photos(),
            "sent_bytes": self.tablet.carrier.sent_bytes, "unsettled": len(store.outbox.unsettled()), "remarks": sync.remarks(),
            "digest": f"{store.digest():032x}", "parts": {part: f"{one:032x}" for part, one in store.part_digests().items() if one},
            "logs": [[log.log, log.urgent, log.head.number, log.acknowledged] for log in store.own_logs()],
        }  # fmt: skip


COMMANDS: Mapping[str, Callable[..., Answer | None]] = {
    name: getattr(Headless, name)
    for name in (
        "address", "attach", "carry", "change", "decide", "delete_row", "dump", "enrol", "enter", "fetch", "figures", "findings", "go",
        "history", "home", "leave", "list", "lock", "offline", "open", "read_bundle", "ready", "receipt", "report", "show", "start",
        "status", "submit", "sync", "type", "unlock", "withdraw", "write_bundle",
    )
}  # fmt: skip
"""Every command by its name; ``quit`` ends the process."""


def _portable(value: Any) -> Any:
    """Values as JSON has them; what cannot be opened is said to be so."""
    if isinstance(value, Sealed):
        return {"sealed": True}
    if isinstance(value, Mapping):
        return {key: _portable(item) for key, item in value.items()}
    return [_portable(item) for item in value] if isinstance(value, list | tuple) else value


def serve(tablet: Tablet, lines: IO[str], out: IO[str]) -> None:
    """Answer line after line until there are no more, or ``quit``."""
    headless = Headless(tablet)

    def tell(answer: Answer) -> None:
        out.write(json.dumps(answer, ensure_ascii=False) + "\n")
        out.flush()

    tell({"ok": True, **headless.ready()})
    for line in lines:
        if not line.strip():
            continue
        if line.strip() in ('{"do": "quit"}', '{"do":"quit"}'):
            tell({"ok": True})
            return
        tell(headless.answer(line))


def main(arguments: list[str] | None = None) -> int:
    """Open a profile and answer commands; gives the exit code."""
    about = "Máy tính bảng Sen không cửa sổ. The tablet without a window."
    parser = argparse.ArgumentParser(prog="python -m mobile.headless", description=about)
    parser.add_argument("--profile", type=Path, required=True, metavar="DIR", help="the folder that holds this tablet")
    parser.add_argument("--today", type=parse_moment, metavar="YYYY-MM-DD[THH:MM]", help="the day, or the moment, that it shall be")
    parser.add_argument("--look", action="store_true", help="only look: another process may hold the folder; nothing is written")
    parser.add_argument("--background", action="store_true", help="exchange by itself too, as the app does")
    options = parser.parse_args(arguments)
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    try:
        tablet = Tablet(options.profile, Clock(options.today), alone=not options.look)
    except SenError as error:
        refused = {"ok": False, "code": error.code, "vi": error.text("vi"), "en": error.text("en")}
        print(json.dumps(refused, ensure_ascii=False), flush=True)
        return 1
    if options.background:
        tablet.background.start(lambda work: work())
    try:
        serve(tablet, sys.stdin, sys.stdout)
    finally:
        tablet.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
