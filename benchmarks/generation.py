"""The whole pipeline against the bare model: what do queue, worker, segmentation, checking and database cost?

    python -m benchmarks.generation [--quick] [--traces 128] [--tokens 32] [--rounds 6]

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

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.assignment import cpu_seconds  # noqa: E402
from config.engine.testing import running_postgres, running_valkey  # noqa: E402


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


def ask(process: subprocess.Popen[str], request: dict[str, int]) -> dict[str, float]:
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


def main() -> None:
    parser = argparse.ArgumentParser(description="The whole pipeline against the bare model.")
    parser.add_argument("--quick", action="store_true", help="short texts: about 40 s")
    parser.add_argument("--traces", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--keep", action="store_true", help="keep the data folder with its logs")
    given = parser.parse_args()
    if given.quick:
        given.traces, given.tokens, given.rounds = 128, 16, 1

    data = Path(tempfile.mkdtemp(prefix="gradus-bench-"))
    os.environ |= {
        "GRADUS_DATA": str(data),
        "GRADUS_MODELS": os.environ.get("GRADUS_MODELS", str(ROOT / "var" / "models")),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    worker = (
        "-m",
        "celery",
        "-A",
        "config",
        "worker",
        "-Q",
        "models",
        "-I",
        "annotation.tasks.models",
        "-c",
        "1",
    )
    ratios, cpu_ratios, bare_rates, pipeline_rates = [], [], [], []
    try:
        with (
            running_postgres(data) as postgres,
            running_valkey(data),
            running("-m", "benchmarks.generation_bare", data=data, name="bare") as bare,
            running("-m", "benchmarks.generation_pipeline", data=data, name="pipeline") as pipeline,
            running(*worker, "--without-gossip", "--without-mingle", data=data, name="worker") as workers,
        ):
            warm_up = {"traces": 4, "tokens": 2, "seed": 0}
            ask(pipeline, warm_up), ask(bare, warm_up)
            for number in range(given.rounds):
                request = {"traces": given.traces, "tokens": given.tokens, "seed": number}
                order = (bare, pipeline) if number % 2 == 0 else (pipeline, bare)
                begun = cpu_seconds(bare.pid), cpu_seconds(pipeline.pid, workers.pid, postgres.pid)
                replies = {side.pid: ask(side, request) for side in order}
                one, other = replies[bare.pid], replies[pipeline.pid]
                one["cpu"] = round(cpu_seconds(bare.pid) - begun[0], 1)
                other["cpu"] = round(cpu_seconds(pipeline.pid, workers.pid, postgres.pid) - begun[1], 1)
                cpu_ratios.append((one["cpu"] / one["tokens"]) / (other["cpu"] / other["tokens"]))
                bare_rates.append(rate(one))
                pipeline_rates.append(rate(other))
                ratios.append(rate(other) / rate(one))
                print(f"round {number + 1}: bare {one}, pipeline {other}", flush=True)
    finally:
        if not given.keep:
            shutil.rmtree(data, ignore_errors=True)
    num_tokens = statistics.median(pipeline_rates)
    report = {
        "pipeline_over_bare": round(statistics.median(ratios), 3),
        "pipeline_over_bare_in_cpu": round(statistics.median(cpu_ratios), 3),
        "bare_tokens_per_s": round(statistics.median(bare_rates), 1),
        "pipeline_tokens_per_s": round(num_tokens, 1),
        "traces": given.traces,
        "most_tokens": given.tokens,
        "rounds": given.rounds,
        "load_average": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
