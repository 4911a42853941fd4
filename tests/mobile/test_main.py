"""The start of the tablet: where no window can be opened it says so in one sentence of each language."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mobile.main import NO_DISPLAY, NOT_OPENED, main
from shared.labels import phrase

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_without_a_display_it_says_so_plainly(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-m", "mobile", "--profile", str(tmp_path / "profile")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == NO_DISPLAY
    assert done.stdout == ""
    assert done.stderr.splitlines() == [phrase("mobile.app.no_display", "vi"), phrase("mobile.app.no_display", "en")]
    assert not (tmp_path / "profile").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_a_display_that_does_not_answer_is_said_too(tmp_path: Path) -> None:
    environment = {**os.environ, "DISPLAY": ":987", "KIVY_HOME": str(tmp_path / "kivy")}
    environment.pop("WAYLAND_DISPLAY", None)
    command = [sys.executable, "-m", "mobile", "--profile", str(tmp_path / "profile")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == NO_DISPLAY
    assert done.stderr.splitlines()[-2:] == [phrase("mobile.app.no_display", "vi"), phrase("mobile.app.no_display", "en")]
    assert "Traceback" not in done.stderr


def test_a_missing_option_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "--profile" in capsys.readouterr().err


def test_exit_codes_differ() -> None:
    assert len({0, NO_DISPLAY, NOT_OPENED}) == 3
