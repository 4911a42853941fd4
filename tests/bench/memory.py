"""What a push and a pull of many lines need of memory at the server and on a tablet, above what each process had at its start.

A process's start is when it has answered, or made, its first greeting: its modules are there, its database is open. The server is
another process for the pull than for the push, and so is the tablet, so that neither finds what the other had already taken.

A tablet holds in memory what nobody has yet: `tablet_waiting_mb` is that, when all is entered and nothing is sent. Its push is
measured above it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.bench.results import Counted
from tests.support.apart import Apart, apart
from tests.support.processes import Memory, Watched, memory_mb

UNIT, NEIGHBOUR = "long_khanh_a", "long_khanh_b"


def memory(folder: Path, few: int, many: int, *, tell: Callable[[str], None]) -> dict[str, Counted]:
    """The megabytes with so many lines, with more, and by how much these are more: nothing, but for chance, where it is constant."""
    found: dict[str, Counted] = {}
    for lines in (few, many):
        tell(f"memory with {lines} lines")
        found[f"memory_{lines}"] = Counted(_with(folder / str(lines), lines))
    more, less = found[f"memory_{many}"].told, found[f"memory_{few}"].told
    return found | {"memory_growth": Counted({name: more[name] - less[name] for name in less if name.endswith("_mb")})}


def _with(folder: Path, lines: int) -> dict[str, float]:
    (folder / "tablets").mkdir(parents=True)
    there = {"SEN_DATABASE": str(folder / "sen.sqlite3"), "SEN_BENCH_UNLIMITED": "1"}
    counting = ["-m", "tests.bench.serve", str(folder / "server"), f"{UNIT}:2", f"{NEIGHBOUR}:1"]
    plain = ["-m", "server", "run", "--var", str(folder / "server"), "--port", "0", "--json"]
    found: dict[str, float] = {"lines": lines}
    with Watched(counting, folder / "push.log", there) as server:
        address, codes = f"http://127.0.0.1:{server.told['port']}", server.told["codes"]
        with (
            apart(folder / "tablets" / "one", address, codes[UNIT][0]) as one,
            apart(folder / "tablets" / "two", address, codes[UNIT][1]) as two,
            apart(folder / "tablets" / "other", address, codes[NEIGHBOUR][0]) as other,
        ):
            for tablet in (one, two, other):
                tablet.do("exchange")
            start = memory_mb(two.process.pid)
            with Memory(one.process.pid, memory_mb(one.process.pid)) as waiting:
                assert one.do(f"enter {lines}") == lines
            found["tablet_waiting_mb"] = waiting.above_start_mb
            with _above_start(found, "push", server, one, memory_mb(one.process.pid)):
                assert one.do("exchange") == lines
                _settle(server)
            server.__exit__()
            with Watched(plain, folder / "pull.log", there) as again:
                for tablet in (two, other):
                    tablet.do(f"at {again.told['address']}")
                other.do("exchange")
                with _above_start(found, "pull", again, two, start):
                    assert two.do("exchange") == lines
    return found


@contextmanager
def _above_start(found: dict[str, float], way: str, server: Watched, tablet: Apart, start_mb: float) -> Iterator[None]:
    """The greatest memory of both in the block: the server's above what it has now, the tablet's above what it had at its start."""
    pid = server.process.pid
    with Memory(pid, memory_mb(pid)) as of_server, Memory(tablet.process.pid, start_mb) as of_tablet:
        yield
    found |= {f"server_{way}_mb": of_server.above_start_mb, f"tablet_{way}_mb": of_tablet.above_start_mb}


def _settle(server: Watched) -> None:
    while requests.get(f"http://127.0.0.1:{server.told['counts']}/", timeout=60).json()["waiting"]:
        time.sleep(0.1)
