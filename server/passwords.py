"""Passwords: what is long enough, their argon2id hashes, and how long one waits after wrong ones."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import SenError
from shared.text import fold

SHORTEST = 15
"""NIST SP 800-63B § 3.1.1 and ASVS 5.0 V6: a password that stands alone has at least 15 characters."""

LONGEST = 200
FREE_TRIES = 5
FIRST_WAIT_S = 2
LONGEST_WAIT_S = 900

_hasher = PasswordHasher()
_NOBODY = _hasher.hash("a password that nobody has")

__all__ = ["LONGEST", "SHORTEST", "check_password", "hash_password", "verify_password", "wait_s"]


def check_password(password: str, login: str) -> None:
    """Refuse a password that is too short, too long, too simple or the login; raises SenError."""
    if len(password) < SHORTEST:
        raise SenError("password_short", limit=SHORTEST)
    if len(password) > LONGEST:
        raise SenError("too_long", limit=LONGEST)
    if len(set(password)) < 5 or fold(login) in fold(password):
        raise SenError("password_simple")


def hash_password(password: str) -> str:
    """The argon2id hash with its parameters and salt (RFC 9106)."""
    return _hasher.hash(password)


def verify_password(hashed: str | None, password: str) -> bool:
    """Whether a password is right. Does the same work where there is no such person (``hashed`` None)."""
    try:
        return _hasher.verify(hashed or _NOBODY, password[: LONGEST + 1]) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def wait_s(wrong: int) -> int:
    """Seconds to wait after so many wrong passwords in a row: none at first, then doubling."""
    if wrong < FREE_TRIES:
        return 0
    return int(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(wrong - FREE_TRIES, 20)))
