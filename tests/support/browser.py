"""A person at a browser without scripts: follows addresses, fills in forms, keeps cookies.

Only what is in the HTML counts: a form is sent with all its fields, hidden ones and preselected ones included, as a browser
sends it.
"""

from __future__ import annotations

import html.parser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

TIMEOUT_S = 120
EMPTY_TAGS = frozenset({"input", "br", "img", "meta", "link", "hr"})


@dataclass(eq=False)
class Node:
    """An element of a page."""

    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def all(self, tag: str = "", marked: str = "") -> Iterator[Node]:
        """The elements below, in order, of a tag and of a class where these are given."""
        for child in self.children:
            if isinstance(child, Node):
                if tag in ("", child.tag) and (not marked or marked in child.attributes.get("class", "").split()):
                    yield child
                yield from child.all(tag, marked)

    def text(self, without: str = "") -> str:
        """The words in it with single blanks, but for elements of a class."""
        return " ".join(" ".join(self._words(without)).split())

    def _words(self, without: str) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in ("script", "style") and not (
                without and without in child.attributes.get("class", "").split()
            ):
                yield from child._words(without)


class Form:
    """One form of a page: where it is sent, how, and what stands in it."""

    def __init__(self, node: Node, outside: list[Node]) -> None:
        self.node = node
        self.action = node.attributes.get("action", "")
        self.method = node.attributes.get("method", "get").lower()
        self.values: list[tuple[str, str]] = []
        self.buttons: list[tuple[str, str]] = []
        self.names: set[str] = set()
        """All fields, also those in which nothing stands yet."""
        for one in [*node.all(), *outside]:
            self._take(one)

    def _take(self, node: Node) -> None:
        a = node.attributes
        name, kind = a.get("name", ""), a.get("type", "text")
        if node.tag == "button" or (node.tag == "input" and kind == "submit"):
            self.buttons.append((name, a.get("value", "")))
        if not name or "disabled" in a or node.tag not in ("input", "select", "textarea") or kind == "submit":
            return
        self.names.add(name)
        if node.tag == "textarea":
            self.values.append((name, "".join(c for c in node.children if isinstance(c, str)).removeprefix("\n")))
        elif node.tag == "select":
            options = list(node.all("option"))
            chosen = [o for o in options if "selected" in o.attributes] or options[:1]
            self.values += [(name, o.attributes.get("value", "")) for o in chosen]
        elif kind not in ("checkbox", "radio") or "checked" in a:
            self.values.append((name, a.get("value", "on" if kind in ("checkbox", "radio") else "")))

    def value(self, name: str) -> str:
        """What stands in a field; "" where nothing does."""
        return next((value for known, value in self.values if known == name), "")

    def filled(self, values: Mapping[str, Any], press: str | None) -> list[tuple[str, str]]:
        """What is sent when these values are typed and the button of this value is pressed. Raises KeyError."""
        unknown = values.keys() - self.names
        if unknown:
            raise KeyError(
                f"the form has no field {', '.join(sorted(unknown))}; it has {', '.join(sorted(self.names))}"
            )
        sent = [(name, value) for name, value in self.values if name not in values]
        for name, value in values.items():
            sent += [(name, str(one)) for one in (value if isinstance(value, list) else [value])]
        if press is not None:
            pressed = [pair for pair in self.buttons if pair[1] == press]
            if not pressed:
                raise KeyError(f"no button says {press}; there are {', '.join(b for _, b in self.buttons)}")
            sent.append(pressed[0])
        return sent


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in EMPTY_TAGS:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


class Page:
    """A page that was fetched."""

    def __init__(self, answer: requests.Response) -> None:
        self.url = answer.url
        self.status = answer.status_code
        reader = _Reader()
        reader.feed(answer.text)
        self.root = reader.root
        outside = [
            node
            for node in self.root.all()
            if node.tag in ("input", "textarea", "select", "button") and "form" in node.attributes
        ]
        self.forms = [
            Form(node, [o for o in outside if o.attributes["form"] == node.attributes.get("id")])
            for node in self.root.all("form")
        ]

    @property
    def text(self) -> str:
        """The words that a person reads."""
        return self.root.text()

    @property
    def links(self) -> list[str]:
        """The addresses that can be followed."""
        return [node.attributes["href"] for node in self.root.all("a") if "href" in node.attributes]

    def form(self, part: str, **holding: str) -> Form:
        """The form whose address holds a part and whose fields hold these values. Raises KeyError."""
        for form in self.forms:
            if part in form.action and all(form.value(name) == value for name, value in holding.items()):
                return form
        there = ", ".join(form.action for form in self.forms) or "none"
        raise KeyError(f"no form leads to {part} with {holding}; there are {there} on {self.url}")


class Browser:
    """One person's browser at one server."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._http = requests.Session()

    def fetch(self, path: str) -> requests.Response:
        """Fetch a document."""
        return self._http.get(urljoin(self.address, path), timeout=TIMEOUT_S)

    def open(self, path: str) -> Page:
        """Follow an address."""
        return Page(self.fetch(path))

    def send_files(self, page: Page, form: Form, field: str, files: Sequence[Path]) -> Page:
        """Choose files in a form's field and send it."""
        chosen = [(field, (file.name, file.read_bytes())) for file in files]
        body = [(name, value) for name, value in form.filled({}, None) if name != field]
        target = urljoin(page.url, form.action)
        return Page(self._http.post(target, data=body, files=chosen, headers={"Referer": page.url}, timeout=TIMEOUT_S))

    def send(self, page: Page, form: Form, press: str | None = None, /, **values: Any) -> Page:
        """Fill a form in and send it; gives the page that comes of it. Raises KeyError for what is not in the form."""
        if form.method == "post":
            return Page(self.post(page, form, press, **values))
        target, headers = urljoin(page.url, form.action), {"Referer": page.url}
        return Page(self._http.get(target, params=form.filled(values, press), headers=headers, timeout=TIMEOUT_S))

    def post(self, page: Page, form: Form, press: str | None = None, /, **values: Any) -> requests.Response:
        """Fill a form in and post it; gives the document that comes of it."""
        target, headers = urljoin(page.url, form.action), {"Referer": page.url}
        return self._http.post(target, data=form.filled(values, press), headers=headers, timeout=TIMEOUT_S)
