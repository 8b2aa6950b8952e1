"""A judge against people, held against scikit-learn and against cases by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from annotation.measuring.first_errors import locate_first_error, score_first_errors
from annotation.measuring.judged_steps import JudgedSteps
from annotation.measuring.judges import JudgeQuality, measure_judge
from annotation.measuring.rows import Scores, TraceFacts
from annotation.measuring.truth import PeoplesWord, hear_people


def make_world(
    num_traces: int = 80, *, seed: int = 1, is_calibrated: bool = True, digits: int = 2
) -> tuple[list[Scores], dict[int, TraceFacts], dict[int, PeoplesWord]]:
    """Traces of 3 to 14 steps; a calibrated judge says the probability with which a step really stands."""
    source = np.random.default_rng(seed)
    scores, facts, words = [], {}, {}
    for trace in range(num_traces):
        num_steps = int(source.integers(3, 15))
        chance = np.round(source.beta(4, 1, size=num_steps), digits)
        stands = source.random(num_steps) < chance
        said = chance if is_calibrated else np.round(np.clip(chance**3, 0, 1), digits)
        facts[trace] = TraceFacts(trace, trace // 2, f"model {trace % 2}", num_steps)
        labels = [1 if one else -1 for one in stands]
        words[trace] = hear_people([labels], None) or PeoplesWord((), None)
        scores.append(Scores(trace, 1, tuple(float(p) for p in said)))
    return scores, facts, words


def flatten(scores: list[Scores], words: dict[int, PeoplesWord]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [
        (p, stands)
        for one in scores
        for p, stands in zip(one.probabilities, words[one.trace].stands, strict=True)
        if p is not None and stands is not None
    ]
    return np.array([p for p, _ in pairs]), np.array([stands for _, stands in pairs], dtype=bool)


@pytest.fixture(scope="module")
def found() -> JudgeQuality:
    return measure_judge(1, *make_world())


def test_scikit_learn_finds_the_same_area_and_the_same_brier_score(found: JudgeQuality) -> None:
    scores, _, words = make_world()
    p, stands = flatten(scores, words)

    assert found.overall.auc.value == pytest.approx(roc_auc_score(~stands, 1 - p))
    assert found.overall.brier.value == pytest.approx(brier_score_loss(stands, p))
    assert found.overall.num_steps == len(p)
    assert found.overall.num_errors == int((~stands).sum())


def test_scikit_learn_draws_the_same_curve(found: JudgeQuality) -> None:
    scores, _, words = make_world()
    p, stands = flatten(scores, words)
    alarms, errors, _ = roc_curve(~stands, 1 - p, drop_intermediate=False)

    assert found.roc == tuple(
        (pytest.approx(a, abs=1e-4), pytest.approx(b, abs=1e-4)) for a, b in zip(alarms, errors, strict=True)
    )


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    roc = measure_judge(1, *make_world(300, digits=6)).roc

    assert len(roc) <= 200
    assert (roc[0], roc[-1]) == ((0.0, 0.0), (1.0, 1.0))


def test_the_area_lies_in_its_interval_and_the_interval_in_zero_to_one(found: JudgeQuality) -> None:
    auc = found.overall.auc

    assert auc.low is not None
    assert auc.high is not None
    assert auc.value is not None
    assert 0.5 < auc.low < auc.value < auc.high <= 1.0


def test_a_calibrated_judge_keeps_its_promises() -> None:
    bins = measure_judge(1, *make_world(400)).bins

    assert all(one.stands.low <= one.promised + 0.02 for one in bins if one.stands.low is not None)
    assert all(one.stands.high >= one.promised - 0.02 for one in bins if one.stands.high is not None)
    assert sum(one.num_steps for one in bins) > 1000


def test_a_judge_that_promises_too_little_lies_above_the_diagonal() -> None:
    bins = measure_judge(1, *make_world(400, is_calibrated=False)).bins

    assert all((one.stands.low or 0) > one.promised for one in bins if 0.2 < one.promised < 0.8)


def test_groups_by_model_and_length_add_up(found: JudgeQuality) -> None:
    assert [group.name for group in found.by_model] == ["model 0", "model 1"]
    assert [group.name for group in found.by_length] == ["1 to 5 steps", "6 to 10 steps", "11 to 20 steps"]
    for groups in (found.by_model, found.by_length):
        assert sum(group.quality.num_steps for group in groups) == found.overall.num_steps


def test_the_model_with_the_most_traces_comes_first() -> None:
    """Fifteen models are more than a chart has room for: the newest may be the one with the most traces."""
    scores, facts, words = make_world(60)
    models = {trace: f"model {min(trace // 2, 14):02d}" for trace in facts}
    facts = {trace: dataclasses.replace(one, model=models[trace]) for trace, one in facts.items()}

    by_model = measure_judge(1, scores, facts, words).by_model

    assert len(by_model) == 15
    assert (by_model[0].name, by_model[0].quality.num_traces) == ("model 14", 32)
    assert [group.name for group in by_model[1:]] == [f"model {number:02d}" for number in range(14)]


def test_prevalence_and_mean_score_are_over_steps(found: JudgeQuality) -> None:
    scores, _, words = make_world()
    p, stands = flatten(scores, words)

    assert found.overall.prevalence.value == pytest.approx((~stands).mean())
    assert found.overall.promised == pytest.approx(p.mean())
    assert (found.overall.prevalence.low or 1) < (~stands).mean() < (found.overall.prevalence.high or 0)


def test_bins_say_from_where_to_where_they_go(found: JudgeQuality) -> None:
    assert all(one.low <= one.promised <= one.high for one in found.bins)
    assert found.bins[-1].high == 1.0


def test_traces_without_peoples_word_count_as_scored_only() -> None:
    scores, facts, words = make_world(30)
    del words[0], words[1]

    found = measure_judge(1, scores, facts, words)

    assert (found.num_scored, found.overall.num_traces) == (30, 28)


def test_a_judge_nobody_can_check_has_no_figures() -> None:
    scores, facts, _ = make_world(30)

    found = measure_judge(1, scores, facts, {})

    assert (found.overall.auc.value, found.overall.brier.value, found.overall.first_errors.f1.value) == (
        None,
        None,
        None,
    )
    assert (found.bins, found.roc, found.overall.base_brier) == ((), (), None)


def test_without_errors_nothing_can_be_ranked() -> None:
    steps = JudgedSteps([((0.9, 0.8), (True, True))] * 20)

    assert steps.measure_auc().value is None
    assert steps.draw_roc() == ()


def test_ties_count_half() -> None:
    steps = JudgedSteps([((0.5, 0.5), (True, False))] * 12)

    assert steps.measure_auc().value == 0.5


def test_first_error_f1_by_hand() -> None:
    # 12 traces with an error, of which the judge finds 6 in place; 16 without, of which it leaves 12 alone:
    # F1 = 2 · 1/2 · 3/4 / (1/2 + 3/4) = 0.6.
    at_second, quiet = (0.9, 0.1, 0.9), (0.9, 0.9, 0.9)
    cases = (
        [(at_second, 1)] * 3 + [(at_second, 2)] * 2 + [(quiet, 0)] + [(quiet, -1)] * 6 + [(at_second, -1)] * 2
    )

    found = score_first_errors([*cases, *cases, (quiet, None)])

    assert (found.on_errors.value, found.on_sound.value) == (0.5, 0.75)
    assert (found.on_errors.num_traces, found.on_sound.num_traces) == (12, 16)
    assert (found.on_errors.low or 1) < 0.5 < (found.on_errors.high or 0)
    assert found.f1.value == pytest.approx(0.6)
    assert (found.num_errors, found.num_sound) == (12, 16)


def test_first_error_f1_is_zero_where_no_error_is_found() -> None:
    cases: list[tuple[tuple[float, ...], int]] = [((0.9, 0.9), 1)] * 8 + [((0.1, 0.9), -1)] * 8

    assert score_first_errors(cases).f1.value == 0.0


def test_a_judge_that_scored_no_step_leaves_no_sound_trace_alone() -> None:
    found = score_first_errors([((None, None), -1)] * 6 + [((None, 0.9), -1)] * 6 + [((0.1, None), 0)] * 12)

    assert (found.on_sound.value, found.on_errors.value) == (0.5, 1.0)


def test_first_error_f1_needs_traces_of_both_kinds() -> None:
    found = score_first_errors([((0.9, 0.1), 1)] * 20)

    assert found.f1.value is None
    assert (found.on_errors.value, found.on_sound.value) == (1.0, None)
    assert found.on_errors.low == pytest.approx(0.025 ** (1 / 20))  # Clopper and Pearson's, at all of twenty


def test_the_first_step_below_one_half_is_the_judges_first_error() -> None:
    assert locate_first_error((0.9, None, 0.4, 0.1)) == 2
    assert locate_first_error((0.5, None)) == -1
