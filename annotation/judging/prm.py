"""The PRM judge: a process reward model gives each step its probability of being correct. Loads torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion, never
from rl_bridge.layout import TraceTooLong
from rl_bridge.prm import TraceToScore
from rl_bridge.token_prm import AnyPrm, score_with


class PrmJudge:
    """Implements `Judge` for a process reward model that is open. It is shown the problem and the steps alone: that is
    what such models were trained on."""

    def __init__(self, prm: AnyPrm) -> None:
        self._prm = prm

    def score(
        self, traces: Sequence[JudgedTrace], should_stop: Callable[[], bool] = never
    ) -> list[Opinion | NoOpinion]:
        opinions: list[Opinion | NoOpinion] = []
        for trace in traces:
            should_stop()
            try:
                scores = score_with(self._prm, TraceToScore(prompt=trace.problem, steps=trace.steps))
            except TraceTooLong as error:
                opinions.append(NoOpinion(f"The trace is too long for this judge: {error}"))
            else:
                opinions.append(Opinion(tuple(scores)))
        return opinions
