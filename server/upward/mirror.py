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
from sync.paths import field_of
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
    paths = _changed(here, shown_here.shot.seen, frozenset(passed), wrote)
    changed = {_head(path) for path in paths}
    now = {} if there is None else plain(there, record_type)
    questions = set() if there is None else set(there.open_paths())
    moot = {code for code in changed if values.get(code) == now.get(code) and not _below(questions, code)}
    told = {code: values.get(code) for code in changed - moot}
    opened = _unsure(shown_there.shot, here, typed_there)
    changes: Typed = difference(record_type, opened, {**opened.values, **told})
    written = {op.path for operations in changes for op in operations}
    said = {path: values.get(path) if path in values else _value(here, path) for path in paths - written if _head(path) not in moot}
    settled = _said_again(record_type, here, there, said, opened.seen)
    if settled:
        changes = [(*changes[0], *settled), *changes[1:]] if changes and not _stands_alone(changes[0]) else [tuple(settled), *changes]
    return changes + _standing(here, shown_here, there, shown_there)


def _changed(state: RecordState, seen: Shown, fields: Collection[str], wrote: Callable[[str], bool]) -> set[str]:
    """The paths at which a change stands that was not shown, and that the mirror did not type itself."""
    return {
        path for path, value in state.values()
        if _head(path) in fields and any(name not in seen.get(path, ()) and not wrote(name) for name in value.origins)
    }  # fmt: skip


def _unsure(shot: Snapshot, here: RecordState, typed_there: Callable[[str], bool]) -> Snapshot:
    """What the form there is taken to have shown: where a question is open here, only what the mirror typed there itself, for whoever
    changed this side without deciding has not answered the other one.
    """
    asked = set(here.open_paths())
    seen = {path: tuple(name for name in names if path not in asked or typed_there(name)) for path, names in shot.seen.items()}
    return shot._replace(seen=seen)


def _said_again(
    record_type: RecordType, here: RecordState, there: RecordState | None, said: Mapping[str, Any], seen: Shown
) -> list[Operation]:
    """Values that were said here anew and are those that the form there had shown already, as when a question is decided for what stood:
    typed again where the other side asks, or says something else by now.
    """
    found = []
    for path, value in sorted(said.items()) if there is not None else ():
        one = field_of(record_type, path)
        place = one is not None and one.kind == "rows"
        if one is None or place or one.kind in SET_KINDS or path.endswith(RECORD_STANDING) or here.candidates(path) or value is None:
            continue
        assert there is not None
        if there.candidates(path) or _value(there, path) != value:
            found.append(decision(path, value, seen.get(path, ())))
    return found


def _value(state: RecordState, path: str) -> Any:
    current = state.current(path)
    return None if current is None else current.value


def _standing(here: RecordState, shown_here: Form, there: RecordState | None, shown_there: Form) -> Typed:
    """A withdrawal, or that a withdrawn record is kept after all."""
    if there is None or here.withdrawn == shown_here.withdrawn or here.withdrawn == there.withdrawn:
        return []
    seen = shown_there.shot.seen
    if here.withdrawn:
        names = tuple(dict.fromkeys(name for path in sorted(seen) for name in seen[path]))
        return [(Operation("withdraw", RECORD_STANDING, None, None, names, None),)]
    return [(Operation("decide", RECORD_STANDING, "kept", None, tuple(seen.get(RECORD_STANDING, ())), None),)]


def _head(path: str) -> str:
    return path.partition("/")[0]


def _below(paths: Iterable[str], head: str) -> bool:
    return any(_head(path) == head for path in paths)


def _stands_alone(operations: Sequence[Operation]) -> bool:
    return operations[0].kind in ("delete", "withdraw")


def _joined(one: Shown, other: Shown) -> Shown:
    return {path: tuple(dict.fromkeys((*one.get(path, ()), *other.get(path, ())))) for path in {**one, **other}}


