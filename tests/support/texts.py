"""The catalogue that ships, with a field of the communication activities renamed, retyped or dropped, as a district would write it."""

from collections.abc import Mapping
from pathlib import Path

from shared.catalogue import load_catalogue

TALK = "record_types/communication_activity.yaml"

__all__ = ["TALK", "block", "dropped", "folder_of", "renamed", "retyped", "shipped"]


def shipped() -> dict[str, str]:
    """The texts that ship."""
    return dict(load_catalogue().texts)


def renamed(old: str = "participants_total", new: str = "attendances_total") -> dict[str, str]:
    """A field has another name everywhere: in rules, figures, sentences; its file says what it was."""
    texts = {name: text.replace(old, new) for name, text in shipped().items()}
    texts[TALK] = texts[TALK].replace(f"  {new}:\n", f"  {new}:\n    was: {old}\n", 1)
    return texts


def block(field: str) -> str:
    """The lines of a field in the file that ships."""
    lines = shipped()[TALK].split("\n")
    start = lines.index(f"  {field}:")
    end = next(number for number in range(start + 1, len(lines)) if not lines[number].startswith("    "))
    return "\n".join(lines[start:end]) + "\n"


def dropped(field: str = "event_code") -> dict[str, str]:
    """A field is gone, from the file and from its section."""
    text = shipped()[TALK].replace(block(field), "")
    text = text.replace(f", {field}", "").replace(f"{field}, ", "")
    assert field not in text
    return shipped() | {TALK: text}


def retyped(field: str = "event_code", old: str = "kind: text", new: str = "kind: int") -> dict[str, str]:
    """A field is of another kind."""
    was = block(field)
    now = "\n".join(line for line in was.replace(old, new).split("\n") if "max_length" not in line)
    return shipped() | {TALK: shipped()[TALK].replace(was, now)}


def folder_of(texts: Mapping[str, str], root: Path) -> Path:
    """Write a catalogue's files into a folder, over what stands there."""
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root
