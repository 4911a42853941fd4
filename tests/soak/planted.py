"""Faults planted into the code one at a time: what a bug there would do. A soak that does not catch each of them proves nothing."""

import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

import mobile.outbox
import sync.accept
import sync.merge
import sync.messages
import sync.policies
import sync.tablet_half
import sync.view
from mobile.pull import PullWriter
from mobile.soundness import Soundness
from mobile.store import Store
from server.gate import Gate
from server.judge import SqlJudge
from server.ledger import SqlLedger
from server.reader import SqlReader
from sync.clock import Time
from sync.compose import _Difference
from sync.cursor import Cursor
from sync.errors import FrameFault
from sync.merge import _Work
from sync.policies import Meeting, Ruling
from sync.store import Scope
from tests.soak import people, published, world
from tests.soak.serving import SoakServer
from tests.soak.world import UNITS
from tests.support import tablet as plain_tablet

Planted = Callable[[], AbstractContextManager[object]]

NARROW: Mapping[str, tuple[str, ...]] = {
    "latest believes the tablet's clock": ("edit", "edit", "edit", "clock", "clock", "exchange"),
    "what waits is never judged again": ("edit", "urgent", "urgent", "send_urgent", "exchange", "page"),
    "a cut pull counts as complete": ("create", "edit", "edit", "page", "page", "push", "exchange", "console"),
    "what is not sent is dropped with its unit": ("edit", "edit", "slow", "deliver", "scope", "page", "exchange"),
    "a decision names too little": ("edit", "edit", "decide", "decide", "exchange", "exchange"),
    "a rollback is forgotten": ("edit", "edit", "server_crash", "server_crash", "exchange"),
    "a cursor is kept before its page": ("create", "edit", "edit", "crash_keeping", "crash_keeping", "exchange"),
    "two texts are merged to one of them": ("edit", "edit", "edit", "exchange"),
    "what was set aside stands on its tablet": ("edit", "poison", "exchange", "push"),
    "an open form forgets a rename": ("catalogue", "catalogue", "open", "open", "open", "exchange", "exchange", "save", "save", "save"),
    "a line of a new type is thrown away by an old tablet": ("catalogue", "catalogue", "old_app", "begin", "begin", "exchange"),
    "a restored server asks nothing back": ("create", "edit", "edit", "exchange", "exchange", "console", "backup", "restore_server"),
    "a dropped sealed type is counted as an open one": (*["catalogue"] * 4, "begin", "begin", "begin", "exchange"),
}
"""Faults that show in rare mixes: the kinds of steps whose mixes are drawn more often for them."""

__all__ = ["NARROW", "PLANTED"]


def _always(target: Any, name: str, make: Callable[[Any], Any]) -> Planted:
    """Put something else in the place of a function; ``make`` gets the right one."""
    return lambda: patch.object(target, name, make(getattr(target, name)))


def _every(turn: int, other: Callable[..., Any]) -> Callable[[Any], Any]:
    """The right function, but every n-th call ``other(right, *words)``."""

    def make(right: Any) -> Any:
        calls = [0]

        def wrong(*words: Any, **named: Any) -> Any:
            calls[0] += 1
            return other(right, *words, **named) if calls[0] % turn == 0 else right(*words, **named)

        return wrong

    return make


def _nothing(*_: object, **__: object) -> None:
    return None


# the stream


def _lose_last_line(right: Any, ledger: SqlLedger) -> None:
    del ledger.lines[-1:]
    right(ledger)


def _swapped(right: Any, work: Any, arrivals: Any) -> None:
    right(work, list(reversed(arrivals)))


def _stale_number(right: Any, ledger: SqlLedger, *words: Any, **named: Any) -> None:
    right(ledger, *words, **named)
    ledger.number = max(0, ledger.number - 1)


def _by_time(right: Any) -> Any:
    seen: set[Time] = set()

    def new_lines(path: Any, run: Any) -> Iterator[Any]:
        for arrival in right(path, run):
            time = None if arrival.change is None else Time(arrival.change.time.ms, 0)
            if time is None or time not in seen:
                yield arrival
            if time is not None:
                seen.add(time)

    return new_lines


def _refusing(right: Any) -> Any:
    def line(work: Any, arrival: Any) -> None:
        if arrival.change is None or work.ledger.refusal(arrival.change, work.ledger.state(arrival.change.record)):
            raise FrameFault("bad_head")
        right(work, arrival)

    return line


@contextmanager
def _committing_anyway(server: SoakServer, stream: str, writer: str, now_ms: int) -> Iterator[SqlLedger]:
    """A transaction whose rollback was forgotten: what was written before the process died stays."""
    from tests.support.pair import AllRights

    with server.engine.connect() as connection:
        gate = Gate(server.catalogue, AllRights(server.catalogue))
        ledger = SqlLedger(connection, stream, gate, server.own, writer=writer, now_ms=now_ms, keep_wraps=_nothing)
        try:
            yield ledger
            ledger.flush()
        finally:
            server.left = 0
            connection.commit()


