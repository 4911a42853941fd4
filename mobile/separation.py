"""A copy of a tablet becomes a device of its own: its server found that the original goes on (``sync.copies``).

Each step is on disk before the next: the new keys, then the question (whose lost answer may be asked for again with the same keys), then
the new logs together with the word of who the tablet is now, last the keys and the profile. A start after any of them goes on. Nothing
that was written is told anew: the logs that it had end here, keep their bytes and are sent as they are.
"""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mobile.keys import DeviceKeys
from mobile.profile import Enrolled
from shared.errors import SenError
from shared.ids import b64
from shared.sealing import sign
from sync.copies import copy_proof
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

NEVER: Final = frozenset({"copy_unknown", "bad_key", "device_revoked"})
"""Answers that another try would not change."""

__all__ = ["BECOME", "COPY", "SECRET", "asked", "finish", "separate"]


def asked(tablet: "Tablet") -> bool:
    """Whether the question was asked, or was to be, and no answer was heard."""
    return tablet.hardware.secret(SECRET) is not None


def separate(tablet: "Tablet") -> None:
    """Become a device of one's own.

    Raises:
        SenError: no network: the next exchange asks again. Or what the server says: it knows of no copy any more, and this stays the
            tablet that it was.
    """
    who, store = tablet.who, tablet.store
    old = DeviceKeys.load(tablet.hardware)
    if old is None:
        raise SenError("keys_damaged")
    new = DeviceKeys.load(tablet.hardware, SECRET)
    if new is None:
        new = DeviceKeys.new()._replace(rows=old.rows)
        new.keep(tablet.hardware, SECRET)
    name = tablet.say("copy_name", name=who.name)
    proof = copy_proof(who.device, store.mark(), new.public, new.box.public)
    body = {
        "device": who.device, "mark": store.mark(), "device_sign": b64(new.public), "device_box": b64(new.box.public), "name": name,
        "signature": b64(sign(old.sign, proof)),
    }  # fmt: skip
    try:
        answer = post_json(who.address, "/api/enrol/copy", body)
    except SenError as error:
        if error.code in NEVER:
            tablet.hardware.forget_secret(SECRET)
        raise
    if not isinstance(answer, dict) or not isinstance(answer.get("device"), str):
        raise SenError("not_a_message")
    become = {
        "device": answer["device"], "name": name, "was": who.name, "at": tablet.clock.now_ms(),
        "certificate": answer.get("certificate", ""),
    }  # fmt: skip
    store.outbox.begin_anew(new.public, (BECOME, json.dumps(become)))
    assert tablet.profile.enrolled is not None
    tablet.become(finish(tablet, store, tablet.profile.enrolled))


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
