"""Pictures of the tablet's real screens: ``python -m mobile.pictures --profile DIR --pin PIN --out DIR``.

Opens a profile that holds something to show (the demo's, say), walks the screens in both layouts, and writes one PNG each.
Nothing is written into the profile but what opening a screen writes.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from mobile.clock import Clock
from mobile.main import prepare_kivy
from mobile.tablet import Tablet

LAYOUTS: Final = {"landscape": (960, 640), "portrait": (600, 960)}
"""Layout → the window's size in pixels."""

FRAMES: Final = 12
"""Frames after which everything has found its place."""

__all__ = ["main", "walk"]

Step = tuple[str, Callable[[], Any]]


def walk(app: Any, pin: str) -> Iterator[Step]:
    """Give the steps of a walk: a picture's name («» none) and what leads to it."""
    tablet = app.tablet
    yield "unlock", lambda: app.hide()
    yield "", lambda: (tablet.unlock(pin), app.unlocked())
    yield "home", lambda: app.home()
    yield "records", lambda: app.go("records", type="communication_activity")
    entries = tablet.index.find("communication_activity")
    if entries:
        yield "form", lambda: app.go("form", record=entries[0].id)
        yield "form-more", lambda: app.front.choose(app.front.presenter.sections()[1].code)
    yield "form-new", lambda: (app.home(), app.go("form", type="gbv_case"))
    yield "submit", lambda: app.go("submit", record=app.way.front.where["record"])
    asked = tablet.index.asked()
    if asked:
        yield "conflict", lambda: (app.home(), app.go("conflict", record=asked[0].id))
    incidents = tablet.index.find("gbv_incident")
    where = {"record": incidents[0].id} if incidents else {}
    yield "incident", lambda: (app.home(), app.go("incident", **where))
    period = tablet.catalogue.periods.due_after(tablet.clock.today()).code
    yield "report", lambda: (app.home(), app.go("report", period=period))
    yield "report-text", lambda: app.front.choose(app.front.presenter.form.sections()[2].code)
    yield "sync", lambda: (app.home(), app.go("sync"))
    yield "settings", lambda: (app.home(), app.go("settings"))


def take(app: Any, pin: str, out: Path) -> None:
    """Walk through all screens in every layout, taking a picture of each."""
    from kivy.base import EventLoop
    from kivy.core.window import Window

    out.mkdir(parents=True, exist_ok=True)
    for layout, size in LAYOUTS.items():
        Window.size = size
        _settle(EventLoop, Window)
        for name, work in walk(app, pin):
            work()
            while not getattr(app.front, "computed", True):
                EventLoop.idle()
            _settle(EventLoop, Window)
            if name:
                _save(out / f"tablet-{name}-{layout}.png")


def _settle(loop: Any, window: Any) -> None:
    """Let frames pass, the last ones drawn whatever has changed."""
    for _ in range(FRAMES):
        loop.idle()
    for _ in range(2):
        window.canvas.ask_update()
        loop.idle()


def _save(path: Path) -> None:
    from kivy.core.window import Window

    written = Path(Window.screenshot(name=str(path)))
    written.replace(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mobile.pictures", description="Pictures of the tablet's screens.")
    parser.add_argument("--profile", type=Path, required=True, metavar="DIR", help="the profile to show")
    parser.add_argument("--pin", required=True, help="its officer's PIN")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the pictures go")
    parser.add_argument("--today", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the day that it shall be")
    options = parser.parse_args(arguments)
    prepare_kivy(*LAYOUTS["landscape"])
    from mobile.app import SenApp

    app = SenApp(tablet=Tablet(options.profile, Clock(options.today)))
    app.begin()
    try:
        take(app, options.pin, options.out)
    finally:
        app.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
