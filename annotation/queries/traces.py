"""Lists of traces for those who run a project, and all that is known of one."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from annotation.models import GenerationBatch, JudgeScore, Outcome, Project, Rating, Trace
from annotation.queries.judge_opinions import JudgeOpinion, list_judge_opinions
from annotation.rules.segmentation import split_steps


@dataclass(frozen=True)
class TraceFilter:
    """Which traces are wanted; None means: all. is_correct "unknown" means: no verifier has said."""

    batch: GenerationBatch | None = None
    model_name: str = ""
    is_judged: bool | None = None
    is_rated: bool | None = None
    answer: str = ""  # "", "right", "wrong" or "unknown"


_ANSWERS = {"right": True, "wrong": False, "unknown": None}


def list_traces(project: Project, wanted: TraceFilter) -> QuerySet[Trace]:
    """The project's current traces that match, newest first, with `num_ratings` and `num_scores`."""
    traces = Trace.objects.current().filter(project=project)
    if wanted.batch is not None:
        traces = traces.filter(batch=wanted.batch)
    if wanted.model_name:
        traces = traces.filter(model_name=wanted.model_name)
    if wanted.is_judged is not None:
        judged = Exists(JudgeScore.objects.filter(trace=OuterRef("pk")))
        traces = traces.filter(judged if wanted.is_judged else ~judged)
    if wanted.is_rated is not None:
        rated = Exists(Rating.objects.current().filter(trace=OuterRef("pk")))
        traces = traces.filter(rated if wanted.is_rated else ~rated)
    if wanted.answer:
        correct = _ANSWERS[wanted.answer]
        traces = (
            traces.filter(is_answer_correct__isnull=True)
            if correct is None
            else traces.filter(is_answer_correct=correct)
        )
    return (
        traces.select_related("prompt")
        .annotate(
            num_ratings=Count("ratings", filter=Q(ratings__is_current=True), distinct=True),
            num_scores=Count("judge_scores", distinct=True),
        )
        .order_by("-pk")
    )


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
