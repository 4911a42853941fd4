"""The process is killed in the middle of a word: when the tablet is started again, what it said to be saved is one touch away."""

import os
import subprocess
import sys
from pathlib import Path

from tests.mobile.window.sample import new_tablet

ROOT = Path(__file__).parents[3]
WORDS_BEFORE = 6


def start(folder: Path, deed: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.mobile.window.typist", str(folder), deed]
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_f13_a_kill_in_the_middle_of_typing_loses_nothing_that_was_said_to_be_saved(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    new_tablet(folder).close()
    process = start(folder, "type")
    try:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(WORDS_BEFORE)]
    finally:
        process.kill()
        process.communicate()
    saved = told[-1]
    assert saved.startswith("Nói chuyện chuyên đề"), told
    again = start(folder, "look")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert out.strip().startswith(saved)
