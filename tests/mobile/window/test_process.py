"""The tablet as a process: it opens on a profile, and ends when it is told to, with everything typed kept."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.mobile.window.sample import new_tablet

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60


def holds(folder: Path) -> bool:
    """Whether a process holds the profile's folder."""
    from mobile.profile import ProfileLock
    from shared.errors import SenError

    lock = ProfileLock(folder)
    try:
        lock.take()
    except SenError:
        return True
    lock.give_back()
    return False


def test_it_opens_and_ends_when_told_to(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    new_tablet(folder).close()
    environment = {**os.environ, "KIVY_HOME": str(tmp_path / "kivy")}
    command = [sys.executable, "-m", "mobile", "--profile", str(folder), "--today", "2022-05-30"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + PATIENCE_S
        while not holds(folder) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        again = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "", "")
    assert again.returncode == 4 and len(again.stderr.splitlines()) == 2
    assert not holds(folder)
