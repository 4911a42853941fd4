"""The real server, as it is served, with a second port that tells what it has cost so far.

`python -m tests.bench.serve FOLDER UNIT[:OFFICERS]…` prints one line of JSON: its address, the port of the counts, and for each unit
the enrolment codes of its officers. Everything behind the address is `server.process.serve`; the counts come from
listeners on SQLAlchemy's engines.
"""

from __future__ import annotations

import http.server
import json
import os
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from server import db as database_module
from server.app import limiter
from server.config import Config
from server.db import db, transaction
from server.enrolment import make_code
from server.housekeeping import THREADS
from server.people import add_user, give_role
from server.places import Places
from server.process import ready_app, serve
from server.services import services
from server.turns import Turns

ROLES = ("collector", "case_worker")
OFFICERS = 2
"""Of each unit: one writes, one reads."""

COUNTS = "counts"
"""The thread that waits for those who ask for the counts."""

CONTACT = "UPDATE device SET seen_ms="
"""Notes when a device was last heard of, once its answer has left."""

counts: Counter[str] = Counter({"queries": 0, "commits": 0, "contacts": 0, "asked": 0, "overtaken": 0})


class Queue(deque[threading.Lock]):
    """Of those that write to SQLite: notes who asked when. It is told in the one moment in which the place in the queue is given."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[int, tuple[int, int]] = {}
        """Thread → its number among those that asked, and how many had begun by then."""
        self.begun: list[int] = []
        """The numbers of those whose transaction has begun, in the order in which it did."""

    def append(self, one: threading.Lock) -> None:
        """Somebody asks."""
        counts["asked"] += 1
        self.asked[threading.get_ident()] = counts["asked"], len(self.begun)
        super().append(one)

    def begins(self) -> None:
        """This thread's transaction has begun, and no other is going on: `overtaken` becomes the most that ever passed one that waited.

        One that did not ask came last of all.
        """
        mine, before = self.asked.pop(threading.get_ident(), (counts["asked"] + 1, len(self.begun)))
        passed = sum(other > mine for other in self.begun[before:])
        self.begun.append(mine)
        counts["overtaken"] = max(counts["overtaken"], passed)


class WatchedTurns(Turns):
    """With such a queue."""

    def __init__(self, places: int) -> None:
        super().__init__(places)
        self.waiting = Queue()


def listen() -> None:
    """Count every statement (but BEGIN, which PostgreSQL's driver sends unasked), and every commit of a transaction that wrote,
    those that only note a contact apart; on SQLite who writes before whom.

    SEN_BENCH_COMMIT_MS is added to each such commit, as a slow disk would add it.
    """
    database_module.Turns = WatchedTurns  # type: ignore[attr-defined]
    slow_disk_s = float(os.environ.get("SEN_BENCH_COMMIT_MS", "0")) / 1000

    @event.listens_for(Engine, "before_cursor_execute")
    def statement(connection: Any, cursor: Any, text: str, *_: Any) -> None:
        if connection.get_execution_options().get("uncounted") or threading.current_thread().name in THREADS:
            return  # what is done when nobody waits for it is no exchange's
        counts["queries"] += not text.startswith("BEGIN")
        if text.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
            connection.info["wrote"] = "commits" if "wrote" in connection.info or not text.startswith(CONTACT) else "contacts"

    @event.listens_for(Engine, "after_cursor_execute")
    def begun(connection: Any, cursor: Any, text: str, *_: Any) -> None:
        if text == "BEGIN IMMEDIATE":
            queue = database_module.TURNS[connection.engine][1][""].waiting
            assert isinstance(queue, Queue)
            queue.begins()

    @event.listens_for(Engine, "commit")
    def commit(connection: Any) -> None:
        wrote = connection.info.pop("wrote", "")
        if wrote:
            counts[wrote] += 1
            time.sleep(slow_disk_s)

    @event.listens_for(Engine, "rollback")
    def rollback(connection: Any) -> None:
        connection.info.pop("wrote", None)


def enrolment_codes(config: Config, units: Sequence[str]) -> dict[str, list[str]]:
    """Make the officers of each unit, each with a code for a tablet."""
    app = ready_app(config)
    with app.app_context():
        held = services()
        wanted = {unit: int(officers or OFFICERS) for unit, _, officers in (word.partition(":") for word in units)}

        def work(session: Session) -> dict[str, list[str]]:
            codes: dict[str, list[str]] = {unit: [] for unit in wanted}
            for n, unit in enumerate(unit for unit, officers in wanted.items() for _ in range(officers)):
                now_ms = held.clock.now_ms()
                user = add_user(session, login=f"officer{n}", name=f"Officer {n}", password=None, now_ms=now_ms)
                for role in ROLES:
                    give_role(session, held.catalogue, user, role, unit)
                codes[unit].append(
                    make_code(session, held.catalogue, user=user, unit=unit, made_by=None, now_ms=now_ms, hours=24)
                )
            return codes

        made = transaction(work)
        db.engine.dispose()
    return made


class Counts(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the counts, with how many records the housekeeper has still to put into columns, and with `busy_ns`: the
    processor time that the threads which answer somebody have had so far, and PostgreSQL's processes for this database.
    """

    database: Engine

    def do_GET(self) -> None:
        with self.database.connect() as connection:
            waiting = connection.scalar(text("SELECT count(*) FROM record WHERE current IS NULL"))
            backends = _backends(connection) if connection.dialect.name == "postgresql" else []
        busy_ns = sum(_clock_ns(_of_process(one)) for one in backends) + sum(_clock_ns(one) for one in _answering())
        body = json.dumps({**counts, "waiting": waiting, "busy_ns": busy_ns}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _answering() -> Iterator[int]:
    """The clocks of the threads that answer tablets and people: all but those for what nobody waits for, and this server of counts."""
    for thread in threading.enumerate():
        if thread.ident is not None and thread.name not in THREADS and thread.name != COUNTS:
            yield time.pthread_getcpuclockid(thread.ident)


def _backends(connection: Connection) -> list[int]:
    own = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return list(connection.scalars(text(own)))


def _of_process(pid: int) -> int:
    """The clock of a process, as clock_getcpuclockid(3) makes it on Linux."""
    return ~pid << 3 | 2


def _clock_ns(clock: int) -> int:
    try:
        return time.clock_gettime_ns(clock)
    except OSError:  # it has just ended
        return 0


def main(folder: Path, units: Sequence[str]) -> None:
    """Serve until the process is ended."""
    limiter.enabled = not os.environ.get("SEN_BENCH_UNLIMITED")
    config = Config.read(var=folder, port=0, log="warning")
    codes = enrolment_codes(config, units)
    listen()
    Counts.database = create_engine(Places(config).database_url, poolclass=NullPool, execution_options={"uncounted": True})
    told = http.server.HTTPServer(("127.0.0.1", 0), Counts)

    def announce(_: str, port: int) -> None:
        """Begin to tell; not before the server's own threads are there, whose memory is measured."""
        threading.Thread(target=told.serve_forever, name=COUNTS, daemon=True).start()
        print(json.dumps({"port": port, "counts": told.server_port, "codes": codes}), flush=True)

    serve(config, announce)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
