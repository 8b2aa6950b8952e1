"""Judges whose model runs in this very process, or that need none. Loads torch."""

from __future__ import annotations

from annotation.actions.chat_judges import make_chat_judge
from annotation.actions.judge import JudgeIncomplete, OpenedJudge
from annotation.actions.opened_models import open_local_backend, open_model, open_prm
from annotation.actions.try_model import TrialAnswer, ask_backend, describe_trial_scores
from annotation.generation.backend import MeteredBackend
from annotation.judging.arithmetic import ArithmeticJudge
from annotation.judging.likelihood import LikelihoodJudge
from annotation.judging.prm import PrmJudge
from annotation.models import Backend, Judge, JudgeKind, ModelSpec


def open_local_judge(judge: Judge) -> OpenedJudge:
    """The judge that a row describes, ready to score. Raises BridgeError or ValueError where it can't be."""
    if judge.kind == JudgeKind.ARITHMETIC:
        return OpenedJudge(ArithmeticJudge())
    spec = judge.model_spec
    if spec is None:
        raise JudgeIncomplete(f"The judge {judge} has no model.")
    if judge.kind == JudgeKind.LIKELIHOOD:
        return OpenedJudge(LikelihoodJudge(open_model(spec), rubric=str(judge.settings.get("rubric", ""))))
    if judge.kind == JudgeKind.PRM:
        return OpenedJudge(PrmJudge(open_prm(spec, separator=str(judge.settings.get("separator", "\n")))))
    backend = MeteredBackend(open_local_backend(spec))
    return OpenedJudge(make_chat_judge(judge, backend), meter=backend)


def ask_local_model(spec: ModelSpec, text: str) -> TrialAnswer:
    """What a model of this process makes of a text: an answer, or a process reward model's score of two sample steps.

    Raises BridgeError.
    """
    if spec.backend != Backend.PRM:
        return ask_backend(open_local_backend(spec), text)
    return describe_trial_scores(PrmJudge(open_prm(spec)), text)
