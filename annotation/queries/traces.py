"""Lists of traces for those who run a project, and all that is known of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.models import JudgeScore, Outcome, Project, Rating, Trace
from annotation.queries.judge_opinions import JudgeOpinion, list_judge_opinions
from annotation.rules.segmentation import split_steps

ANSWERS = {"right": True, "wrong": False, "unknown": None}


def list_traces(project: Project) -> QuerySet[Trace]:
    """The project's current traces, newest first, with `num_ratings` and `num_scores`."""
    traces = Trace.objects.current().filter(project=project).select_related("prompt")
    return count_what_was_said(traces).order_by("-pk")


def count_what_was_said(traces: QuerySet[Trace]) -> QuerySet[Trace]:
    """With `num_ratings` and `num_scores`, counted for the rows that are read and for no others."""
    return traces.annotate(
        num_ratings=_count_of(Rating.objects.current()), num_scores=_count_of(JudgeScore.objects.all())
    )


def _count_of(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.filter(trace=OuterRef("pk")).order_by().values("trace").annotate(num=Count("pk"))
    return Coalesce(Subquery(counted.values("num")), 0)


def keep_judged(traces: QuerySet[Trace], is_judged: bool) -> QuerySet[Trace]:
    judged = Exists(JudgeScore.objects.filter(trace=OuterRef("pk")))
    return traces.filter(judged if is_judged else ~judged)


def keep_rated(traces: QuerySet[Trace], is_rated: bool) -> QuerySet[Trace]:
    rated = Exists(Rating.objects.current().filter(trace=OuterRef("pk")))
    return traces.filter(rated if is_rated else ~rated)


def keep_answered(traces: QuerySet[Trace], answer: str) -> QuerySet[Trace]:
    """answer: one of ANSWERS; "unknown" means that no verifier has said."""
    correct = ANSWERS[answer]
    if correct is None:
        return traces.filter(is_answer_correct__isnull=True)
    return traces.filter(is_answer_correct=correct)


def list_model_names(project: Project) -> list[str]:
    """The models that made the project's traces."""
    names = Trace.objects.current().filter(project=project).order_by("model_name")
    return list(names.values_list("model_name", flat=True).distinct())


@dataclass(frozen=True)
class StepOpinion:
    """What one judge says of one step; there is none where it says nothing."""

    judge: str
    probability: float | None
    rationale: str


@dataclass(frozen=True)
class StepRating:
    """What one rater says of one step."""

    rater: str
    is_simulated: bool
    label: int | None
    note: str


@dataclass(frozen=True)
class StepRow:
    """One step of a trace with everything said of it. `number` counts from 1."""

    number: int
    text: str
    opinions: tuple[StepOpinion, ...]
    ratings: tuple[StepRating, ...]


@dataclass(frozen=True)
class TraceView:
    """A trace with everything said of it."""

    trace: Trace
    steps: tuple[StepRow, ...]
    opinions: tuple[JudgeOpinion, ...]
    ratings: tuple[Rating, ...]
    other_segmentations: tuple[Trace, ...]

    @property
    def has_probabilities(self) -> bool:
        return any(step.opinions for step in self.steps)


def view_trace(trace: Trace) -> TraceView:
    """Steps, judge scores and current ratings of a trace, retired or not."""
    opinions = list_judge_opinions(trace)
    ratings = list(Rating.objects.current().filter(trace=trace).select_related("rater"))
    texts = split_steps(trace.completion, trace.step_ends)
    return TraceView(
        trace=trace,
        steps=tuple(_view_step(index, text, opinions, ratings) for index, text in enumerate(texts)),
        opinions=tuple(opinions),
        ratings=tuple(ratings),
        other_segmentations=tuple(_list_other_segmentations(trace)),
    )


def _view_step(index: int, text: str, opinions: list[JudgeOpinion], ratings: list[Rating]) -> StepRow:
    return StepRow(
        number=index + 1,
        text=text,
        opinions=tuple(
            StepOpinion(opinion.judge, opinion.probabilities[index], opinion.rationales[index])
            for opinion in opinions
            if opinion.probabilities[index] is not None
        ),
        ratings=tuple(
            StepRating(
                rater=str(rating.rater),
                is_simulated=rating.rater.is_simulated,
                label=rating.labels[index],
                note=rating.notes.get(str(index), ""),
            )
            for rating in ratings
            if rating.outcome == Outcome.RATED
        ),
    )


def _list_other_segmentations(trace: Trace) -> QuerySet[Trace]:
    if trace.batch_id is None:
        return Trace.objects.none()
    same = Trace.objects.filter(batch=trace.batch_id, prompt=trace.prompt_id, sample_index=trace.sample_index)
    return same.exclude(pk=trace.pk).order_by("segmentation")
