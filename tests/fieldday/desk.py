"""A person's place at the console: the story's verbs, typed into the console's own forms over HTTP.

A console shows words, a record holds values: what is read off a page is compared in words (`Words`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.fieldday.screen import Refused, Shown, Words
from tests.support.browser import Browser, Form, Page
from tests.support.processes import ROOT

DATA = ROOT / "shared" / "data"
REASON = "Ghi nhầm (dữ liệu mẫu)"
REPORT = "periodic_report"


@functools.cache
def states() -> dict[str, str]:
    """The words of a workflow's state → its code, for records and reports."""
    flows = yaml.safe_load((DATA / "flows.yaml").read_text(encoding="utf-8"))
    return {state["vi"]: state["code"] for name in ("report", "record") for state in flows[name]["states"]}


def typed(value: Any) -> Any:
    """A value as it is typed into the console's fields."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return [str(one) for one in value] if isinstance(value, list) else str(value)


class Desk:
    """One person at the console."""

    via = "console"

    def __init__(self, address: str, login: str, password: str, unit: str) -> None:
        self.unit = unit
        self._browser = Browser(address)
        page = self._browser.open("/sign-in")
        page = self._browser.send(page, page.form("/sign-in"), login=login, password=password)
        if urlsplit(page.url).path == "/sign-in":
            raise Refused("sign_in", page.text)

    # --- reading

    def _page(self, path: str) -> Page:
        page = self._browser.open(path)
        if page.status >= 400:
            raise Refused(str(page.status), page.text)
        return page

    def _record(self, id: str) -> Page | None:
        page = self._browser.open(f"/records/{id}")
        return None if page.status == 404 else page

    def shown(self, id: str) -> Shown | None:
        """What the record's page shows, in words; None where there is no such page or the record is withdrawn."""
        page = self._record(id)
        if page is None:
            return None
        chip = next(next(page.root.all(marked="top")).all("span", "chip")).text()
        if chip == "Đã rút":
            return None
        told: Shown = {"state": [states().get(chip, chip)]}
        for terms, answers in zip(page.root.all("dt"), page.root.all("dd"), strict=False):
            path = next((_path(button.attributes["hx-get"]) for button in terms.all("button", "clock")), None)
            if path is not None and answers.text() != "–":
                told[path] = [Words(answers.text(without="quiet"))]
        for form in page.forms:
            if form.action.endswith("/decide"):
                told[form.value("path")] = [Words(one.text()) for one in form.node.all("div", "big")]
        return told

    def figure(self, code: str, unit: str, period: str) -> str:
        """A figure as its page shows it."""
        heading = next(self._page(f"/figures/{period}/{code}?unit={unit}").root.all("h1"))
        return heading.text(without="quiet").rpartition(":")[2].strip()

    # --- writing

    def _send(self, page: Page, form: Form, press: str | None = None, **values: Any) -> Page:
        try:
            after = self._browser.send(page, form, press, **values)
        except KeyError as error:
            raise Refused("no_such_field", str(error)) from error
        if after.status >= 400:
            raise Refused(str(after.status), _complaint(after))
        return after

    def _form(self, page: Page | None, part: str, **holding: str) -> tuple[Page, Form]:
        if page is None:
            raise Refused("not_found", "there is no such page for this person")
        try:
            return page, page.form(part, **holding)
        except KeyError as error:
            raise Refused("no_such_deed", str(error)) from error

    def _fill(self, page: Page, values: Mapping[str, Any], press: str) -> Page:
        """Fill in a record's form, add the rows that it needs, and press its button; the record's page must come of it."""
        for name, rows in _rows(values).items():
            for _ in rows:
                page = self._send(page, _record_form(page), f"add {name}")
        form = _record_form(page)
        plain = {name: typed(value) for name, value in values.items() if name not in _rows(values)}
        for name, rows in _rows(values).items():
            ids = [value for known, value in form.values if known == f"rows {name}"][-len(rows) :]
            for row_id, row in zip(ids, rows, strict=True):
                plain |= {f"{name}/{row_id}/{sub}": typed(value) for sub, value in row.items()}
        after = self._send(page, form, press, **plain)
        if after.url.endswith("/edit") or "/new/" in after.url:
            raise Refused("not_saved", _complaint(after))
        return after

    def enter(self, type: str, unit: str, values: Mapping[str, Any]) -> str:
        """Fill in a new record's form."""
        page = self._page(f"/records/new/{type}?unit={unit}")
        return urlsplit(self._fill(page, values, "save").url).path.rpartition("/")[2]

    def change(self, id: str, values: Mapping[str, Any]) -> None:
        """Type into a record's form."""
        self._fill(self._page(f"/records/{id}/edit"), values, "save")

    def withdraw(self, id: str) -> None:
        """Take a record back."""
        page, form = self._form(self._record(id), "/withdraw")
        self._send(page, form, why=REASON)

    def decide(self, id: str, field: str, value: Any) -> None:
        """Answer an open question with a value of one's own."""
        page, form = self._form(self._record(id), "/decide", path=field)
        self._send(page, form, "third", **{f"third {id} {field}": typed(value)})

    def move(self, id: str, to: str, reason: str = "") -> None:
        """Take the workflow a step on: a report's on the report's page, another record's on its own."""
        page = self._record(id)
        report = (
            next((link for link in page.links if re.fullmatch(r"/reports/[^/]+/\w+", link)), None) if page else None
        )
        if report is not None:
            page = self._page(report)
        part = {"accepted": "/accept", "returned": "/return"}.get(to, "/move") if report else "/move"
        given = {} if part in ("/accept", "/return") else {"to": to}
        page, form = self._form(page, part, **given)
        self._send(page, form, **({"why": reason} if "why" in form.names else {}))

    def acknowledge(self, id: str) -> None:
        """Take note of an urgent incident."""
        page, form = self._form(self._page("/incidents"), f"/{id}/acknowledge")
        self._send(page, form)

    def waiting(self) -> str:
        """What the page of what waits says."""
        return self._page("/review").text

    def take_up(self, id: str) -> None:
        """Take up what waits of a record."""
        page, form = self._form(self._page("/review"), "/review", record=id)
        self._send(page, form, "take")

    def revoke(self, name: str) -> None:
        """Revoke the tablet of that name."""
        page = self._page("/admin/tablets")
        row = next((row for row in page.root.all("tr") if name in row.text() and any(row.all("form"))), None)
        if row is None:
            raise Refused("not_found", f"there is no tablet of {name} to revoke")
        action = next(row.all("form")).attributes["action"]
        page, form = self._form(page, action)
        self._send(page, form)

    def tablets(self) -> str:
        """What the page of tablets says."""
        return self._page("/admin/tablets").text

    def recovered(self) -> str:
        """What the page of a restored server says."""
        return self._page("/recovery").text

    def move_officer(self, name: str, roles: Sequence[str], unit: str) -> None:
        """End an officer's roles, and give them anew in another unit."""
        while drop := self._of_person(name, "/end"):
            self._send(*drop)
        for role in roles:
            add = self._of_person(name, "/role")
            if add is None:
                raise Refused("not_found", f"{name} cannot be given a role")
            self._send(*add, role=role, unit=unit)

    def _of_person(self, name: str, part: str) -> tuple[Page, Form] | None:
        """The first form of a person on the page of people whose address ends so; None where there is none."""
        page = self._page("/admin/users")
        row = next(row for row in page.root.all("tr") if name in row.text())
        actions = [form.attributes["action"] for form in row.all("form")]
        found = [form for form in page.forms if form.action in actions and form.action.endswith(part)]
        return (page, found[0]) if found else None

    def consolidate(self, period: str, folder: Path) -> list[Path]:
        """Make the unit's own report over all its units, and fetch it as DOCX and XLSX."""
        address = f"/reports/{period}/{self.unit}"
        page, form = self._form(self._page(address), "/consolidate")
        self._send(page, form)
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for suffix in ("docx", "xlsx"):
            answer = self._browser.fetch(f"{address}/{suffix}")
            if answer.status_code != 200 or not answer.content.startswith(b"PK"):
                raise Refused(str(answer.status_code), f"no {suffix} came from {address}")
            written.append(folder / f"{period}-{self.unit}.{suffix}")
            written[-1].write_bytes(answer.content)
        return written

    def import_bundle(self, files: Sequence[Path], folder: Path) -> list[Path]:
        """Import a tablet's files on the page for them, and fetch the answer's files into a folder."""
        page = self._page("/bundles")
        after = self._browser.send_files(page, page.form("/bundles"), "files", files)
        came = next(after.root.all(marked="came"), None)
        if after.status >= 400 or came is None:
            raise Refused(str(after.status), _complaint(after))
        folder.mkdir(parents=True, exist_ok=True)
        fetched = []
        for link in came.all("a"):
            answer = self._browser.fetch(link.attributes["href"])
            if answer.status_code != 200:
                raise Refused(str(answer.status_code), "the answer could not be fetched")
            name = answer.headers["Content-Disposition"].rpartition("filename=")[2].strip('"')
            fetched.append(folder / name)
            fetched[-1].write_bytes(answer.content)
        return fetched

    def waiting_files(self) -> str:
        """What the page of tablets' files says."""
        return self._page("/bundles").text

    def sync(self) -> None:
        """Nothing to do: the console writes at the server itself."""


def _record_form(page: Page) -> Form:
    """The form that holds a record's fields."""
    return next(form for form in page.forms if form.node.attributes.get("id") == "form")


def _path(address: str) -> str | None:
    """The field that a line's history button speaks of."""
    found = parse_qs(urlsplit(address).query).get("path")
    return found[0] if found else None


def _rows(values: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
    }


def _complaint(page: Page) -> str:
    """What a page says is wrong."""
    told = [node.text() for mark in ("problem", "said") for node in page.root.all(marked=mark)]
    return " ".join(told) or page.text[:300]
