"""A copy of a tablet becomes a device of its own: its server found that the original goes on (``sync.copies``).

It asks by the network or by bundle, whichever comes first. Each step is on disk before the next: the new keys, then the question (whose
lost answer may be asked for again with the same keys), then the new logs together with the word of who the tablet is now, last the keys
and the profile. A start after any of them goes on. Nothing that was written is told anew: the logs that it had end here, keep their bytes
and are sent as they are.
"""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mobile.keys import DeviceKeys
from mobile.profile import Enrolled
from shared.errors import SenError
from shared.ids import b64
from sync.copy_entries import LONGEST_NAME, NEVER, Question, question_of
from sync.over_http import post_json

if TYPE_CHECKING:
    from mobile.store import Store
    from mobile.tablet import Tablet

SECRET: Final = "device-new"
"""The keys of the device to be, in the safe beside the present ones."""

BECOME: Final = "become"
"""The note that says which device this tablet is from now on, until its keys and its profile say so too."""

COPY: Final = "copy"
"""The note of what befell this tablet, for the screen: when, the name of its original, its own name."""

__all__ = ["BECOME", "COPY", "SECRET", "asked", "begin", "finish", "question", "separate", "take_answer"]


def asked(tablet: "Tablet") -> bool:
    """Whether the question was asked, or is to be, and no answer was heard."""
    return tablet.hardware.secret(SECRET) is not None


def begin(tablet: "Tablet") -> DeviceKeys:
    """Make the keys of the device to be, where there are none yet; from then on every exchange and every bundle asks."""
    old = DeviceKeys.load(tablet.hardware)
    if old is None:
        raise SenError("keys_damaged")
    new = DeviceKeys.load(tablet.hardware, SECRET)
    if new is None:
        new = DeviceKeys.new()._replace(rows=old.rows)
        new.keep(tablet.hardware, SECRET)
    return new


def question(tablet: "Tablet") -> Question:
    """What this copy asks the server."""
    new, old = begin(tablet), DeviceKeys.load(tablet.hardware)
    assert old is not None
    keys = {"sign_key": new.public, "box_key": new.box.public, "former": old.sign}
    return question_of(tablet.who.device, tablet.store.mark(), name=_name(tablet), **keys)


def _name(tablet: "Tablet") -> str:
    return tablet.say("copy_name", name=tablet.who.name)[-LONGEST_NAME:]


def separate(tablet: "Tablet") -> None:
    """Become a device of one's own.

    Raises:
        SenError: no network: the next exchange asks again. Or what the server says: it knows of no copy any more, and this stays the
            tablet that it was.
    """
    asks = question(tablet)
    try:
        answer = post_json(tablet.who.address, "/api/enrol/copy", {"device": tablet.who.device, **asks.told()})
    except SenError as error:
        if error.code in NEVER:
            tablet.hardware.forget_secret(SECRET)
        raise
    take_answer(tablet, answer)


def take_answer(tablet: "Tablet", answer: Any) -> bool:
    """Heed what the server says to the question, whichever way it came; tells whether this is another device now.

    An answer by bundle may come late or twice, or be meant for another copy: one that names other keys than those that asked is let be.

    Raises:
        SenError: ``not_a_message``.
    """
    new = DeviceKeys.load(tablet.hardware, SECRET)
    if new is None:
        return False
    if isinstance(answer, dict) and answer.get("code") in NEVER:
        if answer.get("device_sign") == b64(new.public):
            tablet.hardware.forget_secret(SECRET)
        return False
    if not isinstance(answer, dict) or not isinstance(answer.get("device"), str):
        raise SenError("not_a_message")
    store, was = tablet.store, tablet.who.name
    become = {
        "device": answer["device"], "name": _name(tablet), "was": was, "at": tablet.clock.now_ms(),
        "certificate": answer.get("certificate", ""),
    }  # fmt: skip
    store.outbox.begin_anew(new.public, (BECOME, json.dumps(become)))
    assert tablet.profile.enrolled is not None
    tablet.become(finish(tablet, store, tablet.profile.enrolled))
    return True


def finish(tablet: "Tablet", store: "Store", who: Enrolled) -> Enrolled:
    """Let keys and profile say who this tablet is, where that was begun; gives who it is."""
    told = store.note(BECOME)
    if told is None:
        return who
    become = json.loads(told)
    new = DeviceKeys.load(tablet.hardware, SECRET)
    if new is not None:
        new.keep(tablet.hardware)
        who = replace(who, device=become["device"], name=become["name"], certificate=become.get("certificate", ""))
        tablet.profile.enrolled = who
        tablet.profile.save()
        tablet.hardware.forget_secret(SECRET)
    with store.database.writing():
        store.set_note(COPY, json.dumps([become["at"], become["was"], become["name"]]))
        store.forget_notes(BECOME)
    return who
