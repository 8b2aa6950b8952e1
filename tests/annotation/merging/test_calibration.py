"""Folds by prompt, and judge sets tried, kept or taken apart."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold

from annotation.merging import calibration as calibration_module
from annotation.merging.calibration import (
    FEW_JUDGES,
    MAX_JUDGE_SETS,
    MIN_GAIN,
    Calibration,
    Targets,
    assign_folds,
    calibrate_judges,
    estimate_sum_error,
)
from annotation.merging.corpus import build_corpus
from annotation.merging.data import MergeInput, MergePolicy
from annotation.merging.fit import fit_people, select_rated, targets_of
from tests.annotation.merging.worlds import keep_judges, noise_judge, simulated, trace


def calibrate(data: MergeInput) -> Calibration:
    corpus = build_corpus(data)
    rated = select_rated(corpus)
    folds = assign_folds(corpus, rated.view.traces[rated.calibrates])
    people = fit_people(corpus, rated, MergePolicy())
    return calibrate_judges(corpus, targets_of(rated, people.beliefs), folds, use_verdict=False)


def test_traces_of_one_prompt_share_a_fold_and_all_five_are_used() -> None:
    corpus = build_corpus(MergeInput([trace(f"t{i:02d}", prompt=f"p{i // 3}") for i in range(30)]))

    folds = assign_folds(corpus, np.arange(30))

    assert set(folds.tolist()) == {0, 1, 2, 3, 4}
    for prompt in range(10):
        assert len(set(folds[corpus.prompt_of == prompt].tolist())) == 1


def test_folds_are_as_even_as_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    prompts = random.integers(0, 40, 300) ** 2 // 60
    corpus = build_corpus(MergeInput([trace(f"t{i:03d}", prompt=f"p{p:02d}") for i, p in enumerate(prompts)]))

    folds = assign_folds(corpus, np.arange(300))

    splits = GroupKFold(5).split(np.zeros((300, 1)), groups=prompts)
    assert sorted(np.bincount(folds).tolist()) == sorted(len(held_out) for _, held_out in splits)


def test_two_prompts_make_two_folds_and_one_prompt_none() -> None:
    two = build_corpus(MergeInput([trace("a", prompt="p"), trace("b", prompt="q")]))
    one = build_corpus(MergeInput([trace("a"), trace("b")]))

    assert sorted(assign_folds(two, np.arange(2)).tolist()) == [0, 1]
    assert assign_folds(one, np.arange(2)).tolist() == [-1, -1]


def test_traces_that_nobody_rated_have_no_fold() -> None:
    corpus = build_corpus(MergeInput([trace(name, prompt=name) for name in "abcdefg"]))

    folds = assign_folds(corpus, np.array([0, 2, 4]))

    assert folds[[1, 3, 5, 6]].tolist() == [-1] * 4
    assert (folds[[0, 2, 4]] >= 0).all()


def test_good_judges_are_calibrated_together() -> None:
    calibration = calibrate(simulated().data)

    assert calibration.sets == (("judge-0@1", "judge-1@1"),)
    (report,) = calibration.reports
    assert report.gain > 5.0 * report.gain_standard_error > 0.0
    assert set(calibration.set_of.tolist()) == {0}


def test_a_noise_judge_alone_is_refused_and_its_traces_have_no_set() -> None:
    data = simulated().data

    calibration = calibrate(keep_judges(data, noise_judge(data)))

    assert calibration.sets == ()
    assert set(calibration.set_of.tolist()) == {-1}


@pytest.mark.parametrize("seed", range(6))
def test_a_judge_is_calibrated_exactly_where_its_gain_exceeds_its_error(seed: int) -> None:
    data = simulated().data

    calibration = calibrate(keep_judges(data, noise_judge(data, seed=seed)))

    (report,) = calibration.reports
    assert report.is_calibrated == (report.gain > max(report.gain_standard_error, MIN_GAIN))
    assert report.gain_standard_error > 0.1


def test_a_judge_that_gains_less_than_its_error_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = simulated().data
    alone = keep_judges(data, [row for row in data.judges if row.judge == "judge-0@1"])
    gain = calibrate(alone).reports[0].gain
    assert gain > 1.0

    monkeypatch.setattr(calibration_module, "estimate_sum_error", lambda values: gain + 0.1)
    assert calibrate(alone).sets == ()
    monkeypatch.setattr(calibration_module, "estimate_sum_error", lambda values: gain - 0.1)
    assert calibrate(alone).sets == (("judge-0@1",),)


def test_the_error_of_a_sum_is_that_of_its_resamples() -> None:
    random = np.random.default_rng(0)
    values = random.exponential(size=200)

    sums = [float(random.choice(values, size=200).sum()) for _ in range(4_000)]

    assert estimate_sum_error(values) == pytest.approx(np.std(sums), rel=0.05)
    assert estimate_sum_error(np.array([1.0, 2.0, 3.0])) == pytest.approx(np.sqrt(3.0))


def test_judges_that_rated_traces_of_one_prompt_only_are_refused() -> None:
    data = simulated().data
    same = [replace(row, prompt_id="p") for row in data.traces]

    calibration = calibrate(replace(data, traces=same))

    assert all("too few prompts" in report.reason for report in calibration.reports)
    assert calibration.sets == ()


def test_a_set_loses_the_judge_that_fewest_rated_traces_carry() -> None:
    data = simulated().data
    rare = noise_judge(data, judge="rare@1")[:5]

    calibration = calibrate(keep_judges(data, [*data.judges, *rare]))

    assert set(calibration.sets) == {("judge-0@1", "judge-1@1")}
    refused = {report.judges: report.reason for report in calibration.reports if not report.is_calibrated}
    assert "30 are needed" in refused["judge-0@1", "judge-1@1", "rare@1"]


def test_rare_combinations_beyond_the_limit_use_a_calibrated_part_of_theirs() -> None:
    data = simulated().data
    random = np.random.default_rng(0)
    many = [
        row
        for j in range(6)
        for row in noise_judge(data, seed=j, judge=f"noise-{j}@1")
        if random.random() < 0.8
    ]

    calibration = calibrate(keep_judges(data, [*data.judges, *many]))

    assert sum(len(judges) > FEW_JUDGES for judges in calibration.sets) <= MAX_JUDGE_SETS
    assert (calibration.set_of >= 0).all()
    for judges in calibration.sets:
        assert {"judge-0@1", "judge-1@1"} <= set(judges)


def test_targets_say_what_a_calibrating_trace_is() -> None:
    corpus = build_corpus(MergeInput([trace("a", gold=(1, 0, 0)), trace("b")]))
    rated = select_rated(corpus)
    people = fit_people(corpus, rated, MergePolicy())

    targets: Targets = targets_of(rated, people.beliefs)

    assert rated.view.traces.tolist() == [0]
    assert targets.events.tolist() == [0.0, 1.0, 0.0]
    assert targets.others.tolist() == [1.0, 0.0, 0.0]
