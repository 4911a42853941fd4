"""Both halves of an exchange by bundles: a request that says everything, an answer that tells everything, weeks apart.

The tablet writes all its unsent lines, page by page, and one question behind them; the server answers the question with as many pages
as there are. In between the tablet may exchange by the network or write other bundles, so an answer is held against what the tablet has
*now*:

- it begins where the tablet stands: it is kept, page by page, as an answer of the network is;
- it begins further back and ends further on: it tells at least all that is lacking, and is kept with its last cursor alone;
- else it is overtaken, and only how far the server has read is learnt from it.

A cursor never moves back by it and never skips; to import twice is to change nothing. Two copies of one tablet can open each other's
answers: one that was asked for by a storage with other lines is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from shared.ids import b64, unb64
from sync.clock import Time
from sync.copies import Read
from sync.cursor import Cursor
from sync.errors import FrameFault
from sync.lineage import Segment
from sync.log import LogHead
from sync.lost import Lost
from sync.mended import NOTHING, holds_some, loads, read_lost, write_lost
from sync.messages import RAW_PER_PAGE_BYTE, Opened, Run, open_message, seal_message
from sync.pull import short_digest
from sync.request import pack_request
from sync.server_half import ServerHalf
from sync.tablet_half import TabletHalf, past_cursors
from sync.tablet_store import OwnLog, Page, TabletStore
from sync.versions import SERVER, UPDATE, VERSION, marked, who_updates

PAGE: Final = 256 * 1024
"""Bytes of compressed lines in one message of a bundle: small, for what is sealed comes on top, and nothing is gained by large ones."""

MOST_PAGES: Final = 100_000
EVERYTHING: Final = 1 << 60
OWN_RUN: Final = 4
"""Members of the announcement of a run of the tablet's own; one that is handed back has its proof too."""

__all__ = ["Brought", "Kept", "answer_requests", "keep_answers", "write_requests"]


# the tablet


def write_requests(store: TabletStore, *, now: Time, version: int = VERSION, mend: Lost = NOTHING) -> list[bytes]:
    """All that this tablet has to say: its unsent lines, page by page, what was asked back, and last the question what it lacks.

    Args:
        version: what it speaks (``sync.versions``).
        mend: what the server's disk lost and asked for, by the answers that were read (``sync.mended``).
    """
    logs = store.own_logs(every=True)
    reached = {log.log: log.acknowledged for log in logs}
    common = marked({"q": store.answers(), "at": list(now)}, version)
    messages: list[bytes] = []
    while True:
        heads = _heads(logs, reached)
        runs, budget = [], PAGE * RAW_PER_PAGE_BYTE
        for log in logs:
            run = store.unsent(log.log, reached[log.log], budget) if budget > 0 else None
            if run is not None:
                runs.append(run)
                reached[log.log] += len(run.lines)
                budget -= sum(len(line) for line in run.lines)
        if not runs:
            break
        messages.append(pack_request(store, {**common, "h": heads}, runs))
    messages += [pack_request(store, dict(common), runs) for runs in _pages(store.handing_back(EVERYTHING)[0])]
    question = _question(store, common, _heads(logs, {log.log: log.acknowledged for log in logs}), alone=not messages)
    held = loads(store, mend, PAGE * RAW_PER_PAGE_BYTE)
    return [*messages, *(pack_request(store, {**common, "sought": write_lost(some)}, [], load) for load, some in held), question]


