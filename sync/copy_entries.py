"""A copy of a tablet becomes a device of its own by bundles: the question and its answer, as entries beside the messages (``sync.copies``).

    k    from a tablet: the question that it would ask at ``/api/enrol/copy``, but for the device, which is the bundle's sender
    e    from the server: what it would answer there; or why not, with the new key of who asked

The answer to a bundle with a question is sealed to the new key, so that the copy alone can open it; a refusal, to the former one.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from shared.ids import b64, unb64
from shared.sealing import KEY_BYTES, SIGNATURE_BYTES, sign
from sync.copies import LONGEST_MARK, copy_proof
from sync.errors import FrameFault
from sync.file_entries import read_object
from sync.over_file import Entry

ASKED: Final = b"k"
ANSWERED: Final = b"e"

NEVER: Final = frozenset({"copy_unknown", "bad_key", "device_revoked"})
"""Refusals that another try would not change."""

LONGEST_NAME: Final = 120
"""Letters of a tablet's name."""

__all__ = [
    "ANSWERED", "ASKED", "LONGEST_NAME", "NEVER", "Question", "question_of", "read_answer", "read_question", "write_answer",
    "write_question",
]  # fmt: skip


class Question(NamedTuple):
    """What a copy asks with: its mark, its new public keys (32 bytes each), a name, and the former device's signature over this
    (``sync.copies.copy_proof``).
    """

    mark: str
    sign: bytes
    box: bytes
    name: str
    signature: bytes

    def told(self) -> dict[str, str]:
        """As the members of a JSON object."""
        keys = {"device_sign": b64(self.sign), "device_box": b64(self.box), "signature": b64(self.signature)}
        return {"mark": self.mark, **keys, "name": self.name}


def question_of(device: str, mark: str, *, sign_key: bytes, box_key: bytes, name: str, former: bytes) -> Question:
    """The question of a copy of ``device``; ``former`` is the private Ed25519 key that it shares with its original."""
    return Question(mark, sign_key, box_key, name, sign(former, copy_proof(device, mark, sign_key, box_key)))


def write_question(question: Question) -> Entry:
    """A question as an entry."""
    return Entry(ASKED, json.dumps(question.told(), separators=(",", ":")).encode("ascii"))


def read_question(body: bytes) -> Question:
    """Read such an entry. Raises FrameFault("bundle_damaged")."""
    told = read_object(body)
    texts = [told.get(name) for name in ("mark", "name", "device_sign", "device_box", "signature")]
    if not all(type(text) is str for text in texts):
        raise FrameFault("bundle_damaged")
    mark, name, *keys = (str(text) for text in texts)
    try:
        sign_key, box_key, signature = (unb64(key) for key in keys)
    except ValueError as error:
        raise FrameFault("bundle_damaged") from error
    if [len(sign_key), len(box_key), len(signature)] != [KEY_BYTES, KEY_BYTES, SIGNATURE_BYTES]:
        raise FrameFault("bundle_damaged")
    if len(mark) > LONGEST_MARK or not 0 < len(name) <= LONGEST_NAME:
        raise FrameFault("bundle_damaged")
    return Question(mark, sign_key, box_key, name, signature)


def write_answer(told: Mapping[str, Any]) -> Entry:
    """What the server says to a question, as an entry."""
    return Entry(ANSWERED, json.dumps(dict(told), separators=(",", ":")).encode("ascii"))


def read_answer(body: bytes) -> dict[str, Any]:
    """Read such an entry. Raises FrameFault("bundle_damaged")."""
    return read_object(body)

