"""Asks one server for completions: many requests on the way at a time, tried again where trying again can help."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore2

from annotation.generation import posting
from annotation.generation.backend import Completion, Refusal
from annotation.generation.guarded_network import GuardedNetwork
from annotation.generation.server_answers import Unreadable, read_completion, read_reason, read_retry_after
from annotation.generation.server_fields import ServerFields
from annotation.generation.server_waits import LONGEST_ORDERED, draw_backoff, draw_spread
from rl_bridge.errors import BridgeError

MOST_ATTEMPTS = 6
_MOST_TIMEOUTS = 2  # what took too long once will probably do so again
_KEEP_ALIVE_SECONDS = 30.0
_WORTH_ANOTHER_TRY = frozenset(
    {408, 409, 424, 425, 429}
)  # 424: TGI's word for a model that failed in the middle
_MAY_NAME_A_FIELD = frozenset({400, 422, 500, 501})


class ServerUnusable(BridgeError):
    """The server can't be asked at all, whatever the request; the message is a sentence."""


class _TryAgain(Exception):
    wait_seconds = 0.0
    is_at_limit = False  # it takes no more requests for now


class _TooSlow(_TryAgain):
    pass


class _Unreachable(_TryAgain):
    pass


@dataclass(frozen=True)
class ServerSettings:
    """Where a server is and how it may be asked. `networks`, `only`: see `rules.server_addresses.find_fault`."""

    address: str
    model: str
    key: str = field(repr=False)
    max_in_flight: int
    timeout_seconds: float
    networks: tuple[str, ...]
    only: tuple[str, ...] = ()
    backoff_seconds: float = 0.5

    @property
    def url(self) -> str:
        return f"{self.address}/chat/completions"


@dataclass
class Round:
    """The requests of one call. Once one of them finds the server unusable, the others need not find out themselves."""

    unusable: ServerUnusable | None = None


