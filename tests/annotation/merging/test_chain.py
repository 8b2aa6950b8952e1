"""The chain's forward-backward against enumeration: every path of states, and every place of a first error."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.merging.chain import Beliefs, FirstErrors, Floats, forward_backward, pack

probabilities = st.floats(0.01, 0.99)
likelihoods = st.floats(0.01, 1.0)
R, E, A = 0, 1, 2


@st.composite
def chains(draw: st.DrawFn, longest: int = 5) -> tuple[Floats, Floats, Floats]:
    """Hazard (S,), recovery (S,) and likelihoods (3, S) of one trace."""
    size = draw(st.integers(1, longest))
    hazard = draw(st.lists(probabilities, min_size=size, max_size=size))
    recovery = draw(st.lists(probabilities, min_size=size, max_size=size))
    evidence = draw(st.lists(st.tuples(likelihoods, likelihoods, likelihoods), min_size=size, max_size=size))
    return np.array(hazard), np.array(recovery), np.array(evidence).T


def log_evidence(evidence: Floats) -> tuple[Floats, Floats, Floats]:
    right, error, rest = np.log(evidence)
    return right, error, rest


def believe(hazard: Floats, recovery: Floats, evidence: Floats) -> tuple[Beliefs, FirstErrors]:
    packing = pack(np.array([len(hazard)]))
    return forward_backward(packing, hazard, recovery, log_evidence(evidence))


def move(before: int, now: int, hazard: float, recovery: float) -> float:
    """P(state now | state before), as DOMAIN.md has it."""
    if before == R:
        return {R: 1.0 - hazard, E: hazard, A: 0.0}[now]
    return {R: recovery, E: 0.0, A: 1.0 - recovery}[now]


def enumerate_paths(hazard: Floats, recovery: Floats, evidence: Floats) -> dict[tuple[int, ...], float]:
    """Posterior probability of each path of states."""
    weights = {}
    for path in product((R, E, A), repeat=len(hazard)):
        weight, before = 1.0, R
        for t, now in enumerate(path):
            weight *= move(before, now, hazard[t], recovery[t]) * evidence[now, t]
            before = now
        weights[path] = weight
    total = sum(weights.values())
    return {path: weight / total for path, weight in weights.items()}


@given(chains())
def test_posteriors_equal_the_sum_over_all_paths_of_states(chain: tuple[Floats, Floats, Floats]) -> None:
    beliefs, first_errors = believe(*chain)

    paths = enumerate_paths(*chain)
    for t in range(len(chain[0])):
        assert beliefs.stands[t] == pytest.approx(
            sum(w for path, w in paths.items() if path[t] == R), abs=1e-9
        )
        assert beliefs.erred[t] == pytest.approx(
            sum(w for path, w in paths.items() if path[t] == E), abs=1e-9
        )
        assert beliefs.rested[t] == pytest.approx(
            sum(w for path, w in paths.items() if path[t] == A), abs=1e-9
        )
        first = sum(w for path, w in paths.items() if path[t] == E and all(s == R for s in path[:t]))
        assert first_errors.at_step[t] == pytest.approx(first, abs=1e-9)
    assert first_errors.none[0] == pytest.approx(paths[(R,) * len(chain[0])], abs=1e-9)


@given(chains(longest=8))
def test_without_recovery_it_equals_enumerating_the_first_error(chain: tuple[Floats, Floats, Floats]) -> None:
    hazard, _, evidence = chain
    size = len(hazard)

    beliefs, first_errors = believe(hazard, np.zeros(size), evidence)

    weights = []
    for first in range(size + 1):
        before = np.prod((1.0 - hazard[:first]) * evidence[R, :first])
        here = hazard[first] * evidence[E, first] if first < size else 1.0
        weights.append(before * here * np.prod(evidence[A, first + 1 :]))
    shares = np.array(weights) / sum(weights)
    np.testing.assert_allclose(first_errors.at_step, shares[:-1], atol=1e-9)
    np.testing.assert_allclose(first_errors.none, shares[-1:], atol=1e-9)
    np.testing.assert_allclose(beliefs.stands, 1.0 - np.cumsum(shares[:-1]), atol=1e-9)


@given(chains(longest=12))
def test_without_recovery_the_last_step_is_the_minimum_and_the_chance_of_no_error(
    chain: tuple[Floats, Floats, Floats],
) -> None:
    hazard, _, evidence = chain

    beliefs, first_errors = believe(hazard, np.zeros(len(hazard)), evidence)

    assert beliefs.stands[-1] == pytest.approx(beliefs.stands.min(), abs=1e-12)
    assert beliefs.stands[-1] == pytest.approx(first_errors.none[0], abs=1e-12)


@given(chains(longest=10))
def test_the_four_ways_to_arrive_at_a_step_sum_to_one(chain: tuple[Floats, Floats, Floats]) -> None:
    beliefs, first_errors = believe(*chain)

    np.testing.assert_allclose(beliefs.stayed + beliefs.erred + beliefs.recovered + beliefs.rested, 1.0)
    assert first_errors.at_step.sum() + first_errors.none[0] <= 1.0 + 1e-9


@given(st.lists(chains(longest=6), min_size=1, max_size=5))
def test_many_traces_at_once_give_what_each_gives_alone(many: list[tuple[Floats, Floats, Floats]]) -> None:
    lengths = np.array([len(hazard) for hazard, _, _ in many])
    evidence = np.concatenate([one[2] for one in many], axis=1)

    together, first_errors = forward_backward(
        pack(lengths),
        np.concatenate([one[0] for one in many]),
        np.concatenate([one[1] for one in many]),
        log_evidence(evidence),
    )

    alone = [believe(*one) for one in many]
    np.testing.assert_array_equal(together.stands, np.concatenate([beliefs.stands for beliefs, _ in alone]))
    np.testing.assert_array_equal(first_errors.none, np.concatenate([first.none for _, first in alone]))
    np.testing.assert_array_equal(first_errors.at_step, np.concatenate([first.at_step for _, first in alone]))


@given(st.lists(st.integers(1, 7), max_size=12))
def test_packing_holds_every_step_once_and_position_by_position(lengths: list[int]) -> None:
    packing = pack(np.array(lengths, dtype=np.int64))

    assert sorted(packing.order.tolist()) == list(range(sum(lengths)))
    sizes = np.diff(packing.bounds).tolist()
    assert sizes == [sum(length > t for length in lengths) for t in range(max(lengths, default=0))]


def test_a_trace_of_one_step_follows_bayes_rule() -> None:
    beliefs, _ = believe(np.array([0.07]), np.array([0.0]), np.array([[0.8], [0.18], [0.5]]))

    assert beliefs.stands[0] == pytest.approx(0.93 * 0.8 / (0.93 * 0.8 + 0.07 * 0.18))


def test_no_traces_at_all_give_no_beliefs() -> None:
    nothing = np.zeros(0)

    beliefs, first_errors = forward_backward(
        pack(np.zeros(0, dtype=np.int64)), nothing, nothing, (nothing, nothing, nothing)
    )

    assert len(beliefs.stands) == 0
    assert len(first_errors.none) == 0


def test_ten_thousand_steps_neither_overflow_nor_lose_their_sum() -> None:
    random = np.random.default_rng(0)
    size = 10_000
    evidence = random.uniform(1e-12, 1.0, (3, size))

    beliefs, _ = believe(np.full(size, 1e-6), np.full(size, 0.3), evidence)

    total = beliefs.stayed + beliefs.erred + beliefs.recovered + beliefs.rested
    np.testing.assert_allclose(total, 1.0, atol=1e-9)


@pytest.mark.parametrize("recovery", [0.0, 0.3])
@pytest.mark.parametrize("num_bad", [50, 400])
def test_hundreds_of_steps_against_a_state_are_weighed_against_hundreds_for_it(
    num_bad: int, recovery: float
) -> None:
    # Each bad step speaks 7 to 1 for A, each good one 8 to 5 for R: odds that no floating-point ratio can hold.
    bad, good = np.array([0.05, 0.7, 0.35]), np.array([0.8, 0.18, 0.5])
    evidence = np.array([bad] * num_bad + [good] * 1_000).T
    size = evidence.shape[1]

    beliefs, first_errors = believe(np.full(size, 1e-4), np.full(size, recovery), evidence)

    total = beliefs.stayed + beliefs.erred + beliefs.recovered + beliefs.rested
    np.testing.assert_allclose(total, 1.0, atol=1e-9)
    # 1,000 good steps weigh ln(8/5) * 1,000 = 470 nats; 50 bad ones 97 (the first 2.6), 400 of them 778.
    stands_throughout = recovery == 0.0 and num_bad == 50
    assert first_errors.none[0] == pytest.approx(1.0 if stands_throughout else 0.0, abs=1e-3)
    assert beliefs.stands[num_bad // 2] == pytest.approx(1.0 if stands_throughout else 0.0, abs=1e-3)
    assert beliefs.stands[-1] == pytest.approx(0.0 if (num_bad, recovery) == (400, 0.0) else 1.0, abs=1e-3)


@given(chains(longest=6), st.floats(-500, 500))
def test_only_differences_between_states_count_as_evidence(
    chain: tuple[Floats, Floats, Floats], shift: float
) -> None:
    hazard, recovery, evidence = chain
    right, error, rest = log_evidence(evidence)
    packing = pack(np.array([len(hazard)]))

    plain, _ = forward_backward(packing, hazard, recovery, (right, error, rest))
    shifted, _ = forward_backward(packing, hazard, recovery, (right + shift, error + shift, rest + shift))

    np.testing.assert_allclose(plain.stands, shifted.stands, atol=1e-9)


@given(chains(longest=6))
def test_steps_that_nobody_judged_at_the_end_change_nothing_before_them(
    chain: tuple[Floats, Floats, Floats],
) -> None:
    hazard, recovery, evidence = chain
    longer = (
        np.append(hazard, [0.2, 0.3]),
        np.append(recovery, [0.4, 0.1]),
        np.append(evidence, np.ones((3, 2)), axis=1),
    )

    short, firsts = believe(hazard, recovery, evidence)
    long, later_firsts = believe(*longer)

    np.testing.assert_allclose(long.stands[: len(hazard)], short.stands, atol=1e-9)
    np.testing.assert_allclose(later_firsts.at_step[: len(hazard)], firsts.at_step, atol=1e-9)
