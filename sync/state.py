"""A record as registers: each holds its values in force, with their origins and their pasts.

A register is addressed by a path: ``title``; a set's element ``topics/gbv``; a row's place
``speakers/ROW``; a row's field ``speakers/ROW/name``; a row's standing ``speakers/ROW/@``; the
record's standing ``@``. The first value that is not open is the current one; values marked open wait
for a person's decision. This module holds and stores; ``merge`` decides.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from sync.lineage import Past
from sync.log import RECORD_STANDING, Change

__all__ = ["RecordState", "Register", "Value", "digest_of_sole"]


class Value(NamedTuple):
    """One value in force in a register.

    ``origins`` are the names of the changes that wrote it (two people may have written the same);
    ``waits`` names what its past mentions and has not come yet; ``open`` says that it is not the
    current one but a candidate; ``time`` is the earlier of the change's clock and its arrival.
    """

    origins: tuple[str, ...]
    past: Past
    kind: str
    value: Any
    blob: str | None
    waits: tuple[str, ...] = ()
    open: bool = False
    time: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Register:
    """The values in force at one path, and the stream number that last touched it."""

    touched: int
    values: list[Value]


@dataclass(slots=True)
class RecordState:
    """A record's registers by path, with what stands beside them: its type and its unit.

    ``units`` are all the units the record was ever in, its present one last.
    """

    id: str
    type: str
    units: list[str]
    registers: dict[str, Register] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The unit that the record belongs to now."""
        return self.units[-1]

    @property
    def touched(self) -> int:
        """The last stream number that touched any of its registers; 0 for a new one."""
        return max((register.touched for register in self.registers.values()), default=0)

    def current(self, path: str) -> Value | None:
        """The value in force at a path that is not in question, or None."""
        register = self.registers.get(path)
        if register is None:
            return None
        return next((value for value in register.values if not value.open), None)

    def candidates(self, path: str) -> list[Value]:
        """The open values at a path, which a person must decide about."""
        register = self.registers.get(path)
        return [] if register is None else [value for value in register.values if value.open]

    def open_paths(self) -> list[str]:
        """The paths where two people wrote differently and nobody has decided yet."""
        return [path for path, register in self.registers.items() if any(value.open for value in register.values)]

    @property
    def withdrawn(self) -> bool:
        """Whether the record is withdrawn: a withdrawal is in force that saw all that stands."""
        return _deleted(self, RECORD_STANDING)

    def row_deleted(self, row: str) -> bool:
        """Whether the row at ``field/ROW`` is deleted."""
        return _deleted(self, f"{row}/{RECORD_STANDING}")

    def origins(self, below: str = "") -> tuple[str, ...]:
        """The names of all changes that hold a value in force at or below a path; "" is the record."""
        names: dict[str, None] = {}
        for path, register in self.registers.items():
            if not below or path == below or path.startswith(below + "/"):
                for value in register.values:
                    names.update(dict.fromkeys(value.origins))
        return tuple(names)

    def values(self) -> Iterator[tuple[str, Value]]:
        """Every value in force with its path."""
        for path, register in self.registers.items():
            for value in register.values:
                yield path, value

    def dump(self) -> dict[str, Any]:
        """Give the plain form that stores keep; ``load`` reads it back.

        Most values have one origin and nothing else to tell, so names stand once in a table:
        ``{"i", "y", "g": units, "n": names, "f": {path: [touched, [name numbers, value, rest?]…]}}``.
        """
        names: dict[str, int] = {}
        fields = {
            path: [register.touched, *(_dump_value(value, names) for value in register.values)]
            for path, register in self.registers.items()
        }
        return {"i": self.id, "y": self.type, "g": self.units, "n": list(names), "f": fields}

    @classmethod
    def load(cls, body: Mapping[str, Any]) -> "RecordState":
        """Read back what ``dump`` gave."""
        names: list[str] = body["n"]
        registers = {
            path: Register(entry[0], [_load_value(value, names) for value in entry[1:]])
            for path, entry in body["f"].items()
        }
        return cls(body["i"], body["y"], list(body["g"]), registers)

    def digest(self, sealed_heads: Collection[str], *, sealed: bool) -> int:
        """Hash what stands here, of the sealed registers or of the others, as a number of 128 bits.

        Two replicas of a record are equal exactly when their digests are: the names of the origins hold the
        lines' hashes. 0 when no such register is there.

        Args:
            sealed_heads: the fields (first path segments) of the record's confidential part.
        """
        parts = []
        for path, register in self.registers.items():
            if (path.partition("/")[0] in sealed_heads) is sealed:
                told = sorted(f"{'?' if value.open else '+'}{','.join(sorted(value.origins))}" for value in register.values)
                parts.append(f"{path}={';'.join(told)}")
        if not parts:
            return 0
        return _hash_of_parts(self.id, parts)


def digest_of_sole(change: Change, name: str, sealed_heads: Collection[str], *, sealed: bool) -> int:
    """The digest of a record that one change made whole; the same as its state's."""
    paths = tuple([op.path for op in change.operations])
    if sealed_heads:
        paths = tuple(path for path in paths if (path.partition("/")[0] in sealed_heads) is sealed)
    if not paths:
        return 0
    told = f"=+{name}"
    body = "\n".join((change.record, f"{told}\n".join(_in_order(paths)) + told))
    return int.from_bytes(hashlib.sha256(body.encode("utf-8")).digest()[:16], "big")


@lru_cache(maxsize=256)
def _in_order(paths: tuple[str, ...]) -> list[str]:
    """Paths in the order of the parts that they begin: records that one form made have the same ones."""
    return sorted(paths, key=lambda path: f"{path}=")


def _hash_of_parts(record: str, parts: list[str]) -> int:
    parts.sort()
    body = "\n".join((record, *parts)).encode("utf-8")
    return int.from_bytes(hashlib.sha256(body).digest()[:16], "big")


def _deleted(state: RecordState, path: str) -> bool:
    value = state.current(path)
    return value is not None and value.kind in ("withdraw", "delete")


def _dump_value(value: Value, names: dict[str, int]) -> list[Any]:
    numbers = [names.setdefault(name, len(names)) for name in value.origins]
    rest: dict[str, Any] = {}
    if value.past:
        rest["p"] = value.past
    if value.kind != "set":
        rest["k"] = value.kind
    if value.blob is not None:
        rest["b"] = value.blob
    if value.waits:
        rest["w"] = value.waits
    if value.open:
        rest["q"] = 1
    if value.time != (0, 0):
        rest["t"] = value.time
    body = [numbers[0] if len(numbers) == 1 else numbers, value.value]
    return [*body, rest] if rest else body


def _load_value(body: list[Any], names: list[str]) -> Value:
    numbers = body[0] if type(body[0]) is list else [body[0]]
    origins = tuple(names[number] for number in numbers)
    if len(body) == 2:
        return Value(origins, {}, "set", body[1], None)
    rest = body[2]
    past = {log: (last[0], last[1]) for log, last in rest.get("p", {}).items()}
    time = rest.get("t", (0, 0))
    return Value(
        origins, past, rest.get("k", "set"), body[1], rest.get("b"), tuple(rest.get("w", ())), bool(rest.get("q")),
        (time[0], time[1]),
    )  # fmt: skip

