"""``demo --check``: sign in at the running demo as those who work there do, fetch every main page and the report, and say what is wrong.

Pages are named by their endpoint and found in the address table of the running code, so that a page that was renamed is a fault here
and not an untested page.
"""

import io
import re
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from http.cookiejar import CookieJar
from typing import Any, Final

from flask import Flask
from werkzeug.routing import BuildError, MapAdapter

from server.access import ENDPOINTS
from server.app import create_app
from server.config import Config
from server.demo.folder import DemoFolder
from server.demo.story import DISTRICT, Person, Story
from server.services import services

PERIOD: Final = "2022-H1"
PATIENCE_S: Final = 60
TOKEN: Final = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
RECORD: Final = re.compile(r'href="(/records/[0-9a-f]{8}-[0-9a-f-]{27})[^"]*"')

__all__ = ["PAGES", "Page", "check"]


@dataclass(frozen=True, kw_only=True)
class Page:
    """One main page: who fetches it, its endpoint, what fills its address, a word that it must show."""

    role: str
    endpoint: str
    word: str
    values: Mapping[str, str] = field(default_factory=dict)


PAGES: Final = (
    Page(role="district_officer", endpoint="today.today", word="Thường Phước 2"),
    Page(role="district_officer", endpoint="incidents.incidents", word="Thường Phước 1"),
    Page(role="district_officer", endpoint="reports.reports", word="Báo cáo 06 tháng đầu năm 2022"),
    Page(role="district_officer", endpoint="reports.report", word="Long Thuận", values={"period": PERIOD, "unit": "long_thuan"}),
    Page(role="district_officer", endpoint="reports.report", word="Hồng Ngự", values={"period": PERIOD, "unit": DISTRICT}),
    Page(role="district_officer", endpoint="records.types", word="Hoạt động truyền thông"),
    Page(role="district_officer", endpoint="questions.questions", word="Đoàn Thanh Sang"),
    Page(role="collector", endpoint="today.today", word="Long Khánh A"),
    Page(role="collector", endpoint="writing.new", word="Tên hoạt động", values={"code": "communication_activity"}),
    Page(role="district_lead", endpoint="today.today", word="Thường Phước 2"),
    Page(role="viewer", endpoint="today.today", word="Long Thuận"),
    Page(role="admin", endpoint="tablets.tablets", word="long-khanh-a-2"),
    Page(role="admin", endpoint="users.users", word="Nguyễn Thị Thanh Thảo"),
    Page(role="admin", endpoint="units.units", word="Thường Thới Tiền"),
)
"""The main pages. Beside them the lists of all record types, one record, its history, and every other address without parts."""

DOCUMENTS: Final = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}
"""Kind of document → the part that must be in it."""


