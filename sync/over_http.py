"""HTTP to the server: messages and files in and out, and what goes wrong as plain refusals.

Only a silence ends a request, never its length: a page may take minutes on a weak network.
"""

import io
import json
import ssl
import threading
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, NamedTuple

import requests
from urllib3.util import SKIP_HEADER

from shared.errors import SenError
from shared.messages import codes
from sync import again, files
from sync.messages import CONTENT_TYPE, MAX_MESSAGE_BYTES

CONNECT_S: Final = 20
SILENCE_S: Final = 300
"""Seconds without a byte after which a request is given up; on the slowest link a first page waits for about a minute."""

KEPT_S: Final = 20
"""How long a connection waits for the next request: the round trips of an exchange share one, and none is used that a network in
between may have forgotten."""

CERTIFICATE_DATES: Final = frozenset({9, 10})
"""OpenSSL's codes for a certificate that does not hold yet, and for one that has run out."""

NOT_NOW: Final = frozenset({502, 503, 504})
"""The server, or who stands before it while it starts anew, cannot answer now; a wifi that asks to sign in says something else."""

JSON: Final = "application/json"

HEADERS: Final = {
    "Content-Type": CONTENT_TYPE, "User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER, "Accept": None, "Connection": None,
}  # fmt: skip
"""A message says all about itself; what libraries add by habit is a third of a request with nothing new."""

__all__ = ["post_certificate", "post_file", "post_json", "post_message"]


def post_message(address: str, data: bytes) -> bytes:
    """Send a message of the sync protocol and give the answer.

    Raises:
        SenError: ``no_network``, ``network_cut``, ``server_busy``, ``not_a_message`` (a wifi that asks to sign in),
            ``certificate_dates``, ``server_not_proved``, or the server's code.
    """
    return _posted(f"{address}/api/exchange", CONTENT_TYPE, data)


def post_file(address: str, data: bytes) -> bytes:
    """Send a request about files and give the answer. Raises SenError as ``post_message``."""
    return _posted(f"{address}/api/files", files.CONTENT_TYPE, data)


def _posted(url: str, kind: str, data: bytes) -> bytes:
    answer = _post(_ready(url, kind), io.BytesIO(data), len(data))
    if answer.status == 200 and answer.kind in ("", kind):  # what is no message is found out when it is opened
        return answer.content
    raise _problem(answer)


def post_json(address: str, path: str, body: Any) -> Any:
    """Send JSON and give the JSON that comes back. Raises SenError as ``post_message``."""
    data = json.dumps(body).encode("utf-8")
    answer = _post(_ready(f"{address}{path}", JSON), io.BytesIO(data), len(data))
    if answer.status not in (200, 201) or answer.kind != JSON:
        raise _problem(answer)
    try:
        return json.loads(answer.content)
    except ValueError as error:
        raise SenError("not_a_message") from error


def post_certificate(address: str, certificate: str, private: bytes) -> None:
    """Show a server that forgot this device what it said when it enrolled it.

    Args:
        private: the Ed25519 key of the device.

    Raises:
        SenError: ``unknown_device`` where there is no certificate or this server has no use for it; else as ``post_message``.
    """
    if not certificate:
        raise SenError(again.FORGOTTEN)
    try:
        post_json(address, again.PATH, again.question(certificate, private))
    except SenError as error:
        raise SenError(again.FORGOTTEN if error.code in again.NEVER else error.code) from error


class _Ready(NamedTuple):
    """A request but for its body, and how it goes: by which proxy, checked by which certificates."""

    request: requests.PreparedRequest
    settings: Mapping[str, Any]


class _Kept(threading.local):
    """This thread's connections, the requests that were made ready for them, and when one was last asked for."""

    session: requests.Session | None = None
    asked_s = 0.0

    def __init__(self) -> None:
        self.ready: dict[tuple[str, str], _Ready] = {}


_kept = _Kept()


def _session() -> requests.Session:
    """The connection of the request before, where it is fresh; else none, and the next request makes one."""
    now_s = time.monotonic()
    if _kept.session is None or now_s - _kept.asked_s > KEPT_S:
        if _kept.session is not None:
            _kept.session.close()
        _kept.session = requests.Session()
        _kept.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a network in between has none to set
        _kept.ready.clear()
    _kept.asked_s = now_s
    return _kept.session


def _ready(url: str, kind: str) -> _Ready:
    """A request to an address; headers, proxies and certificates are found out once as long as the connections are kept."""
    session = _session()
    known = _kept.ready.get((url, kind))
    if known is None:
        try:
            request = session.prepare_request(requests.Request("POST", url, headers={**HEADERS, "Content-Type": kind}, data=b"0"))
        except requests.exceptions.RequestException as error:
            raise SenError("network_cut") from error
        settings = session.merge_environment_settings(request.url, {}, True, None, None)
        known = _kept.ready[url, kind] = _Ready(request, settings)
    return known


class _Answer(NamedTuple):
    status: int
    kind: str
    content: bytes


def _post(ready: _Ready, body: io.BytesIO, size: int) -> _Answer:
    request = ready.request
    request.body = body  # type: ignore[assignment]  # a file, that goes piece by piece: each has its own time
    request.headers["Content-Length"] = str(size)
    try:
        with _session().send(request, timeout=(CONNECT_S, SILENCE_S), allow_redirects=False, **ready.settings) as answer:
            content = bytearray()
            for chunk in answer.iter_content(16 * 1024):
                content += chunk
                if len(content) > MAX_MESSAGE_BYTES:
                    raise SenError("message_too_large", limit=MAX_MESSAGE_BYTES)
            return _Answer(answer.status_code, answer.headers.get("Content-Type", "").split(";")[0], bytes(content))
    except requests.exceptions.ConnectTimeout as error:
        raise SenError("no_network") from error
    except requests.exceptions.SSLError as error:
        raise SenError(_unproved(error)) from error
    except requests.exceptions.ConnectionError as error:
        refused = "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
        raise SenError("no_network" if refused else "network_cut") from error
    except (requests.exceptions.RequestException, OSError) as error:
        raise SenError("network_cut") from error


def _unproved(error: BaseException) -> str:
    """Why TLS did not come about: the certificate's dates, another server's certificate, no TLS as it must be; or the link broke."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, ssl.SSLError):
        found = getattr(found, "reason", None) or next((one for one in found.args if isinstance(one, BaseException)), None)
    if isinstance(found, ssl.SSLCertVerificationError):
        return "certificate_dates" if found.verify_code in CERTIFICATE_DATES else "server_not_proved"
    return "network_cut" if found is None or isinstance(found, ssl.SSLEOFError | ssl.SSLZeroReturnError) else "server_not_proved"


def _problem(answer: _Answer) -> SenError:
    """What the server says was wrong; anything that is no answer of Sen is a network in between."""
    if answer.kind == "application/problem+json":
        try:
            body = json.loads(answer.content)
            code = str(body["code"])
        except (ValueError, KeyError, TypeError):
            return SenError("not_a_message")
        facts = {name: value for name, value in body.items() if name in ("expected", "limit")}
        return SenError(code if code in codes() else "general_error", **facts)
    return SenError("server_busy" if answer.status in NOT_NOW else "not_a_message")
