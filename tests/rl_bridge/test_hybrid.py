"""Several rewards in one: what each weighs, and what becomes of those that do not apply."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_bridge import hybrid
from rl_bridge.degenerate import is_degenerate, measure_repetition
from rl_bridge.rewards import RewardFunction, make_preference_reward


def saying(*values: float | None) -> RewardFunction:
    """A reward that says the same of every batch."""

    def reward(**columns: Any) -> list[float | None]:
        return list(values)

    return reward


def part(name: str, weight: float, *values: float | None) -> hybrid.WeightedReward:
    return hybrid.WeightedReward(name, saying(*values), weight, "a test")


def manifest(**provenance: int) -> dict[str, Any]:
    return {"counts": {"configs": {"stepwise": {"provenance": provenance}}}}


def test_the_hybrid_is_the_weighted_mean_of_what_applies() -> None:
    reward = hybrid.make_hybrid_reward([part("a", 1.0, 1.0, None, None), part("b", 0.5, 0.0, 0.4, None)])

    found = reward(prompts=["p"] * 3, completions=["x", "y", "z"])

    assert found == [pytest.approx(2 / 3), pytest.approx(0.4), None]


def test_the_log_has_the_mean_of_each_part_and_the_share_that_circles() -> None:
    logged: dict[str, float] = {}
    reward = hybrid.make_hybrid_reward([part("a", 1.0, 1.0, None), part("b", 1.0, None, None)])

    reward(prompts=["p"] * 2, completions=["x", "so " * 50], log_metric=logged.__setitem__)

    assert logged == {"hybrid/a": 1.0, "hybrid/degenerate": 0.5}


def test_what_circles_earns_nothing_whatever_a_judge_thinks_of_it() -> None:
    reward = hybrid.make_hybrid_reward([part("a", 1.0, 1.0, None)])

    assert reward(prompts=["p"] * 2, completions=["so it is four " * 20] * 2) == [0.0, None]


def test_an_observer_hears_what_each_part_said() -> None:
    heard: list[Any] = []
    reward = hybrid.make_hybrid_reward(
        [part("a", 1.0, 1.0)], observe=lambda columns, texts, found: heard.append((columns, texts, found))
    )

    reward(prompts=["p"], completions=[[{"role": "assistant", "content": "x"}]], prompt_id=["7"])

    assert heard == [({"prompt_id": ["7"]}, ["x"], {"a": [1.0]})]


@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 1)), st.floats(0.01, 1)), min_size=1, max_size=5))
def test_the_mean_lies_within_what_was_said(pairs: list[tuple[float | None, float]]) -> None:
    found = hybrid.combine([value for value, _ in pairs], [weight for _, weight in pairs])
    known = [value for value, _ in pairs if value is not None]

    if not known:
        assert found is None
    else:
        assert found is not None
        assert min(known) - 1e-9 <= found <= max(known) + 1e-9


@pytest.mark.parametrize(
    ("provenance", "behind"),
    [
        ({"human": 10}, 1.0),
        ({"gold": 5, "human": 5}, 1.0),
        ({"ai": 10}, 0.5),
        ({"human": 5, "ai": 5}, 0.75),
        ({"hybrid": 1}, 0.75),
        ({"from the future": 3, "human": 1}, 0.25),  # what isn't known counts as nothing
    ],
)
def test_labels_weigh_by_how_far_people_stand_behind_them(provenance: dict[str, int], behind: float) -> None:
    assert hybrid.weigh_labels(manifest(**provenance), "stepwise") == pytest.approx(behind)


@pytest.mark.parametrize("broken", [{}, {"counts": None}, manifest(), {"counts": {"configs": {}}}])
def test_a_manifest_that_does_not_say_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(hybrid.NoEvidence):
        hybrid.weigh_labels(broken, "stepwise")


def test_skill_is_what_the_models_own_run_measured(tmp_path: Path) -> None:
    model = tmp_path / "run" / "model"
    model.mkdir(parents=True)
    assert hybrid.read_skill(model) is None

    for balanced, skill in ((0.9, 0.8), (0.4, 0.0)):
        (tmp_path / "run" / "metrics.json").write_text(json.dumps({"test_balanced_accuracy": balanced}))
        assert hybrid.read_skill(model) == pytest.approx(skill)
        assert hybrid.read_skill(model, hybrid.REWARD_FIGURE) is None
    (tmp_path / "run" / "metrics.json").write_text(json.dumps({"test_accuracy": 0.8}))
    assert hybrid.read_skill(model, hybrid.REWARD_FIGURE) == pytest.approx(0.6)


def test_a_learned_reward_weighs_labels_times_skill_and_never_nothing() -> None:
    assert hybrid.weigh_learned("a", saying(), behind=0.75, skill=0.8).weight == pytest.approx(0.6)
    assert hybrid.weigh_learned("a", saying(), behind=0.75, skill=None).weight == pytest.approx(0.75)
    assert hybrid.weigh_learned("a", saying(), behind=1.0, skill=0.0).weight == hybrid.LEAST_WEIGHT
    assert "not measured" in hybrid.weigh_learned("a", saying(), behind=0.75, skill=None).why


def test_preference_reward_keeps_the_order_and_bounds_it() -> None:
    scores = {"good": 900.0, "fair": 0.0, "bad": -900.0}
    reward = make_preference_reward(score_completions=lambda pairs: [scores[text] for _, text in pairs])

    found = reward(prompts=["p"] * 4, completions=["good", "fair", "bad", " "])

    assert found == [pytest.approx(1.0), 0.5, pytest.approx(0.0, abs=1e-9), None]
    assert reward.__name__ == "preference_reward"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 4.", False),
        ("12 + 3 = 15\n15 - 2 = 13\n13 + 40 = 53\nThe answer is 53.", False),
        ("and so on and so on and so on and so on and so on and so on", True),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", True),
        ("", False),
        ("4 + 4 = 8\n4 + 4 = 8", False),  # too short to tell
    ],
)
def test_circles_are_told_from_sums(text: str, answer: bool) -> None:
    assert is_degenerate(text) is answer


@given(st.text(max_size=200))
def test_repetition_is_a_share(text: str) -> None:
    assert 0.0 <= measure_repetition(text) < 1.0
