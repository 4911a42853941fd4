"""What people type: values for the fields of a form, whatever its catalogue calls them and of whatever kind they are by now."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from shared.catalogue import Field, RecordType
from sync.view import Snapshot
from tests.soak.world import World

__all__ = ["FIRST_VALUES", "NUMBERS", "drawn", "inner_names", "present_fields"]


def present_fields(record_type: RecordType) -> dict[str, Field]:
    """The fields that a form asks, by their first names."""
    return {field.path: field for field in record_type.fields.values()}


def inner_names(rows: Field) -> dict[str, str]:
    """First name → present one, of the fields of a row."""
    return {field.path: code for code, field in rows.fields.items()}


def drawn(world: World, rng: random.Random, record_type: RecordType, form: Snapshot) -> dict[str, Any]:
    """New values for one to four fields."""
    present = present_fields(record_type)
    paths = [path for path in sorted(set(world.fields[record_type.code])) if path in present]
    values = {}
    for path in rng.sample(paths, min(len(paths), rng.choice((1, 1, 1, 2, 3, 4)))):
        field = present[path]
        draw = OTHER_KINDS.get((path, field.kind)) or FIELDS[record_type.code][path]
        values[field.code] = draw(world, field, rng, form.values.get(field.code))
    return values


def _number(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    return rng.choice((1, 2, 3, None))


def _word(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    return rng.choice(("x", "y", "z"))


def _name(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    return rng.choice(("An", "Bình"))


def _story(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    lines = str(old or "một\nhai\nba\n").splitlines()
    lines[rng.randrange(len(lines))] = rng.choice(("MỘT", "HAI", "BA", "bốn", "năm"))
    return "\n".join(lines) + "\n"


def _topics(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    return sorted(set(old or []) ^ {rng.choice([one.code for one in field.choices])})


def _files(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    digest = rng.choice(("a", "b")) * 64
    rest = [one for one in old or [] if one["sha256"] != digest]
    return rest if len(rest) < len(old or []) else [*rest, {"sha256": digest, "name": rng.choice("mn"), "size": 1, "mime": "image/jpeg"}]


def _guests(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    rows, names = [dict(row) for row in old or []], inner_names(field)
    act = rng.choice(("insert", "insert", "name", "name", "age", "signs", "move", "delete", "delete"))
    if act == "insert" or not rows:
        rows.insert(rng.randrange(len(rows) + 1), {"id": world.short_id(), names["name"]: rng.choice("xy")})
        return rows
    row = rows[rng.randrange(len(rows))]
    if act == "move":
        rows.remove(row)
        rows.insert(rng.randrange(len(rows) + 1), row)
    elif act == "delete":
        rows.remove(row)
    elif act == "signs":
        row["signs"] = sorted(set(row.get("signs", [])) ^ {rng.choice(("red", "blue"))})
    elif act == "age" and "age" in names:
        row["age"] = rng.choice((1, 2, None))
    else:
        row[names["name"]] = rng.choice("xyz")
    return rows


def _form(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    return rng.choice(("talk", "stall", None))


def _on_women(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    return rng.choice(("12", "1.234", "nhiều"))


def _state(world: World, field: Field, rng: random.Random, old: Any) -> Any:
    return rng.choice(("draft", "submitted", "returned", "accepted"))


Draw = Callable[[World, Field, random.Random, Any], Any]

FIELDS: dict[str, dict[str, Draw]] = {
    "note": {
        "people": _number, "women": _number, "place": _word, "title": _word, "seen_at": _word, "story": _story, "topics": _topics,
        "attachments": _files, "guests": _guests, "state": _state,
    },
    "file": {"code": _word, "name": _name, "steps": _number},
    "visit": {"title": _word, "people": _number},
    "plea": {"code": _word, "name": _name},
}  # fmt: skip
"""Record type → first name of a field → what people type into it."""

OTHER_KINDS: dict[tuple[str, str], Draw] = {
    ("form", "choice"): _form, ("form", "choices"): _topics, ("women", "text"): _on_women, ("seen_at", "int"): _number,
    ("code", "int"): _number,
}  # fmt: skip
"""(First name, kind) → the same where the field is of another kind than at first."""

FIRST_VALUES: Mapping[str, Mapping[str, Any]] = {
    "file": {"code": "x", "name": "An", "steps": 1}, "visit": {"title": "x", "people": 1}, "plea": {"code": "x", "name": "Bình"},
}  # fmt: skip

NUMBERS = {"note": "people", "visit": "people", "file": "steps", "plea": "made_on"}
"""A field of each type in which no word can ever stand."""
