"""What one forward pass a trace saves the likelihood judge, and how fast traces that are judged already are skipped.

    python -m benchmarks.judging [--quick] [--traces 12] [--judged 100000]

Two parts, each in a process of its own:

- `likelihood_speedup`: steps a second of the judge as it works (one forward pass a trace, the prefix shared) over steps
  a second with one forward pass for each step, with the same model, the shipped one, on traces of ten steps of 15 to 45
  tokens, of a problem as long as GSM8K's are on average. Both sides take turns on each trace, who begins alternates,
  and the figure is the median over traces; `likelihood_speedup_in_cpu` is the same in CPU seconds, which other work on
  the machine disturbs less. The two must agree on every step within 0.03 (bfloat16), or there is no figure.
- `skip_s`: how long a launch takes that finds 100,000 traces judged by this judge, beside another judge's 100,000
  scores, and eight that are not: from the call to the stored run with its one chunk; the median of five launches.
  `skip_over_bare` holds it against the one SQL statement that reads the ids of the traces without a score.

What limits the speed-up: the question after each step is read either way, so a long question costs most, and short
steps and short problems gain least. With a question of 47 tokens it was 2.9; since the rubric says what "correct"
means before the problem, the question is half as long, and it is 4.3 to 4.6. Attention over the packed sequence is
dense, whatever its mask hides. What did not help: a KV cache carried from step to step (two passes a step of a few
tokens each, which two cores do no faster than one long one). What helped a little, and not enough for two passes
instead of one: the prefix by itself and then all questions behind its cache (3.0 with the long question), or the
questions as rows behind the cache repeated for each (3.2, and memory for as many caches as steps).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from config.engine.testing import running_postgres  # noqa: E402
from rl_bridge.threads import wait_without_spinning  # noqa: E402


def run(*arguments: str) -> dict[str, float]:
    """One part, to its end; what it prints on the way is passed on."""
    command = [sys.executable, "-m", "benchmarks.judging_world", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    *told, last = done.stdout.splitlines()
    print("\n".join(told), flush=True)
    reply: dict[str, float] = json.loads(last)
    return reply


def main() -> None:
    parser = argparse.ArgumentParser(description="The likelihood judge, and skipping what is judged.")
    parser.add_argument("--quick", action="store_true", help="two traces: under 50 s")
    parser.add_argument("--traces", type=int, default=12)
    parser.add_argument("--judged", type=int, default=100_000)
    given = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gradus-bench-"))
    os.environ |= {
        "GRADUS_DATA": str(data),
        "GRADUS_MODELS": os.environ.get("GRADUS_MODELS", str(ROOT / "var" / "models")),
        "GRADUS_LOG_LEVEL": "ERROR",  # without a broker each launch says that it waits
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    wait_without_spinning()  # both sides, as workers do
    try:
        with running_postgres(data):
            report = run("skip", str(given.judged))
        report |= run("likelihood", str(2 if given.quick else given.traces))
    finally:
        shutil.rmtree(data, ignore_errors=True)
    print(json.dumps({**report, "load_average": round(os.getloadavg()[0], 2)}))


if __name__ == "__main__":
    main()
