"""What quality reports read: people's blind ratings, first ratings by the arm drawn for them, and judge scores."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from annotation.measuring.reports import PeopleInput
from annotation.measuring.rows import BlindRating, DrawnRating, Scores, Selected, TraceFacts
from annotation.merging.data import MergeInput, RatingRow
from annotation.models import (
    Account,
    Assignment,
    Gold,
    GoldSource,
    JudgeScore,
    Outcome,
    Project,
    Rating,
    Trace,
)
from annotation.queries.merges import read_merge_input

_ROWS_AT_ONCE = 2000
_EXCERPT_LENGTH = 200


def list_blind_ratings(project: Project, *, at: dt.datetime) -> QuerySet[Rating]:
    """Each rater's last revision given before any judge score showed to them, whatever they said after it."""
    later = Rating.objects.filter(
        trace=OuterRef("trace"),
        rater=OuterRef("rater"),
        revision__gt=OuterRef("revision"),
        is_assisted=False,
        submitted_at__lte=at,
    )
    return Rating.objects.filter(
        ~Exists(later),
        trace__project=project,
        trace__retired_at__isnull=True,
        is_assisted=False,
        submitted_at__lte=at,
    )


def read_people(project: Project, *, at: dt.datetime) -> PeopleInput:
    """Everything a report on agreement or on judges rests on, as it stood at a moment."""
    scores = _list_scores(project, at)
    ratings = list(_read_blind_ratings(project, at))
    gold, swayed = dict(_list_gold(project)), set(_list_swayed_gold(project))
    facts = dict(
        _read_facts(project, {trace: stands for trace, stands in gold.items() if trace not in swayed})
    )
    return PeopleInput(
        facts=facts,
        ratings=ratings,
        scores=[Scores(score.trace_id, score.judge_id, tuple(score.probabilities)) for score in scores],
        simulated=frozenset(
            Account.objects.filter(
                pk__in={rating.rater for rating in ratings}, is_simulated=True
            ).values_list("pk", flat=True)
        ),
        num_assisted=_list_first_ratings(project, at).filter(is_assisted=True).count(),
        num_swayed_gold=len(swayed),
        selected=[one for one in _read_selected(project) if one.trace not in gold],
        drawn=list(_read_drawn(project, at, scores)),
    )


def read_blind_merge_input(project: Project, people: PeopleInput, *, at: dt.datetime) -> MergeInput:
    """The merge's input with people's blind ratings alone and no comparisons."""
    ratings = [RatingRow(str(one.trace), str(one.rater), tuple(one.labels)) for one in people.ratings]
    return replace(read_merge_input(project, at=at), ratings=ratings, comparisons=())


def _list_gold(project: Project) -> QuerySet[Gold, tuple[int, list[bool]]]:
    gold = Gold.objects.filter(trace__project=project, trace__retired_at__isnull=True)
    return gold.values_list("trace", "stands")


def _list_swayed_gold(project: Project) -> QuerySet[Gold, int]:
    """Traces that were adjudicated with judge scores in view: no judge is held against such gold."""
    swayed = Gold.objects.filter(
        trace__project=project,
        trace__retired_at__isnull=True,
        source=GoldSource.ADJUDICATED,
        trace__decisions__is_current=True,
        trace__decisions__has_seen_scores=True,
    )
    return swayed.values_list("trace", flat=True)


def _read_facts(project: Project, gold: dict[int, list[bool]]) -> Iterator[tuple[int, TraceFacts]]:
    rows = Trace.objects.current().filter(project=project)
    for pk, prompt, model, ends in rows.values_list("pk", "prompt", "model_name", "step_ends").iterator(
        chunk_size=_ROWS_AT_ONCE
    ):
        yield pk, TraceFacts(pk, prompt, model, len(ends), tuple(gold[pk]) if pk in gold else None)


def _read_blind_ratings(project: Project, at: dt.datetime) -> Iterator[BlindRating]:
    rows = list_blind_ratings(project, at=at).filter(outcome=Outcome.RATED)
    columns = rows.values_list("trace", "rater", "labels", "submitted_at", "error_categories")
    for trace, rater, labels, submitted_at, categories in columns.iterator(chunk_size=_ROWS_AT_ONCE):
        named = {int(step): category for step, category in categories.items()}
        yield BlindRating(trace, rater, tuple(labels), submitted_at.date().toordinal(), named)


def _list_scores(project: Project, at: dt.datetime) -> list[JudgeScore]:
    return list(
        JudgeScore.objects.filter(
            trace__project=project, trace__retired_at__isnull=True, created_at__lte=at
        ).only("trace", "judge", "probabilities", "created_at")
    )


def _list_first_ratings(project: Project, at: dt.datetime) -> QuerySet[Rating]:
    return Rating.objects.filter(
        trace__project=project,
        trace__retired_at__isnull=True,
        revision=1,
        outcome=Outcome.RATED,
        submitted_at__lte=at,
    )


def _read_drawn(project: Project, at: dt.datetime, scores: Sequence[JudgeScore]) -> Iterator[DrawnRating]:
    """First ratings with each judge's scores that were ready when the trace was handed out."""
    of_trace: dict[int, list[JudgeScore]] = defaultdict(list)
    for score in scores:
        of_trace[score.trace_id].append(score)
    columns = _list_first_ratings(project, at).values_list(
        "trace", "labels", "assignment__is_assisted", "assignment__leased_at"
    )
    for trace, labels, is_assisted, leased_at in columns.iterator(chunk_size=_ROWS_AT_ONCE):
        for score in of_trace[trace]:
            if score.created_at <= leased_at:
                yield DrawnRating(
                    trace, score.judge_id, is_assisted, tuple(labels), tuple(score.probabilities)
                )


def _read_selected(project: Project) -> list[Selected]:
    """The first draw of each trace that anybody was handed."""
    first = (
        Assignment.objects.filter(trace__project=project, trace__retired_at__isnull=True)
        .order_by("trace_id", "leased_at", "pk")
        .distinct("trace_id")
    )
    return [Selected(*row) for row in first.values_list("trace", "selection_probability")]


def read_step_texts(project: Project, steps: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The beginning of each of these steps (trace, index) of the project; a long completion is never loaded whole."""
    sql = """
        SELECT trace.id, wanted.index, substr(
            trace.completion,
            COALESCE(trace.step_ends[wanted.index], 0) + 1,
            LEAST(trace.step_ends[wanted.index + 1] - COALESCE(trace.step_ends[wanted.index], 0), %s)
        )
        FROM unnest(%s::bigint[], %s::int[]) AS wanted(trace_id, index)
        JOIN annotation_trace AS trace ON trace.id = wanted.trace_id AND trace.project_id = %s
        WHERE wanted.index < cardinality(trace.step_ends)
    """
    with connection.cursor() as cursor:
        cursor.execute(
            sql, [_EXCERPT_LENGTH, [trace for trace, _ in steps], [index for _, index in steps], project.pk]
        )
        return {(trace, index): text for trace, index, text in cursor.fetchall()}
