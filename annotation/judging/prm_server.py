"""A process reward model on a server of its own (`python -m rl_bridge serve`), asked over HTTP. Loads no torch.

Where it may be is decided as for servers of language models: the address that was checked is the one connected to.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpcore2

from annotation.generation import posting
from annotation.generation.guarded_network import GuardedNetwork
from annotation.generation.server_answers import read_reason
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion, never
from rl_bridge.errors import BridgeError

MOST_ATTEMPTS = 5
_TRACES_A_REQUEST = 8
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class PrmServerUnusable(BridgeError):
    """The server can't be asked, or does not answer as a judge; the message is a sentence."""


@dataclass(frozen=True)
class PrmServerSettings:
    """Where the judge is and how it may be asked. `name` is what it has to call itself; `revision`, where known, the
    hash of weights it has to have. `networks`, `only`: see `rules.server_addresses.find_fault`."""

    address: str
    name: str
    revision: str
    key: str = field(repr=False)
    timeout_seconds: float
    networks: tuple[str, ...]
    only: tuple[str, ...] = ()
    backoff_seconds: float = 0.5


class HttpPrmJudge:
    """Implements `Judge`. After a call `revision` is the hash of the weights that scored."""

    def __init__(self, settings: PrmServerSettings) -> None:
        self._settings = settings
        self.revision = settings.revision

    def score(
        self, traces: Sequence[JudgedTrace], should_stop: Callable[[], bool] = never
    ) -> list[Opinion | NoOpinion]:
        """Raises PrmServerUnusable where the server gives no usable answer after several attempts."""
        opinions: list[Opinion | NoOpinion] = []
        # The loop stands still between two requests: what `should_stop` asks of the database may not run inside it.
        with asyncio.Runner() as runner:
            network = GuardedNetwork(self._settings.networks, self._settings.only)
            pool = httpcore2.AsyncConnectionPool(max_connections=1, network_backend=network)
            try:
                for start in range(0, len(traces), _TRACES_A_REQUEST):
                    should_stop()
                    asked = traces[start : start + _TRACES_A_REQUEST]
                    opinions += self._read(runner.run(self._insist(pool, asked)), asked)
            finally:
                runner.run(pool.aclose())
        return opinions

    async def _insist(self, pool: httpcore2.AsyncConnectionPool, asked: Sequence[JudgedTrace]) -> Any:
        body = {"traces": [{"prompt": trace.problem, "steps": list(trace.steps)} for trace in asked]}
        content = json.dumps(body).encode()
        reason = ""
        for attempt in range(MOST_ATTEMPTS):
            if attempt:
                await asyncio.sleep(random.uniform(0.0, self._settings.backoff_seconds * 2**attempt))
            try:
                return await self._post(pool, content)
            except posting.NoAnswer as failure:
                reason = str(failure)
        raise PrmServerUnusable(f"The judge gave no answer in {MOST_ATTEMPTS} attempts: {reason}.")

    async def _post(self, pool: httpcore2.AsyncConnectionPool, content: bytes) -> Any:
        settings = self._settings
        try:
            answer = await posting.post(
                pool,
                f"{settings.address}/scores",
                content,
                key=settings.key,
                seconds=settings.timeout_seconds,
            )
        except posting.AddressNotAllowed as error:
            raise PrmServerUnusable(f"The judge may not be asked: {error}") from error
        except posting.Endless as error:
            raise PrmServerUnusable("The judge's answer is endless.") from error
        return _read_answer(answer.status, answer.content)

    def _read(self, told: Any, asked: Sequence[JudgedTrace]) -> list[Opinion | NoOpinion]:
        """Raises PrmServerUnusable where another judge answers, or another version of it, or something else."""
        if not isinstance(told, dict) or not isinstance(told.get("revision"), str):
            raise PrmServerUnusable("What answers there is no judge.")
        self._check_who(told)
        scores, faults = told.get("scores"), told.get("faults")
        if not isinstance(scores, list) or len(scores) != len(asked):
            raise PrmServerUnusable("The judge did not answer for each trace.")
        reasons = faults if isinstance(faults, list) and len(faults) == len(asked) else [""] * len(asked)
        return [
            _read_opinion(said, reason, len(trace.steps))
            for said, reason, trace in zip(scores, reasons, asked, strict=True)
        ]

    def _check_who(self, told: Mapping[str, Any]) -> None:
        if told.get("judge") != self._settings.name:
            raise PrmServerUnusable(
                f"The server has the judge “{str(told.get('judge'))[:80]}”, not “{self._settings.name}”."
            )
        revision = str(told["revision"])[:80]
        if self.revision and revision != self.revision:
            raise PrmServerUnusable(
                f"The judge's weights are now {revision[:12]}, and were {self.revision[:12]}: add it as another model."
            )
        self.revision = revision


def _read_answer(status: int, answer: bytes) -> Any:
    if status in _WORTH_ANOTHER_TRY:
        raise posting.NoAnswer(f"it answered {status}")
    if status in (401, 403):
        raise PrmServerUnusable(f"The judge does not accept the key: it answered {status}.")
    if status != 200:
        reason = read_reason(answer)
        raise PrmServerUnusable(f"The judge answered {status}" + (f" ({reason})." if reason else "."))
    try:
        return json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise PrmServerUnusable("What answers there is no judge.") from error


def _read_opinion(said: object, reason: object, num_steps: int) -> Opinion | NoOpinion:
    if said is None:
        return NoOpinion(str(reason)[:300] or "The judge says nothing of this trace.")
    numbers = isinstance(said, list) and len(said) == num_steps
    if not numbers or not all(_is_probability(score) for score in said):  # type: ignore[attr-defined]
        raise PrmServerUnusable("The judge did not give one probability for each step.")
    return Opinion(tuple(float(score) for score in said))  # type: ignore[attr-defined]


def _is_probability(score: object) -> bool:
    return isinstance(score, int | float) and not isinstance(score, bool) and 0.0 <= score <= 1.0
