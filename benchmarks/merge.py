"""How good and how fast the merge is, beside majority vote and crowd-kit's Dawid-Skene.

    python -m benchmarks.merge [--quick]

Quality: projects drawn by merge_simulator.py (2,000 traces, 30 raters, 3 ratings on 20 % of the traces, two judges
that are not calibrated on all), seeds 0-4. Speed: 1,000,000 step labels of 42,000 traces with two judges; crowd-kit
gets the same human labels and no judges. `--quick` uses seeds 0-1 and 100,000 labels.

crowd-kit knows nothing of chains, so it is given what helps it: a rater's steps after their first -1 count as -1 too,
and steps nobody judged get its prior. "DS all" also gets each judge as one more rater, its p cut at one half.

What limits the merge: about a third of the time goes to the hazard's 33 regressions (each a few Newton steps over all
rated steps), a third to forward-backward and the rater matrices, the rest to turning rows into arrays and back; all of
it on one core. Quality is limited by how well the judges tell states apart, and on twice-rated traces by what people
alone can tell (docs/adr/merge-people-alone.md).
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from crowdkit.aggregation import DawidSkene

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from annotation.merging.data import JudgeRow, MergeInput, MergePolicy
from annotation.merging.merge import merge
from benchmarks.merge_simulator import Setting, Simulation, simulate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BINS = 10
LABELS_A_TRACE = 24.0
"""3 ratings of 8 steps, about."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Label log-loss (nats), share of traces whose "has an error" is wrong, ECE, and ProcessBench's first-error F1."""

    log_loss: float
    trace_error: float
    calibration_error: float
    first_error_f1: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds and peak memory of a process that draws a project and merges it; the drawing is not timed."""

    num_labels: int
    seconds: float
    crowdkit_seconds: float
    peak_mib: float


def measure_quality(world: Simulation, p: Floats, first_errors: Ints) -> Quality:
    """Compare posteriors (S,) and first errors (T,) with the truth."""
    clipped = np.clip(p, 1e-6, 1.0 - 1e-6)
    losses = np.where(world.stands, np.log(clipped), np.log1p(-clipped))
    place = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, p - world.stands, BINS)
    truth = locate(world, world.stands.astype(np.float64))
    hit, has_error = first_errors == truth, truth >= 0
    found, spared = hit[has_error].mean(), hit[~has_error].mean()
    return Quality(
        log_loss=float(-losses.mean()),
        trace_error=float(((first_errors >= 0) != has_error).mean()),
        calibration_error=float(np.abs(gaps).sum() / len(p)),
        first_error_f1=float(2.0 * found * spared / max(found + spared, 1e-12)),
    )


def locate(world: Simulation, p: Floats) -> Ints:
    """First step of each trace below one half, -1 for none, (T,)."""
    bad = np.flatnonzero(p < 0.5)
    place = np.append(bad, len(p))[np.searchsorted(bad, world.starts[:-1])]
    return np.where(place < world.starts[1:], place - world.starts[:-1], -1)


def merge_chain(data: MergeInput, prior: float, policy: MergePolicy) -> tuple[Floats, Ints]:
    """Our posteriors and first errors; what has no evidence gets the prior."""
    traces = merge(data, policy).traces
    steps = {row.trace_id: row.num_steps for row in data.traces}
    p = [merged.posterior or (prior,) * steps[merged.trace_id] for merged in traces]
    first = [-1 if merged.first_error is None else merged.first_error for merged in traces]
    return np.concatenate([np.array(row) for row in p]), np.array(first)


def tabulate(world: Simulation, with_judges: bool) -> pd.DataFrame:
    """Labels as crowd-kit wants them: 1 stands, 0 does not."""
    place = {row.trace_id: int(world.starts[i]) for i, row in enumerate(world.data.traces)}
    tasks: list[int] = []
    workers: list[str] = []
    labels: list[int] = []
    for row in world.data.ratings:
        fell = np.maximum.accumulate([label == -1 for label in row.labels])
        tasks += range(place[row.trace_id], place[row.trace_id] + len(row.labels))
        workers += [row.rater] * len(row.labels)
        labels += (1 - fell).tolist()
    for score in world.data.judges if with_judges else ():
        tasks += range(place[score.trace_id], place[score.trace_id] + len(score.probabilities))
        workers += [score.judge] * len(score.probabilities)
        labels += [int(p is not None and p >= 0.5) for p in score.probabilities]
    return pd.DataFrame({"task": tasks, "worker": workers, "label": labels})


def merge_crowdkit(world: Simulation, with_judges: bool) -> tuple[Floats, Ints]:
    """crowd-kit's Dawid-Skene, and the first step it doubts."""
    model = DawidSkene(n_iter=100)
    probabilities = model.fit_predict_proba(tabulate(world, with_judges))
    p = np.full(len(world.stands), float(model.priors_[1]))
    p[probabilities.index.to_numpy()] = probabilities[1].to_numpy()
    return p, locate(world, p)


