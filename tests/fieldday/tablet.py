"""A tablet of the day: an operating-system process with a folder of its own, behind a proxy of its own.

Speaks `mobile.headless`: a JSON line in, a JSON line out, on the presenters that the window uses too.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sync.over_file import SIZES
from tests.fieldday.screen import CannotSync, Ended, Refused, Shown
from tests.support.link import Fault
from tests.support.processes import ROOT
from tests.support.proxy import Proxy

LINK_TROUBLE = frozenset(
    {"no_network", "network_cut", "message_cut", "broken_packing", "late_answer", "server_busy", "not_a_message"}
)
"""Codes of an exchange that may go well at the next try."""

TOO_OFTEN = "too_often"
KEEP = "Đã kiểm tra lại (dữ liệu mẫu)"
"""The reason with which a doubt is let stand when a record is handed in."""

GIVE_UP_S = 600


class Tablet:
    """One officer's tablet. `proxy` is its only way to the server; `alone`: it exchanges by itself too, as the app does."""

    def __init__(self, folder: Path, proxy: Proxy, today: datetime.date, pin: str, *, alone: bool = False) -> None:
        self.folder = folder
        self.proxy = proxy
        self._today = today
        self._pin = pin
        self._alone = alone
        self._process: subprocess.Popen[str] | None = None
        self._said: queue.Queue[str] = queue.Queue()
        self.told: dict[str, Any] = {}
        self._deaths = 0
        self.wiped = ""
        """What a tablet says that was revoked and has wiped itself."""

    @property
    def via(self) -> str:
        """Its name in the journal."""
        return self.folder.name

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    # --- the process

    def start(self) -> None:
        """Start the process, and open it with the PIN where it is enrolled."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [
            sys.executable,
            "-m",
            "mobile.headless",
            "--profile",
            str(self.folder),
            "--today",
            self._today.isoformat(),
            *(["--background"] if self._alone else []),
        ]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, text=True, encoding="utf-8",
                env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
            )  # fmt: skip
        self._said = queue.Queue()
        threading.Thread(target=_listen, args=(self._process, self._said), daemon=True).start()
        self.told = self._answer()
        if self.told["enrolled"]:
            self.ask("unlock", pin=self._pin)

    def enrol(self, code: str, name: str) -> None:
        """Enrol through the proxy: again with the same code where the link broke, later where too many enrol at once."""
        end = time.monotonic() + GIVE_UP_S
        while True:
            try:
                self.told = self.ask("enrol", address=self.proxy.url, code=code, pin=self._pin, name=name)
                return
            except Refused as refused:
                if refused.args[0] not in {TOO_OFTEN, *LINK_TROUBLE} or time.monotonic() > end:
                    raise
                if refused.args[0] == TOO_OFTEN:
                    time.sleep(5)

    def stop(self) -> None:
        """End the process in good order."""
        if self._process is not None and self.running:
            with contextlib.suppress(Refused, OSError):
                self._write({"do": "quit"})
                self._process.wait(timeout=30)
        self.kill()

    def kill(self) -> None:
        """End the process at once, as a dead battery does."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._process = None

    def kill_syncing(self) -> None:
        """Begin an exchange, and end the process in the middle of it.

        No answer passes meanwhile, so that the exchange cannot have ended. By turns the process ends when its first bytes
        are on their way (the server may have them or not), and when the server has answered and the tablet knows nothing of it.
        """
        self._deaths += 1
        if self.proxy.offline:
            self.kill()
            return
        with self.proxy.holding():
            before, end = self.proxy.counts.exchanges, time.monotonic() + GIVE_UP_S
            self._write({"do": "sync"})
            while self.proxy.counts.exchanges == before or (self._deaths % 2 == 0 and not self.proxy.held.is_set()):
                if not self._said.empty() or time.monotonic() > end:
                    break
                time.sleep(0.002)
            self.kill()

    def ask(self, command: str, **values: Any) -> dict[str, Any]:
        """Give a command, and its answer. Raises Refused with the code and the sentence."""
        self._write({"do": command, **values})
        return self._answer()

    def _write(self, body: Mapping[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None, f"{self.via} is not running"
        self._process.stdin.write(json.dumps(body, ensure_ascii=False) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        line = self._said.get(timeout=GIVE_UP_S)
        if not line:
            raise Ended("tablet_ended", f"the process of {self.via} ended; see its log")
        body: dict[str, Any] = json.loads(line)
        if not body.pop("ok"):
            raise Refused(body["code"], body["vi"])
        return body

    # --- what a person does

    def enter(self, type: str, unit: str, values: Mapping[str, Any]) -> str:
        """Fill in a new form."""
        return str(self.ask("enter", type=type, values=dict(values))["record"])

    def begin(self, type: str, values: Mapping[str, Any]) -> str:
        """Type into a new form and leave it open; gives the record's id."""
        record = str(self.ask("start", type=type)["record"])
        self._type(values)
        return record

    def finish(self, id: str, values: Mapping[str, Any]) -> None:
        """Open a form that was left open, type the rest and save."""
        self.ask("open", record=id)
        self._type(values)
        self.ask("leave")

    def _type(self, values: Mapping[str, Any]) -> None:
        for path, value in values.items():
            self.ask("type", path=path, value=value)

    def change(self, id: str, values: Mapping[str, Any]) -> None:
        """Type into a record's form."""
        self.ask("change", record=id, values=dict(values))

    def withdraw(self, id: str) -> None:
        """Take a record back."""
        self.ask("withdraw", record=id, reason="Ghi nhầm (dữ liệu mẫu)")

    def move(self, id: str, to: str, reason: str = "") -> None:
        """Take the workflow a step on."""
        self.ask("go", record=id, to=to, keep=reason or KEEP)

    def decide(self, id: str, field: str, value: Any) -> None:
        """Answer an open question."""
        self.ask("decide", record=id, path=field, value=value)

    def write_report(self, period: str, values: Mapping[str, Any]) -> str:
        """Write the unit's report of a period; gives its id."""
        return str(self.ask("report", period=period, values=dict(values))["record"])

    def shown(self, id: str) -> Shown | None:
        """What the screen shows of a record; None where it shows none, or it is withdrawn."""
        told = self.ask("show", record=id)["record"]
        return None if told is None or told["withdrawn"] else dict(told["shown"])

    def dump(self) -> dict[str, Any]:
        """Everything on this tablet as its screens show it: {id: {type, unit, withdrawn, shown, questions}}."""
        return dict(self.ask("dump")["records"])

    def has_receipt(self, id: str) -> bool:
        """Whether the tablet says that the server has the incident."""
        return bool(self.ask("receipt", record=id)["sent"])

    def write_bundle(self, folder: Path) -> list[Path]:
        """Write everything that has not left as files into a folder, in small parts."""
        folder.mkdir(parents=True, exist_ok=True)
        return [folder / name for name in self.ask("write_bundle", folder=str(folder), largest=SIZES[0])["files"]]

    def read_bundles(self, folder: Path) -> None:
        """Read all answers of a folder, also those that were read before."""
        told = self.ask("read_bundle", files=[str(folder)])
        if told["missing"] or told["refused"] or not told["kept"]:
            raise Refused("bundle_not_read", f"missing {told['missing']}, refused {told['refused']}")

    def sync(self) -> None:
        """Exchange until nothing is left; a revoked tablet wipes itself at the end."""
        self._exchange()

    def _exchange(self, **how: Any) -> None:
        try:
            self.wiped = str(self.ask("sync", **how).get("wiped", ""))
        except Refused as refused:
            if refused.args[0] in LINK_TROUBLE:
                raise CannotSync(*refused.args) from refused
            raise

    def send_urgent(self) -> None:
        """Send what is urgent, first and alone, as the tablet does by itself when it has a network. Raises CannotSync."""
        self._exchange(urgent=True)

    def sync_cut(self) -> None:
        """Begin an exchange; every answer breaks off until the tablet gives up for now."""
        with self.proxy.failing(Fault(kind="cut_down", at=150)), contextlib.suppress(CannotSync):
            self.sync()


def _listen(process: subprocess.Popen[str], said: queue.Queue[str]) -> None:
    """Put the lines of a process into a queue; an empty one at its end."""
    assert process.stdout is not None
    with contextlib.suppress(ValueError):
        for line in process.stdout:
            said.put(line)
    said.put("")
