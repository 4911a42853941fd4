"""Sealing and opening confidential values, wrapping case keys, and keys from a PIN. Nothing else touches a key.

A blob is ``0x01 ‖ key id (16) ‖ nonce (12) ‖ AES-256-GCM ciphertext``; the record and the path are bound as associated data, so that no
blob can be moved. Nonces are random, 96 bits (NIST SP 800-38D § 8.2.2), never a stored counter: a restored file would repeat it.
A wrap is an ephemeral X25519 key, then a key sealed under HKDF of the agreement. Every failure is one and the same error.
"""

import json
import os
import uuid
from typing import Any, NamedTuple

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.errors import SenError

VERSION = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
HEAD_BYTES = 1 + 16
SEALED_FILE_EXTRA = HEAD_BYTES + NONCE_BYTES + 16
"""Bytes that a sealed file is longer than its content."""

PIN_MEMORY_KIB = 64 * 1024
PIN_PASSES = 3
SALT_BYTES = 16
SIGNATURE_BYTES = 64

__all__ = [
    "KEY_BYTES", "NONCE_BYTES", "SEALED_FILE_EXTRA", "SIGNATURE_BYTES", "BoxKeys", "agree", "derive", "key_from_pin", "key_id_of",
    "new_key", "new_salt", "open_box", "open_bytes", "open_file", "open_value", "seal_box", "seal_bytes", "seal_file", "seal_value",
    "sign", "verify",
]  # fmt: skip


class BoxKeys(NamedTuple):
    """An X25519 pair as raw bytes (32 each)."""

    private: bytes
    public: bytes

    @classmethod
    def new(cls) -> "BoxKeys":
        """Make a pair."""
        return cls.of(X25519PrivateKey.generate())

    @classmethod
    def from_private(cls, private: bytes) -> "BoxKeys":
        """The pair of a private key."""
        return cls.of(X25519PrivateKey.from_private_bytes(private))

    @classmethod
    def of(cls, key: X25519PrivateKey) -> "BoxKeys":
        """The pair of a key object."""
        raw = serialization.Encoding.Raw
        private = key.private_bytes(raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
        return cls(private, key.public_key().public_bytes(raw, serialization.PublicFormat.Raw))


def new_key() -> bytes:
    """A random key of 256 bits."""
    return os.urandom(KEY_BYTES)


def new_salt() -> bytes:
    """A random salt for ``key_from_pin``."""
    return os.urandom(SALT_BYTES)


def key_from_pin(pin: str, salt: bytes, *, memory_kib: int = PIN_MEMORY_KIB, passes: int = PIN_PASSES) -> bytes:
    """The key that a PIN makes: argon2id (RFC 9106), 64 MiB and 3 passes unless told otherwise."""
    return hash_secret_raw(pin.encode("utf-8"), salt, passes, memory_kib, 1, KEY_BYTES, Type.ID)


def derive(secret: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) without salt: a key of 32 bytes for one use."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(secret)


def agree(private: bytes, public: bytes) -> bytes:
    """The X25519 agreement (RFC 7748) of a private and a public key. Raises SenError for a bad public key."""
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise SenError("sealed_open_failed") from None


def seal_bytes(key: bytes, data: bytes, bound: bytes) -> bytes:
    """AES-256-GCM: nonce, then ciphertext; ``bound`` must be told again to open."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, bound)


def open_bytes(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """Undo ``seal_bytes``. Raises SenError("sealed_open_failed")."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        raise SenError("sealed_open_failed") from None


def seal_value(key: bytes, key_id: str, record: str, path: str, value: Any) -> bytes:
    """Seal one confidential value.

    Args:
        key_id: the id of the case key: the record id of its case (a UUID).
        value: a plain value, as JSON has it. Raises ValueError for NaN and what no JSON can hold.
    """
    head = VERSION + uuid.UUID(key_id).bytes
    data = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    return head + seal_bytes(key, data, head + f"{record}|{path}".encode())


def key_id_of(blob: bytes) -> str:
    """The id of the case key that seals a blob. Raises SenError("sealed_open_failed") for anything else."""
    if len(blob) <= HEAD_BYTES + NONCE_BYTES or not blob.startswith(VERSION):
        raise SenError("sealed_open_failed")
    return str(uuid.UUID(bytes=blob[1:HEAD_BYTES]))


def open_value(key: bytes, blob: bytes, record: str, path: str) -> Any:
    """Open one confidential value. Raises SenError("sealed_open_failed"): wrong key, moved, damaged, or no JSON inside."""
    key_id_of(blob)
    head = blob[:HEAD_BYTES]
    data = open_bytes(key, blob[HEAD_BYTES:], head + f"{record}|{path}".encode())
    try:
        return _decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise SenError("sealed_open_failed") from None


def seal_file(key: bytes, key_id: str, data: bytes) -> bytes:
    """Seal the bytes of a confidential file, as a blob. The hash by which a record names it is that of the sealed bytes."""
    head = VERSION + uuid.UUID(key_id).bytes
    return head + seal_bytes(key, data, head + b"file")


def open_file(key: bytes, blob: bytes) -> bytes:
    """Open a confidential file. Raises SenError("sealed_open_failed")."""
    key_id_of(blob)
    head = blob[:HEAD_BYTES]
    return open_bytes(key, blob[HEAD_BYTES:], head + b"file")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
"""JSON as RFC 8259 has it: no NaN, no infinities. A blob comes from another device, which may be hostile."""


def seal_box(public: bytes, data: bytes, bound: bytes) -> bytes:
    """Seal to the holder of a private key: 32 bytes of an ephemeral public key, then sealed bytes."""
    ephemeral = BoxKeys.new()
    key = derive(agree(ephemeral.private, public), b"sen-wrap/1" + ephemeral.public + public)
    return ephemeral.public + seal_bytes(key, data, bound)


def open_box(keys: BoxKeys, sealed: bytes, bound: bytes) -> bytes:
    """Undo ``seal_box``. Raises SenError("sealed_open_failed")."""
    if len(sealed) <= KEY_BYTES + NONCE_BYTES:
        raise SenError("sealed_open_failed")
    ephemeral = sealed[:KEY_BYTES]
    key = derive(agree(keys.private, ephemeral), b"sen-wrap/1" + ephemeral + keys.public)
    return open_bytes(key, sealed[KEY_BYTES:], bound)


def sign(private: bytes, data: bytes) -> bytes:
    """The Ed25519 signature (RFC 8032, 64 bytes) of a private key."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(data)


def verify(public: bytes, signature: bytes, data: bytes) -> None:
    """Hold a signature against the data and the public key. Raises SenError("sealed_open_failed")."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        raise SenError("sealed_open_failed") from None
