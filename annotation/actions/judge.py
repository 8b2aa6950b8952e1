"""A worker's part in a judge run: one chunk, from its traces to their stored scores. Loads torch."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from typing import TypedDict, cast

from django.db import transaction

from annotation.actions import chunked, jobs
from annotation.actions.heartbeats import Clock, Heartbeat
from annotation.actions.needs import refresh_needs
from annotation.actions.opened_models import open_model
from annotation.judging.arithmetic import ArithmeticJudge
from annotation.judging.judge import Judge as JudgeAtWork
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion
from annotation.judging.likelihood import BadRubric, LikelihoodJudge
from annotation.models import Judge, JudgeChunk, JudgeKind, JudgeRun, JudgeScore, Trace
from annotation.rules.segmentation import split_steps
from rl_bridge.errors import BridgeError

logger = logging.getLogger(__name__)


class Failure(TypedDict):
    """One trace that got no score."""

    trace_id: int
    reason: str


class JudgeIncomplete(BridgeError):
    """The judge's row lacks what its kind needs."""


def open_judge(judge: Judge) -> JudgeAtWork:
    """The judge that a row describes, ready to score. Raises BridgeError or BadRubric where it can't be."""
    if judge.kind == JudgeKind.ARITHMETIC:
        return ArithmeticJudge()
    if judge.model_spec is None:
        raise JudgeIncomplete(f"The judge {judge} has no model.")
    return LikelihoodJudge(open_model(judge.model_spec), rubric=str(judge.settings.get("rubric", "")))


def judge_chunk(
    *, chunk_id: int, clock: Clock, open_judge: Callable[[Judge], JudgeAtWork] = open_judge
) -> None:
    """Scores a chunk's traces: each of them gets one score or one failure with its reason, stored together with the
    chunk's end. No transaction is open while the judge works.

    Raises JobNotStartable or JobLost where the chunk is not (any longer) this worker's; then nothing is stored.
    """
    chunk = chunked.start_chunk(JudgeChunk, chunk_id, now=clock())
    run = cast(JudgeRun, JudgeRun._default_manager.select_related("judge__model_spec").get(pk=chunk.run_id))
    heartbeat = Heartbeat(chunk, clock)
    try:
        judge = open_judge(run.judge)
        scores, failures = _score(chunk, run, judge, heartbeat, clock)
    except (BridgeError, BadRubric, RuntimeError) as error:
        # RuntimeError: what torch raises, out of memory for one. It would happen again, so it isn't tried again.
        logger.exception("%s failed", chunk)
        _fail(chunk, error=str(error).partition("\n")[0] or type(error).__name__, now=clock())
        return
    _store(chunk, scores, failures, now=clock())


def _score(
    chunk: JudgeChunk, run: JudgeRun, judge: JudgeAtWork, heartbeat: Heartbeat, clock: Clock
) -> tuple[list[JudgeScore], list[Failure]]:
    """Trace by trace, so that a heartbeat, or a cancel, comes between."""
    traces = Trace.objects.select_related("prompt").in_bulk(chunk.trace_ids)
    scores: list[JudgeScore] = []
    failures: list[Failure] = []
    for trace_id in chunk.trace_ids:
        heartbeat.beat()
        trace = traces.get(trace_id)
        if trace is None:
            failures.append(
                Failure(trace_id=trace_id, reason="The trace was deleted before the judge got to it.")
            )
            continue
        [opinion] = judge.score([_show(trace, run.judge)])
        if isinstance(opinion, NoOpinion):
            failures.append(Failure(trace_id=trace_id, reason=opinion.reason))
        else:
            scores.append(_build_score(trace, run.judge, opinion, clock()))
    return scores, failures


def _show(trace: Trace, judge: Judge) -> JudgedTrace:
    """What this judge may see of the trace."""
    reference = trace.prompt.reference_answer if judge.sees_reference else ""
    return JudgedTrace(
        problem=trace.prompt.text,
        steps=tuple(split_steps(trace.completion, trace.step_ends)),
        reference_answer=reference or None,
    )


def _build_score(trace: Trace, judge: Judge, opinion: Opinion, now: dt.datetime) -> JudgeScore:
    return JudgeScore(
        trace=trace,
        judge=judge,
        probabilities=list(opinion.probabilities),
        rationales=list(opinion.rationales),
        created_at=now,
    )


def _store(
    chunk: JudgeChunk, scores: Sequence[JudgeScore], failures: Sequence[Failure], *, now: dt.datetime
) -> None:
    with transaction.atomic():
        locked = jobs.lock_for_result(chunk)
        # Another run of the same judge may have scored a trace meanwhile: the first score stays.
        JudgeScore.objects.bulk_create(scores, ignore_conflicts=True)
        refresh_needs(trace_ids=[score.trace_id for score in scores])
        locked.failures = list(failures)
        locked.save(update_fields=["failures"])
        jobs.finish_job(locked, now=now)
        chunked.settle(JudgeRun, chunk.run_id, now=now)


def _fail(chunk: JudgeChunk, *, error: str, now: dt.datetime) -> None:
    with transaction.atomic():
        locked = jobs.lock_for_result(chunk)
        locked.failures = [Failure(trace_id=trace_id, reason=error) for trace_id in chunk.trace_ids]
        locked.save(update_fields=["failures"])
        jobs.fail_job(locked, error=error, now=now)
        chunked.settle(JudgeRun, chunk.run_id, now=now)