def invert_first(data: MergeInput) -> MergeInput:
    """The first judge's p as 1 - p."""
    first = data.judges[0].judge
    turned = [
        replace(row, probabilities=tuple(None if p is None else 1.0 - p for p in row.probabilities))
        if row.judge == first
        else row
        for row in data.judges
    ]
    return replace(data, judges=turned)


def add_noise(data: MergeInput, seed: int) -> MergeInput:
    """One more judge, which says anything."""
    random = np.random.default_rng(seed)
    noise = [
        JudgeRow(row.trace_id, "noise@1", tuple(random.random(row.num_steps).tolist())) for row in data.traces
    ]
    return replace(data, judges=[*data.judges, *noise])


def compare_quality(seeds: range) -> dict[str, float]:
    """Print a table of means over seeds and return the ratios by name."""
    table: dict[str, list[Quality]] = {}
    changes, costs = [], []
    for seed in seeds:
        world = simulate(Setting(), seed)
        prior = float(world.stands.mean())
        ours = merge_chain(world.data, prior, MergePolicy())
        noisy = measure_quality(world, *merge_chain(add_noise(world.data, seed), prior, MergePolicy()))
        changes.append(
            float(np.abs(merge_chain(invert_first(world.data), prior, MergePolicy())[0] - ours[0]).max())
        )
        rows = {
            "majority": merge_chain(world.data, prior, MergePolicy("majority")),
            "DS humans": merge_crowdkit(world, with_judges=False),
            "DS all": merge_crowdkit(world, with_judges=True),
            "ours": ours,
        }
        for name, answer in rows.items():
            table.setdefault(name, []).append(measure_quality(world, *answer))
        costs.append(noisy.log_loss - table["ours"][-1].log_loss)
    means = {name: average(rows) for name, rows in table.items()}
    print(
        f"{'':10} {'log-loss':>9} {'trace error':>12} {'ECE':>7} {'first-error F1':>15}   (mean of {len(seeds)} seeds)"
    )
    for name, row in means.items():
        print(
            f"{name:10} {row.log_loss:9.3f} {row.trace_error:12.3f} {row.calibration_error:7.3f} "
            f"{row.first_error_f1:15.3f}"
        )
    return {
        "logloss_over_ds_humans": means["ours"].log_loss / means["DS humans"].log_loss,
        "logloss_over_ds_all": means["ours"].log_loss / means["DS all"].log_loss,
        "f1_minus_ds_humans": means["ours"].first_error_f1 - means["DS humans"].first_error_f1,
        "f1_minus_ds_all": means["ours"].first_error_f1 - means["DS all"].first_error_f1,
        "inverted_judge_max_change": max(changes),
        "noise_judge_logloss_cost": max(costs),
    }


def average(rows: list[Quality]) -> Quality:
    """Mean of each figure."""
    return Quality(*(float(np.mean([get(row) for row in rows])) for get in FIGURES))


FIGURES: tuple[Callable[[Quality], float], ...] = (
    lambda row: row.log_loss,
    lambda row: row.trace_error,
    lambda row: row.calibration_error,
    lambda row: row.first_error_f1,
)


