"""How often a policy is right, from N sampled completions of each prompt. Pure numbers; loads no torch.

pass@k without bias: Chen et al. 2021, "Evaluating large language models trained on code", equation 1. maj@N: Wang et
al. 2023, "Self-consistency improves chain of thought reasoning". best-of-N takes the completion that a process reward
model or a reward model scores highest (Lightman et al. 2023).
"""

import dataclasses
import math
from collections.abc import Sequence

from rl_bridge.evaluating.intervals import Estimate, bootstrap_mean


@dataclasses.dataclass(frozen=True, slots=True)
class SampledPrompt:
    """N completions of one prompt: whether each is correct, the answer each gives (None: none), and each one's scores.

    `scores` holds N numbers for each scorer by name; None where a scorer could not read a completion.
    """

    prompt_id: str
    is_correct: tuple[bool, ...]
    answers: tuple[str | None, ...]
    scores: dict[str, tuple[float | None, ...]] = dataclasses.field(default_factory=dict)


def pass_at(num_samples: int, num_correct: int, k: int) -> float:
    """The chance that of `k` completions drawn from the N without return at least one is correct."""
    if not 0 < k <= num_samples:
        raise ValueError(f"pass@{k} can't be told from {num_samples} completions.")
    return 1.0 - math.comb(num_samples - num_correct, k) / math.comb(num_samples, k)


def majority_of(prompt: SampledPrompt) -> float:
    """The chance that the commonest answer is correct, ties broken at random; without answer no vote."""
    votes: dict[str, list[bool]] = {}
    for answer, is_correct in zip(prompt.answers, prompt.is_correct, strict=True):
        if answer is not None:
            votes.setdefault(answer, []).append(is_correct)
    if not votes:
        return 0.0
    most = max(map(len, votes.values()))
    leaders = [sum(found) / len(found) for found in votes.values() if len(found) == most]
    return sum(leaders) / len(leaders)


def vote_share_of(prompt: SampledPrompt) -> float:
    """The share of completions that give the commonest answer: how sure the policy is of it."""
    votes = [answer for answer in prompt.answers if answer is not None]
    return max(map(votes.count, votes), default=0) / len(prompt.answers)


def best_by(prompt: SampledPrompt, scorer: str) -> float:
    """The chance that the completion with the highest score is correct, a tie broken at random."""
    scored = [
        (score, is_correct)
        for score, is_correct in zip(prompt.scores[scorer], prompt.is_correct, strict=True)
        if score is not None
    ]
    if not scored:  # nothing to choose by
        return sum(prompt.is_correct) / len(prompt.is_correct)
    highest = max(score for score, _ in scored)
    best = [is_correct for score, is_correct in scored if score == highest]
    return sum(best) / len(best)


def list_rates(prompts: Sequence[SampledPrompt]) -> dict[str, list[float]]:
    """Each rate's value for each prompt: `pass@1`, `pass@N`, `maj@N`, and `best-of-N by <scorer>`."""
    if not prompts:
        return {}
    n = min(len(prompt.is_correct) for prompt in prompts)
    counted = [(len(prompt.is_correct), sum(prompt.is_correct)) for prompt in prompts]
    rates = {"pass@1": [pass_at(size, correct, 1) for size, correct in counted]}
    if n > 1:
        rates[f"pass@{n}"] = [pass_at(size, correct, n) for size, correct in counted]
        rates[f"maj@{n}"] = [majority_of(prompt) for prompt in prompts]
    for scorer in prompts[0].scores:
        rates[f"best-of-{n} by {scorer}"] = [best_by(prompt, scorer) for prompt in prompts]
    return rates


def measure_rates(prompts: Sequence[SampledPrompt]) -> dict[str, Estimate]:
    """All rates with their intervals over prompts."""
    return {name: bootstrap_mean(values) for name, values in list_rates(prompts).items()}
