"""One chunk of an import: its prompts, traces, ratings and refusals, with the counts, in one transaction."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import uuid
from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import MD5

from annotation.actions import jobs
from annotation.actions.import_prepare import Refused, Taken, describe_origin
from annotation.actions.places import lock_trace, refresh_place_flag
from annotation.actions.prompts import build_prompt
from annotation.importing.items import ImportedTrace
from annotation.models import (
    Account,
    Assignment,
    AssignmentState,
    ImportRefusal,
    ImportRun,
    Outcome,
    Project,
    Prompt,
    Rating,
    Trace,
)
from annotation.models.prompt import Priority

UNKNOWN_MODEL = "unknown model"
TraceKey = tuple[int, str]  # prompt id, MD5 of the completion as PostgreSQL makes it


def store_chunk(run: ImportRun, rows: Sequence[Taken | Refused], *, now: dt.datetime) -> None:
    """Stores what the rows bring that is not there yet, and counts it. Raises JobLost, and then stores nothing."""
    taken = [row for row in rows if isinstance(row, Taken)]
    with transaction.atomic():
        locked = jobs.lock_for_result(run)
        project = Project.objects.select_for_update(no_key=True).get(
            pk=run.project_id
        )  # so that counts are exact
        prompts, brought_by = _store_prompts(project, taken, run.created_by, now)
        keyed = [(_key_of(row, prompts), row) for row in taken if row.trace]
        traces, new_traces = _store_traces(run, project, prompts, keyed, now)
        rated = _store_ratings(run, traces, new_traces, keyed, now)
        refused = store_refusals(run, [row for row in rows if isinstance(row, Refused)])
        news = brought_by | {row.number for row in new_traces.values()} | rated
        known = [row for row in taken if row.number not in news]
        _store_known(run, known, {row.number: traces[key] for key, row in keyed})
        locked.num_read += len(rows)
        locked.num_refused += refused
        locked.num_prompts += len(brought_by)
        locked.num_traces += len(new_traces)
        locked.num_ratings += len(rated)
        locked.num_duplicates += len(known)
        locked.save()


def store_refusals(run: ImportRun, refused: Sequence[Refused]) -> int:
    """Keeps the rows that were not taken, each with its reason; returns how many."""
    return len(
        ImportRefusal.objects.bulk_create(
            [ImportRefusal(run=run, number=one.number, reason=one.reason, raw=one.raw) for one in refused]
        )
    )


def _store_known(run: ImportRun, rows: Sequence[Taken], traces: dict[int, Trace]) -> None:
    """Keeps which rows brought nothing, each with the reason; `traces` are theirs, by the rows' numbers."""
    ImportRefusal.objects.bulk_create(
        [
            ImportRefusal(
                run=run,
                number=row.number,
                reason=_explain_known(run, row, traces.get(row.number)),
                is_known=True,
            )
            for row in rows
        ]
    )


def _explain_known(run: ImportRun, row: Taken, trace: Trace | None) -> str:
    if trace is None or row.trace is None:
        return "The prompt is there already."
    if run.rater is None or row.trace.labels is None:
        return "The trace is there already."
    if row.trace.step_ends != tuple(trace.step_ends):
        return "The trace is there already, cut into other steps, so its labels were left out."
    return f"The trace is there already, and {run.rater} has rated it."


def _store_prompts(
    project: Project, rows: Sequence[Taken], author: Account, now: dt.datetime
) -> tuple[dict[str, Prompt], set[int]]:
    """Every prompt of the chunk by its hash, and the rows that brought new ones: the first of each."""
    first: dict[str, Taken] = {}
    for row in rows:
        first.setdefault(row.prompt_hash, row)
    known = {
        prompt.content_hash: prompt
        for prompt in Prompt.objects.filter(project=project, content_hash__in=first)
    }
    news = [row for key, row in first.items() if key not in known]
    made = Prompt.objects.bulk_create(
        [build_prompt(project, row.prompt, author=author, now=now) for row in news]
    )
    return known | {prompt.content_hash: prompt for prompt in made}, {row.number for row in news}