def compare_recovery() -> dict[str, float]:
    """Traces that recover, with recovery off and learned: log-loss and ECE of the mean of two seeds."""
    setting = Setting(recovery=0.25, stops_at_first_error=False)
    found: dict[str, list[Quality]] = {"off": [], "learned": []}
    for seed in range(2):
        world = simulate(setting, seed)
        for policy in (MergePolicy(), MergePolicy(recovery="learned")):
            found[policy.recovery].append(measure_quality(world, *merge_chain(world.data, 0.5, policy)))
    off, learned = average(found["off"]), average(found["learned"])
    print(f"traces that recover: log-loss {off.log_loss:.3f} off, {learned.log_loss:.3f} learned; ", end="")
    print(f"ECE {off.calibration_error:.3f} off, {learned.calibration_error:.3f} learned")
    return {"recovery_learned_ece": learned.calibration_error, "recovery_learned_logloss": learned.log_loss}


def draw_big(num_labels: int) -> Simulation:
    """A project in which every trace has 3 whole ratings and two judges."""
    setting = Setting(
        num_traces=int(num_labels / LABELS_A_TRACE), rated_share=1.0, stops_at_first_error=False
    )
    return simulate(setting, 0)


def measure_speed(num_labels: int, with_crowdkit: bool) -> Speed:
    """Time one merge, and crowd-kit on the same labels, in this process."""
    world = draw_big(num_labels)
    seconds = take_time(lambda: merge(world.data, MergePolicy()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    labels = sum(len(row.labels) for row in world.data.ratings)
    crowdkit_seconds = 0.0
    if with_crowdkit:
        table = tabulate(world, with_judges=False)
        crowdkit_seconds = take_time(lambda: DawidSkene(n_iter=100).fit_predict_proba(table))
    return Speed(labels, seconds, crowdkit_seconds, peak)


def take_time(work: Callable[[], object]) -> float:
    """Wall seconds of the better of two runs: a shared machine makes single ones jump."""
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def compare_speed(sizes: list[int]) -> dict[str, float]:
    """Each size in a process of its own, so that one's memory isn't counted as another's."""
    speeds = []
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.merge", "--measure", str(size)]
        command += ["--with-crowdkit"] if size == sizes[-1] else []
        answer = subprocess.run(
            command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True
        )
        speeds.append(Speed(**json.loads(answer.stdout)))
    for speed in speeds:
        print(
            f"{speed.num_labels:9,} step labels merged in {speed.seconds:6.2f} s, peak {speed.peak_mib:5.0f} MiB"
        )
    first, last = speeds[0], speeds[-1]
    print(f"{last.num_labels:9,} of them by crowd-kit in {last.crowdkit_seconds:.2f} s")
    growth = (last.seconds / last.num_labels) / (first.seconds / first.num_labels)
    return {
        "labels": last.num_labels,
        "merge_seconds": last.seconds,
        "time_over_crowdkit": last.seconds / last.crowdkit_seconds,
        "time_a_label_growth": growth,
        "peak_mib": last.peak_mib,
    }


def main() -> None:
    """Run everything and end in one line of JSON."""
    parser = argparse.ArgumentParser(description="Quality and speed of the merge.")
    parser.add_argument("--quick", action="store_true", help="two seeds, 100,000 labels: under 50 s")
    parser.add_argument("--measure", type=int, help="only time this many labels, and print JSON")
    parser.add_argument("--with-crowdkit", action="store_true", help="with --measure: time crowd-kit too")
    options = parser.parse_args()
    if options.measure:
        speed = measure_speed(options.measure, options.with_crowdkit)
        print(json.dumps({name: getattr(speed, name) for name in Speed.__slots__}))
        return
    figures = compare_quality(range(2 if options.quick else 5))
    figures |= compare_recovery()
    figures |= compare_speed([10_000, 100_000] if options.quick else [10_000, 100_000, 1_000_000])
    print(json.dumps({name: round(value, 6) if value > 1e-6 else value for name, value in figures.items()}))


if __name__ == "__main__":
    main()
