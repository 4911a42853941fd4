"""A record on both sides as two open forms: what was changed in one since it was last looked at is typed into the other.

``Base`` is what both forms showed then. A value counts as changed where a change wrote it that the base did not show and that was not
typed by the mirror itself. What is typed names what its form showed in the base, never what has come since: so a change that neither
side has seen of the other is asked on both, and whoever decides it, on either side, decides it for both.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.catalogue import RecordType
from sync.compose import decision, difference
from sync.log import RECORD_STANDING, Operation
from sync.state import RecordState
from sync.view import SET_KINDS, Shown, Snapshot, plain, shown, snapshot

__all__ = ["Base", "Form", "Typed", "typed"]

Typed = list[tuple[Operation, ...]]


@dataclass(frozen=True, kw_only=True)
class Form:
    """What one side showed in the base: of the passed fields the values, of all paths the names, and whether it was withdrawn."""

    shot: Snapshot = field(default_factory=Snapshot.empty)
    withdrawn: bool = False

    @classmethod
    def of(
        cls, state: RecordState | None, record_type: RecordType, fields: Collection[str], *, told: RecordState | None = None,
        known: Collection[str] | None = None,
    ) -> "Form":  # fmt: skip
        """Open a form on a record as it stands.

        Args:
            fields: those of which the values are shown.
            told: what is shown of it besides.
            known: the names that it may show; all, where none are given.
        """
        if state is None:
            return cls()
        shot = snapshot(state, record_type)
        values = {code: value for code, value in shot.values.items() if code in fields}
        seen = _joined(shot.seen, {} if told is None else shown(told))
        if known is not None:
            seen = {path: tuple(name for name in names if name in known) for path, names in seen.items()}
        return cls(shot=Snapshot(values, seen, shot.places), withdrawn=state.withdrawn)

    def plain(self) -> list[Any]:
        """As JSON values."""
        return [self.shot.values, self.shot.seen, self.shot.places, self.withdrawn]

    @classmethod
    def from_plain(cls, raw: Sequence[Any]) -> "Form":
        """Read what ``plain`` wrote."""
        values, seen, places, withdrawn = raw
        return cls(shot=Snapshot(values, {path: tuple(names) for path, names in seen.items()}, places), withdrawn=withdrawn)


@dataclass(frozen=True, kw_only=True)
class Base:
    """What the two forms of a record showed when they were last looked at; ``wrote`` names what the mirror typed into ours."""

    ours: Form = field(default_factory=Form)
    theirs: Form = field(default_factory=Form)
    wrote: frozenset[str] = frozenset()

    def after(self, ours: Form, theirs: Form, wrote: Collection[str]) -> "Base":
        """The base behind a look; names that stand nowhere any more are forgotten."""
        standing = {name for names in ours.shot.seen.values() for name in names}
        return Base(ours=ours, theirs=theirs, wrote=frozenset(name for name in {*self.wrote, *wrote} if name in standing))

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {"ours": self.ours.plain(), "theirs": self.theirs.plain(), "wrote": sorted(self.wrote)}

    @classmethod
    def from_plain(cls, raw: Mapping[str, Any]) -> "Base":
        """Read what ``plain`` wrote."""
        return cls(ours=Form.from_plain(raw["ours"]), theirs=Form.from_plain(raw["theirs"]), wrote=frozenset(raw["wrote"]))


def typed(
    record_type: RecordType, passed: Iterable[str], *, here: RecordState, values: Mapping[str, Any], shown_here: Form,
    there: RecordState | None, shown_there: Form, wrote: Callable[[str], bool], typed_there: Callable[[str], bool],
) -> Typed:  # fmt: skip
    """The changes that bring there what was changed here.

    Args:
        passed: the fields that may go this way.
        here, values: the record on the side that is looked at, and the values of it that may go.
        shown_here, shown_there: the base.
        there: the record on the side that is typed into, as it stands now.
        wrote: whether the mirror itself typed a change into this side; ``typed_there`` the same of the other side.
    """
    changed = _changed(here, shown_here.shot.seen, frozenset(passed), wrote)
    now = {} if there is None else plain(there, record_type)
    questions = set() if there is None else set(there.open_paths())
    moot = {code for code in changed if values.get(code) == now.get(code) and not _below(questions, code)}
    told = {code: values.get(code) for code in changed - moot}
    opened = _unsure(shown_there.shot, here, typed_there)
    changes: Typed = difference(record_type, opened, {**opened.values, **told})
    settled = _settled(record_type, here, there, changed - moot, changes, opened.seen)
    if settled:
        changes = [(*changes[0], *settled), *changes[1:]] if changes and not _stands_alone(changes[0]) else [tuple(settled), *changes]
    return changes + _standing(here, shown_here, there, shown_there)


def _changed(state: RecordState, seen: Shown, fields: Collection[str], wrote: Callable[[str], bool]) -> frozenset[str]:
    """The fields in which a change stands that was not shown, and that the mirror did not type itself."""
    found = set()
    for path, value in state.values():
        head = path.partition("/")[0]
        if head in fields and head not in found and any(name not in seen.get(path, ()) and not wrote(name) for name in value.origins):
            found.add(head)
    return frozenset(found)


def _unsure(shot: Snapshot, here: RecordState, typed_there: Callable[[str], bool]) -> Snapshot:
    """What the form there is taken to have shown: where a question is open here, only what the mirror typed there itself, for whoever
    changed this side without deciding has not answered the other one.
    """
    asked = set(here.open_paths())
    seen = {path: tuple(name for name in names if path not in asked or typed_there(name)) for path, names in shot.seen.items()}
    return shot._replace(seen=seen)


def _settled(
    record_type: RecordType, here: RecordState, there: RecordState | None, fields: Collection[str], changes: Typed, seen: Shown
) -> list[Operation]:
    """Decisions of questions that are open there and settled here by keeping the very value that stands there already."""
    written = {op.path for operations in changes for op in operations}
    found = []
    for path in () if there is None else there.open_paths():
        head, value = path.partition("/")[0], here.current(path)
        single = head in fields and not path.endswith(RECORD_STANDING) and path not in here.open_paths()
        if single and value is not None and path not in written and record_type.fields[head].kind not in SET_KINDS:
            found.append(decision(path, value.value, seen.get(path, ())))
    return found


def _standing(here: RecordState, shown_here: Form, there: RecordState | None, shown_there: Form) -> Typed:
    """A withdrawal, or that a withdrawn record is kept after all."""
    if there is None or here.withdrawn == shown_here.withdrawn or here.withdrawn == there.withdrawn:
        return []
    seen = shown_there.shot.seen
    if here.withdrawn:
        names = tuple(dict.fromkeys(name for path in sorted(seen) for name in seen[path]))
        return [(Operation("withdraw", RECORD_STANDING, None, None, names, None),)]
    return [(Operation("decide", RECORD_STANDING, "kept", None, tuple(seen.get(RECORD_STANDING, ())), None),)]


def _below(paths: Iterable[str], head: str) -> bool:
    return any(path.partition("/")[0] == head for path in paths)


def _stands_alone(operations: Sequence[Operation]) -> bool:
    return operations[0].kind in ("delete", "withdraw")


def _joined(one: Shown, other: Shown) -> Shown:
    return {path: tuple(dict.fromkeys((*one.get(path, ()), *other.get(path, ())))) for path in {**one, **other}}


