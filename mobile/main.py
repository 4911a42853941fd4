"""Start the tablet: read the options, make sure that there is a window to show it in, run the application.

On Android this file is the entry point; there the profile is the app's private folder.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence

from mobile.clock import Clock, demo_moment, parse_moment
from mobile.profile import folder_named
from mobile.tablet import Tablet
from shared.errors import SenError
from shared.labels import phrase

__all__ = ["main"]

NO_DISPLAY = 3
"""The exit code where no window can be opened."""

NOT_OPENED = 4
"""The exit code where the profile cannot be opened: in use, damaged, disk full."""


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 sen.py tablet", description="Máy tính bảng Sen. The tablet of Sen.")
    help = "the folder that holds this tablet, or the name of one of the demo's tablets"
    parser.add_argument("--profile", type=folder_named, required=True, metavar="DIR", help=help)
    parser.add_argument("--today", type=parse_moment, metavar="YYYY-MM-DD[THH:MM]", help="the day, or the moment, that it shall be")
    parser.add_argument("--server", metavar="URL", help="the address offered when the tablet is enrolled")
    parser.add_argument("--size", default="960x640", metavar="WxH", help="the window's size in pixels (default 960x640)")
    return parser.parse_args(arguments)


def _is_linux_desktop() -> bool:
    return sys.platform == "linux" and "ANDROID_ARGUMENT" not in os.environ


def _has_display() -> bool:
    return not _is_linux_desktop() or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _refuse(code: str) -> int:
    """Say in both languages, one sentence each, why there is no window."""
    print(phrase(code, "vi"), file=sys.stderr)
    print(phrase(code, "en"), file=sys.stderr)
    return NO_DISPLAY


def prepare_kivy(width: int, height: int) -> None:
    """Set Kivy up before its window opens: no arguments of ours, no log, this size, no red dots of a mouse.

    SDL is told which display to use, since without one it would go on drawing where nobody sees it.
    """
    os.environ["KIVY_NO_ARGS"] = "1"
    os.environ.setdefault("KIVY_NO_FILELOG", "1")
    os.environ.setdefault("KIVY_WINDOW", "sdl2")
    if _is_linux_desktop():
        os.environ.setdefault("SDL_VIDEODRIVER", "x11" if os.environ.get("DISPLAY") else "wayland")
    os.environ.setdefault("KIVY_LOG_MODE", "PYTHON")
    quiet = logging.getLogger("kivy")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    from kivy.config import Config

    Config.set("graphics", "width", str(width))
    Config.set("graphics", "height", str(height))
    Config.set("graphics", "multisamples", "0")
    Config.set("input", "mouse", "mouse,disable_multitouch")
    Config.set("kivy", "exit_on_escape", "0")


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and stay until it is closed; gives the exit code."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
    if not _has_display():
        return _refuse("mobile.app.no_display")
    width, _, height = options.size.partition("x")
    try:
        prepare_kivy(int(width), int(height))
    except ImportError:
        return _refuse("mobile.app.no_kivy")
    try:
        from kivy.core.window import Window
    except SystemExit:
        return _refuse("mobile.app.no_display")
    if Window is None:
        return _refuse("mobile.app.no_display")
    return _open(options)


def _open(options: argparse.Namespace) -> int:
    from mobile.app import SenApp

    _on_end(lambda: sys.exit(0))
    try:
        tablet = Tablet(options.profile, Clock(options.today or demo_moment(options.profile)))
    except SenError as error:
        print(error.text("vi"), file=sys.stderr)
        print(error.text("en"), file=sys.stderr)
        return NOT_OPENED
    app = SenApp(tablet=tablet, server=options.server or "")
    _on_end(lambda: app.post(app.stop))
    app.run()
    return 0


def _on_end(work: Callable[[], None]) -> None:
    """Do something when the process is told to end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: work())


if __name__ == "__main__":
    sys.exit(main())
