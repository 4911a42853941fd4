"""A device that its server forgot: it was enrolled after the backup from which that server was restored.

At enrolment the server tells a *certificate*: what it knows of the device, sealed so that only this server can read or make it. The device
keeps it as it came. A server that says ``unknown_device`` is shown it, by a device that proves to hold the keys that stand in it, and takes
the device up again as it was. In a bundle the certificate goes first, and the bundle's own signature is the proof.
"""

from typing import Any, Final

from shared.ids import b64, unb64
from shared.sealing import sign
from sync.over_file import Entry

CERTIFICATE: Final = b"c"
"""The kind of a bundle's entry that is a certificate, as its bytes."""

PATH: Final = "/api/enrol/again"

LONGEST_CERTIFICATE: Final = 8192
"""Letters."""

FORGOTTEN: Final = "unknown_device"
NEVER: Final = frozenset({"certificate_wrong", "bad_key", "bad_input", "not_found", "bad_method"})
"""Answers of a server that another try would not change: another server, or one that does not know of certificates."""

__all__ = [
    "CERTIFICATE", "FORGOTTEN", "LONGEST_CERTIFICATE", "NEVER", "PATH", "again_proof", "certificate_of", "entry_of", "question",
]  # fmt: skip


def again_proof(certificate: str) -> bytes:
    """What a device signs to show that the certificate is its own."""
    return b"sen-again/1" + certificate.encode("ascii", "replace")


def question(certificate: str, private: bytes) -> dict[str, Any]:
    """The body of the request that shows a certificate; ``private`` is the Ed25519 key of the device."""
    return {"certificate": certificate, "signature": b64(sign(private, again_proof(certificate)))}


def entry_of(certificate: str) -> list[Entry]:
    """A certificate as a bundle's first entry; nothing where there is none, or none that its server could have told."""
    try:
        return [Entry(CERTIFICATE, unb64(certificate))] if certificate else []
    except ValueError:
        return []


def certificate_of(entry: Entry | None) -> str:
    """The certificate in an entry of a bundle; "" where there is none."""
    return b64(entry.body) if entry is not None and entry.kind == CERTIFICATE and len(entry.body) <= LONGEST_CERTIFICATE else ""
