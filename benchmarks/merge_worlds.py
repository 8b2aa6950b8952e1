"""Projects unlike merge_simulator.py's: raters and judges err together, copy each other, are few, or errors are rare.

Everything people and judges see is a trace's *seen* states: in a blind spot an error looks right to everybody. A
leaning shifts how readily all raters of a trace call a step bad. Copies repeat the first judge, nearly. At a hard step
an error passes most raters and most judges, each by their own chance: they err together more than their matrices say.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from annotation.merging.data import JudgeRow, MergeInput, RatingRow, TraceRow
from benchmarks.merge_simulator import CAREFUL, CARELESS, JUDGE_SIGNAL, Ints, Simulation, draw_states

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
SLOPES = (2.5, 0.5, 1.0)
TRACES_A_PROMPT = 4
OVERLOOKED = 0.7
"""How often an error at a hard step passes one rater, or one judge."""


@dataclass(frozen=True, slots=True)
class World:
    """`blind_spots`: share of traces whose errors nobody sees. `hard_steps`: share of steps whose errors most overlook.

    `leaning`: deviation of a trace's shift, in log-odds.

    `assisted`: share of ratings given with the first judge's scores in sight, of whose labels `swayed` follow it.
    """

    num_traces: int = 1200
    num_raters: int = 12
    ratings_a_trace: int = 3
    rated_share: float = 0.2
    hazard: float = 0.07
    shortest: int = 3
    more_steps: float = 5.0
    recovery: float = 0.0
    stops: bool = True
    care: tuple[float, float] = (3.0, 1.5)
    sharpness: tuple[float, ...] = (1.2, 0.9)
    blind_spots: float = 0.0
    hard_steps: float = 0.0
    copies: int = 0
    leaning: float = 0.0
    assisted: float = 0.0
    swayed: float = 0.6


WORLDS = {
    "blind spots": World(blind_spots=0.15),
    "hard steps": World(hard_steps=0.4),
    "copied judges": World(copies=8),
    "raters lean together": World(leaning=0.7),
    "half anchored": World(assisted=0.5),
    "two raters": World(num_raters=2, ratings_a_trace=2),
    "one rating each": World(num_raters=3, ratings_a_trace=1),
    "rare errors": World(hazard=0.01),
    "many errors": World(hazard=0.35),
    "long traces that recover": World(
        num_traces=150, shortest=50, more_steps=150.0, hazard=0.02, recovery=0.2, stops=False
    ),
}


def draw(world: World, seed: int) -> Simulation:
    """A whole project; the same world and seed give the same rows."""
    random = np.random.default_rng(seed)
    lengths = (world.shortest + random.poisson(world.more_steps, world.num_traces)).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    prompts = np.arange(world.num_traces) // TRACES_A_PROMPT
    hazard = expit(logit(world.hazard) + random.normal(0.0, 0.8, prompts.max() + 1))[prompts]
    states = draw_states(random, lengths, hazard, world.recovery)
    is_blind = np.repeat(random.random(world.num_traces) < world.blind_spots, lengths)
    seen = np.where(is_blind, 0, states)
    is_hard = (
        (random.random(len(states)) < world.hard_steps) if world.hard_steps else np.zeros(len(states), bool)
    )
    names = [f"trace-{i}" for i in range(world.num_traces)]
    rows = [
        TraceRow(name, f"prompt-{prompt}", int(length), bool(last == 0))
        for name, prompt, length, last in zip(names, prompts, lengths, states[starts[1:] - 1], strict=True)
    ]
    scores = _draw_judges(random, world, seen, is_hard, lengths)
    bounds = starts.tolist()
    judges = [
        JudgeRow(name, judge, tuple(p[bounds[i] : bounds[i + 1]].tolist()))
        for judge, p in scores.items()
        for i, name in enumerate(names)
    ]
    ratings = _draw_ratings(random, world, seen, is_hard, starts, next(iter(scores.values())))
    return Simulation(MergeInput(rows, ratings, judges), states == 0, starts)


def _draw_judges(
    random: np.random.Generator, world: World, seen: Ints, is_hard: Bools, lengths: Ints
) -> dict[str, Floats]:
    scores = {}
    for j, sharpness in enumerate(world.sharpness):
        of_trace = np.repeat(random.normal(0.0, 0.5, len(lengths)), lengths)
        belief = (
            sharpness * JUDGE_SIGNAL[_overlook(random, seen, is_hard)]
            + of_trace
            + random.normal(0.0, 1.0, len(seen))
        )
        scores[f"judge-{j}@1"] = expit(SLOPES[j % 3] * (belief + 0.6))
    first = logit(np.clip(scores["judge-0@1"], 1e-6, 1.0 - 1e-6))
    for copy in range(world.copies):
        scores[f"copy-{copy}@1"] = expit(first + random.normal(0.0, 0.2, len(seen)))
    return scores


def _draw_ratings(
    random: np.random.Generator, world: World, seen: Ints, is_hard: Bools, starts: Ints, shown: Floats
) -> list[RatingRow]:
    care = random.beta(*world.care, world.num_raters)[:, None, None]
    matrices = care * CAREFUL + (1.0 - care) * CARELESS
    rows = []
    for i in np.flatnonzero(random.random(world.num_traces) < world.rated_share).tolist():
        here = slice(starts[i], starts[i + 1])
        shift = random.normal(0.0, world.leaning) if world.leaning else 0.0
        for rater in random.choice(world.num_raters, world.ratings_a_trace, replace=False).tolist():
            is_assisted = bool(random.random() < world.assisted)
            met = _overlook(random, seen[here], is_hard[here])
            labels = _rate(random, _lean(matrices[rater], shift)[met])
            if is_assisted:
                follows = random.random(len(labels)) < world.swayed
                labels = np.where(follows, np.where(shown[here] < 0.5, -1, 1), labels)
            said = _stop(labels.tolist()) if world.stops else tuple(labels.tolist())
            rows.append(RatingRow(f"trace-{i}", f"rater-{rater}", said, is_assisted))
    return rows


def _overlook(random: np.random.Generator, seen: Ints, is_hard: Bools) -> Ints:
    """What one rater or judge meets: errors at hard steps mostly pass for right."""
    if not is_hard.any():
        return seen
    return np.where(is_hard & (random.random(len(seen)) < OVERLOOKED), 0, seen)


def _rate(random: np.random.Generator, chances: Floats) -> Ints:
    """A label for each row of chances of -1, 0, +1, (S, 3)."""
    drawn = random.random(len(chances))[:, None] > np.cumsum(chances, axis=1)
    return np.asarray(np.minimum(drawn.sum(axis=1), 2) - 1, dtype=np.int64)


def _lean(matrix: Floats, shift: float) -> Floats:
    """The matrix of a rater who calls a step bad more (shift < 0) or less readily."""
    bad = expit(logit(matrix[:, :1]) - shift)
    return np.hstack([bad, matrix[:, 1:] * (1.0 - bad) / (1.0 - matrix[:, :1])])


def _stop(labels: list[int]) -> tuple[int | None, ...]:
    stop = labels.index(-1) + 1 if -1 in labels else len(labels)
    return (*labels[:stop], *(None for _ in labels[stop:]))
