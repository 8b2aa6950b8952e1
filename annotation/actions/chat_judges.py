"""Judges that have a language model write: by a rubric or by roll-outs. Which backend writes is the caller's choice."""

from __future__ import annotations

from annotation.generation.backend import MeteredBackend
from annotation.judging.judge import Judge as JudgeAtWork
from annotation.judging.rollout import RolloutJudge, RolloutSettings
from annotation.judging.rubric import RubricJudge
from annotation.models import Judge, JudgeKind
from annotation.rules.judge_settings import read_rollout_options, read_rubric_options


def make_chat_judge(judge: Judge, backend: MeteredBackend) -> JudgeAtWork:
    """The rubric or roll-out judge that a row describes. Raises BadRubric, BadTemplate or BadOptions."""
    if judge.kind == JudgeKind.RUBRIC:
        rubric = read_rubric_options(judge.settings)
        return RubricJudge(
            backend,
            rubric=rubric.rubric,
            max_new_tokens=rubric.max_new_tokens,
            temperature=rubric.temperature,
        )
    rollout = read_rollout_options(judge.settings)
    return RolloutJudge(
        backend,
        RolloutSettings(
            template=rollout.template,
            num_rollouts=rollout.num_rollouts,
            is_search=rollout.is_search,
            temperature=rollout.temperature,
            max_new_tokens=rollout.max_new_tokens,
        ),
    )
