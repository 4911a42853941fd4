"""A display for the window tests: the one that is there, else an Xvfb of their own. Never skips: no display is a failure."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SIZE = "1280x1000x24"


def start_display() -> subprocess.Popen[bytes] | None:
    """Make sure that DISPLAY names a display; gives the Xvfb that was started, None where none had to be."""
    if os.environ.get("DISPLAY"):
        return None
    server = shutil.which("Xvfb")
    if server is None:
        raise RuntimeError("the window tests need a display: install xvfb (apt-get install xvfb), or set DISPLAY")
    read, write = os.pipe()
    command = [server, "-displayfd", str(write), "-screen", "0", SIZE, "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as told:
        number = told.readline().strip()
    if not number:
        raise RuntimeError(f"Xvfb ended with code {process.wait()} before it had a display")
    os.environ["DISPLAY"] = f":{number}"
    return process


def prepare_environment() -> None:
    """Give Kivy a folder of its own, software GL, and none of pytest's arguments."""
    os.environ["KIVY_HOME"] = str(Path(tempfile.mkdtemp(prefix="sen-kivy-")))
    os.environ["KIVY_NO_ARGS"] = "1"
    os.environ["KIVY_NO_FILELOG"] = "1"
    os.environ.setdefault("KIVY_NO_CONSOLELOG", "1")
    os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
