"""The address of the sync protocol: one message in, one message out (docs/sync.md)."""

from flask import Response, current_app, request

from server.api.wire import ApiBlueprint
from server.db import retrying
from server.editing import sql_server
from server.housekeeping import lines_came
from server.services import services
from sync.errors import FrameFault
from sync.exchange import ServerHalf
from sync.messages import CONTENT_TYPE

blueprint = ApiBlueprint("exchange", __name__, description="The sync protocol")
blueprints = (blueprint,)

__all__ = ["blueprints"]


MESSAGE = {"content": {CONTENT_TYPE: {"schema": {"type": "string", "contentMediaType": CONTENT_TYPE}}}}
"""A message, whose bytes docs/sync.md specifies; the sender is proved by the MAC in it, not by a session."""


@blueprint.post("/api/exchange")
@blueprint.doc(
    security=[], requestBody={"required": True, "description": "what the tablet tells and asks", **MESSAGE},
    responses={"200": {"description": "what the server tells", **MESSAGE}},
)  # fmt: skip
def exchange() -> Response:
    """Exchange lines with a tablet."""
    if request.mimetype != CONTENT_TYPE:
        raise FrameFault("wrong_content_type", expected=CONTENT_TYPE)
    data = request.get_data(cache=False)
    server = sql_server()
    now_ms = services().clock.now_ms()
    half = ServerHalf(server)
    answer = retrying(lambda: half.answer(data, now_ms=now_ms))  # told again, a request changes nothing
    device = data.split(b" ", 2)[1].decode("ascii")
    response = Response(answer, mimetype=CONTENT_TYPE)
    app = current_app._get_current_object()

    @response.call_on_close
    def behind() -> None:
        """Once the answer has left: note the contact, and that lines came."""
        with app.app_context():
            server.note_seen(device, now_ms, half.unsent)
            lines_came()

    return response
