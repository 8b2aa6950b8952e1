"""A server that speaks OpenAI's chat protocol as vLLM, Text Generation Inference or llama.cpp's server does.

It runs in a thread of the test's own process, on loopback. Which fields they take and what those mean was read in parts
of their public sources: llama.cpp's server-task.cpp, TGI's chat.rs, vLLM's protocol.py. Status codes and the sentences
of refusals come partly from excerpts of these projects and of reports about them, and may differ between versions. No
such server was run beside it, but llama-cpp-python's is, where it is installed (test_llama_cpp_python.py). What the
client has to cope with:

- vLLM wants prompt and answer to fit together, and says so in words that name two fields; an unknown model is a 404.
- TGI looks at no model's name and no `n`, wants a top-p below 1, and answers 422 to what it refuses and 424 where the
  model failed in the middle. Its chats end with "stop", its older ones with "eos_token".
- llama.cpp looks at no model's name. Only the prompt has to fit, and an answer ends with the context, as "length". Its
  older builds ignore `n`. While it opens its model it answers 503.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Body = dict[str, Any]
CONTEXT = 512  # tokens; a token is a word here


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens to one request instead of an answer. A status of 0 closes the connection without a word."""

    status: int
    body: bytes = b""
    headers: Sequence[str] = ()
    after_seconds: float = 0.0


