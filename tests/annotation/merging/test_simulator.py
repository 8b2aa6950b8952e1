"""The simulator keeps DOMAIN.md's rules, or the benchmark's figures mean nothing."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from annotation.merging.corpus import build_corpus
from annotation.merging.jsonl import read_folder
from benchmarks.merge_simulator import Setting, Simulation, simulate, write_folder


def steps_of(world: Simulation) -> list[list[bool]]:
    return [world.stands[low:high].tolist() for low, high in pairwise(world.starts)]


def test_the_same_seed_draws_the_same_project_and_another_seed_another() -> None:
    setting = Setting(num_traces=40)

    assert simulate(setting, 1).data == simulate(setting, 1).data
    assert simulate(setting, 1).data != simulate(setting, 2).data


def test_nothing_stands_after_an_error_unless_traces_recover() -> None:
    fixed = steps_of(simulate(Setting(num_traces=200), 0))
    recovering = steps_of(simulate(Setting(num_traces=200, recovery=0.5), 0))

    assert all(stands == sorted(stands, reverse=True) for stands in fixed)
    assert any(stands != sorted(stands, reverse=True) for stands in recovering)


def test_raters_stop_at_their_first_minus_one_when_told_to() -> None:
    stopped = simulate(Setting(num_traces=100, rated_share=1.0), 0).data.ratings
    full = simulate(Setting(num_traces=100, rated_share=1.0, stops_at_first_error=False), 0).data.ratings

    for row in stopped:
        if -1 in row.labels:
            after = row.labels[row.labels.index(-1) + 1 :]
            assert set(after) <= {None}
    assert all(None not in row.labels for row in full)


def test_three_raters_judge_each_rated_trace_and_judges_score_all() -> None:
    data = simulate(Setting(num_traces=300), 0).data

    corpus = build_corpus(data)

    assert set(corpus.num_blind_raters.tolist()) == {0, 3}
    assert 0.12 < np.mean(corpus.num_blind_raters > 0) < 0.28
    assert not any(np.isnan(log_odds).any() for log_odds in corpus.log_odds)


def test_judges_know_something_and_are_not_calibrated() -> None:
    world = simulate(Setting(num_traces=1_000), 0)

    for judge in ("judge-0@1", "judge-1@1"):
        p = np.concatenate([row.probabilities for row in world.data.judges if row.judge == judge]).astype(
            float
        )
        assert p[world.stands].mean() > p[~world.stands].mean() + 0.1
        sure = p > 0.8
        assert abs(world.stands[sure].mean() - p[sure].mean()) > 0.02


def test_a_written_folder_reads_back_as_the_same_rows(tmp_path: Path) -> None:
    data = simulate(Setting(num_traces=40, num_comparisons=10), 0).data
    write_folder(data, tmp_path)

    back = read_folder(tmp_path).data

    assert list(back.traces) == list(data.traces)
    assert list(back.judges) == list(data.judges)
    assert list(back.ratings) == list(data.ratings)
    assert list(back.comparisons) == list(data.comparisons)
