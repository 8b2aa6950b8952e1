"""Posts one signed message, to the IP that was allowed and to no other; follows nothing, and reads little."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass

from exports.addresses import Target

TIMEOUT_SECONDS = 10.0
_USER_AGENT = "Gradus-Webhook/1"


@dataclass(frozen=True)
class Outcome:
    """How an attempt went: the answer's status, or why there was none."""

    status: int | None
    error: str
    seconds: float

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def sign(secret: str, timestamp: int, body: str) -> str:
    """What `Gradus-Signature` says: HMAC-SHA256 over "<timestamp>.<body>", keyed with the webhook's secret."""
    digest = hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def post(target: Target, *, body: str, secret: str, event: str, uid: str, timestamp: int) -> Outcome:
    """Sends the message; whatever goes wrong on the way is in the outcome."""
    started_at = time.monotonic()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": _USER_AGENT,
        "Gradus-Event": event,
        "Gradus-Delivery": uid,
        "Gradus-Signature": sign(secret, timestamp, body),
    }
    status: int | None = None
    error = ""
    try:
        with closing(_connect(target)) as connection:
            connection.request("POST", target.path, body=body.encode(), headers=headers)
            status = connection.getresponse().status
    except (
        OSError,
        http.client.HTTPException,
        ValueError,
    ) as problem:  # the last: text that no header can hold
        error = _explain(problem)
    return Outcome(status, error, round(time.monotonic() - started_at, 3))


def _connect(target: Target) -> http.client.HTTPConnection:
    if target.scheme == "http":
        return _Pinned(target)
    return _PinnedTls(target)


class _Pinned(http.client.HTTPConnection):
    """A connection to the IP that was checked: a second look-up of the name could lead elsewhere."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT_SECONDS)
        self._ip = target.ip

    def connect(self) -> None:
        self.sock = socket.create_connection((self._ip, self.port), TIMEOUT_SECONDS)


class _PinnedTls(http.client.HTTPSConnection):
    """The same over TLS; the certificate is the name's."""

    def __init__(self, target: Target) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(target.host, target.port, timeout=TIMEOUT_SECONDS, context=self._tls)
        self._ip = target.ip

    def connect(self) -> None:
        plain = socket.create_connection((self._ip, self.port), TIMEOUT_SECONDS)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def _explain(problem: Exception) -> str:
    if isinstance(problem, TimeoutError):
        return f"No answer within {TIMEOUT_SECONDS:g} seconds."
    if isinstance(problem, ConnectionRefusedError):
        return "Nothing listens there."
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"Its certificate is not good: {problem.verify_message}."
    return (str(problem) or type(problem).__name__)[:300]
