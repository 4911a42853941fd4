"""The bytes of docs/sync.md as a stranger reads them: names, chains, the MAC, sealed values, digests. Nothing of Sen is imported."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import sys
import uuid
import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MODULUS = 1 << 128
PACKED_SHORT, SHORT_BYTES = b"\x01", 400
"""What tells a payload packed with the dictionary, and which payloads this client packs so."""
DICTIONARY = (
    b'"names":{"texts":{"docs":{"catalogue":{"version":"people":{"version":"scope":["unit":"wipe":1"forked":["want":{"parts":{'
    b'"lost":1"handing":1"held":{"past":["blobs":"wraps":"pasts":"told":"aside":[["more":1"upto":{"read":{"page":0{"n":1,"l":"'
    b'","t":[17,0],"u":"","c":"","r":"01-7-8-9-","y":"","g":"","o":[{"p":"","v":"},{"p":"","v":,"s":["."]"runs":[["",1,""],["p'
    b'age":65536,{"q":1,"at":[17,0]}{"q":1,"h":{"":[1,1,""]},"page":1441792,"c":{"":"AAAAAAAAAA"},"v":{"catalogue":"","people"'
    b':"","scope":""},"d":""}'
)

# § 1 to 3: bytes, names, chains


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def dumped(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def name_of(log: str, number: int, digest: bytes) -> str:
    return f"{log}.{number}.{b64(digest[:6])}"


def chain_start(log: str, device_key: bytes) -> bytes:
    return sha256(b"sen-log/1" + log.encode() + device_key)


def chain_next(before: bytes, digest: bytes) -> bytes:
    return sha256(before + digest)


def stream_start(stream: str) -> bytes:
    return sha256(b"sen-stream/1" + stream.encode())


def stream_next(before: bytes, k: int, log: str, number: int, arrival: int, verdict: str, digest: bytes) -> bytes:
    return sha256(before + f"{k} {log} {number} {arrival} {verdict} ".encode() + digest)


# § 4 and 5: keys, the MAC, sealing


def derived(own: X25519PrivateKey, other: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, info).derive(own.exchange(X25519PublicKey.from_public_bytes(other)))


def mac_key(own: X25519PrivateKey, server_box: bytes, device: str) -> bytes:
    return derived(own, server_box, b"sen-mac/1" + device.encode())


def mac(key: bytes, payload: bytes) -> str:
    return b64(hmac.digest(key, payload, "sha256")[:16])


def packed(payload: bytes) -> bytes:
    if len(payload) > SHORT_BYTES:
        return gzip.compress(payload)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=DICTIONARY)
    return PACKED_SHORT + deflate.compress(payload) + deflate.flush()


def unpacked(payload: bytes) -> bytes:
    if payload[:1] == PACKED_SHORT:
        return zlib.decompressobj(-15, zdict=DICTIONARY).decompress(payload[1:])
    if payload[:4] == b"\x28\xb5\x2f\xfd":
        return zstd.decompress(payload)
    return gzip.decompress(payload) if payload[:2] == b"\x1f\x8b" else payload


def seal(key: bytes, case: str, record: str, path: str, value: Any, nonce: bytes) -> bytes:
    """A blob: what seals it, the nonce, the value as JSON, bound to its place."""
    head = b"\x01" + uuid.UUID(case).bytes
    return head + nonce + AESGCM(key).encrypt(nonce, dumped(value), head + f"{record}|{path}".encode())


def unseal(key: bytes, blob: bytes, record: str, path: str) -> Any:
    return json.loads(AESGCM(key).decrypt(blob[17:29], blob[29:], blob[:17] + f"{record}|{path}".encode()))


def wrap(ephemeral: X25519PrivateKey, recipient_box: bytes, case: str, key: bytes, nonce: bytes) -> bytes:
    """A case key for the holder of a private key."""
    public = ephemeral.public_key().public_bytes_raw()
    wrapping = derived(ephemeral, recipient_box, b"sen-wrap/1" + public + recipient_box)
    return public + nonce + AESGCM(wrapping).encrypt(nonce, key, b"sen-case/1" + case.encode())


def unwrap(own: X25519PrivateKey, case: str, wrapped: bytes) -> bytes:
    wrapping = derived(own, wrapped[:32], b"sen-wrap/1" + wrapped[:32] + own.public_key().public_bytes_raw())
    return AESGCM(wrapping).decrypt(wrapped[32:44], wrapped[44:], b"sen-case/1" + case.encode())


def case_of(blob: bytes) -> str:
    """The id of the case whose key seals a blob."""
    return str(uuid.UUID(bytes=blob[1:17]))


# § 7 and 8: values and digests


class Held(NamedTuple):
    """A value at a path: `mark` is + (in force) or a candidate's letter, `name` the change that wrote it."""

    mark: str
    name: str
    operation: dict[str, Any]


Registers = dict[str, list[Held]]


def stands(name: str, line: dict[str, Any]) -> Registers:
    """The registers of a change all of whose operations are in force."""
    return {one["p"]: [Held("+", name, one)] for one in line["o"]}


def record_digest(record: str, registers: Registers) -> int:
    """The digest of a record over these registers, as the number that a part sums up."""
    rows = []
    for path, values in registers.items():
        origins: dict[str, list[str]] = {}
        for held in values:
            alone = held.name if path.endswith("@") or held.operation.get("k") in ("add", "remove") else ""
            origins.setdefault(held.mark + alone, []).append(held.name)
        written = sorted(("+" if mark[0] == "+" else "?") + ",".join(sorted(names)) for mark, names in origins.items())
        rows.append(f"{path}=" + ";".join(written))
    return int.from_bytes(sha256("\n".join([record, *sorted(rows)]).encode())[:16], "big")


def written_digest(digests: Iterable[int]) -> str:
    return b64((sum(digests) % MODULUS).to_bytes(16, "big"))


def short_digest(digests: Iterable[int]) -> str:
    return written_digest(digests)[:11]
