"""An answer as a tablet reads it: a page, ready to be kept."""

import base64

from shared.ids import unb64
from sync.errors import FrameFault
from sync.log import LogHead
from sync.messages import Opened, read_pasts, read_rows, read_runs
from sync.page import read_states
from sync.store import Scope
from sync.tablet_store import Page, TabletStore

__all__ = ["page_of"]


def page_of(opened: Opened, store: TabletStore, *, lost: bool) -> Page:
    """What an answer brings. Raises FrameFault: it is not whole."""
    head = opened.head
    runs, rest = read_runs(head, opened.lines)
    blobs, rest = read_rows(head, "blobs", rest)
    wraps, rest = read_rows(head, "wraps", rest)
    verdicts, rest = read_rows(head, "told", rest)
    pasts, rest = read_pasts(head, rest)
    if rest:
        raise FrameFault("message_cut")
    scope = head.get("scope")
    told = read_states(runs, verdicts, store.line)
    return Page(
        soles=told.soles,
        states=list(told.states.values()),
        runs=runs,
        blobs=[(digest, base64.b64decode(data)) for digest, data in blobs],
        wraps=wraps,
        cursors=head.get("c", {}),
        read={log: LogHead(number, unb64(digest)) for log, (number, digest) in head.get("read", {}).items()},
        aside=[(log, number, code) for log, number, code in head.get("aside", [])],
        upto=head.get("upto", {}),
        scope=None if scope is None else Scope(scope[0], tuple(scope[1]), scope[2], scope[3], str(head.get("unit", ""))),
        documents=head.get("docs", {}),
        forked=head.get("forked", []),
        want=head.get("want", {}),
        pasts=pasts,
        complete=not head.get("more") and "parts" not in head and not lost,
        unread=told.unread,
    )
