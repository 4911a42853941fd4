"""The floor: a minimal Flask app on cheroot that stores lines in SQLite (WAL, synchronous=FULL) and sends them.

`python -m tests.bench.floor FOLDER` prints its address as one line of JSON and serves until it is ended. Knows nothing of
Sen; no checks, no merge, no rights.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from cheroot.wsgi import Server
from flask import Flask, Response, request

GZIP_LEVEL = 5
"""What everybody has, at a level that is twice as fast as its own and not a tenth larger."""


def database(path: Path) -> sqlite3.Connection:
    """Open a database of lines as durable as Sen's."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS line (place INTEGER PRIMARY KEY, log TEXT, number INTEGER, record TEXT, body BLOB)"
    )
    return connection


def store(connection: sqlite3.Connection, lines: Sequence[bytes]) -> None:
    """Parse lines and insert them in one transaction."""
    rows = []
    for line in lines:
        body = json.loads(line)
        rows.append((body["l"], body["n"], body["r"], line))
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO line (log, number, record, body) VALUES (?, ?, ?, ?)", rows)
    connection.execute("COMMIT")


def create_app(path: Path) -> Flask:
    """The app over one database file."""
    app = Flask(__name__)
    connection = database(path)

    @app.post("/push")
    def push() -> Response:
        lines = gzip.decompress(request.get_data()).split(b"\n")
        store(connection, lines)
        return Response(json.dumps({"read": len(lines)}), mimetype="application/json")

    @app.get("/pull/<int:after>")
    def pull(after: int) -> Response:
        rows = connection.execute("SELECT body FROM line WHERE place > ? ORDER BY place", (after,)).fetchall()
        body = gzip.compress(b"\n".join(row[0] for row in rows), compresslevel=GZIP_LEVEL)
        return Response(body, mimetype="application/octet-stream")

    @app.get("/head")
    def head() -> Response:
        row = connection.execute("SELECT max(place) FROM line").fetchone()
        return Response(json.dumps({"head": row[0] or 0}), mimetype="application/json")

    return app


def main(folder: Path) -> None:
    """Serve on a free port of this machine until the process is ended."""
    server = Server(("127.0.0.1", 0), create_app(folder / "floor.sqlite3"))
    server.prepare()
    print(json.dumps({"port": server.bind_addr[1]}), flush=True)
    try:
        server.serve()
    finally:
        server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
