"""Who this server is at the server above it: where that one is, the device and the account there, and the keys.

All of it stands in the key store, so that neither a database nor its backup can speak in this server's name. Keys are kept before they
are shown to anybody: an answer that was lost can be asked for again with the same ones.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from server.keystore import KeyStore
from shared.errors import SenError
from shared.ids import b64, unb64
from shared.sealing import BoxKeys, agree, derive
from sync.over_http import post_json

__all__ = ["Link", "enrol", "read_link"]


@dataclass(frozen=True, kw_only=True)
class Link:
    """The enrolment. ``sign``, ``box`` and ``officer`` are private keys in base64url; ``device`` is "" until it has been answered.
    ``certificate`` is shown to the server above where it forgot this one (``sync.again``).
    """

    address: str
    sign: str
    box: str
    officer: str
    device: str = ""
    server_box: str = ""
    server_name: str = ""
    user: str = ""
    unit: str = ""
    stream: str = ""
    certificate: str = ""

    @property
    def key(self) -> bytes:
        """The public signing key, to which this server's logs up there are bound."""
        private = Ed25519PrivateKey.from_private_bytes(unb64(self.sign))
        return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def mac_key(self) -> bytes:
        """The key of the messages."""
        return derive(agree(unb64(self.box), unb64(self.server_box)), b"sen-mac/1" + self.device.encode("ascii"))


def read_link(keys: KeyStore) -> Link | None:
    """The enrolment; None where there is none."""
    return _read(keys).get("now")


def _read(keys: KeyStore) -> dict[str, Link]:
    told = keys.upward()
    return {} if told is None else {name: Link(**one) for name, one in json.loads(told).items()}


def _keep(keys: KeyStore, links: Mapping[str, Link]) -> None:
    keys.keep_upward(json.dumps({name: asdict(link) for name, link in links.items()}).encode("utf-8"))


def enrol(keys: KeyStore, address: str, code: str, name: str, *, anew: bool = False) -> Link:
    """Enrol this server at the one above it, with a code that was made there as for a tablet.

    Args:
        anew: a former enrolment is given up once this one stands.

    Raises:
        SenError: ``upward_enrolled``, no network, or what the server above says of the code.
    """
    links = _read(keys)
    if "now" in links and not anew:
        raise SenError("upward_enrolled")
    link = replace(links.get("next") or _new(), address=address.rstrip("/"))
    _keep(keys, links | {"next": link})
    officer, box = (BoxKeys.from_private(unb64(one)).public for one in (link.officer, link.box))
    body = {"code": code, "device_sign": b64(link.key), "device_box": b64(box), "officer_box": b64(officer), "name": name}
    told = _told(link, post_json(link.address, "/api/enrol", body))
    _keep(keys, {"now": told})
    return told


def _new() -> Link:
    sign = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return Link(address="", sign=b64(sign), box=b64(BoxKeys.new().private), officer=b64(BoxKeys.new().private))


def _told(link: Link, answer: Any) -> Link:
    try:
        server = answer["server"]
        return replace(
            link, device=answer["device"], server_box=server["box"], server_name=server["name"], user=answer["user"]["id"],
            unit=answer["unit"], stream=answer["stream"], certificate=answer.get("certificate", ""),
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise SenError("not_a_message") from error
