"""Sentences by code in Vietnamese and English, as data.

``messages.yaml`` (and every ``messages_*.yaml`` beside it) holds ``code: {vi, en, status?, fault?}``; ``status`` is the HTTP hint of an
error and ``fault`` whose it is (``user``, ``peer`` or ``own``). A sentence names its facts as ``{limit}``. Unknown codes and facts that
are missing never raise: a person gets a general sentence, and «–» for what is missing.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DIRECTORY = Path(__file__).parent
GENERAL = "general_error"
FAULTS = ("user", "peer", "own")
MISSING = "–"

_FACT = re.compile(r"\{([a-z_][a-z0-9_]*)\}")

__all__ = ["FAULTS", "codes", "facts_in", "facts_of", "fault_of", "fill", "phrase", "status_of"]


@cache
def codes() -> Mapping[str, Mapping[str, Any]]:
    """The whole table: code → {vi, en, status, fault}."""
    table: dict[str, Mapping[str, Any]] = {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(DIRECTORY.glob("messages*.yaml")):
        table.update(yaml.load(path.read_text("utf-8"), Loader=loader) or {})
    return table


def status_of(code: str) -> int:
    """The HTTP status that fits an error; 400 where the table has none."""
    return int(codes().get(code, {}).get("status", 400))


def fault_of(code: str) -> str:
    """Whose fault an error is: ``user``, ``peer`` or ``own``."""
    return str(codes().get(code, {}).get("fault", "user"))


@cache
def facts_of(code: str) -> frozenset[str]:
    """The facts that the sentences of a code name; none for an unknown code."""
    row = codes().get(code, {})
    return facts_in(f"{row.get('vi', '')} {row.get('en', '')}")


def facts_in(sentence: str) -> frozenset[str]:
    """The facts that a sentence names."""
    return frozenset(_FACT.findall(sentence))


def phrase(code: str, lang: str = "vi", /, **facts: Any) -> str:
    """The sentence of a code in a language, with its facts; never raises."""
    table = codes()
    row = table.get(code) or table.get(GENERAL, {})
    return fill(str(row.get(lang) or row.get("vi") or code), facts)


def fill(sentence: str, facts: Mapping[str, Any]) -> str:
    """Put facts in the places of a sentence that name them; never raises. What a fact says is not looked at again."""
    return _FACT.sub(lambda place: _told(facts.get(place[1])), sentence)


def _told(fact: Any) -> str:
    try:
        return MISSING if fact is None else str(fact)
    except Exception:  # whatever a fact's own __str__ does, the sentence is shown
        return MISSING