# the merge


def _twice(right: Any, state: Any, change: Any, name: str, **named: Any) -> Any:
    right(state, change, name, **named)
    return right(state, change, name, **named)


def _overwrite(meeting: Meeting) -> Ruling:
    return Ruling([meeting.value], tuple(meeting.register.values))


def _keep_old(meeting: Meeting) -> Ruling:
    return Ruling(meeting.register.values)


def _one_origin(right: Any) -> Any:
    def join_equal(work: Any, register: Any, path: str, policy: str, value: Any) -> bool:
        before = [other.origins for other in register.values]
        joined: bool = right(work, register, path, policy, value)
        if joined:
            register.values = [other._replace(origins=origins) for other, origins in zip(register.values, before, strict=True)]
        return joined

    return join_equal


def _no_collision(right: Any) -> Any:
    def text(meeting: Meeting) -> Ruling:
        ruling: Ruling = right(meeting)
        return ruling if ruling.merged is not None else _keep_old(meeting)

    return text


def _one_text(right: Any) -> Any:
    def merge_lines(base: str, one: str, other: str) -> str | None:
        return None if right(base, one, other) is None else other

    return merge_lines


def _moved_only(work: Any) -> None:
    current = work.state.current("unit")
    if current is not None and isinstance(current.value, str) and current.value != work.state.unit:
        work.state.units = [*(unit for unit in work.state.units if unit != current.value), current.value]


# what people's screens had shown


def _one_name(right: Any) -> Any:
    return lambda path, value, seen, why=None, *, blob=None: right(path, value, seen[:1], why, blob=blob)


def _no_names(right: Any) -> Any:
    def add(work: Any, kind: str, path: str, value: Any, *, sealed: bool = False) -> None:
        right(work, kind, path, value, sealed=sealed)
        work.settings[-1] = replace(work.settings[-1], saw=())

    return add


# the pull


def _one_further(right: Any) -> Any:
    return staticmethod(lambda number, head, floor=None: right(number + 1, head, floor=floor))


def _all_units(right: Any) -> Any:
    def changed(reader: SqlReader, scope: Scope, after: int, limit: int, *, part: str = "") -> Any:
        return right(reader, scope._replace(units=UNITS), after, limit, part=part)

    return changed


def _all_types(right: Any) -> Any:
    def changed(reader: SqlReader, scope: Scope, after: int, limit: int, *, part: str = "") -> Any:
        return right(reader, scope._replace(cases=True), after, limit, part=part)

    return changed


def _cursor_first(right: Any) -> Any:
    def keep(store: Store, page: Any) -> None:
        with store.database.writing() as connection:
            for place, token in page.cursors.items():
                connection.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (place, token))
        right(store, page)

    return keep


def _any_answer(right: Any) -> Any:
    def receive(half: Any, data: bytes) -> Any:
        device = half.store.device()
        with suppress(FrameFault):
            half.number = sync.messages.open_message(data, lambda _: device.mac_key).head.get("q", half.number)
        return right(half, data)

    return receive


def _never_more(right: Any) -> Any:
    return lambda half, opened: right(half, opened)._replace(complete=True)


def _unsent_dropped(right: Any) -> Any:
    def change_scope(writer: PullWriter, connection: Any, scope: Scope) -> None:
        right(writer, connection, scope)
        connection.execute("DELETE FROM own_line WHERE number > (SELECT acknowledged FROM log WHERE id = log) AND (log, number) IN unsettled")

    return change_scope


def _aside_stands(right: Any) -> Any:
    def settle(writer: PullWriter) -> None:
        writer._aside = set()
        right(writer)

    return settle


# forms that change


def _by_present_name(right: Any) -> Any:
    def field(work: Any, field: Any, path: str, old: Any, new: Any, *, sealed: bool) -> None:
        right(work, field, path if "/" in path else field.code, old, new, sealed=sealed)

    return field


def _only_as_it_is(right: Any) -> Any:
    def in_kind(field: Any, value: Any) -> Any:
        found = right(field, value)
        return found if found is value else None

    return in_kind


def _only_known_types(right: Any) -> Any:
    def read_page(half: Any, opened: Any) -> Any:
        page, held = right(half, opened), half.store.catalogue
        known = (held() if callable(held) else held).all_types
        soles = {record: sole for record, sole in page.soles.items() if sole[1].type in known}
        return page._replace(soles=soles, states=[state for state in page.states if state.type in known])

    return read_page


def _only_present_kinds(right: Any) -> Any:
    def operation(gate: Gate, record_type: Any, op: Any) -> Any:
        head = record_type.by_path.get(op.path.partition("/")[0])
        return right(gate, record_type, op) if head is None else gate._as(head, record_type, op)

    return operation


