"""Guards against reward hacking: an alarm that stops a GRPO run where its figures say that the policy games its reward.

Four signs, each over a window of the log: the policy has gone far from where it began (KL), the reward rises while a
held-out judge that was never trained on falls (Gao et al. 2023, "Scaling laws for reward model overoptimization"),
completions grow much longer than they were, or most of them go round in circles.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

HELD_OUT = "rewards/held_out/mean"
DEGENERATE = "hybrid/degenerate"
_LENGTH = "completions/mean_length"


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """`kl` is in nats a token. `divergence`: how far the held-out judge's mean may fall while the reward's rises.
    `growth`: how many times longer completions may become. `degenerate`: the share that may repeat itself. All are
    means over `window` lines of the log."""

    kl: float = 0.5
    divergence: float = 0.1
    growth: float = 3.0
    degenerate: float = 0.5
    window: int = 10


def find_alarm(log: Sequence[Mapping[str, Any]], limits: Limits) -> str | None:
    """What is wrong with the run so far, in one sentence; None where nothing is, or too little is known."""
    steps = [entry for entry in log if "reward" in entry]
    if len(steps) < limits.window:
        return None
    first, last = steps[: limits.window], steps[-limits.window :]
    kl = _mean(last, "kl")
    if kl is not None and kl > limits.kl:
        return f"The policy has gone {kl:.2f} nats a token from where it began (limit {limits.kl:g})."
    degenerate = _mean(last, DEGENERATE)
    if degenerate is not None and degenerate > limits.degenerate:
        return f"{degenerate:.0%} of the completions go round in circles (limit {limits.degenerate:.0%})."
    if len(steps) < 2 * limits.window:
        return None
    before, after = _mean(first, _LENGTH), _mean(last, _LENGTH)
    if before and after and after > limits.growth * before:
        return (
            f"Completions are {after / before:.1f} times as long as at the start (limit {limits.growth:g})."
        )
    return _find_divergence(first, last, limits)


def _find_divergence(
    first: Sequence[Mapping[str, Any]], last: Sequence[Mapping[str, Any]], limits: Limits
) -> str | None:
    started, ended = _mean(first, HELD_OUT), _mean(last, HELD_OUT)
    reward_started, reward_ended = _mean(first, "reward"), _mean(last, "reward")
    if started is None or ended is None or reward_started is None or reward_ended is None:
        return None
    if reward_ended > reward_started and started - ended > limits.divergence:
        return (
            f"The reward rose from {reward_started:.2f} to {reward_ended:.2f} while the held-out judge fell from "
            f"{started:.2f} to {ended:.2f}."
        )
    return None


def _mean(steps: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = [float(entry[name]) for entry in steps if name in entry]
    return sum(known) / len(known) if known else None


class Alarm(TrainerCallback):
    """Stops the run at the first alarm; `sentence` says what it was, "" where there was none."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.sentence = ""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        found = find_alarm(state.log_history, self._limits)
        if found and not self.sentence:
            self.sentence = f"Stopped at step {state.global_step} of {state.max_steps}: {found}"
            control.should_training_stop = True
