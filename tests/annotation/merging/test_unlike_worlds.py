"""Worlds that the merge was not made for: shared blind spots, copied judges, swayed or few raters, rare errors.

Held against crowd-kit's Dawid-Skene on the same people (`humans`) and with each judge as one more rater (`all`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from annotation.merging.__main__ import main
from annotation.merging.chain import forward_backward, log_likelihood, pack
from annotation.merging.corpus import build_corpus
from annotation.merging.data import MergePolicy
from annotation.merging.fit import fit_people, select_rated
from annotation.merging.merge import merge
from annotation.merging.starts import FIRST_HAZARD
from benchmarks.merge import Quality, measure_quality, merge_crowdkit
from benchmarks.merge_simulator import Floats, Ints, Simulation, write_folder
from benchmarks.merge_worlds import WORLDS, World, draw

# crowd-kit's own, on every call
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
SEED = 5


@cache
def drawn(name: str) -> Simulation:
    return draw(WORLDS[name], SEED)


def fill_in(world: Simulation, found: dict[str, tuple[list[float], int | None]]) -> tuple[Floats, Ints]:
    """Posteriors and first errors in the order of traces; what has no evidence gets the share that stands."""
    prior = float(world.stands.mean())
    p, first = [], []
    for row in world.data.traces:
        posterior, first_error = found[row.trace_id]
        p.extend(posterior or [prior] * row.num_steps)
        first.append(-1 if first_error is None else first_error)
    return np.array(p), np.array(first)


@cache
def measure(name: str) -> tuple[Quality, Quality, Quality]:
    """Ours, Dawid-Skene on people, Dawid-Skene on all."""
    world = drawn(name)
    policy = MergePolicy(recovery="learned" if WORLDS[name].recovery else "off")
    merged = merge(world.data, policy).traces
    ours = fill_in(world, {row.trace_id: (list(row.posterior), row.first_error) for row in merged})
    return (
        measure_quality(world, *ours),
        measure_quality(world, *merge_crowdkit(world, with_judges=False)),
        measure_quality(world, *merge_crowdkit(world, with_judges=True)),
    )


@pytest.mark.parametrize(
    ("name", "of_humans", "of_all", "calibration_error"),
    [
        ("blind spots", 0.7, 0.8, 0.06),
        ("hard steps", 0.7, 0.8, 0.08),
        ("copied judges", 0.45, 0.2, 0.08),
        ("raters lean together", 0.6, 0.8, 0.09),
        ("half anchored", 0.6, 0.8, 0.08),
        ("two raters", 0.5, 0.75, 0.06),
        ("one rating each", 0.5, 0.8, 0.11),
        ("rare errors", 0.5, 0.8, 0.05),
        ("many errors", 0.5, 0.75, 0.06),
        ("long traces that recover", 0.2, 0.7, 0.05),
    ],
)
def test_unlike_worlds_are_merged_better_than_by_dawid_skene(
    name: str, of_humans: float, of_all: float, calibration_error: float
) -> None:
    ours, humans, everybody = measure(name)

    assert ours.log_loss <= of_humans * humans.log_loss
    assert ours.log_loss <= of_all * everybody.log_loss
    assert ours.calibration_error <= calibration_error


def test_judges_that_copy_each_other_make_the_merge_no_surer() -> None:
    """Dawid-Skene takes eight copies for eight witnesses; the hazard's regression takes them for one."""
    once = measure_alone(replace(WORLDS["copied judges"], copies=0))
    nine_times = measure_alone(WORLDS["copied judges"])

    assert nine_times.log_loss <= once.log_loss + 0.05
    assert nine_times.calibration_error <= once.calibration_error + 0.03


def measure_alone(setting: World) -> Quality:
    world = draw(setting, SEED)
    merged = merge(world.data, MergePolicy()).traces
    return measure_quality(
        world, *fill_in(world, {row.trace_id: (list(row.posterior), row.first_error) for row in merged})
    )


def test_where_errors_are_rare_false_alarms_do_not_pass_for_errors() -> None:
    world = drawn("rare errors")

    diagnostics = merge(world.data, MergePolicy()).diagnostics

    rated = {row.trace_id for row in world.data.ratings}
    starts = world.starts.tolist()
    num_errors = sum(
        not world.stands[starts[i] : starts[i + 1]].all()
        for i, row in enumerate(world.data.traces)
        if row.trace_id in rated
    )
    assert diagnostics.expected_errors == pytest.approx(num_errors, rel=0.6)


def test_the_usual_start_stays_where_errors_are_usual() -> None:
    """Only another basin moves the start; the fit of usual projects is DOMAIN's own."""
    corpus = build_corpus(drawn("two raters").data)
    rated = select_rated(corpus)

    fitted = fit_people(corpus, rated, MergePolicy())

    hazard = fitted.beliefs.erred.sum() / (fitted.beliefs.erred + fitted.beliefs.stayed).sum()
    assert FIRST_HAZARD / 2 < hazard < FIRST_HAZARD * 2


def test_the_likelihood_is_the_sum_over_all_paths_of_states() -> None:
    random = np.random.default_rng(3)
    lengths = np.array([2, 3, 1])
    hazard, recovery = random.uniform(0.05, 0.5, 6), random.uniform(0.05, 0.5, 6)
    evidence = tuple(np.log(random.uniform(0.1, 1.0, 6)) for _ in range(3))

    found = log_likelihood(pack(lengths), hazard, recovery, evidence)  # type: ignore[arg-type]

    paths = [
        sum_paths(range(first, first + length), hazard, recovery, evidence)
        for first, length in zip((0, 2, 5), lengths.tolist(), strict=True)
    ]
    assert found == pytest.approx(float(np.log(paths).sum()))


def sum_paths(steps: range, hazard: Floats, recovery: Floats, evidence: tuple[Floats, ...]) -> float:
    """By recursion over the states R, E, A: each way to go on, times what was said of it."""

    def go_on(position: int, has_stood: bool) -> float:
        if position == len(steps):
            return 1.0
        step = steps[position]
        said = [float(np.exp(row[step])) for row in evidence]
        if has_stood:
            right, wrong = (1.0 - hazard[step]) * said[0], hazard[step] * said[1]
        else:
            right, wrong = recovery[step] * said[0], (1.0 - recovery[step]) * said[2]
        return float(right * go_on(position + 1, True) + wrong * go_on(position + 1, False))

    return go_on(0, True)


def test_without_evidence_every_path_together_is_certain() -> None:
    nothing = (np.zeros(4), np.zeros(4), np.zeros(4))
    packing = pack(np.array([3, 1]))

    assert log_likelihood(packing, np.full(4, 0.1), np.full(4, 0.2), nothing) == pytest.approx(0.0)
    assert forward_backward(packing, np.full(4, 0.1), np.full(4, 0.0), nothing)[0].stands[0] == pytest.approx(
        0.9
    )


def test_the_command_line_gives_an_unlike_world_the_same_posteriors(tmp_path: Path) -> None:
    world = drawn("half anchored")
    write_folder(world.data, tmp_path)

    assert main([str(tmp_path), "--out", str(tmp_path / "merged.jsonl")]) == 0

    lines = [json.loads(line) for line in (tmp_path / "merged.jsonl").read_text().splitlines()]
    found = {line["trace_id"]: (line["p_correct"], line["first_error"]) for line in lines}
    assert measure_quality(world, *fill_in(world, found)) == measure("half anchored")[0]
    assert {line["provenance"] for line in lines} <= {"human", "hybrid", "ai", "none"}
