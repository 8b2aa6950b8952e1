"""Drawing completions: the same for a seed, ended by the end token, untouched by what they are padded with."""

import dataclasses
from pathlib import Path

import pytest
import torch

from rl_bridge import models
from rl_bridge.data import Prompt
from rl_bridge.evaluating.sampling import Drawing, sample_completions

PROMPTS: list[Prompt] = [
    "What is 1 + 1?",
    "Hi",
    [{"role": "user", "content": "What is 2 + 2, and why is it so?"}],
]
SHORT = Drawing(num_samples=3, max_new_tokens=12)


@pytest.fixture
def policy(tiny_llama: Path, tmp_path: Path) -> models.LoadedModel:
    return models.load_causal_lm(str(tiny_llama), models_dir=tmp_path, device="cpu")


def test_the_same_seed_draws_the_same_and_another_one_others(policy: models.LoadedModel) -> None:
    first = sample_completions(policy, PROMPTS, SHORT)

    assert sample_completions(policy, PROMPTS, SHORT) == first
    assert sample_completions(policy, PROMPTS, dataclasses.replace(SHORT, seed=1)) != first
    assert [len(texts) for texts in first] == [3, 3, 3]


def test_drawing_leaves_the_callers_randomness_alone(policy: models.LoadedModel) -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)

    sample_completions(policy, PROMPTS, SHORT)

    assert torch.equal(torch.rand(2), expected)


def test_the_likeliest_completion_is_the_same_alone_and_beside_longer_prompts(
    policy: models.LoadedModel,
) -> None:
    greedy = Drawing(num_samples=1, temperature=0.0, max_new_tokens=10)

    together = sample_completions(policy, PROMPTS, greedy)

    assert together == [sample_completions(policy, [prompt], greedy)[0] for prompt in PROMPTS]


def test_a_completion_ends_before_its_end_token(policy: models.LoadedModel) -> None:
    # Whatever comes first is an end token, so nothing is left of any completion.
    policy.model.generation_config.eos_token_id = list(range(263))

    assert sample_completions(policy, ["p"], SHORT) == [["", "", ""]]


def test_progress_is_told_by_prompts_done(policy: models.LoadedModel) -> None:
    told: list[int] = []

    sample_completions(policy, PROMPTS, SHORT, say=told.append)

    assert told[-1] == len(PROMPTS)
    assert told == sorted(told)
