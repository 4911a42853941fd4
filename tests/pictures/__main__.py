"""`python3 sen.py pictures`: builds the demo, walks the console in Chromium and the tablet in its window, writes docs/pictures/*.png."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from server.demo.folder import DemoFolder
from server.demo.serving import demo_at_work
from server.demo.story import Story, load_story

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "docs" / "pictures"
CHROMIUM = "/usr/bin/chromium"
SIZE = {"width": 1366, "height": 768}
PORT = 8041
PAGES = {
    "console-today": "/",
    "console-questions": "/questions",
    "console-incidents": "/incidents",
    "console-records": "/records/of/communication_activity",
    "console-reports": "/reports",
    "console-report": "/reports/2022-H1/hong_ngu",
}
"""Picture → the page that the district's officer sees."""


def main() -> int:
    """Take all pictures; gives the exit code."""
    OUT.mkdir(parents=True, exist_ok=True)
    story, folder = load_story(), DemoFolder(ROOT / "build" / "pictures" / "demo")
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    with demo_at_work(folder, story, PORT, print):
        console(story, f"http://127.0.0.1:{PORT}")
        return tablet(story, folder)


def console(story: Story, address: str) -> None:
    """The console's pages, as the district's officer sees them."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"])
        page: Page = browser.new_page(viewport=SIZE, locale="vi-VN")  # type: ignore[arg-type]
        page.goto(f"{address}/sign-in")
        page.screenshot(path=OUT / "console-sign-in.png")
        page.fill("#login", story.of_district("district_officer").login)
        page.fill("#password", story.password)
        page.click("button.btn-primary")
        page.wait_for_selector("main#main")
        for name, path in PAGES.items():
            page.goto(address + path)
            page.screenshot(path=OUT / f"{name}.png")
            print(name)
        browser.close()


def tablet(story: Story, folder: DemoFolder) -> int:
    """The tablet's screens, in a window on a virtual screen where there is no other."""
    profile = folder.tablets / story.shipped[0].tablet
    words = [sys.executable, "-m", "mobile.pictures", "--profile", str(profile), "--pin", story.pin, "--out", str(OUT)]
    if not os.environ.get("DISPLAY"):
        virtual = shutil.which("xvfb-run")
        if virtual is None:
            print("xvfb-run is missing: apt-get install xvfb", file=sys.stderr)
            return 1
        words = [virtual, "-a", "-s", "-screen 0 1280x1024x24", *words]
    return subprocess.call([*words, "--today", f"{story.begins:%Y-%m-%d}"], cwd=ROOT, env=os.environ | {"LIBGL_ALWAYS_SOFTWARE": "1"})


if __name__ == "__main__":
    sys.exit(main())
