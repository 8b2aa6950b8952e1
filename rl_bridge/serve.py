"""`serve`: a process reward model as an HTTP judge, for the web app and for anything else. Standard library's server.

    GET  /v1/judge   what it is: judge, revision, backbone, export, segmenters, max_length
    POST /v1/scores  {"traces": [{"prompt": text or messages, "steps": [text, …]}, …]}
                     → {"judge": …, "revision": …, "scores": [[P(step stands), …] or null, …], "faults": ["", …]}

A trace that is too long has null for scores, and its fault says so. A refusal is {"error": {"message": sentence}}, as
servers of language models have it. Requests are scored one at a time, each in batches: the model is the bottleneck.
"""

import dataclasses
import hmac
import http.server
import json
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rl_bridge.errors import BridgeError
from rl_bridge.prm import Prm, TraceToScore
from rl_bridge.token_prm import AnyPrm, load_any_prm, score_all
from rl_bridge.traces_file import BadTraceLine, check_trace

MOST_TRACES = 256
LARGEST_BODY = 32 * 1024 * 1024  # bytes
_PATIENCE_SECONDS = 60  # for a client that stops in the middle of its request
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class NotServable(BridgeError):
    """The address can't be listened at, or would hand the model to everybody."""


@dataclasses.dataclass(frozen=True, slots=True)
class Serving:
    """What is served where. `key`, where there is one, has to come with every request as a bearer token."""

    prm: AnyPrm
    name: str
    key: str = dataclasses.field(default="", repr=False)

    def describe(self) -> dict[str, Any]:
        """What `GET /v1/judge` answers."""
        told: dict[str, Any] = {"judge": self.name, "revision": self.prm.revision}
        if isinstance(self.prm, Prm):
            config = self.prm.config
            told |= {
                "backbone": config.backbone,
                "export": config.export,
                "segmenters": list(config.segmenters),
                "max_length": config.max_length,
            }
        return told

    def score(self, traces: Sequence[TraceToScore]) -> dict[str, Any]:
        """What `POST /v1/scores` answers."""
        scores = score_all(self.prm, traces)
        faults = ["" if found is not None else "The trace is too long for this judge." for found in scores]
        return {"judge": self.name, "revision": self.prm.revision, "scores": scores, "faults": faults}


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class JudgeServer(http.server.ThreadingHTTPServer):
    """Listens; `port` 0 takes a free one."""

    daemon_threads = True

    def __init__(self, host: str, port: int, serving: Serving) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.serving = serving
        self.lock = threading.Lock()
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[0], self.server_address[1]
        named = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{named}:{port}/v1"


def open_server(*, folder: Path, host: str, port: int, name: str, key: str) -> JudgeServer:
    """Open the PRM in `folder` and listen. Raises `NotAPrm`, or `NotServable` where others could ask without a key."""
    if not key and host not in _LOOPBACK:
        raise NotServable(
            f"At {host} others can reach the judge: name a variable that holds a key with --key-variable."
        )
    serving = Serving(prm=load_any_prm(folder), name=name, key=key)
    try:
        return JudgeServer(host, port, serving)
    except OSError as error:
        raise NotServable(f"Nothing can listen at {host}:{port}: {error.strerror or error}.") from error


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "rl_bridge"
    sys_version = ""
    timeout = _PATIENCE_SECONDS
    server: JudgeServer

    def do_GET(self) -> None:
        self._answer("/v1/judge", self._describe)

    def do_POST(self) -> None:
        self._answer("/v1/scores", self._score)

    def _answer(self, path: str, make: Any) -> None:
        try:
            self._check_key()
            if self.path.rstrip("/") != path:
                raise _Refused(404, f"There is nothing at {self.path[:100]}; {self.command} goes to {path}.")
            self._send(200, make())
        except _Refused as refusal:
            self.close_connection = True  # what it sent may not have been read
            self._send(refusal.status, {"error": {"message": str(refusal)}})
        except RuntimeError as error:  # what torch raises, out of memory for one
            self.close_connection = True
            self._send(500, {"error": {"message": str(error).partition("\n")[0]}})

    def _check_key(self) -> None:
        key = self.server.serving.key
        given = self.headers.get("Authorization", "")
        if key and not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
            raise _Refused(401, "The key is missing or wrong.")

    def _describe(self) -> dict[str, Any]:
        return self.server.serving.describe()

    def _score(self) -> dict[str, Any]:
        traces = read_request(self._read_body())
        with self.server.lock:
            return self.server.serving.score(traces)

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise _Refused(411, "The request has no Content-Length.")
        if int(length) > LARGEST_BODY:
            raise _Refused(413, f"A request may have {LARGEST_BODY // 2**20} MiB.")
        return self.rfile.read(int(length))

    def _send(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: prompts are nobody's business, and a line a request helps no one."""


def read_request(body: bytes) -> list[TraceToScore]:
    """The traces of a request. Raises a refusal that names the trace."""
    try:
        told = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise _Refused(400, "The request is not JSON.") from error
    traces = told.get("traces") if isinstance(told, dict) else None
    if not isinstance(traces, list):
        raise _Refused(400, "The request has no list of `traces`.")
    if len(traces) > MOST_TRACES:
        raise _Refused(413, f"A request may have {MOST_TRACES} traces, not {len(traces)}.")
    try:
        rows = [check_trace(trace, f"Trace {index}") for index, trace in enumerate(traces)]
    except BadTraceLine as error:
        raise _Refused(400, str(error)) from error
    return [TraceToScore(prompt=row["prompt"], steps=tuple(row["steps"])) for row in rows]
