"""Keys to sign with, and a tablet and a server that exchange by bundles through real part files."""

from __future__ import annotations

from typing import NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.sealing import new_key


class SigningKeys(NamedTuple):
    """An Ed25519 pair as raw bytes."""

    private: bytes
    public: bytes

    @classmethod
    def of(cls, private: bytes) -> Self:
        """The pair of a private key."""
        public = Ed25519PrivateKey.from_private_bytes(private).public_key()
        return cls(private, public.public_bytes(Encoding.Raw, PublicFormat.Raw))

    @classmethod
    def new(cls) -> Self:
        """Make a pair."""
        return cls.of(new_key())
