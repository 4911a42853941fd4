"""YAML with the place of every key, so that a mistake in the catalogue is told with its file and line.

Only plain YAML: no tags that build objects, no aliases (a "billion laughs" is made of them), no key twice, bounded size and depth. It is
built from the parser's events, in C where PyYAML has libyaml and in pure Python elsewhere (Android).
"""

from datetime import date, datetime
from math import isfinite
from typing import Any, NoReturn

import yaml

from shared.errors import SenError

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 32
"""The deepest nest that is read; the catalogue itself stays below 12."""

_TEXT = "tag:yaml.org,2002:str"

__all__ = ["CatalogueError", "Source", "fault", "read_yaml"]


class CatalogueError(SenError):
    """A mistake in the catalogue: ``file``, ``line`` (from 1) and what is wrong."""

    def __init__(self, code: str, /, *, file: str, line: int, **context: Any) -> None:
        super().__init__(code, file=file, line=line, **context)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        return f"{self.code}: {self.text('en')}"


class Source(dict[str, Any]):
    """A mapping that knows its file, its line and the line of each of its keys."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__()
        self.file = file
        self.line = line
        self.lines: dict[str, int] = {}

    def line_of(self, key: str) -> int:
        """The line of a key, or of the mapping itself."""
        return self.lines.get(key, self.line)


def fault(code: str, at: Source, key: str = "", /, **context: Any) -> CatalogueError:
    """A mistake at a key of a mapping."""
    return CatalogueError(code, file=at.file, line=at.line_of(key), key=key, **context)


def read_yaml(file: str, text: str) -> Any:
    """Read a file of the catalogue: mappings become ``Source``, dates stay dates, an empty file is None.

    Raises:
        CatalogueError: not YAML, an alias, a tag, a key twice, too large or nested too deep.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise CatalogueError("catalogue_too_large", file=file, line=1, limit=MAX_BYTES)
    try:
        return _Reader(file, text).document()
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        raise CatalogueError("catalogue_not_yaml", file=file, line=mark.line + 1 if mark else 1) from error
    except UnicodeError as error:
        raise CatalogueError("catalogue_not_yaml", file=file, line=1) from error


class _Reader:
    """Builds plain values from the events of one document."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)

    def document(self) -> Any:
        try:
            value = None
            self.loader.get_event()
            if not self.loader.check_event(yaml.StreamEndEvent):
                self.loader.get_event()
                value = self.value(0)
                self.loader.get_event()
            if not self.loader.check_event(yaml.StreamEndEvent):
                self.refuse("catalogue_not_yaml", self.loader.get_event())
            return value
        finally:
            self.loader.dispose()

    def refuse(self, code: str, event: Any, **context: Any) -> NoReturn:
        raise CatalogueError(code, file=self.file, line=event.start_mark.line + 1, **context)

    def value(self, depth: int) -> Any:
        event = self.loader.get_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self.refuse("catalogue_alias", event)
        if event.tag is not None:
            self.refuse("catalogue_tag", event)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if depth >= MAX_DEPTH:
            self.refuse("catalogue_too_deep", event, limit=MAX_DEPTH)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(depth + 1)
        return self.mapping(event, depth + 1)

    def scalar(self, event: Any) -> Any:
        tag = self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == _TEXT:
            return event.value
        try:
            value = self.loader.construct_object(yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark))
        except (ValueError, OverflowError):
            self.refuse("catalogue_tag", event)
        if isinstance(value, datetime) or not isinstance(value, int | float | date | None):
            self.refuse("catalogue_tag", event)
        if isinstance(value, float) and not isfinite(value):
            self.refuse("catalogue_tag", event)
        return value

    def sequence(self, depth: int) -> list[Any]:
        items = []
        while not self.loader.check_event(yaml.SequenceEndEvent):
            items.append(self.value(depth))
        self.loader.get_event()
        return items

    def mapping(self, start: Any, depth: int) -> Source:
        body = Source(self.file, start.start_mark.line + 1)
        while not self.loader.check_event(yaml.MappingEndEvent):
            event = self.loader.get_event()
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or event.tag is not None:
                self.refuse("catalogue_tag", event)
            key = event.value
            if key in body:
                self.refuse("catalogue_key_twice", event, key=key)
            body.lines[key] = line
            body[key] = self.value(depth)
        self.loader.get_event()
        return body
