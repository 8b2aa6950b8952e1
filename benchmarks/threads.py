"""What it saves that threads sleep while they wait for each other (`rl_bridge.threads`), on a busy and a quiet machine.

    python -m benchmarks.threads [--quick] [--tokens 48] [--rounds 3]

The shipped model writes one text in a process of its own, with torch's threads as they are and as workers have them, in
turns. `busy_speedup` is how many times as many tokens a second it writes beside as many busy loops as there are cores;
`quiet_ratio` the same without them. Medians over rounds.

What limits the first: the loops get their share of the cores either way. It was 7 to 12 with a load of eight. The
second should be 1, though a thread that sleeps has to be woken.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIDES: dict[str, dict[str, str]] = {"spinning": {}, "sleeping": {"GOMP_SPINCOUNT": "1000"}}
_WRITE = """
import sys, time
from pathlib import Path
from rl_bridge.models import load_causal_lm
loaded = load_causal_lm("shipped", models_dir=Path(sys.argv[1]))
asked = loaded.tokenizer("Solve the problem step by step. What is 3 + 4?", return_tensors="pt")
for line in sys.stdin:
    begun = time.perf_counter()
    loaded.model.generate(**asked, max_new_tokens=int(line), min_new_tokens=int(line), do_sample=False)
    print(int(line) / (time.perf_counter() - begun), flush=True)
"""


@contextmanager
def running(*command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    kept = {
        name: value for name, value in os.environ.items() if name not in {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}
    }
    process = subprocess.Popen(
        (sys.executable, *command),
        env={**kept, **variables},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def write(process: subprocess.Popen[str], num_tokens: int) -> float:
    """Tokens a second."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{num_tokens}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def compare(given: argparse.Namespace, writers: dict[str, subprocess.Popen[str]]) -> float:
    ratios = []
    for number in range(given.rounds):
        order = list(writers) if number % 2 == 0 else list(reversed(writers))
        rates = {name: write(writers[name], given.tokens) for name in order}
        ratios.append(rates["sleeping"] / rates["spinning"])
        print("  ".join(f"{name} {rate:.1f} tokens/s" for name, rate in rates.items()), flush=True)
    return statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="How torch's threads wait, on a busy and on a quiet machine."
    )
    parser.add_argument("--quick", action="store_true", help="short texts, one round: under 50 s")
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.quick:
        given.tokens, given.rounds = 12, 1
    models = os.environ.get("GRADUS_MODELS", str(ROOT / "var" / "models"))
    loops = os.cpu_count() or 1
    with (
        running("-c", _WRITE, models, **SIDES["spinning"]) as spinning,
        running("-c", _WRITE, models, **SIDES["sleeping"]) as sleeping,
    ):
        writers = {"spinning": spinning, "sleeping": sleeping}
        for writer in writers.values():
            write(writer, 2)
        quiet = compare(given, writers)
        with ExitStack() as busy:
            for _ in range(loops):
                busy.enter_context(running("-c", "while True: pass"))
            hurried = compare(given, writers)
    report = {"busy_speedup": round(hurried, 2), "quiet_ratio": round(quiet, 2), "busy_loops": loops}
    print(json.dumps({**report, "load_average": round(os.getloadavg()[0], 2)}))


if __name__ == "__main__":
    main()
