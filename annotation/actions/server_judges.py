"""Judges whose model is on a server. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from annotation.actions.chat_judges import make_chat_judge
from annotation.actions.judge import JudgeIncomplete, OpenedJudge
from annotation.actions.opened_servers import open_server_backend, read_prm_settings
from annotation.actions.try_model import TrialAnswer, ask_backend, describe_trial_scores
from annotation.generation.backend import MeteredBackend
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion, never
from annotation.judging.prm_server import HttpPrmJudge
from annotation.models import Backend, Judge, JudgeKind, ModelSpec


class PinnedPrmJudge:
    """Implements `Judge`: the first answer's weights are written down, and from then on they have to be the same."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._judge = HttpPrmJudge(read_prm_settings(spec))

    def score(
        self, traces: Sequence[JudgedTrace], should_stop: Callable[[], bool] = never
    ) -> list[Opinion | NoOpinion]:
        opinions = self._judge.score(traces, should_stop)
        if not self._spec.revision and self._judge.revision:
            ModelSpec.objects.filter(pk=self._spec.pk, revision="").update(revision=self._judge.revision)
            self._spec.revision = self._judge.revision
        return opinions


def open_server_judge(judge: Judge) -> OpenedJudge:
    """The judge that a row describes, ready to score. Raises BridgeError or ValueError where it can't be."""
    spec = judge.model_spec
    if spec is not None and judge.kind == JudgeKind.PRM:
        return OpenedJudge(PinnedPrmJudge(spec))
    if spec is None or judge.kind not in (JudgeKind.RUBRIC, JudgeKind.ROLLOUT):
        raise JudgeIncomplete(f"The judge {judge} can't work by a server.")
    backend = MeteredBackend(open_server_backend(spec))
    return OpenedJudge(make_chat_judge(judge, backend), meter=backend)


def ask_server_model(spec: ModelSpec, text: str) -> TrialAnswer:
    """What a server's model makes of a text: an answer, or a process reward model's score of two sample steps.

    Raises BridgeError.
    """
    if spec.backend != Backend.PRM_SERVER:
        return ask_backend(open_server_backend(spec), text)
    return describe_trial_scores(PinnedPrmJudge(spec), text)
