"""How far a server has read the logs of the tablet that asks: by the tablet's own last line, not by numbers alone.

A number can mean two lines after a tablet was cloned or went back, and a server that was restored has read less than it
once said. The answer tells a line that the server has, with its hash; the tablet compares it with its own chain.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from shared.ids import b64
from sync.lineage import Segment, attached
from sync.log import LogHead, chain_start
from sync.page import Own
from sync.store import Device, Reader

__all__ = ["Stand", "in_doubt", "stand_of", "told_again", "told_read"]


class Stand(NamedTuple):
    """The last line of a tablet's chain that the server has, and the segment that holds it (None before the first).

    ``sure``: the tablet's own words show that it is of its chain. Otherwise it may be another's that was copied from it or put back,
    and only the tablet can tell, which compares the hash.
    """

    head: LogHead
    segment: int | None
    sure: bool = True

    def own(self, number: int, segments: Sequence[Segment]) -> Own:
        """The lines of a log that are this tablet's own: up to its last one, along its chain."""
        reach: dict[int, int] = {}
        index, last = self.segment, number
        while index is not None:
            reach[index] = last
            segment = next(one for one in segments if one.id == index)
            index, last = segment.parent, segment.start.number
        return reach


def stand_of(log: str, claim: Sequence[int | str], device: Device, segments: Sequence[Segment], reader: Reader) -> Stand:
    """Where a log stands of which the request brings no line.

    Args:
        claim: number of the tablet's last line, how far it takes the server to have read, first 8 letters of its last hash.
    """
    number, acknowledged, hash8 = int(claim[0]), int(claim[1]), str(claim[2])
    known = attached(segments)
    if number == acknowledged:
        for one in known:
            if one.head.number == number and b64(one.head.hash)[:8] == hash8:
                return Stand(one.head, one.id)
        if any(one.head.number > number for one in known):
            for line in reader.chain(log, number):
                one = next(one for one in segments if one.id == line.segment)
                if b64(line.before)[:8] == hash8 and one in known:
                    return Stand(one.head, one.id)  # the tablet went back to an older copy of itself
    read = [one for one in known if one.head.number <= number]
    if not read:
        return Stand(LogHead(0, chain_start(log, device.key)), None)
    best = max(read, key=lambda one: (one.head.number == acknowledged, one.head.number))
    return Stand(best.head, best.id, sure=False)


def in_doubt(claim: Sequence[int | str], segments: Sequence[Segment]) -> bool:
    """Whether a tablet takes the server to have read another line than the last one that it keeps: one of the two went back to an older
    copy, or what is kept of the log was damaged, or the answer that told of it was lost.
    """
    number, acknowledged, hash8 = int(claim[0]), int(claim[1]), str(claim[2])
    if len(segments) == 1 and segments[0].fork:
        return True
    here = [one.head for one in attached(segments) if one.head.number == acknowledged]
    return bool(acknowledged) and not any(number > acknowledged or b64(one.hash)[:8] == hash8 for one in here)


def told_again(stand: Stand, claim: Sequence[int | str], segments: Sequence[Segment]) -> Stand | None:
    """Where a log stands of which lines are told again, because the answer to their first telling was lost.

    Args:
        stand: where the lines of this request end.

    Returns:
        The stand at the tablet's last line, where the server has read on to just that line. None where it has read on, but
        not so far or not along this chain for all it knows: what it told now would hold lines that the tablet still tells.
    """
    number, hash8 = int(claim[0]), str(claim[2])
    reads_on = any(one.id == stand.segment and one.head.number > stand.head.number for one in segments)
    if number <= stand.head.number or not reads_on:
        return stand
    for one in attached(segments):
        if one.head.number == number and b64(one.head.hash)[:8] == hash8:
            return Stand(one.head, one.id)
    return None


def told_read(
    claims: Mapping[str, Sequence[int | str]], stands: Mapping[str, Stand], left_aside: Collection[str] = ()
) -> dict[str, list[int | str]]:
    """What an answer tells of how far the logs are read: where that differs from what the tablet said, and where a run was left aside."""
    told: dict[str, list[int | str]] = {}
    for log, (number, acknowledged, hash8) in claims.items():
        head = stands[log].head
        if acknowledged != head.number or log in left_aside or (0 < head.number == number and b64(head.hash)[:8] != hash8):
            told[log] = [head.number, b64(head.hash)]
    return told
