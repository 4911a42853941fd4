"""A tablet's request as bytes: its head, the lines that it pushes, and what travels beside them."""

import base64
from collections.abc import Sequence
from typing import Any

from sync.mended import Load, rows_of
from sync.messages import Run, seal_message, write_row, write_run
from sync.tablet_store import TabletStore

FIRST_NUMBERS = 10_000
"""Among so many numbers a process begins: an answer that something in between has kept since an earlier run is none to its questions."""

__all__ = ["FIRST_NUMBERS", "pack_request"]


def pack_request(store: TabletStore, head: dict[str, Any], runs: Sequence[Run], load: Load | None = None) -> bytes:
    """Write a request that pushes these runs, with what travels beside them, and what the server asked back."""
    device, handed = store.device(), [run for run in runs if run.mac]
    blobs = [pair for run in runs for pair in store.blobs_of(run)]
    wraps = store.wraps_of(blobs) if blobs else []
    mended = () if load is None else load.lines
    if load is not None:
        head["mended"] = rows_of(mended)
        blobs = list(dict([*blobs, *load.blobs]).items())
    pasts = store.pasts_of(handed) if handed else []
    for member, rows in (("blobs", blobs), ("wraps", wraps), ("pasts", pasts)):
        head |= {member: len(rows)} if rows else {}
    head |= {"runs": [write_run(run) for run in runs]} if runs else {}
    lines = [*(line for run in runs for line in run.lines), *(one.line for one in mended)]
    lines += [write_row([digest, base64.b64encode(data).decode("ascii")]) for digest, data in blobs]
    lines += [write_row(list(row)) for row in (*wraps, *pasts)]
    return seal_message(device.id, device.mac_key, head, lines)
