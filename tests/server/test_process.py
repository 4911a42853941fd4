"""A real server process: it serves, ends when it is told, and says which port or which other server is in its way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from server.config import Config
from server.process import serve
from shared.errors import SenError

ROOT = Path(__file__).parents[2]


def command(var: Path, database: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "server", "run", "--var", str(var), "--database", database, *words]


def environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEN_")}
    return clean | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


@contextlib.contextmanager
def running(var: Path, database: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server on a free port, and its address; ended with the block if it is not by then."""
    process = subprocess.Popen(
        command(var, database, "--port", "0", "--json"), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, json.loads(line)["address"]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_serves_and_ends_when_it_is_told(tmp_path: Path, database: str, number: signal.Signals) -> None:
    with running(tmp_path / "var", database) as (process, address):
        answer = requests.get(f"{address}/api/me", timeout=30)
        assert answer.status_code == 401
        assert "cheroot" not in answer.headers.get("Server", "").lower()
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr is not None
        events = [json.loads(line).get("event") for line in process.stderr.read().splitlines()]
        assert events[0] == "started"
        assert events[-1] == "ended"


def test_f28_a_second_server_on_one_sqlite_file_is_refused_and_on_postgresql_welcome(tmp_path: Path, database: str) -> None:
    with running(tmp_path / "var", database) as (process, address):
        if database.startswith("postgresql"):
            with running(tmp_path / "var", database) as (_, other):
                assert requests.get(f"{other}/api/me", timeout=30).status_code == 401
            return
        second = subprocess.run(
            command(tmp_path / "var", database, "--port", "0"), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert second.returncode == 1
        assert str(process.pid) in second.stderr
        assert address in second.stderr
        assert "Traceback" not in second.stderr
        assert requests.get(f"{address}/api/me", timeout=30).status_code == 401


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            command(tmp_path / "var", "", "--port", str(port)), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert f" {port} " in done.stderr
    assert "Cổng" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "var").exists(), "nothing was touched"


def test_t07_a_server_listens_beyond_this_machine_only_with_tls(tmp_path: Path) -> None:
    with pytest.raises(SenError, match="needs_tls"):
        serve(Config(var=tmp_path, host="0.0.0.0"), lambda address, port: None)
    assert not list(tmp_path.iterdir())
