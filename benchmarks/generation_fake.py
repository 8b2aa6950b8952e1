"""The server that `benchmarks.generation` asks: answers in vLLM's layout, each a while after its request.

It shares two cores with what is measured, so it does as little as it can: answers are written beforehand and handed out
in turn. tests/contracts/openai_server.py is the one that looks at what it is asked.
"""

import asyncio
import json

_TEXT = "Tom has {a} apples.\nHe buys {b} more: {a} + {b} = {c}.\n\nThe answer is {c}."
_NUM_ANSWERS = 97


class Answering(asyncio.Protocol):
    """One connection: its requests come one after the other, as HTTP/1.1 has it."""

    def __init__(self, latency_seconds: float, answers: list[bytes]) -> None:
        self._latency_seconds = latency_seconds
        self._answers = answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not length or len(body) < int(length):
            return
        self._received = b""
        self._answers.append(self._answers.pop(0))
        asyncio.get_running_loop().call_later(self._latency_seconds, self._transport.write, self._answers[-1])


async def serve(latency_seconds: float) -> None:
    """Prints where it is, and stays until it is killed."""
    answers = [_write_answer(number) for number in range(_NUM_ANSWERS)]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Answering(latency_seconds, answers), "127.0.0.1", 0, backlog=512
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def _write_answer(number: int) -> bytes:
    text = _TEXT.format(a=number + 2, b=2 * number + 3, c=3 * number + 5)
    tokens = [{"token": word, "logprob": -0.25, "bytes": list(word.encode())} for word in text.split(" ")]
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": tokens}}
    usage = {"prompt_tokens": 24, "completion_tokens": len(tokens)}
    answer = {
        "id": "chatcmpl-1",
        "model": "bench",
        "system_fingerprint": "fake",
        "choices": [choice],
        "usage": usage,
    }
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
