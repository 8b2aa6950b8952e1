"""The whole pipeline against the bare model: what do queue, worker, segmentation, checking and database cost?

    python -m benchmarks.generation [--quick] [--traces 128] [--tokens 32] [--rounds 6] [--only server|model]

Both sides make the same number of traces of the same prompts with the same sampling on the shipped model, on one
machine, in turns:

- `bare`: a plain loop in a process of its own (generation_bare.py) over `model.generate`, with the batch size that
  makes the most tokens/s on two cores (32), tokenizing before and decoding after, and keeping nothing.
- `pipeline`: a batch launched as the page launches it, made by a real Celery worker over a real Valkey, cut into steps,
  final answers checked, stored in a real PostgreSQL; from the launch to the batch's end.

Which side begins alternates from round to round; a first, uncounted round opens the model on both sides. A rate is
tokens a second, since a random text is not always equally long; `pipeline_over_bare` is the median over rounds of
pipeline over bare. While one side works the other waits, but whatever else runs on the machine hits both, and not
alike: `pipeline_over_bare_in_cpu` is the same ratio in CPU seconds (worker, launcher and PostgreSQL against the
loop), which others disturb less.
PostgreSQL runs without waiting for the disk, as in tests.

The worker can come out above 1: it finds the nucleus (top-p) without sorting the vocabulary, which the bare loop leaves
to transformers and which takes a sixth of its CPU time. What did not help: continuous batching (see
docs/adr/generation-chunks.md), and keeping all logits for the log-probabilities instead of one number a token.

Then a batch on a fake server, against the most that could come of it: see generation_server.py. What limits that: the
worker is one process, so all that it does to a trace (JSON, HTTP, steps, the answer's check, its row) has one core, and
the last chunk of a batch has nobody beside it.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.assignment import cpu_seconds  # noqa: E402
from benchmarks.generation_server import measure_server  # noqa: E402
from config.engine.testing import running_postgres, running_valkey  # noqa: E402
from rl_bridge.threads import wait_without_spinning  # noqa: E402


@contextmanager
def running(*command: str, data: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is spoken to in lines of JSON, or not at all; killed at the end."""
    with (data / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def ask(process: subprocess.Popen[str], request: dict[str, Any]) -> dict[str, float]:
    """One request, one reply: {tokens, traces, seconds}."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit("A side of the benchmark died; its log is in the folder that --keep keeps.")
    reply: dict[str, float] = json.loads(line)
    return reply


def rate(reply: dict[str, float]) -> float:
    return reply["tokens"] / reply["seconds"]


def celery(queue: str, *more: str) -> tuple[str, ...]:
    """A worker as `manage.py up` starts it."""
    worker = ("-m", "celery", "-A", "config", "worker", "-Q", queue, "-I", f"annotation.tasks.{queue}")
    return (*worker, *more, "--prefetch-multiplier", "1", "--without-gossip", "--without-mingle")


def measure_model(
    given: argparse.Namespace, pipeline: subprocess.Popen[str], *, data: Path, postgres_pid: int
) -> dict[str, float]:
    """Bare and pipeline in turns on the shipped model."""
    ratios, cpu_ratios, bare_rates, pipeline_rates = [], [], [], []
    with (
        running("-m", "benchmarks.generation_bare", data=data, name="bare") as bare,
        running(*celery("models", "-c", "1"), data=data, name="models") as worker,
    ):
        warm_up = {"traces": 4, "tokens": 2, "seed": 0}
        ask(pipeline, warm_up), ask(bare, warm_up)
        for number in range(given.rounds):
            request = {"traces": given.traces, "tokens": given.tokens, "seed": number}
            order = (bare, pipeline) if number % 2 == 0 else (pipeline, bare)
            begun = cpu_seconds(bare.pid), cpu_seconds(pipeline.pid, worker.pid, postgres_pid)
            replies = {side.pid: ask(side, request) for side in order}
            one, other = replies[bare.pid], replies[pipeline.pid]
            one["cpu"] = round(cpu_seconds(bare.pid) - begun[0], 1)
            other["cpu"] = round(cpu_seconds(pipeline.pid, worker.pid, postgres_pid) - begun[1], 1)
            cpu_ratios.append((one["cpu"] / one["tokens"]) / (other["cpu"] / other["tokens"]))
            bare_rates.append(rate(one))
            pipeline_rates.append(rate(other))
            ratios.append(rate(other) / rate(one))
            print(f"round {number + 1}: bare {one}, pipeline {other}", flush=True)
    return {
        "pipeline_over_bare": round(statistics.median(ratios), 3),
        "pipeline_over_bare_in_cpu": round(statistics.median(cpu_ratios), 3),
        "bare_tokens_per_s": round(statistics.median(bare_rates), 1),
        "pipeline_tokens_per_s": round(statistics.median(pipeline_rates), 1),
        "traces": given.traces,
        "most_tokens": given.tokens,
        "rounds": given.rounds,
    }


def measure_servers(
    given: argparse.Namespace, pipeline: subprocess.Popen[str], *, data: Path
) -> dict[str, float]:
    """A batch on the fake server, and a plain loop on it."""
    num_traces, rounds = (1280, 1) if given.quick else (6400, 3)
    part = ("-m", "benchmarks.generation_server")
    with (
        running(*part, "server", data=data, name="server") as server,
        running(*part, "bare", data=data, name="server-bare") as bare,
        running(*celery("servers", "-P", "threads", "-c", "4"), data=data, name="servers"),
    ):
        return measure_server(
            ask, server=server, bare=bare, pipeline=pipeline, num_traces=num_traces, rounds=rounds
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description="The whole pipeline against the bare model, and on a server."
    )
    parser.add_argument("--quick", action="store_true", help="short texts, one round: under 50 s")
    parser.add_argument("--traces", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--only", choices=("model", "server"), help="leave the other backend out")
    parser.add_argument("--keep", action="store_true", help="keep the data folder with its logs")
    given = parser.parse_args()
    if given.quick:
        given.traces, given.tokens, given.rounds = 128, 8, 1

    data = Path(tempfile.mkdtemp(prefix="gradus-bench-"))
    os.environ |= {
        "GRADUS_DATA": str(data),
        "GRADUS_MODELS": os.environ.get("GRADUS_MODELS", str(ROOT / "var" / "models")),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    wait_without_spinning()  # both sides, as workers do
    report: dict[str, float] = {}
    try:
        with (
            running_postgres(data) as postgres,
            running_valkey(data),
            running("-m", "benchmarks.generation_pipeline", data=data, name="pipeline") as pipeline,
        ):
            if given.only != "server":
                report |= measure_model(given, pipeline, data=data, postgres_pid=postgres.pid)
            if given.only != "model":
                report |= measure_servers(given, pipeline, data=data)
    finally:
        if not given.keep:
            shutil.rmtree(data, ignore_errors=True)
    print(json.dumps({**report, "load_average": round(os.getloadavg()[0], 2)}))


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