def _store_traces(
    run: ImportRun,
    project: Project,
    prompts: dict[str, Prompt],
    keyed: Sequence[tuple[TraceKey, Taken]],
    now: dt.datetime,
) -> tuple[dict[TraceKey, Trace], dict[TraceKey, Taken]]:
    """Every trace of the chunk by its key, and the rows that brought new ones."""
    prompt_ids = {prompt_id for (prompt_id, _), _ in keyed}
    known = Trace.objects.current().filter(prompt__in=prompt_ids).annotate(digest=MD5("completion"))
    digests = known.order_by("-pk").values_list("pk", "prompt_id", "digest")
    by_id = Trace.objects.defer("completion").in_bulk([trace_id for trace_id, _, _ in digests])
    traces = {(prompt_id, digest): by_id[trace_id] for trace_id, prompt_id, digest in digests}
    news: dict[TraceKey, Taken] = {}
    for key, row in keyed:
        if key not in traces:
            news.setdefault(key, row)
    made = Trace.objects.bulk_create(
        [_build_trace(run, project, prompts[row.prompt_hash], row, now) for row in news.values()]
    )
    return traces | dict(zip(news, made, strict=True)), news


def _key_of(row: Taken, prompts: dict[str, Prompt]) -> TraceKey:
    assert row.trace is not None
    digest = hashlib.md5(row.trace.completion.encode(), usedforsecurity=False).hexdigest()
    return prompts[row.prompt_hash].pk, digest


def _build_trace(run: ImportRun, project: Project, prompt: Prompt, row: Taken, now: dt.datetime) -> Trace:
    assert row.trace is not None
    num_taken = 0 if row.trace.labels is None else 1
    return Trace(
        project=project,
        prompt=prompt,
        priority=prompt.priority,
        wants_ratings=prompt.priority > Priority.HELD and project.overlap > num_taken,
        completion=row.trace.completion,
        step_ends=list(row.trace.step_ends or ()),
        segmenter=row.segmenter,
        model_name=(row.trace.model_name or run.model_name or UNKNOWN_MODEL)[:120],
        sampling=describe_origin(run, row.number)
        | ({"verifier_error": row.verdict.error} if row.verdict.error else {}),
        final_answer=row.verdict.final_answer,
        is_answer_correct=row.verdict.is_correct,
        created_at=now,
        queue_key=random.random(),
    )


def _store_ratings(
    run: ImportRun,
    traces: dict[TraceKey, Trace],
    new_traces: dict[TraceKey, Taken],
    keyed: Sequence[tuple[TraceKey, Taken]],
    now: dt.datetime,
) -> set[int]:
    """The numbers of the rows whose labels became a rating. A rater rates a trace once, and in no other steps."""
    if run.rater is None:
        return set()
    wanted: dict[TraceKey, Taken] = {}
    for key, row in keyed:
        if row.trace and row.trace.labels is not None and row.trace.step_ends == tuple(traces[key].step_ends):
            wanted.setdefault(key, row)
    known_ids = [traces[key].pk for key in wanted if key not in new_traces]
    for trace_id in sorted(known_ids):
        lock_trace(trace_id)
    had = set(Assignment.objects.filter(rater=run.rater, trace__in=known_ids).values_list("trace", flat=True))
    pairs = [(traces[key], row) for key, row in wanted.items() if traces[key].pk not in had]
    _rate(run.rater, pairs, now)
    for trace_id in sorted(set(known_ids) - had):
        refresh_place_flag(trace_id)
    return {row.number for _, row in pairs}


def _rate(rater: Account, pairs: Sequence[tuple[Trace, Taken]], now: dt.datetime) -> None:
    assignments = Assignment.objects.bulk_create(
        [
            Assignment(
                trace=trace,
                rater=rater,
                state=AssignmentState.SUBMITTED,
                leased_at=now,
                expires_at=now,
                ended_at=now,
                selection_probability=1.0,
            )
            for trace, _ in pairs
        ]
    )
    Rating.objects.bulk_create(
        [
            _build_rating(assignment, row.trace, now)
            for (_, row), assignment in zip(pairs, assignments, strict=True)
            if row.trace
        ]
    )


def _build_rating(assignment: Assignment, brought: ImportedTrace, now: dt.datetime) -> Rating:
    return Rating(
        trace_id=assignment.trace_id,
        rater_id=assignment.rater_id,
        assignment=assignment,
        outcome=Outcome(brought.outcome),
        labels=list(brought.labels or ()),
        reason=brought.reason,
        is_assisted=False,
        submitted_at=now,
        idempotency_key=uuid.uuid4(),
    )
