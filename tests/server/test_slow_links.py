"""Many who are connected and say little: they hold no place where work is done, and who is refused is told when to come again."""

from __future__ import annotations

import contextlib
import datetime
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.desk import BODIES_BYTES, MOST_WAITING
from server.problems import AGAIN_S
from tests.support.processes import Watched

HEAD = b"POST /api/exchange HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.sen\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
ASK = b"GET /api/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Said(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def read(line: socket.socket) -> Said:
    """All that comes until the other side ends."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := line.recv(65536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    return Said(int(first.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body)


class Serving(NamedTuple):
    """A server process, and where it is."""

    process: psutil.Process
    place: tuple[str, int]

    def connect(self) -> socket.socket:
        return socket.create_connection(self.place, timeout=60)

    def ask(self) -> Said:
        """What somebody who comes now is answered."""
        with self.connect() as line:
            line.sendall(ASK)
            return read(line)

    def wait_for_threads(self, most: int) -> None:
        """Wait until the server has no more threads than so many."""
        while self.process.num_threads() > most:
            assert self.ask().status == 401  # it looks at its threads whenever somebody comes


@contextlib.contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Serving]:
    words = ["-m", "server", "run", "--json", "--port", "0", "--var", str(folder / "var")]
    with Watched(words, folder / "server.log", settings) as server:
        port = int(server.told["address"].rpartition(":")[2])
        yield Serving(psutil.Process(server.process.pid), ("127.0.0.1", port))


def test_f44_l05_three_hundred_slow_links_hold_no_place(tmp_path: Path) -> None:
    with serving(tmp_path, SEN_THREADS="2") as server, contextlib.ExitStack() as open_:
        before = server.process.num_threads()
        slow = [open_.enter_context(server.connect()) for _ in range(300)]
        for number, line in enumerate(slow):
            line.sendall(HEAD % 3000 + b"sen1 " if number % 2 else ASK[:20])  # half a message, half a head
        assert server.ask().status == 401, "somebody who asks is answered by one of two places"
        for line in slow[1::2]:
            line.sendall(b"x" * 2995)
        assert {read(line).status for line in slow[1:40:2]} == {400}, "and so is a slow one, once it has said all"
        for line in slow:
            line.close()
        server.wait_for_threads(before + 32)


def test_l06_who_is_refused_is_told_when_to_come_and_is_served_then(tmp_path: Path) -> None:
    with serving(tmp_path, SEN_THREADS="1", SEN_CONNECTIONS="4") as server:
        with contextlib.ExitStack() as open_:
            for _ in range(4 + MOST_WAITING):
                open_.enter_context(server.connect()).sendall(ASK[:20])
            refused = [server.ask() for _ in range(40)]
            assert {one.status for one in refused} == {503}
            waits = {int(one.headers["retry-after"]) for one in refused}
            assert len(waits) > 3 and min(waits) >= AGAIN_S[0] and max(waits) <= AGAIN_S[1], "they do not all come back in one moment"
            problem = json.loads(refused[0].body)
            assert problem["code"] == "server_busy" and problem["errors"][0]["vi"] and problem["errors"][0]["en"]
        while (served := server.ask().status) == 503:
            pass  # the server has still to see that those in front are gone
        assert served == 401


def test_bodies_that_never_end_take_no_more_memory_than_is_set(tmp_path: Path) -> None:
    largest = 16 << 20
    with serving(tmp_path, SEN_THREADS="2") as server, contextlib.ExitStack() as open_:
        for _ in range(BODIES_BYTES // largest):
            open_.enter_context(server.connect()).sendall(HEAD % largest + b"sen1 ")
        refused = 200
        while refused != 503:  # until all of those have been heard
            with server.connect() as line:
                line.sendall(HEAD % largest + b"sen1 ")
                line.shutdown(socket.SHUT_WR)
                said = read(line)
                refused = said.status
                assert refused in (400, 503)
        assert "retry-after" in said.headers
        assert server.ask().status == 401


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return folder / "certificate.pem", folder / "key.pem"


def test_f10_f44_who_never_ends_the_handshake_keeps_nobody_waiting(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    file, key = certificate
    trusted = ssl.create_default_context(cafile=str(file))
    with serving(tmp_path, SEN_TLS_CERTIFICATE=str(file), SEN_TLS_KEY=str(key)) as server, contextlib.ExitStack() as open_:
        for said in (b"", b"\x16\x03\x01", ASK):  # silence, half a greeting, no TLS at all
            open_.enter_context(server.connect()).sendall(said)
        with server.connect() as line, trusted.wrap_socket(line, server_hostname="localhost") as safe:
            safe.sendall(ASK)
            assert read(safe).status == 401
        with server.connect() as line, pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(line, server_hostname="localhost")
