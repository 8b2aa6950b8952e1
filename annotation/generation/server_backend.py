"""A language model on a server that speaks OpenAI's protocol: vLLM, Text Generation Inference, llama.cpp's server.

Each candidate is a request of its own with a seed of its own, so a server that ignores `n` yields as many as one that
honours it, and one candidate can be made again alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import httpcore2

from annotation.generation.backend import (
    BackendDescription,
    ChatTemplate,
    Completion,
    GenerationRequest,
    GenerationStopped,
    Refusal,
    Sampling,
)
from annotation.generation.server_client import Round, ServerClient, ServerSettings

_ASK_EVERY_SECONDS = 0.5
Result = TypeVar("Result")


class ServerBackend:
    """Implements `Backend`. Threads may share one; together they keep to its limit of requests."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._client = _run(_make_client(settings))

    def describe(self) -> BackendDescription:
        """`versions` also names the fields that the server refused and did not get, such as a seed."""
        left_out = self._client.fields.left_out
        return BackendDescription(
            backend="server",
            model=self._settings.model,
            revision=self._client.fingerprint,
            dtype="",
            device=self._settings.address,
            num_threads=0,
            versions={
                "httpcore2": httpcore2.__version__,
                **({"fields_left_out": ", ".join(left_out)} if left_out else {}),
            },
        )

    def describe_chat(self) -> ChatTemplate:
        """Unknown: the server keeps it to itself."""
        return ChatTemplate("", {})

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        sampling: Sampling,
        should_stop: Callable[[], bool],
    ) -> list[Completion | Refusal]:
        """See `Backend.generate`; `is_enough` is not asked, since answers come whole. What is stopped is broken
        off, and servers stop writing then.

        Raises ServerUnusable where no request got an answer, nor would another.
        """
        bodies = [
            build_body(self._settings.model, request, sampling, index)
            for index, request in enumerate(requests)
        ]
        return _run(self._complete_all(bodies, sampling.max_new_tokens), should_stop)

    def close(self) -> None:
        _run(self._client.close())

    async def _complete_all(
        self, bodies: Sequence[dict[str, Any]], max_tokens: int
    ) -> list[Completion | Refusal]:
        together = Round()
        results = list(
            await asyncio.gather(
                *(self._client.complete(body, max_tokens=max_tokens, of=together) for body in bodies)
            )
        )
        if together.unusable and all(isinstance(result, Refusal) for result in results):
            raise together.unusable
        return results


def build_body(model: str, request: GenerationRequest, sampling: Sampling, index: int) -> dict[str, Any]:
    """A request as the protocol has it, without its limit of tokens.

    It says everything about sampling: servers have defaults of their own (llama.cpp a top-k of 40 and a min-p, vLLM
    what came with the model), and a trace's record would not tell. A top-p of 1 is left out, as TGI refuses it.
    """
    messages = [{"role": "user", "content": request.text}]
    body: dict[str, Any] = {"model": model, "messages": messages, "stream": False}
    body |= {"logprobs": True, "top_logprobs": 1}  # without it llama.cpp tells 20, and llama-cpp-python none
    if request.answer_begins:
        messages.append({"role": "assistant", "content": request.answer_begins})
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    seed = derive_seed(sampling.seed, index) if request.seed is None else request.seed
    body |= {"temperature": sampling.temperature, "seed": seed}
    if sampling.temperature > 0:
        body |= {"top_k": 0, "min_p": 0.0}
        if sampling.top_p < 1:
            body["top_p"] = sampling.top_p
    return body


def derive_seed(seed: int, index: int) -> int:
    """The seed of one request of a call, in the range that all servers take."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{index}".encode()).digest()[:4]) & 0x7FFFFFFF


async def _make_client(settings: ServerSettings) -> ServerClient:
    return ServerClient(settings)


class _Loop:
    """The event loop of this process, in a thread of its own, started when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="servers", daemon=True).start()
            return self._loop

    def forget(self) -> None:
        """In a forked child: the thread stayed with the parent."""
        self.__init__()  # type: ignore[misc]


_loop = _Loop()
os.register_at_fork(after_in_child=_loop.forget)


def _run(work: Coroutine[Any, Any, Result], should_stop: Callable[[], bool] = lambda: False) -> Result:
    """Does the work in the loop while this thread goes on asking whether to stop. Raises GenerationStopped."""
    future = asyncio.run_coroutine_threadsafe(work, _loop.get())
    try:
        while True:
            try:
                return future.result(timeout=_ASK_EVERY_SECONDS)
            except TimeoutError:
                if future.done():
                    raise
            if should_stop():
                raise GenerationStopped
    finally:
        future.cancel()
