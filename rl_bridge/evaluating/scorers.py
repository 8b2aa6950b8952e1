"""What gives completions a number to choose by: a process reward model (its weakest step) or a reward model."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rl_bridge.data import Prompt
from rl_bridge.evaluating.labelled import KnownTrace
from rl_bridge.prm import TraceToScore
from rl_bridge.reward_model import OpenedRewardModel, load_reward_model, score_completions
from rl_bridge.rewards import cut_lines
from rl_bridge.token_prm import AnyPrm, load_any_prm, score_all


@dataclasses.dataclass(frozen=True, slots=True)
class Scorer:
    """A named model that scores completions; exactly one of `prm` and `reward_model` is there."""

    name: str
    prm: AnyPrm | None = None
    reward_model: OpenedRewardModel | None = None

    @property
    def revision(self) -> str:
        """Which weights it has."""
        opened = self.prm or self.reward_model
        return "" if opened is None else opened.revision

    def score(self, pairs: Sequence[tuple[Prompt, str]]) -> list[float | None]:
        """One number for each (prompt, completion): P(the weakest step stands), or a reward without unit; None for an
        empty completion and for one that is too long to be read. A bar on a terminal says how far it is."""
        if self.reward_model is not None:
            with _show_bar(self.name, len(pairs), " completions") as bar:
                return list(score_completions(self.reward_model, pairs, say=bar.update))
        assert self.prm is not None
        traces = [TraceToScore(prompt, tuple(cut_lines(text))) for prompt, text in pairs if text.strip()]
        with _show_bar(self.name, len(traces), " completions") as bar:
            scored = score_all(self.prm, traces, say=bar.update)
        weakest = iter([None if scores is None else min(scores) for scores in scored])
        return [next(weakest) if text.strip() else None for _, text in pairs]


def open_scorers(prms: Mapping[str, str], reward_models: Mapping[str, str]) -> list[Scorer]:
    """Open all of them. Raises `NotAPrm` or `NotARewardModel`."""
    return [
        *(Scorer(name, prm=load_any_prm(Path(place).expanduser())) for name, place in prms.items()),
        *(
            Scorer(name, reward_model=load_reward_model(Path(place).expanduser()))
            for name, place in reward_models.items()
        ),
    ]


def score_known(prm: AnyPrm, traces: Sequence[KnownTrace], *, name: str) -> list[tuple[float | None, ...]]:
    """P(step stands) for each step of each trace; None for the steps of a trace that is too long to be read."""
    with _show_bar(name, len(traces), " traces") as bar:
        scored = score_all(prm, [TraceToScore(trace.prompt, trace.steps) for trace in traces], say=bar.update)
    return [
        (None,) * len(trace.steps) if scores is None else tuple(scores)
        for trace, scores in zip(traces, scored, strict=True)
    ]


def _show_bar(name: str, total: int, unit: str) -> "tqdm[Any]":
    """A bar on standard error; none without a terminal (disable=None)."""
    return tqdm(total=total, desc=f"{name} scores", unit=unit, disable=None)
