"""What people and judges said of traces between two merges, in sentences: why rows of two exports differ."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from django.db.models import Q

from annotation.models import (
    Choice,
    Comparison,
    Decision,
    Gold,
    JudgeScore,
    MergeRun,
    Outcome,
    Project,
    Rating,
    Ruling,
    Trace,
)

_FIRST: dict[str, str] = {
    Outcome.RATED: "rated it",
    Outcome.BAD_PROBLEM: "called its prompt broken",
    Outcome.GIVE_UP: "gave up on it",
}
_CHOICES: dict[str, str] = {Choice.TIE: "called them a tie", Choice.BOTH_BAD: "called both bad"}
_NOT_YET = " The second export's merge is the older one: it had not read that."


@dataclass(slots=True)
class Said:
    """Sentences by trace, by prompt, and by two traces that were compared (the lower id first)."""

    of_trace: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    of_prompt: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    of_two: dict[tuple[int, int], list[str]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True)
class Span:
    """The time between the moments at which two merges of one project read the database.

    `is_backwards`: the second export's merge is the older one.
    """

    project: Project
    start: dt.datetime
    end: dt.datetime
    is_backwards: bool


def list_spans(before: Sequence[MergeRun], after: Sequence[MergeRun]) -> list[Span]:
    """One for each project of which both exports have a merge run."""
    earlier = {run.project_id: _moment(run) for run in before}
    spans = []
    for run in after:
        if run.project_id in earlier:
            moments = (earlier[run.project_id], _moment(run))
            spans.append(Span(run.project, min(moments), max(moments), moments[0] > moments[1]))
    return spans


def list_said(spans: Sequence[Span], traces: Collection[int], prompts: Collection[int]) -> Said:
    """What was said in these spans of these traces and prompts."""
    said = Said()
    for span in spans:
        for trace, sentence in _list_of_traces(span, traces):
            said.of_trace[trace].append(_finish(sentence, span))
        for prompt, sentence in _list_of_prompts(span, prompts):
            said.of_prompt[prompt].append(_finish(sentence, span))
        for two, sentence in _list_comparisons(span, traces):
            said.of_two[two].append(_finish(sentence, span))
    return said


def _finish(sentence: str, span: Span) -> str:
    return sentence + (_NOT_YET if span.is_backwards else "")


def _within(span: Span, name: str) -> Q:
    return Q(**{f"{name}__gt": span.start, f"{name}__lte": span.end})


def _list_of_traces(span: Span, traces: Collection[int]) -> Iterator[tuple[int, str]]:
    of_traces = Q(trace__in=traces, trace__project=span.project)
    ratings = Rating.objects.filter(of_traces, _within(span, "submitted_at")).order_by("pk")
    for trace, rater, revision, outcome in ratings.values_list(
        "trace", "rater__username", "revision", "outcome"
    ):
        yield trace, f"{rater} {_FIRST[outcome] if revision == 1 else _amended('rating', revision)}."
    decisions = Decision.objects.filter(of_traces, _within(span, "decided_at")).order_by("pk")
    columns = ("trace", "adjudicator__username", "revision", "ruling")
    for trace, adjudicator, revision, ruling in decisions.values_list(*columns):
        decided = "confirmed that its prompt is broken" if ruling == Ruling.BAD_PROBLEM else "decided it"
        yield trace, f"{adjudicator} {decided if revision == 1 else _amended('decision', revision)}."
    scores = JudgeScore.objects.filter(of_traces, _within(span, "created_at")).order_by("pk")
    for trace, name, version in scores.values_list("trace", "judge__name", "judge__version"):
        yield trace, f"the judge {name}@{version} scored it."
    for trace in Gold.objects.filter(of_traces, _within(span, "created_at")).values_list("trace", flat=True):
        yield trace, "it was made gold."
    retired = Trace.objects.filter(_within(span, "retired_at"), pk__in=traces, project=span.project)
    for trace in retired.values_list("pk", flat=True):
        yield trace, "another segmentation replaced it."


def _list_of_prompts(span: Span, prompts: Collection[int]) -> Iterator[tuple[int, str]]:
    doubts = Rating.objects.filter(
        Q(outcome=Outcome.BAD_PROBLEM) | Q(is_reference_wrong=True),
        _within(span, "submitted_at"),
        trace__prompt__in=prompts,
        trace__project=span.project,
    )
    for prompt, rater, outcome in doubts.order_by("pk").values_list(
        "trace__prompt", "rater__username", "outcome"
    ):
        doubted = (
            "called it broken" if outcome == Outcome.BAD_PROBLEM else "called its reference answer wrong"
        )
        yield prompt, f"{rater} {doubted}."
    confirmed = Decision.objects.filter(
        _within(span, "decided_at"),
        ruling=Ruling.BAD_PROBLEM,
        trace__prompt__in=prompts,
        trace__project=span.project,
    )
    for prompt, adjudicator in confirmed.order_by("pk").values_list("trace__prompt", "adjudicator__username"):
        yield prompt, f"{adjudicator} confirmed that it is broken."


def _list_comparisons(span: Span, traces: Collection[int]) -> Iterator[tuple[tuple[int, int], str]]:
    compared = Comparison.objects.filter(
        Q(trace_a__in=traces) | Q(trace_b__in=traces),
        _within(span, "submitted_at"),
        prompt__project=span.project,
    )
    columns = ("trace_a", "trace_b", "rater__username", "choice")
    for a, b, rater, choice in compared.order_by("pk").values_list(*columns):
        chose = _CHOICES.get(choice) or f"preferred {a if choice == Choice.A else b}"
        yield (a, b), f"{rater} compared traces {a} and {b}, and {chose}."


def _amended(what: str, revision: int) -> str:
    return f"amended their {what} (revision {revision})"


def _moment(run: MergeRun) -> dt.datetime:
    return run.started_at or run.queued_at
