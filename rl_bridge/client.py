"""Talks to a Gradus server over HTTP with an API token. Standard library only.

The token comes from the environment (GRADUS_TOKEN): it stands in no shell history and in no list of processes. It is
sent to the one server asked for: redirects are not followed, and plain HTTP only reaches this machine unless allowed.
"""

import http.client
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rl_bridge.errors import BridgeError

TOKEN_VARIABLE = "GRADUS_TOKEN"
TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 256 * 1024
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class BadAddress(BridgeError):
    """The address can't be asked, or not safely."""


class Refused(BridgeError):
    """The server answered with a refusal; the text says which."""


class Unreachable(BridgeError):
    """The server could not be reached, or the connection broke; trying again may help."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect could lead the token to another server."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        return None


class Client:
    """Reads from one server. Raises `BadAddress` at once where a token would travel in the clear."""

    def __init__(self, address: str, *, token: str | None = None, allows_http: bool = False) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadAddress(f"{address!r} is no http or https address.")
        if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE and not allows_http:
            raise BadAddress(
                f"Over plain http the token could be read on the way to {parts.hostname}; use https, or --allow-http."
            )
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._token = os.environ.get(TOKEN_VARIABLE, "") if token is None else token
        self._opener = urllib.request.build_opener(_NoRedirects)

    def read_json(self, path: str) -> Any:
        """The JSON at `path`. Raises `Refused` or `Unreachable`."""
        with self._open(path, {"Accept": "application/json"}) as answer:
            return self._read_json(answer, path)

    def send_json(self, path: str, content: Any) -> Any:
        """Post JSON to `path` and return the JSON that answers. Raises `Refused` or `Unreachable`."""
        body = json.dumps(content).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        with self._open(path, headers, body) as answer:
            return self._read_json(answer, path)

    def append_to(self, path: str, target: Path, tag: str = "") -> str:
        """Download `path` into `target`, going on after the bytes it has; returns the answer's entity tag.

        `tag` is that of the bytes already there: where the server has another file by now, it starts anew.
        Raises `Refused` or `Unreachable`; what came until then stays.
        """
        num_there = target.stat().st_size if target.exists() else 0
        headers = {"Range": f"bytes={num_there}-", "If-Range": tag} if num_there and tag else {}
        with (
            self._open(path, headers) as answer,
            target.open("ab" if answer.status == 206 else "wb") as handle,
        ):
            try:
                while chunk := answer.read(_CHUNK_BYTES):
                    handle.write(chunk)
            except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
                raise Unreachable(f"The connection to {self.origin} broke: {error}.") from error
            if answer.length:
                raise Unreachable(f"The connection to {self.origin} ended {answer.length} bytes too early.")
            return answer.headers.get("ETag") or ""

    def find_tag(self, path: str) -> str:
        """The entity tag of `path` now. Raises `Refused` or `Unreachable`."""
        with self._open(path, {"Range": "bytes=0-0"}) as answer:
            return answer.headers.get("ETag") or ""

    def _open(self, path: str, headers: dict[str, str], body: bytes | None = None) -> Any:
        request = urllib.request.Request(f"{self.origin}{path}", data=body, headers=headers)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            return self._opener.open(request, timeout=TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            with error:
                raise self._explain(error, path) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(f"{self.origin} can't be reached: {reason}.") from error

    def _read_json(self, answer: Any, path: str) -> Any:
        try:
            return json.loads(answer.read())
        except ValueError as error:
            raise Refused(f"{self.origin}{path} did not answer with JSON; is it a Gradus server?") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"The connection to {self.origin} broke: {error}.") from error

    def _explain(self, error: urllib.error.HTTPError, path: str) -> BridgeError:
        if error.code in (301, 302, 303, 307, 308):
            return Refused(
                f"{self.origin}{path} sends on to {error.headers.get('Location')}; ask there instead."
            )
        if error.code == 401 and not self._token:
            return Refused(
                f"{self.origin} wants a token: set {TOKEN_VARIABLE} to one of the page “API tokens”."
            )
        try:
            detail = str(json.loads(error.read())["detail"])
        except (ValueError, KeyError, TypeError, OSError):
            detail = error.reason or "no reason given"
        kind = Unreachable if error.code >= 500 or error.code == 429 else Refused
        return kind(f"{self.origin}{path} answered {error.code}: {detail}")