def _only_present_types(right: Any) -> Any:
    def heads(soundness: Soundness, type_code: str) -> Any:
        return right(soundness, type_code) if type_code in soundness.store.catalogue().types else frozenset()

    return heads


def _both_ticks() -> AbstractContextManager[object]:
    stack = ExitStack()
    for module in (mobile.outbox, plain_tablet):
        stack.enter_context(patch.object(module, "tick", lambda last, now_ms: Time(now_ms, 0)))
    return stack


PLANTED: Mapping[str, Planted] = {
    "a line is numbered and not kept": _always(SqlLedger, "flush", _every(4, _lose_last_line)),
    "lines of a run change places": _always(sync.accept.Reading, "batch", _every(2, _swapped)),
    "a number is taken before the lock": _always(SqlLedger, "__init__", _every(5, _stale_number)),
    "lines are told apart by their time": _always(sync.accept.Path, "new_lines", _by_time),
    "a wrong line stops those behind it": _always(sync.accept.Reading, "line", _refusing),
    "a rollback is forgotten": _always(SoakServer, "writing", lambda right: _committing_anyway),
    "a change is kept and not merged": _always(sync.accept.Reading, "merge", _every(4, _nothing)),
    "a change is merged twice": _always(sync.accept, "apply", _every(3, _twice)),
    "a conflict is lost: the last one wins": lambda: patch.dict(sync.policies.POLICIES, {"ask": _overwrite}),
    "a conflict is lost: the first one stays": lambda: patch.dict(sync.policies.POLICIES, {"ask": _keep_old}),
    "a set is overwritten": lambda: patch.dict(sync.policies.POLICIES, {"union": _overwrite}),
    "latest believes the tablet's clock": _always(sync.accept, "apply", lambda right: lambda *w, **n: right(*w, **n | {"arrived_ms": 1 << 46})),
    "a workflow moves anyhow": _always(SqlJudge, "may_go", lambda right: lambda *_: True),
    "a deletion hides what it had not seen": _always(_Work, "standing", lambda right: lambda work, path, value: value._replace(open=False)),
    "two texts are merged to one of them": _always(sync.policies, "merge_lines", _one_text),
    "who wrote the same is forgotten": _always(_Work, "join_equal", _one_origin),
    "equality is never found": _always(_Work, "join_equal", lambda right: lambda *_: False),
    "a text that collides is thrown away": lambda: patch.dict(sync.policies.POLICIES, {"text": _no_collision(sync.policies.POLICIES["text"])}),
    "what waits is never judged again": _always(_Work, "resolve_waiting", lambda right: _nothing),
    "a moved record comes as its move alone": _always(_Work, "settle_unit", lambda right: _moved_only),
    "a decision names too little": _always(people, "decision", _one_name),
    "an edit does not say what its form showed": _always(_Difference, "add", _no_names),
    "a cursor skips a number": _always(Cursor, "at", _one_further),
    "the scope is looked at on push alone": _always(SqlReader, "changed", _all_units),
    "sealed types go to everybody": _always(SqlReader, "changed", _all_types),
    "sealed values stay behind": _always(SqlReader, "blobs", lambda right: lambda *_: []),
    "a cursor is kept before its page": _always(Store, "keep", _cursor_first),
    "a late answer is taken": _always(sync.tablet_half.TabletHalf, "receive", _any_answer),
    "a cut pull counts as complete": _always(sync.tablet_half.TabletHalf, "read_page", _never_more),
    "unequal digests are not looked at": _always(sync.tablet_half.TabletHalf, "heal", lambda right: _nothing),
    "what is not sent is dropped with its unit": _always(PullWriter, "_change_scope", _unsent_dropped),
    "what left the scope stays on the tablet": _always(PullWriter, "_drop", lambda right: _nothing),
    "what was set aside stands on its tablet": _always(PullWriter, "_settle", _aside_stands),
    "a clock runs backwards": _both_ticks,
    "a rename is forgotten": _always(_Difference, "field", _by_present_name),
    "an open form forgets a rename": _always(people, "renewed", lambda right: lambda values, record_type: dict(values)),
    "a retyped value is dropped": _always(sync.view, "in_kind", _only_as_it_is),
    "a line of a new type is thrown away by an old tablet": _always(sync.tablet_half.TabletHalf, "read_page", _only_known_types),
    "what the forms had before is forgotten": _always(published, "evolved", lambda right: lambda old, texts: dict(texts)),
    "an answer of an old kind is set aside": _always(Gate, "_operation", _only_present_kinds),
    "a dropped sealed type is counted as an open one": _always(Soundness, "_heads", _only_present_types),
    "what an older server could not read is never taken up": _always(world, "take_up_understood", lambda right: lambda *_: 0),
    "a restored server asks nothing back": _always(SqlReader, "lacking", lambda right: lambda *_: {}),
    "a proof is not looked at": _always(hmac, "compare_digest", lambda right: lambda *_: True),
}
"""What is wrong → puts it into the code for as long as the block lasts."""
