"""YAML with the place of every key, so that a mistake in the catalogue is told with its file and line.

Only plain YAML: no tags that build objects, no aliases (a "billion laughs" is made of them), no key twice.
"""

from datetime import date
from typing import Any

import yaml

from shared.errors import SenError

MAX_BYTES = 2 * 1024 * 1024

__all__ = ["CatalogueError", "Source", "read_yaml"]


class CatalogueError(SenError):
    """A mistake in the catalogue: ``file``, ``line`` (from 1) and what is wrong."""

    def __init__(self, code: str, *, file: str, line: int, **context: Any) -> None:
        super().__init__(code, file=file, line=line, **context)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code}: {self.text('en')}"


class Source(dict[str, Any]):
    """A mapping that knows the line of itself and of each of its keys."""

    file: str
    line: int
    lines: dict[str, int]

    def line_of(self, key: str) -> int:
        """The line of a key, or of the mapping itself."""
        return self.lines.get(key, self.line)


def read_yaml(file: str, text: str) -> Any:
    """Read a file of the catalogue: mappings become ``Source``, dates stay dates.

    Raises:
        CatalogueError: not YAML, an alias, a tag, a key twice, or too large.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise CatalogueError("catalogue_too_large", file=file, line=1, limit=MAX_BYTES)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        return _build(file, loader.get_single_node(), loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise CatalogueError("catalogue_not_yaml", file=file, line=mark.line + 1 if mark else 1) from error
    finally:
        loader.dispose()


def _build(file: str, root: Any, loader: Any) -> Any:
    seen: set[int] = set()

    def build(node: Any) -> Any:
        line = node.start_mark.line + 1
        if id(node) in seen:
            raise CatalogueError("catalogue_alias", file=file, line=line)
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return mapping(node, line)
        if isinstance(node, yaml.SequenceNode):
            return [build(item) for item in node.value]
        value = loader.construct_object(node)
        if value is not None and not isinstance(value, str | int | float | bool | date):
            raise CatalogueError("catalogue_tag", file=file, line=line)
        return value

    def mapping(node: Any, line: int) -> Source:
        body = Source()
        body.file, body.line, body.lines = file, line, {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            at = key_node.start_mark.line + 1
            if key in body:
                raise CatalogueError("catalogue_key_twice", file=file, line=at, key=key)
            body[key] = build(value_node)
            body.lines[key] = at
        return body

    return None if root is None else build(root)
