"""A worker's part in a judge run: one chunk, from its traces to their stored scores. Loads torch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

from django.db import transaction

from annotation.actions import chunked, jobs
from annotation.actions.guarded_work import WorkFailed, guard_work
from annotation.actions.heartbeats import Clock, Heartbeat
from annotation.actions.needs import refresh_needs
from annotation.generation.backend import MeteredBackend
from annotation.judging.judge import Judge as JudgeAtWork
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion
from annotation.models import Judge, JudgeChunk, JudgeRun, JudgeScore, Trace
from annotation.rules.segmentation import split_steps
from rl_bridge.errors import BridgeError


class Failure(TypedDict):
    """One trace that got no score."""

    trace_id: int
    reason: str


class JudgeIncomplete(BridgeError):
    """The judge's row lacks what its kind needs."""


@dataclass(frozen=True)
class OpenedJudge:
    """A judge ready to score, and where it has a language model write, the count of its tokens."""

    judge: JudgeAtWork
    meter: MeteredBackend | None = None


def judge_chunk(*, chunk_id: int, clock: Clock, open_judge: Callable[[Judge], OpenedJudge]) -> None:
    """Scores a chunk's traces: each of them gets one score or one failure with its reason, stored together with the
    chunk's end. No transaction is open while the judge works.

    Raises JobNotStartable or JobLost where the chunk is not (any longer) this worker's; then nothing is stored.
    """
    chunk = chunked.start_chunk(JudgeChunk, chunk_id, now=clock())
    run = cast(JudgeRun, JudgeRun._default_manager.select_related("judge__model_spec").get(pk=chunk.run_id))
    heartbeat = Heartbeat(chunk, clock)
    try:
        with guard_work(chunk, clock=clock):
            opened = open_judge(run.judge)
            scores, failures = _score(chunk, run, opened.judge, heartbeat, clock)
    except WorkFailed as error:
        _fail(chunk, error=str(error), now=clock())
        return
    _store(chunk, scores, failures, opened.meter, now=clock())


def _score(
    chunk: JudgeChunk, run: JudgeRun, judge: JudgeAtWork, heartbeat: Heartbeat, clock: Clock
) -> tuple[list[JudgeScore], list[Failure]]:
    """All traces together, as a server is asked about many at a time; heartbeats, and a cancel, come in between."""
    traces = Trace.objects.select_related("prompt", "project").in_bulk(chunk.trace_ids)
    present = [traces[trace_id] for trace_id in chunk.trace_ids if trace_id in traces]
    heartbeat.beat()
    opinions = judge.score([_show(trace, run.judge) for trace in present], heartbeat.beat)
    scores: list[JudgeScore] = []
    failures = [
        Failure(trace_id=trace_id, reason="The trace was deleted before the judge got to it.")
        for trace_id in chunk.trace_ids
        if trace_id not in traces
    ]
    for trace, opinion in zip(present, opinions, strict=True):
        if isinstance(opinion, NoOpinion):
            failures.append(Failure(trace_id=trace.pk, reason=opinion.reason))
            continue
        if opinion.fault:  # stored as a score too, so that it is not asked about for ever
            failures.append(Failure(trace_id=trace.pk, reason=opinion.fault))
        scores.append(_build_score(trace, run.judge, opinion, clock()))
    return scores, failures


def _show(trace: Trace, judge: Judge) -> JudgedTrace:
    """What this judge may see of the trace."""
    may_see = judge.sees_reference and trace.project.judges_see_reference
    reference = trace.prompt.reference_answer if may_see else ""
    return JudgedTrace(
        problem=trace.prompt.text,
        steps=tuple(split_steps(trace.completion, trace.step_ends)),
        reference_answer=reference or None,
        verifier=trace.prompt.verifier,
        ground_truth=trace.prompt.ground_truth,
    )


def _build_score(trace: Trace, judge: Judge, opinion: Opinion, now: dt.datetime) -> JudgeScore:
    return JudgeScore(
        trace=trace,
        judge=judge,
        probabilities=list(opinion.probabilities),
        rationales=list(opinion.rationales),
        fault=opinion.fault[:300],
        created_at=now,
    )


def _store(
    chunk: JudgeChunk,
    scores: Sequence[JudgeScore],
    failures: Sequence[Failure],
    meter: MeteredBackend | None,
    *,
    now: dt.datetime,
) -> None:
    with transaction.atomic():
        locked = jobs.lock_for_result(chunk)
        # Another run of the same judge may have scored a trace meanwhile: the first score stays.
        JudgeScore.objects.bulk_create(scores, ignore_conflicts=True)
        refresh_needs(trace_ids=[score.trace_id for score in scores])
        locked.failures = list(failures)
        if meter is not None:
            locked.num_prompt_tokens += meter.num_prompt_tokens
            locked.num_tokens += meter.num_tokens
        locked.save(update_fields=["failures", "num_prompt_tokens", "num_tokens"])
        jobs.finish_job(locked, now=now)
        chunked.settle(JudgeRun, chunk.run_id, now=now)


def _fail(chunk: JudgeChunk, *, error: str, now: dt.datetime) -> None:
    with transaction.atomic():
        jobs.fail_job(jobs.lock_for_result(chunk), error=error, now=now)
        chunked.settle(JudgeRun, chunk.run_id, now=now)
