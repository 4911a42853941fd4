"""``python -m server.demo`` (behind ``python3 sen.py demo``): the demo, until Ctrl-C; or ``--check``: everything once, then the verdict."""

import argparse
import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from server.demo.check import check
from server.demo.folder import DemoFolder
from server.demo.processes import DemoStopped, Refused, end_all, stopping
from server.demo.serving import demo_at_work, table, watch
from server.demo.story import load_story
from server.logbook import start_log
from shared.errors import SenError

PORT = 8040
LOOK_S = 0.2
ENDINGS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    about = "Một huyện với dữ liệu mẫu của hai năm. A district with two years of invented records."
    parser = argparse.ArgumentParser(prog="python3 sen.py demo", description=about)
    parser.add_argument("--port", type=int, default=PORT, help=f"TCP port of the server, on this machine alone (default {PORT})")
    parser.add_argument("--fresh", action="store_true", help="begin anew: what was done in an earlier demo is deleted")
    parser.add_argument("--no-window", action="store_true", help="open no tablet window")
    parser.add_argument("--check", action="store_true", help="build it in a temporary folder, fetch every main page and the report, end")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run; gives the exit code. Whatever happens, no process of the demo is left."""
    options = _options(words)
    start_log("warning")
    codes: list[int] = []
    worker = threading.Thread(target=lambda: codes.append(_told(_check if options.check else lambda: _run(options))))
    told_to_end = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        told_to_end.set()

    for number in ENDINGS:
        signal.signal(number, end)
    worker.start()
    while worker.is_alive() and not told_to_end.is_set():
        worker.join(LOOK_S)
    if told_to_end.is_set():
        print("\nSen: đang dừng · ending …", flush=True)
    end_all()
    worker.join()
    return codes[0] if codes else 1


def _told(work: Callable[[], int]) -> int:
    """Do the work; what goes wrong is told in a sentence, unless the demo is being ended. Gives the exit code.

    It is done in a thread of its own, so that a signal never breaks into the start of a process.
    """
    try:
        return work()
    except (DemoStopped, OSError, ValueError, Refused, SenError) as error:
        if stopping() or isinstance(error, DemoStopped):
            return 0
        said = f"{error.text('vi')}\n     {error.text('en')}" if isinstance(error, SenError) else str(error)
        print(f"Sen: {said}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    var = Path(os.environ.get("SEN_VAR") or "var")
    folder, story = DemoFolder((var / "demo").absolute()), load_story()
    _see_port_free(options.port)
    if options.fresh or not folder.whole:
        tell("Sen: dựng dữ liệu mẫu, khoảng một đến hai phút · building the demo, one to two minutes")
    with demo_at_work(folder, story, options.port, tell, fresh=options.fresh) as server:
        print(table(story, server.address), flush=True)
        return watch(server, folder, story, tell, window=not options.no_window)


def _check() -> int:
    """Everything once, in a temporary folder on a free port; prints what failed."""
    story, began = load_story(), time.monotonic()
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="sen-demo-", ignore_cleanup_errors=True))
        folder = DemoFolder(Path(place) / "demo")
        server = stack.enter_context(demo_at_work(folder, story, _free_port(), tell))
        ready_s = round(time.monotonic() - began)
        faults, fetched = check(server.address, story, folder)
    for fault in faults:
        print(f"Sen: {fault}", file=sys.stderr)
    verdict = f"{len(faults)} lỗi · faults" if faults else "tốt · all well"
    print(f"Sen: demo --check: {verdict}; {fetched} trang · pages; {ready_s} s")
    return 1 if faults else 0


def _see_port_free(port: int) -> None:
    """Say at once that the port is taken, not after two minutes of building. Raises SenError("port_in_use")."""
    with socket.socket() as tried:
        if sys.platform != "win32":
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise SenError("port_in_use", port=port) from error


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def tell(line: str) -> None:
    """A line of progress: rewritten in place on a terminal."""
    if sys.stdout.isatty() and not line.startswith(("Sen:", "Không", "Máy")):
        print(f"\r\x1b[K{line}", end="", flush=True)
    else:
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
