"""A way to a server that a test can hold up: a forwarder that keeps every exchange until it is let go."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests

PATIENCE_S = 60


class Holder:
    """Listens on a free port of 127.0.0.1 and passes POSTs on; while ``hold`` is set they wait. A context manager."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.free, self.arrived = threading.Event(), threading.Event()
        self.free.set()
        holder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                holder.arrived.set()
                assert holder.free.wait(PATIENCE_S)
                kept = {"Content-Type": self.headers["Content-Type"]}
                answer = requests.post(holder.upstream + self.path, data=body, headers=kept, timeout=PATIENCE_S)
                self.send_response(answer.status_code)
                if "Content-Type" in answer.headers:  # an answer of the protocol has none
                    self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def hold(self) -> None:
        """From now on let nothing through."""
        self.arrived.clear()
        self.free.clear()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.free.set()
        self._server.shutdown()
        self._server.server_close()
