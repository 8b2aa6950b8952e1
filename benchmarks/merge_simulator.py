"""Traces, raters and judges whose truth is known, drawn from DOMAIN.md's own words.

A trace's steps stand until an error (hazard around .07, harder and easier prompts); after it a step rests on the
error, unless the trace recovers. Raters differ: each has a matrix P(-1/0/+1 | state) somewhere between careful and
careless, and stops at the first -1. Judges see the state through noise and speak in numbers that are not calibrated.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from annotation.merging.data import ComparisonRow, JudgeRow, MergeInput, RatingRow, TraceRow

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CAREFUL = np.array([[0.03, 0.12, 0.85], [0.80, 0.10, 0.10], [0.45, 0.15, 0.40]])
CARELESS = np.array([[0.15, 0.20, 0.65], [0.40, 0.20, 0.40], [0.25, 0.20, 0.55]])
JUDGE_SIGNAL = np.array([1.0, -1.0, -0.6])


@dataclass(frozen=True, slots=True)
class Simulation:
    """What the merge may read, and what was true: `stands` of every step, traces in order, and their `starts`."""

    data: MergeInput
    stands: npt.NDArray[np.bool_]
    starts: Ints


@dataclass(frozen=True, slots=True)
class Setting:
    """How big and how hard. `sharpness` of each judge: how far the states lie apart, in units of its noise."""

    num_traces: int = 2_000
    traces_a_prompt: int = 4
    num_raters: int = 30
    ratings_a_trace: int = 3
    rated_share: float = 0.2
    sharpness: tuple[float, ...] = (1.2, 0.9)
    recovery: float = 0.0
    stops_at_first_error: bool = True
    num_comparisons: int = 0


def simulate(setting: Setting, seed: int) -> Simulation:
    """Draw a whole project; the same setting and seed give the same rows."""
    random = np.random.default_rng(seed)
    num_prompts = -(-setting.num_traces // setting.traces_a_prompt)
    lengths = (3 + random.poisson(5.0, setting.num_traces)).astype(np.int64)
    prompt_of = np.arange(setting.num_traces) // setting.traces_a_prompt
    hazard = expit(np.log(0.07 / 0.93) + random.normal(0.0, 0.8, num_prompts))[prompt_of]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    states = draw_states(random, lengths, hazard, setting.recovery)
    names = [f"trace-{i:07d}" for i in range(setting.num_traces)]
    last_stands = states[starts[1:] - 1] == 0
    traces = [
        TraceRow(name, f"prompt-{p:06d}", int(n), bool(right))
        for name, p, n, right in zip(names, prompt_of, lengths, last_stands, strict=True)
    ]
    judges = [
        row
        for j, sharpness in enumerate(setting.sharpness)
        for row in _draw_scores(
            random, names, starts, states, f"judge-{j}@1", sharpness, slope=(2.5, 0.5)[j % 2]
        )
    ]
    rated = np.flatnonzero(random.random(setting.num_traces) < setting.rated_share)
    ratings = _draw_ratings(random, names, starts, states, rated, setting)
    comparisons = _draw_comparisons(random, traces, last_stands, setting.num_comparisons)
    return Simulation(MergeInput(traces, ratings, judges, comparisons), states == 0, starts)


def draw_states(random: np.random.Generator, lengths: Ints, hazard: Floats, recovery: float) -> Ints:
    """0, 1, 2 for R, E, A of every step, flat."""
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    states = np.zeros(int(lengths.sum()), dtype=np.int64)
    stood = np.ones(len(lengths), dtype=bool)
    for t in range(int(lengths.max())):
        running = np.flatnonzero(lengths > t)
        draw = random.random(len(running))
        now = np.where(stood[running], (draw < hazard[running]) * 1, np.where(draw < recovery, 0, 2))
        states[starts[running] + t] = now
        stood[running] = now == 0
    return states


def _draw_scores(
    random: np.random.Generator,
    names: list[str],
    starts: Ints,
    states: Ints,
    judge: str,
    sharpness: float,
    slope: float,
) -> list[JudgeRow]:
    # Some of a judge's mistakes belong to the whole trace: it likes or dislikes how the trace is written.
    trace_noise = np.repeat(random.normal(0.0, 0.5, len(names)), np.diff(starts))
    log_odds = sharpness * JUDGE_SIGNAL[states] + trace_noise + random.normal(0.0, 1.0, len(states))
    p = expit(slope * (log_odds + 0.6)).tolist()
    bounds = starts.tolist()
    return [JudgeRow(name, judge, tuple(p[bounds[i] : bounds[i + 1]])) for i, name in enumerate(names)]


def _draw_ratings(
    random: np.random.Generator, names: list[str], starts: Ints, states: Ints, rated: Ints, setting: Setting
) -> list[RatingRow]:
    care = random.beta(3.0, 1.5, setting.num_raters)[:, None, None]
    limits = np.cumsum(care * CAREFUL + (1.0 - care) * CARELESS, axis=2)
    rows: list[RatingRow] = []
    for i in rated.tolist():
        here = states[starts[i] : starts[i + 1]]
        for rater in random.choice(setting.num_raters, setting.ratings_a_trace, replace=False).tolist():
            draws = random.random(len(here))
            labels: list[int | None] = ((draws[:, None] > limits[rater, here]).sum(axis=1) - 1).tolist()
            if setting.stops_at_first_error and -1 in labels:
                stop = labels.index(-1) + 1
                labels[stop:] = [None] * (len(labels) - stop)
            rows.append(RatingRow(names[i], f"rater-{rater:02d}", tuple(labels)))
    return rows


def _draw_comparisons(
    random: np.random.Generator, traces: list[TraceRow], stands: npt.NDArray[np.bool_], wanted: int
) -> list[ComparisonRow]:
    rows: list[ComparisonRow] = []
    neighbours = np.flatnonzero([a.prompt_id == b.prompt_id for a, b in pairwise(traces)])
    for i in random.choice(neighbours, wanted).tolist() if wanted else []:
        a_wins = random.random() < expit(2.0 * (float(stands[i]) - float(stands[i + 1])))
        a, b = traces[i], traces[i + 1]
        rater = f"rater-{int(random.integers(5)):02d}"
        rows.append(ComparisonRow(a.prompt_id, a.trace_id, b.trace_id, rater, "a" if a_wins else "b"))
    return rows


def write_folder(data: MergeInput, folder: Path) -> None:
    """Write the rows as the JSON lines that `python -m annotation.merging` reads."""
    _write(
        folder / "traces.jsonl",
        (
            {
                "trace_id": row.trace_id,
                "prompt_id": row.prompt_id,
                "n_steps": row.num_steps,
                "final_answer_correct": row.final_answer_correct,
                "gold": row.gold is not None,
                **({} if row.gold is None else {"right": list(row.gold)}),
            }
            for row in data.traces
        ),
    )
    _write(
        folder / "ratings.jsonl",
        (
            {
                "trace_id": row.trace_id,
                "step": t,
                "rater": row.rater,
                "label": label,
                "assisted": row.assisted,
            }
            for row in data.ratings
            for t, label in enumerate(row.labels)
            if label is not None
        ),
    )
    _write(
        folder / "judges.jsonl",
        (
            {"trace_id": row.trace_id, "step": t, "judge": row.judge, "p": p}
            for row in data.judges
            for t, p in enumerate(row.probabilities)
            if p is not None
        ),
    )
    _write(
        folder / "comparisons.jsonl",
        (
            {
                "prompt_id": row.prompt_id,
                "trace_a": row.trace_a,
                "trace_b": row.trace_b,
                "rater": row.rater,
                "choice": row.choice,
            }
            for row in data.comparisons
        ),
    )


def _write(path: Path, rows: Iterable[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
