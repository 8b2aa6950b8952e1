"""How much each trace needs a person, kept up to date as judges speak."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from annotation.models import JobState, JudgeScore, MergedTrace, MergeRun, Trace
from annotation.rules import selection


def refresh_needs(*, trace_ids: Sequence[int]) -> None:
    """Works out `need` anew for these traces, from all judges' scores, the verifier and the last merge.

    Called in the caller's transaction; rows are locked in the order of their ids, as everyone locks traces.
    """
    lock_traces(trace_ids)
    scores = _list_trace_scores(trace_ids)
    posteriors = _find_posteriors(trace_ids)
    verdicts = dict(Trace.objects.filter(pk__in=trace_ids).values_list("pk", "is_answer_correct"))
    ordered = sorted(verdicts)
    needs = [
        selection.need(
            judge_trace_scores=scores.get(pk, []),
            is_answer_correct=verdicts[pk],
            trace_posterior=posteriors.get(pk),
        )
        for pk in ordered
    ]
    write_needs(ordered, needs)


def lock_traces(trace_ids: Sequence[int]) -> None:
    """In the order in which everyone locks traces, or two writers could wait for each other."""
    list(
        Trace.objects.filter(pk__in=trace_ids).order_by("pk").select_for_update(no_key=True).values_list("pk")
    )


def write_needs(trace_ids: Sequence[int], needs: Sequence[float]) -> None:
    """Stores what changed of one need a trace, for traces that the caller has locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE annotation_trace SET need = given.need "
            "FROM unnest(%s::bigint[], %s::float8[]) AS given(id, need) "
            "WHERE annotation_trace.id = given.id AND annotation_trace.need <> given.need",
            [list(trace_ids), list(needs)],
        )


def _list_trace_scores(trace_ids: Sequence[int]) -> dict[int, list[float]]:
    """Each judge's belief in each whole trace: its lowest step, since a trace stands on its weakest step."""
    found: dict[int, list[float]] = {}
    rows = JudgeScore.objects.filter(trace__in=trace_ids).order_by("judge")
    for trace_id, probabilities in rows.values_list("trace", "probabilities"):
        known = [p for p in probabilities if p is not None]
        if known:
            found.setdefault(trace_id, []).append(min(known))
    return found


def _find_posteriors(trace_ids: Sequence[int]) -> dict[int, float]:
    """P(last step stands) in the project's last finished merge."""
    project_ids = Trace.objects.filter(pk__in=trace_ids).order_by().values("project").distinct()
    found: dict[int, float] = {}
    for project_id in project_ids.values_list("project", flat=True):
        run = (
            MergeRun._default_manager.filter(project=project_id, state=JobState.FINISHED)
            .order_by("-queued_at")
            .first()
        )
        if run is not None:
            merged = MergedTrace.objects.filter(run=run.pk, trace__in=trace_ids, p_trace__isnull=False)
            found.update({pk: p for pk, p in merged.values_list("trace", "p_trace") if p is not None})
    return found
