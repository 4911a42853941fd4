"""A copy of a tablet that asks by bundle to become a device of its own (``sync.copy_entries``)."""

from collections.abc import Sequence

from server.db import transaction
from server.enrolment import CopyRequest, enrol_copy
from server.services import services
from server.welcome import welcome
from shared.errors import SenError
from shared.ids import b64
from sync.copy_entries import ASKED, NEVER, read_question, write_answer
from sync.over_file import Entry

__all__ = ["answered_copy"]


def answered_copy(sender: str, entries: Sequence[Entry]) -> tuple[list[Entry], bytes | None]:
    """What a bundle asks of this, answered as an entry; and the key to which the answer is sealed: the new device's, so that nobody but
    the copy opens it. None where nothing was asked or it was refused: then it goes to the former one.

    Raises:
        SenError: ``bundle_damaged``, or what the database says.
    """
    asked = [read_question(entry.body) for entry in entries if entry.kind == ASKED]
    if not asked:
        return [], None
    held, one = services(), asked[0]
    request = CopyRequest(device=sender, mark=one.mark, sign=one.sign, box=one.box, name=one.name, signature=one.signature)
    try:
        told = welcome(transaction(lambda session: enrol_copy(session, held.keys, request, now_ms=held.clock.now_ms())))
    except SenError as error:
        if error.code not in NEVER:
            raise
        return [write_answer({"code": error.code, "device_sign": b64(one.sign)})], None
    return [write_answer(told)], one.box
