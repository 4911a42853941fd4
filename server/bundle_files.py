"""Photos and files in bundles: those that a tablet brought are kept, those that it asked for are given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from server.editing import sql_server
from server.files import hand_in, how_much, load, own_alone, readable
from shared.errors import SenError
from sync.file_entries import ASKED, FILE, Asked, Told, in_groups, read_asked, read_file, write_file, write_told
from sync.files import MOST_ASKED, Ask
from sync.over_file import Entry

MOST_GIVEN: Final = 500
"""Files that one answer gives; the tablet asks for the others with its next bundle."""

REFUSED: Final = frozenset({"file_wrong_hash", "file_not_fit", "file_too_large"})
"""Why a file is not taken, today or on another day."""

__all__ = ["Brought", "asked_in", "bring", "given", "told_of"]


@dataclass(kw_only=True)
class Brought:
    """What bundles of files brought: hash → "" where the file is here now, else the code of why it was not taken.

    ``new`` were not here before, ``unnamed`` wait for the lines that name them.
    """

    files: dict[str, str] = field(default_factory=dict)
    new: int = 0
    unnamed: int = 0

    @property
    def known(self) -> int:
        """How many were here before."""
        return sum(not code for code in self.files.values()) - self.new

    @property
    def refused(self) -> int:
        """How many were not taken."""
        return sum(bool(code) for code in self.files.values())


def asked_in(entries: Sequence[Entry]) -> Asked:
    """What a bundle says of files; of one that says nothing, nothing. Raises FrameFault("bundle_damaged")."""
    asked = [read_asked(entry.body) for entry in entries if entry.kind == ASKED]
    return asked[0] if asked else Asked(())


def bring(sender: str, entries: Sequence[Entry], brought: Brought) -> int:
    """Keep the files of a bundle; gives how many of them no line names yet.

    Raises:
        SenError: ``bundle_damaged``, ``unknown_device``, or what the database says.
    """
    device, unnamed = own_alone(sql_server().device(sender)), 0
    for entry in entries:
        if entry.kind != FILE:
            continue
        digest, data = read_file(entry.body)
        try:
            brought.new += hand_in(device, digest, data)
            brought.files[digest] = ""
        except SenError as error:
            if error.code == "not_found":
                unnamed += 1
            elif error.code in REFUSED or error.code == "file_quota":
                brought.files[digest] = error.code
            else:
                raise
    brought.unnamed += unnamed
    return unnamed


def told_of(sender: str, asked: Asked, brought: Brought) -> Entry:
    """What the server says of the files that a tablet brings, has still to bring, or has brought."""
    device = own_alone(sql_server().device(sender))
    told, named = {digest: code for digest, code in brought.files.items() if code in REFUSED}, (*asked.files, *asked.held)
    known: dict[str, bool] = {}
    for start in range(0, len(named), MOST_ASKED):
        known |= {digest: one.whole for digest, one in how_much(device, Ask(named[start : start + MOST_ASKED])).items()}
    told |= {digest: "" for digest in asked.files if known.get(digest)}
    return write_told(Told(told, tuple(digest for digest in asked.held if known.get(digest) is False)))


def given(sender: str, asked: Asked) -> Iterator[list[Entry]]:
    """The files that a tablet would like to have, those that it may read, a bundle's at a time."""
    device = sql_server().device(sender)
    wished = [] if device.revoked else readable(device, asked.wished)[:MOST_GIVEN]
    for group in in_groups((digest, load(digest)) for digest in wished):
        yield [write_file(digest, data) for digest, data in group]
