"""A person at a browser without scripts: follows addresses, fills in forms, keeps cookies.

Only what is in the HTML counts: a form is sent with all its fields, hidden ones and preselected ones included, as a browser
sends it.
"""

from __future__ import annotations

import html.parser
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests

TIMEOUT_S = 120
EMPTY_TAGS = frozenset({"input", "br", "img", "meta", "link", "hr"})


@dataclass(kw_only=True)
class Form:
    """One form: where it is sent, how, and what stands in it. `buttons` are the (name, value) pairs that can be pressed."""

    action: str
    method: str
    values: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """All fields, also those in which nothing stands yet."""

    def filled(self, values: Mapping[str, Any], press: str | None) -> list[tuple[str, str]]:
        """What is sent when these values are typed and the button with this name or value is pressed."""
        unknown = values.keys() - self.names
        if unknown:
            raise KeyError(
                f"the form has no field {', '.join(sorted(unknown))}; it has {', '.join(sorted(self.names))}"
            )
        sent = [(name, value) for name, value in self.values if name not in values]
        for name, value in values.items():
            many = value if isinstance(value, list) else [value]
            sent += [(name, str(one)) for one in many]
        if press is not None:
            sent += [pair for pair in self.buttons if press in pair and pair[0]][:1]
        return sent


class Page(html.parser.HTMLParser):
    """A page that was fetched: its text, its links and its forms."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__()
        self.url = answer.url
        self.status = answer.status_code
        self.html = answer.text
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._words: list[str] = []
        self._silent = 0
        self._form: Form | None = None
        self._select: str | None = None
        self._area: tuple[str, list[str]] | None = None
        self._outside: dict[str, Form] = {}
        self.feed(answer.text)

    @property
    def text(self) -> str:
        """The words that a person reads, with single blanks."""
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of what can be followed, filled in or pressed."""
        a = {name: value or "" for name, value in attrs}
        if tag in ("script", "style"):
            self._silent += 1
        elif tag == "a" and "href" in a:
            self.links.append(a["href"])
        elif tag == "form":
            self._form = Form(action=a.get("action", ""), method=a.get("method", "get").lower())
            self.forms.append(self._form)
            if "id" in a:
                self._outside[a["id"]] = self._form
        else:
            self._field(tag, a, dict(attrs))

    def _field(self, tag: str, a: Mapping[str, str], given: Mapping[str, str | None]) -> None:
        form = self._outside.get(a.get("form", ""), self._form)
        if tag == "button" and form is not None:
            form.buttons.append((a.get("name", ""), a.get("value", "")))
        elif form is None or "disabled" in given:
            return
        elif tag == "input" and a.get("name"):
            form.names.add(a["name"])
            kind = a.get("type", "text")
            if kind == "submit":
                form.buttons.append((a["name"], a.get("value", "")))
            elif kind not in ("checkbox", "radio") or "checked" in given:
                form.values.append((a["name"], a.get("value", "on" if kind in ("checkbox", "radio") else "")))
        elif tag == "select" and a.get("name"):
            self._select = a["name"]
            form.names.add(self._select)
        elif tag == "option" and self._select and "selected" in given:
            form.values.append((self._select, a.get("value", "")))
        elif tag == "textarea" and a.get("name"):
            form.names.add(a["name"])
            self._area = (a["name"], [])

    def handle_endtag(self, tag: str) -> None:
        """Close what was open."""
        if tag in ("script", "style"):
            self._silent -= 1
        elif tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._area and self._form is not None:
            self._form.values.append((self._area[0], "".join(self._area[1])))
            self._area = None

    def handle_data(self, data: str) -> None:
        """Keep what can be read."""
        if self._area is not None:
            self._area[1].append(data)
        elif not self._silent:
            self._words.append(data)

    def form(self, part: str) -> Form:
        """The form whose address holds a part. Raises KeyError with those that there are."""
        found = [form for form in self.forms if part in form.action]
        if not found:
            raise KeyError(
                f"no form leads to {part}; there are {', '.join(f.action for f in self.forms) or 'none'} on {self.url}"
            )
        return found[0]


class Browser:
    """One person's browser at one server."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._http = requests.Session()

    def open(self, path: str) -> Page:
        """Follow an address."""
        return Page(self._http.get(urljoin(self.address, path), timeout=TIMEOUT_S))

    def fetch(self, path: str) -> requests.Response:
        """Fetch a document or JSON."""
        return self._http.get(urljoin(self.address, path), timeout=TIMEOUT_S)

    def send(self, page: Page, form: Form, press: str | None = None, **values: Any) -> Page:
        """Fill a form in and send it; gives the page that comes of it."""
        target = urljoin(page.url, form.action)
        body = form.filled(values, press)
        headers = {"Referer": page.url}
        if form.method == "post":
            return Page(self._http.post(target, data=body, headers=headers, timeout=TIMEOUT_S))
        return Page(self._http.get(target, params=body, headers=headers, timeout=TIMEOUT_S))
