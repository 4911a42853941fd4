"""From what a form showed and what a person made of it to the operations of changes.

The difference is taken against what the form showed when it was opened, never against what has
arrived since: who did not see a value did not overwrite it.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.catalogue import Field, RecordType
from sync.log import RECORD_STANDING, Operation
from sync.paths import SPREAD_KINDS
from sync.place import between
from sync.state import RecordState
from sync.view import SET_KINDS, Sealed, Shown, Snapshot

Seal = Callable[[str, Any], str]
"""Seals a confidential value for a path and gives the hash of the sealed bytes."""

__all__ = ["Seal", "decision", "difference", "transition", "withdrawal"]


def difference(
    record_type: RecordType, opened: Snapshot, after: Mapping[str, Any], *, seal: Seal | None = None
) -> list[tuple[Operation, ...]]:
    """Give the changes that lead from what a form showed to the plain values that a person left in it.

    All settings go into one change; each deletion of a row stands alone in its own, behind it. Computed
    fields are in no change. Empty when nothing differs. Values bear the present names of fields, paths the first ones; what was typed
    into a field that the catalogue has dropped since is among the changes.

    Raises:
        ValueError: a confidential value differs and ``seal`` is not given.
    """
    work = _Difference(opened, seal)
    for code, field in record_type.kept_fields().items():
        old, new = opened.values.get(code), after.get(code)
        if field.computed is None and old != new:
            work.field(field, field.path, old, new, sealed=field.sensitivity == "confidential")
    changes = [tuple(work.settings)] if work.settings else []
    return changes + [(deletion,) for deletion in work.deletions]


def decision(path: str, value: Any, seen: Sequence[str], why: str | None = None, *, blob: str | None = None) -> Operation:
    """Decide an open question: the value to stand, naming every candidate that was shown."""
    return Operation("decide", path, value if blob is None else None, blob, tuple(seen), why)


def withdrawal(state: RecordState, why: str | None = None) -> Operation:
    """Withdraw a record, naming all that the screen showed of it."""
    return Operation("withdraw", RECORD_STANDING, None, None, state.origins(), why)


def transition(path: str, to: str, seen: Shown, why: str | None = None) -> Operation:
    """Move a workflow to another state."""
    return Operation("go", path, to, None, tuple(seen.get(path, ())), why)


class _Difference:
    """Collects the operations of one form."""

    def __init__(self, opened: Snapshot, seal: Seal | None) -> None:
        self.opened = opened
        self.seal = seal
        self.settings: list[Operation] = []
        self.deletions: list[Operation] = []

    def add(self, kind: str, path: str, value: Any, *, sealed: bool = False) -> None:
        """Write one operation that names what the form showed at its path."""
        blob = None
        if sealed and value is not None:
            if self.seal is None:
                raise ValueError("a confidential value needs a seal")
            blob = self.seal(path, value)
        seen = self.opened.seen.get(path, ())
        self.settings.append(Operation(kind, path, None if blob else value, blob, seen, None))

    def field(self, field: Field, path: str, old: Any, new: Any, *, sealed: bool) -> None:
        if field.kind in SPREAD_KINDS and self.single_stands(path):
            self.add("set", path, None)  # one value of an earlier kind gives way to what stands below the path
            held = old if isinstance(old, list) else []
            if field.kind != "rows":  # all that is left is said anew: what only the single value said would go with it
                held = [code for code in held if code not in (new or ()) and f"{path}/{code}" in self.opened.seen]
            old = held
        if field.kind in SET_KINDS:
            self.elements(path, old or [], new or [], files=field.kind != "choices", sealed=sealed)
        elif field.kind == "rows":
            self.rows(field, path, old or [], new or [], sealed=sealed)
        elif not isinstance(new, Sealed):
            self.add("go" if field.kind == "flow" else "set", path, new, sealed=sealed)

    def single_stands(self, path: str) -> bool:
        """Whether the form shows one value of an earlier kind at the path of a list."""
        seen = self.opened.seen
        return path in self.opened.places or (path in seen and not any(one.startswith(f"{path}/") for one in seen))

    def elements(self, path: str, old: Sequence[Any], new: Sequence[Any], *, files: bool, sealed: bool) -> None:
        before = {item["sha256"]: item for item in old} if files else dict.fromkeys(old)
        after = {item["sha256"]: item for item in new} if files else dict.fromkeys(new)
        for code in sorted(before.keys() - after.keys()):
            self.add("remove", f"{path}/{code}", None)
        for code in sorted(after.keys() - before.keys()):
            content = {key: item for key, item in (after[code] or {}).items() if key != "sha256"} if files else None
            self.add("add", f"{path}/{code}", content, sealed=sealed and files)

    def rows(
        self, field: Field, path: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], *, sealed: bool
    ) -> None:
        before = {row["id"]: row for row in old}
        after = {row["id"]: row for row in new}
        if field.rows_from is None:
            self.places(path, [row_id for row_id in before if row_id in after], list(after))
        for row_id, row in after.items():
            was = before.get(row_id, {})
            for code, sub in field.fields.items():
                if sub.computed is None and was.get(code) != row.get(code):
                    secret = sealed or sub.sensitivity == "confidential"
                    self.field(sub, f"{path}/{row_id}/{sub.path}", was.get(code), row.get(code), sealed=secret)
        for row_id in before:
            if row_id not in after:
                self.delete_row(f"{path}/{row_id}")

    def delete_row(self, at: str) -> None:
        below = [names for path, names in self.opened.seen.items() if path == at or path.startswith(at + "/")]
        seen = tuple(dict.fromkeys(name for names in below for name in names))
        self.deletions.append(Operation("delete", f"{at}/{RECORD_STANDING}", None, None, seen, None))

    def places(self, path: str, old: Sequence[str], new: Sequence[str]) -> None:
        """Place rows that are new or moved between the neighbours that keep their places."""
        kept = _longest_kept(old, new)
        left: str | None = None
        for index, row_id in enumerate(new):
            at = f"{path}/{row_id}"
            if row_id in kept:
                left = self.opened.places.get(at, left)
                continue
            right = next((self.opened.places.get(f"{path}/{other}") for other in new[index + 1 :] if other in kept), None)
            left = between(left, right)
            self.add("move" if at in self.opened.seen else "insert", at, left)


def _longest_kept(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """The most rows that can keep their places: a longest run of ``old`` in the order of ``new``."""
    rank = {row_id: index for index, row_id in enumerate(new)}
    order = [rank[row_id] for row_id in old]
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, position in enumerate(order):
        length = bisect_left(tails, position)
        tails[length : length + 1] = [position]
        ends[length : length + 1] = [index]
        before.append(ends[length - 1] if length else -1)
    kept = set()
    at = ends[-1] if ends else -1
    while at >= 0:
        kept.add(old[at])
        at = before[at]
    return kept
