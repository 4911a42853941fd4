"""What people must find under which name, told from the values in force and from what the folder of forms says (``catalogues.PLACES``).

The oracle's second half: like the first it knows nothing of ``sync`` or ``shared``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.soak.catalogues import PLACES

CHOICES = {"Nói chuyện": "talk", "Gian hàng": "stall"}

__all__ = ["Standing", "shown_problems"]


class Standing(NamedTuple):
    """A value in force that is not in question: by which kind of operation it was written, and what it says."""

    kind: str
    value: Any


def read_as(kind: str, value: Any) -> Any:
    """A single value as a field of a kind shows it."""
    if kind == "text" and type(value) is int:
        return str(value)
    if kind == "int" and type(value) is str and value.replace(".", "").isdigit():
        return int(value.replace(".", ""))
    return value


def shown_problems(folder: str, type_code: str, shown: Mapping[str, Any], standing: Mapping[str, Sequence[Standing]]) -> Iterator[str]:
    """What of the values in force is not shown where the present forms have a place for it.

    Args:
        folder: the state of the forms that are in use.
        shown: the plain values of the record under these forms.
        standing: path → the values that stand there.
    """
    singles = {path: values[0].value for path, values in standing.items() if values and "/" not in path}
    elements: dict[str, list[str]] = {}
    for path, values in standing.items():
        head, _, element = path.rpartition("/")
        if head and any(value.kind == "add" for value in values):
            elements.setdefault(head, []).append(element)
    for path, value in singles.items():
        yield from _single(folder, type_code, shown, path, value, elements.get(path, []))
    for path in elements.keys() - singles.keys():
        yield from _list(folder, type_code, shown, path, elements[path])
    yield from _rows(folder, type_code, shown, standing, elements)


def _place(folder: str, type_code: str, first: str) -> tuple[str, str] | None:
    """Name and kind of a field in these forms; its first name and no kind where they have it no more; None for what has no place of its own."""
    places = PLACES.get((type_code, first))
    return None if places is None else places.get(folder, (first.rpartition("/")[2], ""))


def _single(folder: str, type_code: str, shown: Mapping[str, Any], path: str, value: Any, beside: Sequence[str]) -> Iterator[str]:
    place = _place(folder, type_code, path)
    if place is None:
        return
    name, kind = place
    if kind == "choices" or (kind == "" and isinstance(shown.get(name), list)):
        wanted = sorted({*beside, *([] if value is None else [value])})
        if sorted(shown.get(name) or []) != wanted:
            yield f"{name} shows {shown.get(name)}, and {wanted} stands there"
    elif value is None and beside:
        yield from _list(folder, type_code, shown, path, beside)
    elif not _says(kind, shown.get(name), value):
        yield f"{name} ({kind or 'dropped'}) shows {shown.get(name)!r}, and {value!r} stands at {path}"


def _list(folder: str, type_code: str, shown: Mapping[str, Any], path: str, elements: Sequence[str]) -> Iterator[str]:
    place = _place(folder, type_code, path)
    if place is not None and sorted(shown.get(place[0]) or []) != sorted(elements):
        yield f"{place[0]} shows {shown.get(place[0])}, and {sorted(elements)} stand there"


def _rows(
    folder: str, type_code: str, shown: Mapping[str, Any], standing: Mapping[str, Sequence[Standing]], elements: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    gone = {path.rpartition("/")[0] for path, values in standing.items() if path.endswith("/@") and any(value.kind == "delete" for value in values)}
    rows = {row["id"]: row for row in shown.get("guests") or ()}
    for path, values in standing.items():
        head, row, name = (*path.split("/"), "", "")[:3]
        if head != "guests" or not name or name == "@" or not values or f"{head}/{row}" in gone or path.count("/") > 2:
            continue
        place = _place(folder, type_code, f"guests/{name}")
        if place is not None and (row not in rows or not _says(place[1], rows[row].get(place[0]), values[0].value)):
            yield f"guests {row} shows {rows.get(row)}, and {values[0].value!r} stands at {path} ({place[0]})"
    for path, codes in elements.items():
        if path.startswith("guests/") and path.count("/") == 2:
            _, row, name = path.split("/")
            if f"guests/{row}" not in gone and sorted(rows.get(row, {}).get(name) or []) != sorted(codes):
                yield f"guests {row} shows {rows.get(row)}, and {codes} stand at {path}"


def _says(kind: str, told: Any, value: Any) -> bool:
    """Whether what is shown is what stands there; a dropped field may show it as any kind that it had."""
    if isinstance(value, dict) and "sealed" in value:
        return bool(getattr(told, "blob", None) == value["sealed"])
    if kind == "":
        return told in (value, read_as("text", value), read_as("int", value))
    return bool(told == read_as(kind, value))