HANGS = Fault(status=0, after_seconds=60.0)
DROPS = Fault(status=0)
GARBAGE = Fault(status=200, body=b"<html>proxy error</html>")
HALF_JSON = Fault(status=200, body=b'{"choices": [{"message": {"content": "3 +')
LOADING = Fault(503, b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}')
NO_CHOICE = Fault(status=200, body=b'{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 0}}')


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How one kind of server answers and refuses."""

    name: str
    honours_n: bool
    knows_models: bool
    refuse: Callable[[int, str], Body]

    def answer(self, body: Body, texts: Sequence[str], num_prompt_tokens: int) -> Body:
        limit = int(body.get("max_tokens") or 16)
        if self.name == "llama.cpp":
            limit = min(limit, CONTEXT - num_prompt_tokens)
        choices = [self._choose(index, text.split(" "), limit, body) for index, text in enumerate(texts)]
        num_tokens = sum(len(choice["message"]["content"].split(" ")) for choice in choices)
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body["model"],
            "system_fingerprint": f"{self.name}-1.2.3",
            "choices": choices,
            "usage": {"prompt_tokens": num_prompt_tokens, "completion_tokens": num_tokens},
        }

    def _choose(self, index: int, words: list[str], limit: int, body: Body) -> Body:
        kept = words[:limit]
        tokens = [
            {"token": word, "logprob": -0.25, "bytes": list(word.encode()), "top_logprobs": []}
            for word in kept
        ]
        choice: Body = {
            "index": index,
            "message": {"role": "assistant", "content": " ".join(kept)},
            "finish_reason": "stop" if len(words) <= limit else "length",
        }
        if body.get("logprobs"):
            choice["logprobs"] = {"content": tokens}
        elif self.name != "llama.cpp":
            choice["logprobs"] = None
        return choice


_VLLM_TYPES = {400: "BadRequestError", 404: "NotFoundError"}
_LLAMA_CPP_TYPES = {401: "authentication_error", 404: "not_found_error", 503: "unavailable_error"}


def _refuse_as_vllm(status: int, message: str) -> Body:
    if status == 401:
        return {"error": "Unauthorized"}
    kind = _VLLM_TYPES.get(status, "InternalServerError")
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def _refuse_as_tgi(status: int, message: str) -> Body:
    kind = {424: "generation", 429: "overloaded", 500: "incomplete_generation"}.get(status, "validation")
    return {"error": message, "error_type": kind}


def _refuse_as_llama_cpp(status: int, message: str) -> Body:
    kind = _LLAMA_CPP_TYPES.get(status, "invalid_request_error")
    if "context size" in message:
        kind = "exceed_context_size_error"
    return {"error": {"code": status, "message": message, "type": kind}}


VLLM = Dialect("vllm", honours_n=True, knows_models=True, refuse=_refuse_as_vllm)
TGI = Dialect("tgi", honours_n=False, knows_models=False, refuse=_refuse_as_tgi)
LLAMA_CPP = Dialect("llama.cpp", honours_n=False, knows_models=False, refuse=_refuse_as_llama_cpp)
DIALECTS = (VLLM, TGI, LLAMA_CPP)


class OpenAIServer:
    """The running server: where it is, what it was asked, and what it is to do next."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        say: Callable[[Body], str],
        key: str = "",
        latency_seconds: float = 0.0,
        model: str = "tiny",
    ) -> None:
        self.dialect, self.key, self.model = dialect, key, model
        self.latency_seconds = latency_seconds
        self.say = say
        self.faults: list[Fault] = []
        self.requests: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.num_in_flight = self.most_in_flight = self.num_broken_off = 0
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open over many requests as browsers and clients do."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                request_line, headers = _read_head(head)
                content = await reader.readexactly(int(headers.get("content-length", "0")))
                self.num_in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.num_in_flight)
                try:
                    reply = await self._reply_while_connected(reader, request_line, headers, content)
                finally:
                    self.num_in_flight -= 1
                if not reply:
                    break
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # the client has gone, or the server goes
        finally:
            writer.close()

    async def _reply_while_connected(
        self, reader: asyncio.StreamReader, request_line: str, headers: dict[str, str], content: bytes
    ) -> bytes:
        """Nothing where the client hung up meanwhile: real servers stop writing then too."""
        replying = asyncio.ensure_future(self._reply(request_line, headers, content))
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({replying, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not replying.done():
            self.num_broken_off += 1
            replying.cancel()
            return b""
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        return replying.result()

    async def _reply(self, request_line: str, headers: dict[str, str], content: bytes) -> bytes:
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return self._refuse(401, "Unauthorized")
        if not request_line.startswith("POST /v1/chat/completions "):
            return self._refuse(404, "Not Found")
        body: Body = json.loads(content)
        self.requests.append(body)
        self.headers.append(headers)
        if self.faults:
            fault = self.faults.pop(0)
            await asyncio.sleep(fault.after_seconds)
            return _write(fault.status, fault.body, fault.headers) if fault.status else b""
        if self.dialect.knows_models and body["model"] != self.model:
            return self._refuse(404, f"The model `{body['model']}` does not exist.")
        await asyncio.sleep(self.latency_seconds)
        return self._answer(body)

    def _answer(self, body: Body) -> bytes:
        num_prompt_tokens = sum(len(message["content"].split()) for message in body["messages"])
        if too_long := self._find_too_long(num_prompt_tokens, body["max_tokens"]):
            return self._refuse(422 if self.dialect is TGI else 400, too_long)
        if self.dialect is TGI and not 0 < body.get("top_p", 0.5) < 1:
            return self._refuse(422, "Input validation error: `top_p` must be > 0.0 and < 1.0")
        count = int(body.get("n") or 1) if self.dialect.honours_n else 1
        answer = self.dialect.answer(body, [self.say(body) for _ in range(count)], num_prompt_tokens)
        return _write(200, json.dumps(answer).encode())

    def _find_too_long(self, prompt: int, answer: int) -> str:
        """In the servers' own words."""
        if self.dialect is LLAMA_CPP:
            if prompt < CONTEXT:
                return ""
            return f"request ({prompt} tokens) exceeds the available context size ({CONTEXT} tokens), try increasing it"
        if prompt + answer <= CONTEXT:
            return ""
        if self.dialect is TGI:
            return (
                f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {CONTEXT}. "
                f"Given: {prompt} `inputs` tokens and {answer} `max_new_tokens`"
            )
        return (
            f"'max_tokens' or 'max_completion_tokens' is too large: {answer}. This model's maximum context length is "
            f"{CONTEXT} tokens and your request has {prompt} input tokens ({answer} > {CONTEXT} - {prompt})."
        )

    def _refuse(self, status: int, message: str) -> bytes:
        return _write(status, json.dumps(self.dialect.refuse(status, message)).encode())


@contextmanager
def running_server(dialect: Dialect = VLLM, **options: Any) -> Iterator[OpenAIServer]:
    """A server on a free port of loopback for as long as the block runs."""
    options.setdefault("say", lambda body: "3 + 4 = 7. The answer is 7.")
    server = OpenAIServer(dialect, **options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=512), loop
    ).result()
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_stop(listening), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(listening: asyncio.Server) -> None:
    listening.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _read_head(head: bytes) -> tuple[str, dict[str, str]]:
    request_line, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return request_line, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _write(status: int, body: bytes, headers: Sequence[str] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status} Said so", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
