"""The district changes its forms: the YAML of a record type in the server's own catalogue folder.

Works on the files as a person would, and imports nothing of Sen: whether the change may follow is the server's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

HOW = re.compile(r"is dropped|is called (?P<name>[a-z][a-z0-9_]*)|is now (?P<kind>[a-z]+)")
"""What may be told of a field."""

ONLY_TEXT = ("max_length",)
ONLY_NUMBERS = ("min", "max", "unit_of_measure")

__all__ = ["HOW", "change", "new_names"]


def new_names(values: Mapping[str, Any]) -> dict[str, str]:
    """New name → the name before, of the fields that are renamed."""
    told = {field: HOW.fullmatch(str(how)) for field, how in values.items()}
    return {match["name"]: field for field, match in told.items() if match is not None and match["name"]}


def change(folder: Path, type: str, values: Mapping[str, str]) -> None:
    """Change the fields of a record type: {field: "is dropped", "is called NAME" or "is now KIND"}."""
    path = folder / "record_types" / f"{type}.yaml"
    body: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for field, how in values.items():
        match = HOW.fullmatch(how)
        assert match is not None, how
        if match["kind"]:
            row = body["fields"][field]
            row["kind"] = match["kind"]
            for key in ONLY_TEXT if match["kind"] in ("int", "decimal") else ONLY_NUMBERS:
                row.pop(key, None)
            continue
        fields: dict[str, Any] = {}
        for name, row in body["fields"].items():
            if name != field:
                fields[name] = row
            elif match["name"]:
                fields[match["name"]] = {**row, "was": [*row.get("was", [name])]}
        body["fields"] = fields
        for section in body["sections"]:
            section["fields"] = [match["name"] or "" if name == field else name for name in section["fields"]]
            section["fields"] = [name for name in section["fields"] if name]
    path.write_text(yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=200), encoding="utf-8")
