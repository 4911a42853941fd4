"""Identifiers that a device makes by itself, with no server to ask.

Records carry a UUIDv7 (RFC 9562), so that they sort by the time of their making; logs, devices,
people and rows carry 64 random bits in eleven characters.
"""

import base64
import re
import secrets

from uuid6 import uuid7

SHORT_ID = re.compile(r"[A-Za-z0-9_-]{11}")
RECORD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

__all__ = ["RECORD_ID", "SHORT_ID", "b64", "new_id", "new_record_id", "unb64"]


def b64(data: bytes) -> str:
    """Write bytes as base64url without padding (RFC 4648 § 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """Read base64url without padding; raises ValueError on anything else, so that bytes have one spelling."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if b64(data) != text:
        raise ValueError("not base64url")
    return data


def new_id() -> str:
    """Make the id of a log, a device, a person or a row: 64 random bits, eleven characters."""
    return b64(secrets.token_bytes(8))


def new_record_id() -> str:
    """Make the id of a record: a UUIDv7 in its usual form of 36 characters."""
    return str(uuid7())
