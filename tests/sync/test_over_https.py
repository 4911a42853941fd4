"""Over TLS: nothing is sent to a server that does not prove who it is, and the tablet says why, the dates of a certificate among the reasons."""

from __future__ import annotations

import datetime
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.errors import SenError
from sync import over_http
from sync.over_http import post_message
from tests.support.processes import Watched

DAY = datetime.timedelta(days=1)
MESSAGE = b"sen1 AAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAAA\nx"


class Authority(NamedTuple):
    """Who vouches for servers."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    file: Path

    @classmethod
    def new(cls, folder: Path, name: str) -> Authority:
        """A new one; its own certificate is in a file."""
        key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - 99 * DAY).not_valid_after(now + 99 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256())
        )  # fmt: skip
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return cls(subject, key, folder / f"{name}.pem")

    def vouch(self, folder: Path, *, host: str = "localhost", first: int = -1, last: int = 9) -> tuple[Path, Path]:
        """A server's certificate, good from one day to another, and its key."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(self.name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now + first * DAY).not_valid_after(now + last * DAY)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=True).sign(self.key, hashes.SHA256())
        )  # fmt: skip
        folder.mkdir()
        (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Whom this tablet trusts."""
    made = Authority.new(tmp_path, "office")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.file))
    monkeypatch.setattr(over_http, "_kept", over_http._Kept())
    return made


@contextmanager
def serving(folder: Path, certificate: tuple[Path, Path]) -> Iterator[str]:
    """A real server that shows this certificate."""
    file, key = certificate
    given = {"SEN_TLS_CERTIFICATE": str(file), "SEN_TLS_KEY": str(key)}
    with Watched(["-m", "server", "run", "--var", str(folder / "var"), "--port", "0", "--json"], folder / "log", given) as server:
        yield f"https://localhost:{server.told['address'].rpartition(':')[2]}"


def told(address: str) -> SenError:
    """What a tablet is told when it exchanges."""
    with pytest.raises(SenError) as error:
        post_message(address, MESSAGE)
    return error.value


def test_f10_a_server_that_is_proved_is_spoken_to(office: Authority, tmp_path: Path) -> None:
    with serving(tmp_path, office.vouch(tmp_path / "good")) as address:
        assert told(address).code == "unknown_device", "the app itself answered"


@pytest.mark.parametrize(
    ("first", "last", "host", "mine", "code"),
    [
        (-9, -1, "localhost", True, "certificate_dates"),
        (1, 9, "localhost", True, "certificate_dates"),
        (-1, 9, "another.example", True, "server_not_proved"),
        (-1, 9, "localhost", False, "server_not_proved"),
    ],
    ids=["run out, or a clock ahead", "not yet good, or a clock behind", "another name", "another authority"],
)
def test_f10_a_server_that_is_not_proved_is_sent_nothing_and_the_reason_is_told(
    office: Authority, tmp_path: Path, first: int, last: int, host: str, mine: bool, code: str
) -> None:  # fmt: skip
    authority = office if mine else Authority.new(tmp_path, "other")
    with serving(tmp_path, authority.vouch(tmp_path / "shown", host=host, first=first, last=last)) as address:
        error = told(address)
    assert error.code == code
    assert "máy chưa gửi gì" in error.text("vi") and ("ngày giờ" in error.text("vi")) == (code == "certificate_dates")
    assert b"POST" not in (tmp_path / "log").read_bytes()


def test_f10_an_older_tls_is_not_spoken_and_a_server_without_it_is_not_either(office: Authority) -> None:
    heard = bytearray()

    def serve(listener: socket.socket, *, old: bool) -> None:
        line, _ = listener.accept()
        with line:
            heard.extend(line.recv(4096))
            line.sendall(b"\x15\x03\x01\x00\x02\x02\x46" if old else b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")  # the alert: protocol version
            with suppress(ConnectionResetError):  # a client that goes away at once may leave so
                line.recv(4096)

    for old in (True, False):
        with socket.create_server(("localhost", 0)) as listener:
            thread = threading.Thread(target=serve, args=(listener,), kwargs={"old": old})
            thread.start()
            assert told(f"https://localhost:{listener.getsockname()[1]}").code == "server_not_proved"
            thread.join()
    assert MESSAGE not in heard
