"""Keys to sign with, and a tablet and a server that exchange by bundles through real part files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.sealing import BoxKeys, new_key
from sync.by_file import Brought, Kept, answer_requests, keep_answers, write_requests
from sync.clock import Time
from sync.cursor import Cursor
from sync.over_file import SIZES, Gathering, Sender, open_part, write_bundle
from tests.support.pair import NOON_MS, STREAM, PairServer
from tests.support.tablet import MemoryTablet


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


class Courier:
    """Carries bundles between tablets and a server, as real part files with keys of their own."""

    def __init__(self, server: PairServer) -> None:
        self.server = server
        self.box, self.sign = BoxKeys.new(), SigningKeys.new()
        self.keys: dict[str, tuple[BoxKeys, SigningKeys]] = {}

    def _keys(self, device: str) -> tuple[BoxKeys, SigningKeys]:
        return self.keys.setdefault(device, (BoxKeys.new(), SigningKeys.new()))

    def request(self, tablet: MemoryTablet, *, now_ms: int = NOON_MS, largest: int = SIZES[0]) -> list[bytes]:
        """What a tablet writes: the parts of one bundle."""
        device = tablet.identity.id
        sender = Sender.of(device, self._keys(device)[1].private)
        return write_bundle(sender, self.box.public, write_requests(tablet, now=Time(now_ms, 0)), largest=largest)

    def brought(self, parts: Sequence[bytes], *, now_ms: int = NOON_MS) -> Brought:
        """What the district reads from a tablet's parts."""
        gathering = self._gather(parts, self.box, lambda device: self._keys(device)[1].public)
        return answer_requests(self.server.half, gathering.sender, gathering.messages(), now_ms=now_ms)

    def answer(self, parts: Sequence[bytes], *, now_ms: int = NOON_MS, largest: int = SIZES[0]) -> list[bytes]:
        """The district reads a tablet's parts and writes its answer."""
        told = self.brought(parts, now_ms=now_ms)
        sender = Sender.of(self.server.own.device, self.sign.private)
        return write_bundle(sender, self._keys(told.device)[0].public, told.answer, largest=largest)

    def keep(self, tablet: MemoryTablet, parts: Sequence[bytes]) -> Kept:
        """A tablet reads the parts of an answer."""
        gathering = self._gather(parts, self._keys(tablet.identity.id)[0], lambda sender: self.sign.public)
        return keep_answers(tablet.half, gathering.messages())

    def journey(self, tablet: MemoryTablet, *, now_ms: int = NOON_MS) -> Kept:
        """There and back, nothing lost."""
        return self.keep(tablet, self.answer(self.request(tablet, now_ms=now_ms), now_ms=now_ms))

    @staticmethod
    def _gather(parts: Sequence[bytes], keys: BoxKeys, key_of: Callable[[str], bytes]) -> Gathering:
        gathering = Gathering()
        for part in parts:
            gathering.add(open_part(part, keys, key_of))
        return gathering


def everything(tablet: MemoryTablet) -> tuple[object, ...]:
    """All that a tablet holds, to see that nothing changed."""
    states = {record: state.dump() for record, state in tablet.told.items()}
    return states, dict(tablet.tokens), list(tablet.past_tokens), dict(tablet.acknowledged), set(tablet.unsettled), dict(tablet.aside), tablet.kept


def place(tablet: MemoryTablet) -> int:
    """Up to where a tablet has pulled."""
    token = tablet.tokens.get(STREAM)
    return 0 if token is None else Cursor.read(token).floor


def assert_equal(tablets: Mapping[str, MemoryTablet], server: PairServer) -> None:
    """Everything is settled, and all hold the same as the server."""
    for name, tablet in tablets.items():
        assert not tablet.unsettled, name
    digests = {tablet.digest() for tablet in tablets.values()}
    with server.reading() as reader:
        parts = reader.parts(tablets["A"].identity.scope)
    assert digests == {sum(part.digest for part in parts) % (1 << 128)}
