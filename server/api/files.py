"""The address of the bytes of files: one question or one chunk in, one answer out (docs/sync.md § 12)."""

from typing import Any

from flask import Response, request

from server.api.wire import ApiBlueprint
from server.editing import sql_server
from server.files import how_much, own_alone, piece, take
from server.services import services
from sync.errors import FrameFault
from sync.files import CONTENT_TYPE, Ask, Get, Letter, open_request, seal_answer
from sync.store import Device

blueprint = ApiBlueprint("files", __name__, description="The bytes of files")
blueprints = (blueprint,)

__all__ = ["blueprints"]


LETTER = {"content": {CONTENT_TYPE: {"schema": {"type": "string", "contentMediaType": CONTENT_TYPE}}}}
"""A question or a chunk, whose bytes docs/sync.md specifies; the sender is proved by the MAC in it, not by a session."""


@blueprint.post("/api/files")
@blueprint.doc(
    security=[], requestBody={"required": True, "description": "a question about files, or a chunk", **LETTER},
    responses={"200": {"description": "how much is held, or a chunk", **LETTER}},
)  # fmt: skip
def files() -> Response:
    """Tell how much of files is here, take a chunk, or give one."""
    if request.mimetype != CONTENT_TYPE:
        raise FrameFault("wrong_content_type", expected=CONTENT_TYPE)
    known: list[Device] = []

    def key_of(device: str) -> bytes:
        known.append(sql_server().device(device))
        return known[0].mac_key

    letter = open_request(request.get_data(cache=False), key_of)
    if known[0].revoked and isinstance(letter.asks, Get):
        raise FrameFault("device_revoked")
    head, chunk = _answer(letter, own_alone(known[0]))
    return Response(seal_answer(letter, known[0].mac_key, head, chunk), mimetype=CONTENT_TYPE)


def _answer(letter: Letter, device: Device) -> tuple[dict[str, Any], bytes]:
    asks = letter.asks
    if isinstance(asks, Ask):
        return {"files": {digest: [held.bytes, int(held.whole)] for digest, held in how_much(device, asks).items()}}, b""
    if isinstance(asks, Get):
        size, chunk = piece(device, asks)
        return {"size": size, "at": asks.at}, chunk
    held = take(device, asks, services().clock.now_ms())
    return {"held": held.bytes, "whole": int(held.whole)}, b""
