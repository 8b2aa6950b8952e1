"""The part of `benchmarks.generation` that asks a server: what reaches the database over the most that could.

A fake server in a process of its own answers each request after 200 ms. With 64 requests on the way 320 answers a
second are the most there can be. Against that stand, in turns,

- `bare`: a plain loop in a process of its own that keeps 64 requests on the way and throws the answers away
  (`bare_over_ideal`: what HTTP, JSON and the fake server cost on this machine);
- a batch, from its launch to its end: queue, worker, requests, answers read, cut into steps, checked and stored
  (`server_over_ideal`).

Both are medians over rounds. Run by itself this is one of the two processes: `server`, or `bare`.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from subprocess import Popen
from typing import Any

import httpcore2

from annotation.generation.backend import GenerationRequest, Sampling
from annotation.generation.server_backend import build_body
from benchmarks.generation_fake import serve

LATENCY_SECONDS = 0.2
IN_FLIGHT = 64
IDEAL_PER_SECOND = IN_FLIGHT / LATENCY_SECONDS
_MOST_TOKENS = 64

Ask = Callable[[Popen[str], dict[str, Any]], dict[str, float]]


def measure_server(
    ask: Ask, *, server: Popen[str], bare: Popen[str], pipeline: Popen[str], num_traces: int, rounds: int
) -> dict[str, float]:
    """Both sides in turns, after a short round that opens everything."""
    assert server.stdout is not None
    request = {"tokens": _MOST_TOKENS, "address": server.stdout.readline().strip(), "in_flight": IN_FLIGHT}
    sides = {"bare": bare, "pipeline": pipeline}
    shares: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        ask(side, {**request, "traces": IN_FLIGHT, "seed": 0})
    for number in range(1, rounds + 1):
        replies = {}
        for name in sides if number % 2 else reversed(sides):
            replies[name] = ask(sides[name], {**request, "traces": num_traces, "seed": number})
            per_second = replies[name]["traces"] / replies[name]["seconds"]
            shares[name].append(per_second / IDEAL_PER_SECOND)
        print(f"server, round {number}: {replies}", flush=True)
    return {
        "server_over_ideal": round(statistics.median(shares["pipeline"]), 3),
        "bare_over_ideal": round(statistics.median(shares["bare"]), 3),
        "server_traces": num_traces,
    }


async def ask_bare(request: dict[str, Any]) -> float:
    """Seconds in which a plain loop gets so many answers."""
    todo = iter(range(request["traces"]))
    sampling = Sampling(0.8, 0.95, request["tokens"], request["seed"])
    async with httpcore2.AsyncConnectionPool(max_connections=request["in_flight"]) as pool:

        async def work() -> None:
            for number in todo:
                asked = GenerationRequest(f"No. {number}: what is {number} + 7?")
                body = {**build_body("bench", asked, sampling, number), "max_tokens": request["tokens"]}
                response = await pool.request(
                    "POST", request["address"] + "/chat/completions", content=json.dumps(body).encode()
                )
                json.loads(response.content)["choices"][0]["message"]["content"]

        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(request["in_flight"])))
        return time.perf_counter() - begun


def loop() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        seconds = asyncio.run(ask_bare(request))
        print(json.dumps({"traces": request["traces"], "seconds": round(seconds, 3)}), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(LATENCY_SECONDS)) if sys.argv[1] == "server" else loop()
