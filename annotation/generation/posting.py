"""One request to a server of models and its answer: with its key, within its time, to an address that may be asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpcore2

from annotation.generation.guarded_network import AddressNotAllowed

CONNECT_SECONDS = 10.0
_LARGEST_ANSWER = 32 * 1024 * 1024  # bytes

__all__ = [
    "CONNECT_SECONDS",
    "AddressNotAllowed",
    "Answer",
    "Endless",
    "NoAnswer",
    "TooSlow",
    "Unreachable",
    "post",
]


class NoAnswer(Exception):
    """None came this time; asking again may help. The message is half a sentence."""


class Unreachable(NoAnswer):
    """There is nobody at the address."""


class TooSlow(NoAnswer):
    """It took longer than it may."""


class Endless(Exception):
    """The answer is larger than any that is meant."""


@dataclass(frozen=True)
class Answer:
    """Names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    content: bytes


async def post(
    way: httpcore2.AsyncHTTPConnection | httpcore2.AsyncConnectionPool,
    url: str,
    content: bytes,
    *,
    key: str,
    seconds: float,
) -> Answer:
    """The answer to JSON. Raises NoAnswer, Endless, and AddressNotAllowed."""
    headers = [("Content-Type", "application/json"), ("User-Agent", "gradus")]
    if key:
        headers.append(("Authorization", f"Bearer {key}"))
    timeouts = {"connect": CONNECT_SECONDS, "read": seconds}
    received = bytearray()
    try:
        async with (
            asyncio.timeout(seconds + CONNECT_SECONDS),  # a server may also trickle, or read nothing
            way.stream(
                "POST", url, headers=headers, content=content, extensions={"timeout": timeouts}
            ) as response,
        ):
            async for part in response.aiter_stream():
                received += part
                if len(received) > _LARGEST_ANSWER:
                    raise Endless
    except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
        raise Unreachable(f"{url.rpartition('/')[0]} can't be reached") from error
    except (httpcore2.TimeoutException, TimeoutError) as error:
        raise TooSlow(f"it took longer than {seconds:g} s") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise NoAnswer("it broke the connection off") from error
    told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    return Answer(response.status, told, bytes(received))
