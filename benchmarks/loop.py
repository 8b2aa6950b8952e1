"""The whole loop: problems, traces, judges, simulated raters, merge, export, PRM, SFT, GRPO, evaluation, report.

    ./run loop [--seeds N] [--out FOLDER]        SIZE=full (the default), quick, small, or gpu with the shipped model

Every part is the product's own: the web app's actions make the export, `python -m rl_bridge` does the rest. PostgreSQL
runs on a data folder of its own, thrown away at the end. Raters are simulated: programs that know the truth and err at
set rates. The report is FOLDER/report.html, the figures FOLDER/results.json; docs/results.md says what came out.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import loop_train  # noqa: E402
from benchmarks.loop_policy import pretrain  # noqa: E402
from benchmarks.loop_report import write_report  # noqa: E402
from benchmarks.loop_sizes import SIZES, Size  # noqa: E402
from benchmarks.loop_truth import make_problems  # noqa: E402
from config.engine.testing import running_postgres  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, default=os.environ.get("SIZE", "full"))
    parser.add_argument("--seeds", type=int, default=1, help="whole loops, one after the other")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--first-policy", type=Path, help="begin with this one, as an earlier loop made it (seed-N/first)"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/loop"))
    given = parser.parse_args()
    if given.out.exists() and any(given.out.iterdir()):
        raise SystemExit(f"The folder {given.out} is not empty; name another with --out.")
    given.out.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        work = (given.out / f"seed-{seed}").resolve()
        found.append(run_seed(given.size, seed, work, given.first_policy))
        (given.out / "results.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
        write_report(given.out / "report.html", given.size, found)
    print(f"Wrote {given.out / 'report.html'}.")


def run_seed(name: str, seed: int, work: Path, first: Path | None) -> dict[str, Any]:
    """One whole loop, from the policy `first` where one is given; its runs stay in `work`."""
    size, began, watch = SIZES[name], time.monotonic(), Watch()
    work.mkdir()
    policy, told = first_policy(size, seed, work, first)
    watch.note("first policy")
    data = Path(tempfile.mkdtemp(prefix="gradus-loop-"))
    try:
        world = make_world(name, seed, policy, work, data)
        export = work / "export"
        shutil.copytree(world["export"], export)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    watch.note("traces, judge, raters, merge, export")
    runs = loop_train.Runs(work, export, policy)
    loop_train.train_judges(runs, size, seed, Path(world["judged"]))
    watch.note("process reward models")
    loop_train.train_policies(runs, size, seed)
    watch.note("SFT and GRPO")
    measured = loop_train.evaluate(runs, size, seed, loop_train.write_held_out(runs, size, seed))
    watch.note("evaluation")
    return {
        "seed": seed,
        "first_policy": told,
        "world": {key: world[key] for key in ("traces", "simulated_ratings")},
        "manifest": json.loads((export / "manifest.json").read_text(encoding="utf-8"))["counts"],
        "seconds": watch.seconds | {"all": time.monotonic() - began},
        "cpu_seconds": sum(os.times()[:4]),
        "results": measured,
        "runs": str(work),
    }


class Watch:
    """What each part of a loop took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def note(self, part: str) -> None:
        now = time.monotonic()
        self.seconds[part] = now - self._last
        self._last = now
        print(f"{self.seconds[part]:8.0f} s  {part}", flush=True)


def first_policy(size: Size, seed: int, work: Path, given: Path | None) -> tuple[str, dict[str, float]]:
    """Where the policy is that the loop begins with: the one given, the shipped one, or trained from scratch here."""
    if given:
        return str(given.resolve()), {}
    if size.model:
        return size.model, {}
    problems = make_problems(seed, size.pretrain_problems, terms=size.terms, digits=size.digits)
    told = pretrain(work / "first", problems, size, seed)
    return str(work / "first"), told


def make_world(name: str, seed: int, policy: str, work: Path, data: Path) -> dict[str, Any]:
    """The web app's part, in a process of its own on a database of its own."""
    command = [sys.executable, "-m", "benchmarks.loop_world", "--size", name, "--seed", str(seed)]
    with running_postgres(data):
        answer = subprocess.run(
            [*command, "--policy", policy, "--work", str(work)],
            cwd=ROOT,
            env={**os.environ, "GRADUS_DATA": str(data)},
            stdout=subprocess.PIPE,
            stderr=(work / "world.log").open("w"),
            text=True,
            check=False,
        )
    if answer.returncode:
        raise SystemExit(f"The web app's part failed; {work / 'world.log'} says why.")
    told: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    main()
