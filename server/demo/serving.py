"""A built demo at work: the server, the tablets' clock, a window where there is a display; and the table that says how to get in."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from server.demo.build import Builder
from server.demo.folder import DemoFolder
from server.demo.processes import ServerProcess, TabletProcess, go_on, start_window
from server.demo.story import Story
from server.places import held

LOOK_S: Final = 0.5
NO_WINDOW: Final = "Không mở được cửa sổ máy tính bảng ở đây; mọi việc khác vẫn chạy. · No tablet window can be opened here; all else runs."

Tell = Callable[[str], None]

__all__ = ["NO_WINDOW", "demo_at_work", "has_display", "table", "watch"]


@contextmanager
def demo_at_work(folder: DemoFolder, story: Story, port: int, tell: Tell, *, fresh: bool = False) -> Iterator[ServerProcess]:
    """The server of the demo, which is built first where it is not there yet; it ends with the block.

    Raises:
        SenError: ``second_server`` where another process has this demo.
        Refused: what a server or a tablet said no to.
    """
    with held(folder.lock, address=f"http://127.0.0.1:{port}"):
        if fresh or not folder.whole:
            Builder(folder.empty(), story, port=port, tell=tell).build()
            folder.finish(port)
        elif folder.port != port:
            _move_tablets(folder, story, port)
        with ServerProcess(folder.server, story.begins, port=port, log=folder.path / "server.log") as server:
            folder.start_clock(story.begins)
            yield server


def _move_tablets(folder: DemoFolder, story: Story, port: int) -> None:
    """Tell every tablet that the server is at another port now."""
    for profile in sorted(path.parent for path in folder.tablets.glob("*/profile.json")):
        with TabletProcess(profile, story.begins) as tablet:
            tablet.ask("address", address=f"http://127.0.0.1:{port}")
    folder.note_port(port)


def has_display() -> bool:
    """Whether a window could be opened here."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def table(story: Story, address: str) -> str:
    """How to get in: address, logins, PIN; Vietnamese first."""
    shown = [
        (story.of_district("district_officer"), "Chuyên viên huyện · district officer"),
        (story.of_district("district_lead"), "Lãnh đạo huyện · district leader"),
        (story.officer(story.shipped[0].unit), "Cán bộ xã Long Khánh A · officer of the commune"),
        (story.lead(story.shipped[0].unit), "Lãnh đạo xã Long Khánh A · head of the commune"),
        (story.officer("ld_tbxh"), "Phòng LĐ-TBXH · a body of the district"),
        (story.of_district("viewer"), "Người xem · viewer of aggregates"),
        (story.of_district("admin"), "Quản trị · administrator"),
    ]
    lines = ["", f"Sen · DỮ LIỆU MẪU · invented data · đồng hồ · clock {story.begins:%d/%m/%Y %H:%M}", "", f"  {address}", ""]
    lines += [f"  {person.login:<15}{words:<50}{person.name}" for person, words in shown]
    lines += [f"  Mật khẩu chung · everybody's password: {story.password}", ""]
    lines += [f"  Máy tính bảng · tablets (PIN {story.pin}):"]
    lines += [f"  python3 sen.py tablet --profile {person.tablet:<18}{person.name}" for person in story.shipped]
    return "\n".join([*lines, "", "  Ctrl-C: dừng · stop", ""])


def watch(server: ServerProcess, folder: DemoFolder, story: Story, tell: Tell, *, window: bool) -> int:
    """Stay until the server ends by itself, which it should not; a window is opened beside. Gives the exit code.

    Raises:
        DemoStopped: the demo was ended.
    """
    shown = _open_window(folder, story, tell) if window else None
    while server.running:
        time.sleep(LOOK_S)
        if shown is not None and shown.poll() is not None:
            if shown.returncode:
                tell(f"{NO_WINDOW} ({_window_log(folder).name})")
            shown = None
    go_on()
    tell("Máy chủ đã tự dừng · The server ended by itself: var/demo/server.log")
    return 1


def _window_log(folder: DemoFolder) -> Path:
    return folder.path / "window.log"


def _open_window(folder: DemoFolder, story: Story, tell: Tell) -> "subprocess.Popen[str] | None":
    if not has_display():
        tell(NO_WINDOW)
        return None
    return start_window(folder.tablets / story.shipped[0].tablet, _window_log(folder))
