"""Locks and private files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from server.places import held, write_private
from shared.errors import SenError


def test_f28_a_lock_is_held_once_and_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sen.lock"
    with held(path, address="http://127.0.0.1:1"):
        with pytest.raises(SenError) as told, held(path, address="http://127.0.0.1:2"):
            pass
        assert told.value.code == "second_server"
        assert str(os.getpid()) in told.value.text("vi")
        assert "127.0.0.1:1" in told.value.text("en")
    with held(path, address="again"):
        pass


@pytest.mark.parametrize("end", ["os._exit(1)", "os.kill(os.getpid(), 9)"])
def test_a_lock_is_free_when_its_process_ended_however_it_ended(tmp_path: Path, end: str) -> None:
    path = tmp_path / "sen.lock"
    code = f"import os\nfrom pathlib import Path\nfrom server.places import held\nwith held(Path({str(path)!r}), address='x'):\n    {end}\n"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert path.exists()
    with held(path, address="y"):
        pass


def test_a_private_file_is_whole_and_for_this_account_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    write_private(path, b"secret")
    write_private(path, b"other")
    assert path.read_bytes() == b"other"
    assert [one.name for one in path.parent.iterdir()] == ["master.key"]
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
