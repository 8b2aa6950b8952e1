"""A small HTTP server on loopback that tests script: what it answers, and what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]  # by lower-case name
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to answer; `cut` sends so many bytes of the body and then hangs up."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Server:
    """A running server: its address, and all requests so far."""

    url: str
    asked: list[Asked]


@contextmanager
def serving(answer: Callable[[Asked], Answer]) -> Iterator[Server]:
    """Serves on a free port until the block ends."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            names = {name.lower(): value for name, value in self.headers.items()}
            request = Asked(self.command, self.path, names, self.rfile.read(length))
            asked.append(request)
            given = answer(request)
            self.send_response(given.status)
            for name, value in ({"Content-Length": str(len(given.body))} | given.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given.body if given.cut is None else given.body[: given.cut])
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_HEAD = _serve  # noqa: N815 (the names that http.server calls)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
