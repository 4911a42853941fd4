"""A relay between two servers that keeps every byte of every message that crosses, both ways, as it was and unpacked."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import requests

from tests.stranger import wire


class Recorder:
    """Listens on a free port and passes POSTs on to ``upstream``; ``crossed`` are the bodies of requests and answers, unpacked."""

    def __init__(self, upstream: str) -> None:
        self.crossed: list[bytes] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])) if "Content-Length" in self.headers else self.chunks()
                answer = requests.post(upstream + self.path, data=body, headers={"Content-Type": self.headers["Content-Type"]}, timeout=60)
                recorder.crossed += [unpacked(body), unpacked(answer.content)]
                self.send_response(answer.status_code)
                if "Content-Type" in answer.headers:
                    self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def chunks(self) -> bytes:
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def unpacked(body: bytes) -> bytes:
    """A message with its payload as text (docs/sync.md § 5), as a stranger reads it; anything else as it is."""
    head, newline, payload = body.partition(b"\n")
    return head + newline + wire.unpacked(payload) if head.startswith(b"sen1 ") else body
