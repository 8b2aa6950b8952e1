"""`hybrid_reward`: several rewards in one, each weighted by the evidence it rests on. Loads no torch.

A verifier's word rests on the reference answer and weighs 1. A learned reward weighs what its labels are worth: how far
people stand behind those it was trained on (the export's manifest counts labels by provenance), times what it was
measured to know of people's labels (Youden's J of its test rows, as the merge weighs raters). A reward that has
nothing to say of a completion (None) takes no part in it, and neither does its weight.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rl_bridge.data import Prompt
from rl_bridge.degenerate import is_degenerate
from rl_bridge.errors import BridgeError
from rl_bridge.rewards import Completion, RewardFunction, read_text
from rl_bridge.runs import METRICS_FILE

BEHIND_LABELS = {"human": 1.0, "gold": 1.0, "hybrid": 0.75, "ai": 0.5, "none": 0.25}
"""How far people stand behind a label, by its provenance (see the glossary)."""
FORMAT_WEIGHT = 0.1
LEAST_WEIGHT = 0.05
PRM_FIGURE = "test_balanced_accuracy"
REWARD_FIGURE = "test_accuracy"
"""What a judge's run says of its test rows. Either answer of a pair is as likely, so its accuracy is balanced."""


class NoEvidence(BridgeError):
    """The manifest does not say what the labels rest on."""


@dataclasses.dataclass(frozen=True, slots=True)
class WeightedReward:
    """One part of the hybrid reward. `why` says in a few words what its weight rests on."""

    name: str
    reward: RewardFunction
    weight: float
    why: str


def weigh_labels(manifest: Mapping[str, Any], config: str) -> float:
    """How far people stand behind the labels of a config, 0 to 1. Raises `NoEvidence`."""
    try:
        counts: dict[str, int] = manifest["counts"]["configs"][config]["provenance"]
        total = sum(counts.values())
        behind = sum(BEHIND_LABELS.get(name, 0.0) * count for name, count in counts.items())
    except (KeyError, TypeError, AttributeError) as error:
        raise NoEvidence(
            f"The manifest does not count the labels of {config} by what they rest on."
        ) from error
    if not total:
        raise NoEvidence(f"The manifest counts no labels of {config}.")
    return behind / total


def read_skill(model_folder: Path, figure: str = PRM_FIGURE) -> float | None:
    """Youden's J of a judge on its run's test rows, 0 to 1, by the `figure` there; None where its run measured none."""
    try:
        metrics: dict[str, float] = json.loads((model_folder.parent / METRICS_FILE).read_text("utf-8"))
        balanced = float(metrics[figure])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return min(1.0, max(0.0, 2.0 * balanced - 1.0))


def weigh_learned(name: str, reward: RewardFunction, *, behind: float, skill: float | None) -> WeightedReward:
    """A learned reward with its weight; where its skill was not measured, its labels alone decide."""
    weight = max(LEAST_WEIGHT, behind * (1.0 if skill is None else skill))
    known = "its skill was not measured" if skill is None else f"Youden's J {skill:.2f} on test rows"
    return WeightedReward(name, reward, weight, f"labels {behind:.2f} behind by people, {known}")


Observe = Callable[[Mapping[str, Any], Sequence[str], Mapping[str, Sequence[float | None]]], None]
"""Hears of each batch: its columns, its completions' texts, and the rewards of each part by name."""


def make_hybrid_reward(
    parts: Sequence[WeightedReward], *, observe: Observe = lambda columns, texts, found: None
) -> RewardFunction:
    """The weighted mean of the parts that apply to a completion; None where none does.

    What is degenerate (see `degenerate`) earns 0, whatever a judge thinks of it. Each part's mean goes into the
    trainer's log as `hybrid/<name>`, the share of degenerate completions as `hybrid/degenerate`.
    """

    def hybrid_reward(
        prompts: Sequence[Prompt], completions: Sequence[Completion], **columns: Any
    ) -> list[float | None]:
        found = [part.reward(prompts=prompts, completions=completions, **columns) for part in parts]
        texts = [read_text(completion) for completion in completions]
        observe(columns, texts, {part.name: values for part, values in zip(parts, found, strict=True)})
        log_metric = columns.get("log_metric")
        if log_metric is not None:
            for part, values in zip(parts, found, strict=True):
                known = [value for value in values if value is not None]
                if known:
                    log_metric(f"hybrid/{part.name}", sum(known) / len(known))
            log_metric("hybrid/degenerate", sum(map(is_degenerate, texts)) / max(1, len(texts)))
        weights = [part.weight for part in parts]
        combined = [combine(values, weights) for values in zip(*found, strict=True)]
        return [
            0.0 if reward is not None and is_degenerate(text) else reward
            for reward, text in zip(combined, texts, strict=True)
        ]

    return hybrid_reward


def combine(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """The weighted mean of the values that are there.

    >>> combine([1.0, None, 0.0], [1.0, 5.0, 0.5])
    0.6666666666666666
    """
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    if not known:
        return None
    return sum(value * weight for value, weight in known) / sum(weight for _, weight in known)
