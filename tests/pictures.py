"""The pictures of the README and the docs, taken from the running screens: `python3 sen.py pictures`.

Builds the demo in a temporary folder, opens the console in a real Chromium and a tablet in a real window (under Xvfb where
there is no display), turns the district's report into pages as LibreOffice shows them, and writes docs/pictures/*.png.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from server.demo.folder import DemoFolder
from server.demo.processes import end_all
from server.demo.serving import demo_at_work
from server.demo.story import Story, load_story

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "pictures"
SCREEN = {"width": 1366, "height": 768}
"""A district office's usual screen, in pixels."""

CONSOLE = {
    "console-today": "/",
    "console-records": "/records/of/communication_activity",
    "console-questions": "/questions",
    "console-incidents": "/incidents",
    "console-reports": "/reports",
    "console-report": "/reports/2022-H1/hong_ngu",
    "console-search": "/search?q=phu+nu",
}
"""Picture → the console's page, as the district's officer sees it."""

REPORT = "/reports/2022-H1/hong_ngu/docx"
PAGES = 2
"""How many pages of the report are shown."""
DOTS = 70
"""Dots an inch of a page of the report."""
COLOURS = 128
"""Colours of a picture: enough for the screens' few, and a third of the bytes."""


def chromium() -> str:
    """The Chromium of this system."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if found := shutil.which(name):
            return found
    raise SystemExit("Sen: there is no Chromium on this machine: sudo apt-get install chromium")


def console(address: str, story: Story, out: Path) -> None:
    """Take the console's pictures."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            page: Page = browser.new_page(viewport=SCREEN, locale="vi-VN")  # type: ignore[arg-type]
            page.goto(f"{address}/sign-in")
            page.screenshot(path=out / "console-sign-in.png")
            page.fill("#login", story.of_district("district_officer").login)
            page.fill("#password", story.password)
            page.press("#password", "Enter")
            page.wait_for_url(lambda url: "/sign-in" not in url)
            for name, path in CONSOLE.items():
                page.goto(address + path)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=out / f"{name}.png")
            document(page.request.get(address + REPORT).body(), out)
        finally:
            browser.close()


def document(docx: bytes, out: Path) -> None:
    """Take the pictures of the report's first pages."""
    with tempfile.TemporaryDirectory(prefix="sen-document-") as place:
        file = Path(place) / "report.docx"
        file.write_bytes(docx)
        office = ["soffice", f"-env:UserInstallation={(Path(place) / 'office').as_uri()}", "--headless"]
        subprocess.run([*office, "--convert-to", "pdf", "--outdir", place, str(file)], check=True, capture_output=True)
        pages = ["pdftoppm", "-png", "-r", str(DOTS), "-l", str(PAGES), str(file.with_suffix(".pdf")), str(Path(place) / "page")]
        subprocess.run(pages, check=True, capture_output=True)
        for number, page in enumerate(sorted(Path(place).glob("page*.png")), 1):
            shutil.copyfile(page, out / f"document-{number}.png")


def compress(picture: Path) -> None:
    """Write a picture again with few colours."""
    with Image.open(picture) as opened:
        small = opened.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


def tablet(folder: DemoFolder, story: Story, out: Path) -> None:
    """Take the tablet's pictures, in a window of its own process."""
    profile = folder.tablets / story.shipped[0].tablet
    words = [sys.executable, "-m", "mobile.pictures", "--profile", str(profile), "--pin", story.pin, "--out", str(out)]
    given = os.environ | {"KIVY_HOME": str(folder.path / "kivy"), "PYTHONPATH": str(ROOT)}
    if not os.environ.get("DISPLAY") and sys.platform == "linux":
        words = ["xvfb-run", "-a", "-s", "-screen 0 1280x1024x24", *words]
        given["LIBGL_ALWAYS_SOFTWARE"] = "1"
    subprocess.run([*words, "--today", f"{story.begins:%Y-%m-%d}"], check=True, env=given)


def main(words: Sequence[str] | None = None) -> int:
    """Build the demo, take all pictures, end everything."""
    parser = argparse.ArgumentParser(prog="python3 sen.py pictures", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="DIR", help=f"where they go (default {OUT.relative_to(ROOT)})"
    )
    out: Path = parser.parse_args(words).out
    out.mkdir(parents=True, exist_ok=True)
    story = load_story()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    try:
        with tempfile.TemporaryDirectory(prefix="sen-pictures-", ignore_cleanup_errors=True) as place:
            folder = DemoFolder(Path(place) / "demo")
            with demo_at_work(folder, story, port, lambda line: print(line, flush=True)) as server:
                console(server.address, story, out)
                tablet(folder, story, out)
    finally:
        end_all()
    taken = sorted(out.glob("*.png"))
    for picture in taken:
        compress(picture)
    print(f"{len(taken)} pictures, {sum(one.stat().st_size for one in taken) // 1024} KB, in {out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
