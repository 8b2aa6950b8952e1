"""Merges: started by a person, computed by a worker, stored whole or not at all."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from django.conf import settings
from django.db import transaction

from annotation import jobs as background
from annotation.actions import jobs
from annotation.actions.audit import record_event
from annotation.actions.beating import keep_beating
from annotation.actions.disagreements import Merged, refresh_after_merge
from annotation.actions.needs import lock_traces, write_needs
from annotation.merging.data import JudgeRow, MergeInput, MergeInputError, MergePolicy, MergeResult
from annotation.merging.data import MergedPreference as PreferenceRow
from annotation.merging.data import MergedTrace as TraceResult
from annotation.merging.merge import merge
from annotation.models import Account, MergedPreference, MergedTrace, MergeRun, Project
from annotation.models.job import OPEN_STATES
from annotation.queries.merge_runs import policy_of
from annotation.queries.merges import has_anything_to_merge, list_merge_runs, read_merge_input
from annotation.rules import selection

Clock = Callable[[], dt.datetime]
_Row = TypeVar("_Row")
_ROWS_AT_ONCE = 2000


class MergeAlreadyOpen(Exception):
    """A merge of the project is queued or running; `run` is that one."""

    def __init__(self, run: MergeRun) -> None:
        super().__init__("A merge of this project is already under way.")
        self.run = run


class NothingToMerge(Exception):
    """Nobody rated or compared and no judge scored anything in the project."""

    def __init__(self) -> None:
        super().__init__(
            "There is nothing to merge yet: nobody has rated or compared traces and no judge has run."
        )


def start_merge(*, project: Project, policy: MergePolicy, actor: Account, now: dt.datetime) -> MergeRun:
    """Queues a merge of everything said so far. Raises MergeAlreadyOpen or NothingToMerge."""
    with transaction.atomic():
        run = add_merge_run(project=project, policy=policy, actor=actor, now=now)
        background.queue_on_commit(run)
    return run


def add_merge_run(*, project: Project, policy: MergePolicy, actor: Account, now: dt.datetime) -> MergeRun:
    """Stores a merge run for whoever will run it, in the caller's transaction. Raises as `start_merge` does."""
    Project.objects.select_for_update(no_key=True).get(
        pk=project.pk
    )  # one at a time: no double click makes two
    open_run = list_merge_runs(project).filter(state__in=OPEN_STATES).first()
    if open_run is not None:
        raise MergeAlreadyOpen(open_run)
    if not has_anything_to_merge(project):
        raise NothingToMerge
    run = MergeRun.objects.create(
        project=project,
        created_by=actor,
        policy=policy.name,
        recovery=policy.recovery,
        uses_verdict=policy.use_verdict,
        queued_at=now,
        touched_at=now,
    )
    record_event(
        actor=actor,
        verb="started a merge",
        subject=run,
        now=now,
        project=project,
        policy=policy.name,
        recovery=policy.recovery,
        uses_verdict=policy.use_verdict,
    )
    return run


def cancel_merge(*, run: MergeRun, actor: Account, now: dt.datetime) -> None:
    """Stops a queued or running merge; nothing of it is stored. Raises jobs.NotOpen."""
    with transaction.atomic():
        locked = list_merge_runs(run.project).select_for_update(of=("self",)).get(pk=run.pk)
        jobs.check_open(locked)
        jobs.cancel_job(locked, now=now)
        record_event(actor=actor, verb="cancelled a merge", subject=locked, now=now, project=locked.project)


def run_merge(*, run_id: int, clock: Clock) -> None:
    """A worker's whole job. Raises JobNotStartable or JobLost where the run is not (any longer) this worker's."""
    run = jobs.start_job(MergeRun, run_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    with keep_beating(run, clock=clock):
        data = read_merge_input(run.project, at=run.started_at or clock())
        try:
            result = merge(data, policy_of(run))
        except MergeInputError as error:
            _fail(run, error=str(error), now=clock())
            return
        _refresh_needs(data, result)
        _refresh_disagreements(run, result, now=clock())
    _store(run, data, result, clock)


def _fail(run: MergeRun, *, error: str, now: dt.datetime) -> None:
    with transaction.atomic():
        jobs.fail_job(jobs.lock_for_result(run), error=error, now=now)


def _store(run: MergeRun, data: MergeInput, result: MergeResult, clock: Clock) -> None:
    """All of the result and the run's end, in one transaction."""
    num_steps = {row.trace_id: row.num_steps for row in data.traces}
    with transaction.atomic():
        locked = jobs.lock_for_result(run)
        for traces in _in_chunks(result.traces):
            MergedTrace.objects.bulk_create(
                [_build_trace(locked, row, num_steps[row.trace_id]) for row in traces]
            )
        for pairs in _in_chunks(result.preferences):
            MergedPreference.objects.bulk_create([_build_preference(locked, row) for row in pairs])
        locked.merge_version = result.diagnostics.merge_version
        locked.diagnostics = dataclasses.asdict(result.diagnostics)
        locked.save(update_fields=["merge_version", "diagnostics"])
        jobs.finish_job(locked, now=clock())


def _build_trace(run: MergeRun, row: TraceResult, num_steps: int) -> MergedTrace:
    return MergedTrace(
        run=run,
        trace_id=int(row.trace_id),
        posterior=list(row.posterior) or [None] * num_steps,
        p_trace=row.p_trace,
        first_error=row.first_error,
        provenance=row.provenance,
        num_raters=row.num_raters,
        num_blind_raters=row.num_blind_raters,
        judges=list(row.judges),
        fold=row.fold,
    )


def _build_preference(run: MergeRun, row: PreferenceRow) -> MergedPreference:
    return MergedPreference(
        run=run,
        prompt_id=int(row.prompt_id),
        chosen_id=int(row.chosen),
        rejected_id=int(row.rejected),
        probability=row.p,
        margin=row.margin,
        provenance=row.provenance,
    )


def _refresh_needs(data: MergeInput, result: MergeResult) -> None:
    """Sets how much each trace needs a person, from its new posterior; in short transactions, since raters are
    handed these very rows meanwhile. A second run sets the same."""
    scores = _judge_trace_scores(data.judges)
    verdicts = {row.trace_id: row.final_answer_correct for row in data.traces}
    for traces in _in_chunks(result.traces):
        needs = [
            selection.need(
                judge_trace_scores=scores[row.trace_id],
                is_answer_correct=verdicts[row.trace_id],
                trace_posterior=row.p_trace,
            )
            for row in traces
        ]
        trace_ids = [int(row.trace_id) for row in traces]
        with transaction.atomic():
            lock_traces(trace_ids)
            write_needs(trace_ids, needs)


def _refresh_disagreements(run: MergeRun, result: MergeResult, *, now: dt.datetime) -> None:
    """Among the traces that somebody rated, in short transactions likewise."""
    rated = [row for row in result.traces if row.num_raters]
    for traces in _in_chunks(rated):
        merged = {int(row.trace_id): Merged(row.posterior, row.first_error) for row in traces}
        refresh_after_merge(project=run.project, merged=merged, read_at=run.started_at or now, now=now)


def _judge_trace_scores(rows: Sequence[JudgeRow]) -> dict[str, list[float]]:
    """Each judge's belief in each whole trace: its lowest step, since a trace stands on its weakest step."""
    scores: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        known = [p for p in row.probabilities if p is not None]
        if known:
            scores[row.trace_id].append(min(known))
    return scores


def _in_chunks(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        yield rows[start : start + _ROWS_AT_ONCE]