class ServerClient:
    """One server. All its methods run in one event loop; whoever shares a client shares its limit of requests."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.fingerprint = ""  # what the server called itself last
        self._slots = asyncio.Semaphore(settings.max_in_flight)
        self._closed_until = (
            0.0  # in the loop's time: a server that asked for a break gets one from everybody
        )
        self._break_seconds = 0.0  # how long the break was that it asked for last
        self.fields = ServerFields()
        self._network = GuardedNetwork(settings.networks, settings.only)
        self._origin = httpcore2.URL(settings.url).origin
        self._kept: list[httpcore2.AsyncHTTPConnection] = []  # open and idle, the last one used at the end

    async def complete(self, body: Mapping[str, Any], *, max_tokens: int, of: Round) -> Completion | Refusal:
        """A completion, or why this request gets none; `of.unusable` is set where no request would get one."""
        try:
            return await self._insist(body, max_tokens, of)
        except ServerUnusable as error:
            of.unusable = of.unusable or error
            return Refusal(str(of.unusable))

    async def close(self) -> None:
        while self._kept:
            await self._kept.pop().aclose()

    async def _insist(self, body: Mapping[str, Any], max_tokens: int, of: Round) -> Completion | Refusal:
        num_timeouts = 0
        for attempt in range(MOST_ATTEMPTS):
            try:
                return await self._ask(body, max_tokens, of)
            except _TryAgain as failure:
                num_timeouts += isinstance(failure, _TooSlow)
                last = failure
            if num_timeouts >= _MOST_TIMEOUTS:
                return Refusal(f"The server gave no answer: {last}.")
            if attempt < MOST_ATTEMPTS - 1:
                await asyncio.sleep(self._draw_wait(attempt, last))
        reason = f"The server gave no answer in {MOST_ATTEMPTS} attempts: {last}."
        if isinstance(last, _Unreachable):
            raise ServerUnusable(reason)
        return Refusal(reason)

    def _draw_wait(self, attempt: int, failure: _TryAgain) -> float:
        if ordered := failure.wait_seconds:
            return ordered + draw_spread(ordered)
        base = self.settings.backoff_seconds
        return draw_backoff(attempt, base=base, is_at_limit=failure.is_at_limit)

    async def _ask(self, body: Mapping[str, Any], max_tokens: int, of: Round) -> Completion | Refusal:
        """One attempt; several requests where the server has to be asked without a field that it doesn't know."""
        async with self._slots:
            await self._wait_until_open()
            if of.unusable:
                raise of.unusable
            while True:
                sent = self.fields.fit(body, max_tokens=max_tokens)
                answer = await self._post_where_idle(sent)
                if answer.status == 200:
                    return self._read(answer.content)
                reason = read_reason(answer.content)
                if not (answer.status in _MAY_NAME_A_FIELD and self.fields.learn(reason, body, sent)):
                    return self._judge_refusal(answer, reason)

    def _close_for(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        if until > self._closed_until:
            self._closed_until, self._break_seconds = until, seconds

    async def _wait_until_open(self) -> None:
        loop = asyncio.get_running_loop()
        while (seconds := self._closed_until - loop.time()) > 0:
            await asyncio.sleep(seconds + draw_spread(self._break_seconds))

    async def _post_where_idle(self, body: Mapping[str, Any]) -> posting.Answer:
        """On a connection that nobody else is at. The library's pool would look at all of its connections before and
        after each request, which took two fifths of a request's CPU time at 64; the slots limit their number already.
        """
        connection = await self._take_connection()
        try:
            return await self._post(connection, body)
        finally:
            if connection.is_idle():
                self._kept.append(connection)

    async def _take_connection(self) -> httpcore2.AsyncHTTPConnection:
        while self._kept:
            connection = self._kept.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore2.AsyncHTTPConnection(
            self._origin, keepalive_expiry=_KEEP_ALIVE_SECONDS, network_backend=self._network
        )

    async def _post(
        self, connection: httpcore2.AsyncHTTPConnection, body: Mapping[str, Any]
    ) -> posting.Answer:
        settings = self.settings
        content = json.dumps(body).encode()
        try:
            return await posting.post(
                connection, settings.url, content, key=settings.key, seconds=settings.timeout_seconds
            )
        except posting.AddressNotAllowed as error:
            raise ServerUnusable(f"The server may not be asked: {error}") from error
        except posting.Endless as error:
            raise ServerUnusable("The server's answer is endless.") from error
        except posting.Unreachable as error:
            raise _Unreachable(f"{settings.address} can't be reached") from error
        except posting.TooSlow as error:
            raise _TooSlow(str(error)) from error
        except posting.NoAnswer as error:
            raise _TryAgain(str(error)) from error

    def _read(self, content: bytes) -> Completion:
        try:
            completion, fingerprint = read_completion(content)
        except Unreadable as error:
            raise _TryAgain(str(error)) from error
        self.fingerprint = fingerprint or self.fingerprint
        return completion

    def _judge_refusal(self, answer: posting.Answer, reason: str) -> Refusal:
        status = answer.status
        said = f"it answered {status}" + (f" ({reason})" if reason else "")
        if status in (401, 403):
            raise ServerUnusable(f"The server does not accept the key: {said}.")
        if status == 404:
            raise ServerUnusable(f"The server has no model “{self.settings.model}” there: {said}.")
        if status in _WORTH_ANOTHER_TRY or status >= 500:
            wait = read_retry_after(answer.headers, now=dt.datetime.now(dt.UTC)) or 0.0
            busy = _TryAgain(said)
            busy.wait_seconds, busy.is_at_limit = min(wait, LONGEST_ORDERED), status == 429
            self._close_for(busy.wait_seconds)
            raise busy
        if 300 <= status < 400:
            raise ServerUnusable("The server sends requests elsewhere; give the address it sends them to.")
        return Refusal(f"The server refused this prompt: {said}.")
