"""HTTP to the server: one address, messages in and out, and what goes wrong as plain refusals.

Only a silence ends a request, never its length: a page may take minutes on a weak network.
"""

import io
from typing import Any, Final

import requests

from shared.errors import SenError
from shared.messages import codes
from sync.messages import CONTENT_TYPE, MAX_MESSAGE_BYTES

CONNECT_S: Final = 20
SILENCE_S: Final = 300
"""Seconds without a byte after which a request is given up; on the slowest link a first page waits for about a minute."""

__all__ = ["post_json", "post_message"]


def post_message(address: str, data: bytes) -> bytes:
    """Send a message of the sync protocol and give the answer.

    Raises:
        SenError: ``no_network``, ``network_cut``, ``server_busy``, ``not_a_message`` (a wifi that asks to sign in), or the server's code.
    """
    answer = _post(f"{address}/api/exchange", {"Content-Type": CONTENT_TYPE}, io.BytesIO(data))
    if answer.status_code == 200 and answer.headers.get("Content-Type", "").split(";")[0] == CONTENT_TYPE:
        return answer.content
    raise _problem(answer)


def post_json(address: str, path: str, body: Any) -> Any:
    """Send JSON and give the JSON that comes back. Raises SenError as ``post_message``."""
    answer = _post(f"{address}{path}", {}, None, body)
    if answer.status_code in (200, 201) and answer.headers.get("Content-Type", "").startswith("application/json"):
        try:
            return answer.json()
        except ValueError as error:
            raise SenError("not_a_message") from error
    raise _problem(answer)


def _post(url: str, headers: dict[str, str], data: Any, body: Any = None) -> requests.Response:
    try:
        answer = requests.post(
            url, data=data, json=body, headers={"Accept-Encoding": "identity", **headers}, timeout=(CONNECT_S, SILENCE_S),
            allow_redirects=False, stream=True,
        )  # fmt: skip
        content = bytearray()
        for chunk in answer.iter_content(16 * 1024):
            content += chunk
            if len(content) > MAX_MESSAGE_BYTES:
                raise SenError("message_too_large", limit=MAX_MESSAGE_BYTES)
        answer._content = bytes(content)
    except requests.exceptions.ConnectTimeout as error:
        raise SenError("no_network") from error
    except requests.exceptions.ConnectionError as error:
        refused = "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
        raise SenError("no_network" if refused else "network_cut") from error
    except (requests.exceptions.RequestException, OSError) as error:
        raise SenError("network_cut") from error
    return answer


def _problem(answer: requests.Response) -> SenError:
    """What the server says was wrong; anything that is no answer of Sen is a network in between."""
    if answer.status_code == 503:
        return SenError("server_busy")
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        try:
            body = answer.json()
            code = str(body["code"])
        except (ValueError, KeyError, TypeError):
            return SenError("not_a_message")
        facts = {name: value for name, value in body.items() if name in ("expected", "limit")}
        return SenError(code if code in codes() else "general_error", **facts)
    return SenError("not_a_message")