def _pages(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Runs that are handed back, a message's at a time. Whether they arrived is known from the answer alone."""
    page, size = list[Run](), 0
    for run in runs:
        page.append(run)
        size += sum(len(line) for line in run.lines)
        if size > PAGE * RAW_PER_PAGE_BYTE:
            yield page
            page, size = [], 0
    if page:
        yield page


def _heads(logs: Sequence[OwnLog], reached: Mapping[str, int]) -> dict[str, Any]:
    return {log.log: [log.head.number, reached[log.log], b64(log.head.hash)[:8]] for log in logs}


def _question(store: TabletStore, common: Mapping[str, Any], heads: Mapping[str, Any], *, alone: bool) -> bytes:
    scope, cursors = store.device().scope, store.cursors()
    past = past_cursors(store)
    head: dict[str, Any] = {
        **common, "h": heads, "late": 1, "page": PAGE, "c": cursors, "v": {**store.versions(), "scope": scope.version},
        "mark": store.mark(),
    }  # fmt: skip
    if past:
        head |= {"past": past, "held": store.held_heads()}
    if alone and not any("/" in place for place in cursors):
        head["d"] = short_digest(store.digest())
    return pack_request(store, head, [])


class Kept(NamedTuple):
    """What an answer by bundle did.

    ``pages`` of ``told`` were kept; ``received`` records changed; ``read`` own lines are known to have arrived since; ``again``: another
    bundle has to go, for the server asked for more, or lines of the tablet wait. ``heard`` is the server's clock; ``update`` who must be
    updated before anything is told (``sync.versions``). ``mend`` is what is to be brought of what the server's disk lost, ``holds`` says
    that some of it is held here. ``copied``: this is a copy of a tablet that goes on (``sync.copies``).
    """

    told: int
    pages: int
    received: int
    read: int
    again: bool
    heard: Time
    update: str = ""
    mend: Lost = NOTHING
    holds: bool = False
    copied: bool = False

    @property
    def overtaken(self) -> bool:
        """Whether the tablet had all of it already, or more."""
        return not self.pages


def keep_answers(half: TabletHalf, messages: Sequence[bytes], *, mend: Lost = NOTHING) -> Kept:
    """Keep what the messages of one answer bring.

    Args:
        mend: what earlier answers asked for.

    Raises:
        FrameFault: ``not_an_answer``, ``bundle_for_copy``, or what ``TabletHalf.read_page`` raises; pages before that are kept.
    """
    answers = [half.open(message) for message in messages]
    if not answers or any(_from(answer) is None for answer in answers):
        raise FrameFault("not_an_answer")
    store = half.store
    if not all(_asked_here(store, *line) for line in {line for answer in answers for line in _lines_asked(answer)}):
        raise FrameFault("bundle_for_copy")
    before, update = _unread(store), who_updates(answers[-1].head, half.servers_from)
    if update:
        _acknowledge(store, answers)
        left = _unread(store)
        return Kept(len(answers), 0, 0, max(0, before - left), left > 0, _time(answers[-1].head), update, mend)
    newest = answers[0].head.get("q") == store.answers()
    pages, received = _keep_following(half, answers, newest=newest)
    if not pages and _covers(store, answers):
        for answer in answers:
            page = _forward(store, half.read_page(answer))
            store.keep(page if answer is answers[-1] else page._replace(cursors={}))
            pages, received = pages + 1, received + _size(page)
    if not pages:
        _acknowledge(store, answers)
    elif newest:
        _settle_debts(store, answers)
    left, mend = _unread(store), _asked_back(answers, NOTHING if newest else mend)
    holds, mark = holds_some(store, mend), store.mark()
    copied = bool(mark) and any(answer.head.get("copied") == mark for answer in answers)
    again = left > 0 or holds or copied or store.owes() or any("/" in place for place in store.cursors())
    return Kept(len(answers), pages, received, max(0, before - left), again, _time(answers[-1].head), "", mend, holds, copied)


def _lines_asked(answer: Opened) -> list[tuple[str, int, str]]:
    """The last lines of the question's logs: log, number, first letters of the hash; none where an earlier server does not say."""
    logs = answer.head.get("asked", {})
    if not isinstance(logs, dict) or any(type(at) is not list or [type(one) for one in at] != [int, str] for at in logs.values()):
        raise FrameFault("not_an_answer")
    return [(log, number, hash8) for log, (number, hash8) in logs.items()]


def _asked_here(store: TabletStore, log: str, number: int, hash8: str) -> bool:
    """Whether a line of the question's is one of this storage."""
    return any(b64(chain)[:8] == hash8 for chain in store.chains_at(log, number))


def _asked_back(answers: Sequence[Opened], before: Lost) -> Lost:
    """What these answers ask for of what was lost, behind what was asked before."""
    told = [before, *(read_lost(answer.head["mend"]) for answer in answers if "mend" in answer.head)]
    lines, blobs = (dict.fromkeys(one for some in all for one in some) for all in zip(*told, strict=True))
    return Lost(list(lines), list(blobs))


def _unread(store: TabletStore) -> int:
    return sum(log.head.number - log.acknowledged for log in store.own_logs())


def _from(answer: Opened) -> tuple[str, Mapping[str, str]] | None:
    """The scope's version and the cursors that an answer starts from; None for an answer that was not asked for by bundle."""
    told = answer.head.get("from")
    good = type(told) is list and len(told) == 2 and type(told[0]) is str and type(told[1]) is dict
    return (told[0], told[1]) if good and told is not None else None


def _keep_following(half: TabletHalf, answers: Sequence[Opened], *, newest: bool) -> tuple[int, int]:
    """Keep the pages that begin where the tablet stands, each behind the one before; gives how many, and their records."""
    store, pages, received = half.store, 0, 0
    for answer in answers:
        if _from(answer) != (store.device().scope.version, store.cursors()):
            continue
        if "parts" in answer.head:
            half.heal(answer.head["parts"])
        page = half.read_page(answer)
        page = page if newest else _forward(store, page)
        if _says_something(page):
            store.keep(page)
        elif "parts" not in answer.head:
            continue
        pages, received = pages + 1, received + _size(page)
    return pages, received


def _says_something(page: Page) -> bool:
    return any(part for part in page if part is not page.complete)


def _size(page: Page) -> int:
    return len(page.soles) + len(page.states)


def _covers(store: TabletStore, answers: Sequence[Opened]) -> bool:
    """Whether an answer that begins further back ends further on than the tablet stands, in the same scope."""
    scope, present = store.device().scope, store.cursors()
    began = _from(answers[0])
    assert began is not None
    version, cursors = began
    end = answers[-1].head.get("c", {}).get(scope.stream)
    if version != scope.version or any("scope" in answer.head or "parts" in answer.head for answer in answers):
        return False
    if end is None or {*cursors, *present} - {scope.stream} or scope.stream not in present or answers[-1].head.get("more"):
        return False
    start = Cursor.read(cursors[scope.stream]) if cursors else Cursor(0, 0, 0, b"")
    here, there = Cursor.read(present[scope.stream]), Cursor.read(end)
    known = not cursors or cursors[scope.stream] in store.past_cursors(scope.stream)
    unfinished = here.number != here.floor
    further = there.number > here.number or (unfinished and there.number == here.number)
    return known and start.number == start.floor <= here.floor and further


def _forward(store: TabletStore, page: Page) -> Page:
    """A page of an answer that something was heard behind: how far logs are read never goes back by it, and documents stay.

    What a fork or a restored server would be, the next answer that is the newest says again.
    """
    read, aside = _further(store, page.read, page.aside)
    return page._replace(read=read, aside=aside, documents={}, forked=[], want={})


def _further(
    store: TabletStore, read: Mapping[str, LogHead], aside: Sequence[tuple[str, int, str]]
) -> tuple[dict[str, LogHead], list[tuple[str, int, str]]]:
    """What of an acknowledgement goes beyond what is known."""
    reached = {log.log: log.acknowledged for log in store.own_logs()}
    beyond = {log: head for log, head in read.items() if head.number > reached.get(log, head.number)}
    return beyond, [one for one in aside if one[1] > reached.get(one[0], one[1])]


def _acknowledge(store: TabletStore, answers: Sequence[Opened]) -> None:
    """Learn from an overtaken answer how far the server had read."""
    read: dict[str, LogHead] = {}
    aside: list[tuple[str, int, str]] = []
    for answer in answers:
        read |= {log: LogHead(number, unb64(digest)) for log, (number, digest) in answer.head.get("read", {}).items()}
        aside += [(log, number, code) for log, number, code in answer.head.get("aside", [])]
    read, aside = _further(store, read, aside)
    if read or aside:
        store.keep(_NOTHING._replace(read=read, aside=aside))


_NOTHING: Final = Page(
    soles={}, states=[], runs=[], blobs=[], wraps=[], cursors={}, read={}, aside=[], upto={}, scope=None, documents={}, forked=[], want={},
    pasts=[], complete=False,
)  # fmt: skip


def _settle_debts(store: TabletStore, answers: Sequence[Opened]) -> None:
    """The server has again what it does not ask for."""
    wanted = {log for answer in answers for log in answer.head.get("want", {})}
    there = [run for run in store.handing_back(EVERYTHING)[0] if run.log not in wanted]
    if there:
        store.handed_back(there)


# the server


class Brought(NamedTuple):
    """What a request by bundle brought.

    ``device`` is whose it is, ``written`` the tablet's clock at that time; of ``told`` lines ``new`` had not been read before; ``aside``
    are set aside; ``lacking`` lines stand in front of them that the server has not (it was restored): its answer asks for them.
    """

    device: str
    written: Time
    told: int
    new: int
    aside: int
    lacking: int
    answer: list[bytes]


def answer_requests(half: ServerHalf, sender: str, messages: Sequence[bytes], *, now_ms: int) -> Brought:
    """Read the messages of one request, commit their lines, and write the answer: everything that the tablet lacks.

    Raises:
        FrameFault: ``not_a_request``, or what ``ServerHalf.answer`` raises; messages before that stay read, and may be told again.
    """
    key = half.server.device(sender).mac_key

    def key_of(device: str) -> bytes:
        if device != sender:
            raise FrameFault("wrong_mac")
        return key

    requests = [open_message(message, key_of) for message in messages]
    if not requests or not requests[-1].head.get("late") or any(request.head.get("late") for request in requests[:-1]):
        raise FrameFault("not_a_request")
    before = half.server.device(sender).read
    for message in messages[:-1]:
        half.answer(message, now_ms=now_ms)
    after = half.server.device(sender).read
    new = _lines(after) - _lines(before)
    answers = _all_pages(half, sender, key, messages[-1], requests[-1].head, now_ms, before if "mark" in requests[-1].head else None)
    told = sum(run[3] for request in requests for run in request.head.get("runs", []) if len(run) == OWN_RUN)
    head, heads = open_message(answers[0], lambda _: key, writer=SERVER).head, requests[-1].head.get("h", {})
    read = {log: told[0] for log, told in head.get("read", {}).items()}
    lacking = sum(max(0, last - read.get(log, known)) for log, (last, known, _) in heads.items())
    return Brought(sender, _time(requests[-1].head), told, new, len(head.get("aside", [])), lacking, answers)


def _lines(read: Mapping[str, Sequence[Segment]]) -> int:
    return sum(one.head.number - one.start.number for segments in read.values() for one in segments)


def _time(head: Mapping[str, Any]) -> Time:
    at = head.get("at")
    good = type(at) is list and [type(one) for one in at] == [int, int]
    return Time(*at) if good and at is not None else Time(0, 0)


def _all_pages(
    half: ServerHalf, device: str, key: bytes, question: bytes, head: Mapping[str, Any], now_ms: int, before: Read | None
) -> list[bytes]:  # fmt: skip
    """The answer to a question, and to those that the tablet would ask next; what is ``before`` is for the question that it did ask."""
    answers: list[bytes] = []
    asked = dict(head)
    for _ in range(MOST_PAGES):
        answers.append(half.answer(question, now_ms=now_ms, before=None if answers else before))
        told = open_message(answers[-1], lambda _: key, writer=SERVER).head
        asked = _next(asked, told)
        if UPDATE in told or not asked.get("page") or not (told.get("more") or any("/" in place for place in asked["c"])):
            return answers
        question = seal_message(device, key, asked)
    raise FrameFault("exchange_endless")


def _next(asked: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """What the tablet will ask once it has kept an answer."""
    head: dict[str, Any] = {"c": {}, "v": {}, "h": {}}
    head |= {name: value for name, value in asked.items() if name not in ("d", "past", "held", "runs", "blobs", "wraps", "pasts")}
    head["c"] = dict(told["c"]) if "scope" in told else {**head["c"], **told.get("c", {})}
    if not told.get("more"):
        head["c"] = {place: token for place, token in head["c"].items() if "/" not in place or place not in told.get("c", {})}
    head["v"] = {**head["v"], **{name: body["version"] for name, body in told.get("docs", {}).items()}}
    if "scope" in told:
        head["v"]["scope"] = told["scope"][3]
    head["h"] = {log: [last, told.get("read", {}).get(log, [known])[0], mark] for log, (last, known, mark) in head["h"].items()}
    return head