class _Browser:
    """One person at the console over HTTP."""

    def __init__(self, address: str, paths: MapAdapter) -> None:
        self.address, self.paths = address, paths
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def fetch(self, path: str, form: Mapping[str, str] | None = None) -> tuple[int, bytes, str]:
        """Status, body and the address at which it ended."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self._opener.open(self.address + path, data, timeout=PATIENCE_S) as answer:
                return answer.status, answer.read(), answer.geturl()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), path

    def sign_in(self, person: Person, password: str) -> bool:
        """Sign in; whether it went well."""
        path = self.paths.build("session.sign_in")
        token = TOKEN.search(self.fetch(path)[1].decode())
        form = {"csrf_token": unescape(token.group(1)) if token else "", "login": person.login, "password": password}
        status, _, ended = self.fetch(path, form)
        return status == 200 and not ended.endswith(path)


class _Check:
    """One run: collects faults and counts what was fetched."""

    def __init__(self, address: str, story: Story, app: Flask) -> None:
        self.address, self.story, self.app = address, story, app
        self.paths = app.url_map.bind("127.0.0.1")
        self.faults: list[str] = []
        self.fetched = 0
        self.browsers: dict[str, _Browser] = {}

    def browser(self, role: str) -> _Browser:
        """The browser of somebody with a role, signed in."""
        if role not in self.browsers:
            one = self.browsers[role] = _Browser(self.address, self.paths)
            if role:
                person = self.story.officer(self.story.told["conflict_unit"]) if role == "collector" else self.story.of_district(role)
                if not one.sign_in(person, self.story.password):
                    self.faults.append(f"{person.login}: không đăng nhập được · cannot sign in")
        return self.browsers[role]

    def page(self, role: str, path: str, word: str) -> str:
        """Fetch one page and look for its word; gives its text."""
        self.fetched += 1
        status, body, ended = self.browser(role).fetch(path)
        text = unescape(body.decode("utf-8", "replace"))
        if status != 200 or "/sign-in" in ended:
            self.faults.append(f"{role} {path}: {status if status != 200 else 'sign-in'}")
        elif word not in text:
            self.faults.append(f"{role} {path}: thiếu «{word}» · lacks «{word}»")
        return text

    def path(self, endpoint: str, values: Mapping[str, str]) -> str:
        """The address of a page, "" where there is none of this name."""
        try:
            return str(self.paths.build(endpoint, dict(values)))
        except BuildError:
            self.faults.append(f"không có trang · no such page: {endpoint} {dict(values)}")
            return ""

    def all_pages(self) -> None:
        """The main pages, the lists, one record with its neighbours, and every other address without parts."""
        for one in PAGES:
            if path := self.path(one.endpoint, one.values):
                self.page(one.role, path, one.word)
        officer, catalogue = "district_officer", services(self.app).catalogue
        for code, record_type in catalogue.types.items():
            if path := self.path("records.listing", {"code": code}):
                text = self.page(officer, path, record_type.label.vi)
                if code == "communication_activity":
                    self._one_record(text)
        for role in ("district_officer", "admin"):
            for path in self._plain_paths(role):
                self.page(role, path, "</html>")

    def _one_record(self, listing: str) -> None:
        found = RECORD.search(listing)
        if found is None:
            self.faults.append("danh sách không dẫn đến bản ghi nào · the list leads to no record")
            return
        self.page("district_officer", found.group(1), "mẫu")

    def _plain_paths(self, role: str) -> Iterator[str]:
        """Addresses without parts that this role may fetch and that give a page."""
        known = {self.path(one.endpoint, one.values) for one in PAGES}
        for rule in self.app.url_map.iter_rules():
            allowed = ENDPOINTS.get(rule.endpoint)
            is_page = "GET" in (rule.methods or ()) and not rule.arguments and not rule.rule.startswith(("/api", "/session"))
            if allowed is not None and role in allowed.who and is_page and rule.rule not in known:
                yield rule.rule

    def documents(self) -> None:
        """The district's half-year report as a document of each kind."""
        for kind, part in DOCUMENTS.items():
            paths = [rule for rule in self.app.url_map.iter_rules() if rule.endpoint.startswith("reports.") and _gives(rule, kind)]
            if not paths:
                self.faults.append(f"không có địa chỉ tải {kind} · no address gives {kind}")
                continue
            told: dict[str, Any] = {"period": PERIOD, "unit": DISTRICT}
            told |= dict.fromkeys(paths[0].arguments - set(told), kind)
            self.fetched += 1
            status, body, _ = self.browser("district_officer").fetch(self.paths.build(paths[0].endpoint, told))
            if status != 200 or not zipfile.is_zipfile(io.BytesIO(body)) or part not in zipfile.ZipFile(io.BytesIO(body)).namelist():
                self.faults.append(f"{kind}: {status}, {len(body)} bytes")


def _gives(rule: Any, kind: str) -> bool:
    """Whether a download's address is for this kind: it names it, or takes the kind as a part."""
    named = kind in rule.rule or kind in rule.endpoint
    return bool({"period", "unit"} <= rule.arguments) and (named or bool(rule.arguments - {"period", "unit"} and "GET" in rule.methods))


def check(address: str, story: Story, folder: DemoFolder) -> tuple[list[str], int]:
    """Check a demo at work; gives what is wrong, and how many pages and documents were fetched."""
    app = create_app(Config(var=folder.server, today=story.begins))
    run = _Check(address, story, app)
    run.all_pages()
    run.documents()
    return run.faults, run.fetched
