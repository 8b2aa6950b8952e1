"""Judges whose model is on a server. Loads no torch."""

from __future__ import annotations

from annotation.actions.chat_judges import make_chat_judge
from annotation.actions.judge import JudgeIncomplete, OpenedJudge
from annotation.actions.opened_servers import open_server_backend
from annotation.generation.backend import MeteredBackend
from annotation.models import Judge, JudgeKind


def open_server_judge(judge: Judge) -> OpenedJudge:
    """The judge that a row describes, ready to score. Raises BridgeError or ValueError where it can't be."""
    if judge.kind not in (JudgeKind.RUBRIC, JudgeKind.ROLLOUT) or judge.model_spec is None:
        raise JudgeIncomplete(f"The judge {judge} can't work by a server.")
    backend = MeteredBackend(open_server_backend(judge.model_spec))
    return OpenedJudge(make_chat_judge(judge, backend), meter=backend)
