"""How often a policy is right: pass@k, majority and best-of-N, by hand and by enumeration."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_bridge.evaluating import pass_rates
from rl_bridge.evaluating.pass_rates import SampledPrompt


def sampled(correct: str, answers: str = "", **scores: list[float | None]) -> SampledPrompt:
    """`correct` as in "101"; a letter for each answer, "-" for none."""
    letters = answers or "".join("r" if c == "1" else "w" for c in correct)
    return SampledPrompt(
        prompt_id="p",
        is_correct=tuple(c == "1" for c in correct),
        answers=tuple(None if letter == "-" else letter for letter in letters),
        scores={name: tuple(values) for name, values in scores.items()},
    )


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=7), st.data())
def test_pass_at_k_is_the_share_of_all_draws_with_a_correct_one(
    correct: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(correct)))

    draws = list(itertools.combinations(correct, k))

    assert pass_rates.pass_at(len(correct), sum(correct), k) == pytest.approx(
        sum(any(draw) for draw in draws) / len(draws)
    )


@pytest.mark.parametrize("k", [0, 4])
def test_pass_at_more_than_was_drawn_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="can't be told"):
        pass_rates.pass_at(3, 1, k)


@pytest.mark.parametrize(
    ("correct", "answers", "chance"),
    [
        ("110", "aab", 1.0),
        ("001", "aab", 0.0),
        ("10", "ab", 0.5),  # a tie is broken at random
        ("1000", "a--b", 0.5),  # what gives no answer has no vote
        ("000", "---", 0.0),
        ("1010", "aabb", 0.5),  # a verifier that finds equal texts unlike
    ],
)
def test_the_majority_answers(correct: str, answers: str, chance: float) -> None:
    assert pass_rates.majority_of(sampled(correct, answers)) == pytest.approx(chance)


@pytest.mark.parametrize(("answers", "share"), [("aab", 2 / 3), ("a--", 1 / 3), ("---", 0.0)])
def test_the_vote_share_counts_those_without_an_answer(answers: str, share: float) -> None:
    assert pass_rates.vote_share_of(sampled("000", answers)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("correct", "scores", "chance"),
    [
        ("01", [0.1, 0.9], 1.0),
        ("01", [0.9, 0.1], 0.0),
        ("011", [0.9, 0.9, 0.1], 0.5),
        ("01", [None, 0.1], 1.0),
        ("01", [None, None], 0.5),
    ],
)
def test_the_best_by_score_answers(correct: str, scores: list[float | None], chance: float) -> None:
    assert pass_rates.best_by(sampled(correct, prm=scores), "prm") == pytest.approx(chance)


def test_rates_are_named_with_how_many_were_drawn() -> None:
    prompts = [sampled("10", prm=[0.9, 0.1]), sampled("00", prm=[0.9, 0.1])]

    assert pass_rates.list_rates(prompts) == {
        "pass@1": [0.5, 0.0],
        "pass@2": [1.0, 0.0],
        "maj@2": [0.5, 0.0],
        "best-of-2 by prm": [1.0, 0.0],
    }


def test_one_completion_a_prompt_tells_pass_at_one_alone() -> None:
    assert list(pass_rates.list_rates([sampled("1")])) == ["pass@1"]


def test_no_prompts_have_no_rates() -> None:
    assert pass_rates.measure_rates([]) == {}


def test_rates_come_with_intervals_over_prompts() -> None:
    found = pass_rates.measure_rates([sampled("10")] * 3 + [sampled("00")] * 7)

    assert found["pass@1"].value == pytest.approx(0.15)
    assert found["pass@1"].num_groups == 10
    assert found["pass@2"].low is not None


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=8))
def test_choosing_lies_between_none_and_any(pairs: list[tuple[bool, float]]) -> None:
    prompt = sampled("".join(str(int(c)) for c, _ in pairs), prm=[score for _, score in pairs])
    rates = pass_rates.list_rates([prompt])
    n = len(pairs)

    assert 0.0 <= rates[f"best-of-{n} by prm"][0] <= rates[f"pass@{n}"][0] <= 1.0
    assert rates["pass@1"][0] <= rates[f"pass@{n}"][0]
