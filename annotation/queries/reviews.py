"""Everything that was said of one trace, side by side, for whoever decides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.models import (
    Account,
    Appeal,
    Decision,
    Disagreement,
    Gold,
    MergedTrace,
    Outcome,
    Rating,
    Trace,
)
from annotation.queries.decisions import find_current_decision
from annotation.queries.judge_opinions import JudgeOpinion, list_judge_opinions
from annotation.queries.merges import find_latest_merge
from annotation.rules.rating import BAD, Label
from annotation.rules.segmentation import split_steps


@dataclass(frozen=True)
class Voice:
    """One rater on one step."""

    rater: str
    is_simulated: bool
    label: Label
    note: str
    category: str
    rewrite: str


@dataclass(frozen=True)
class JudgeVoice:
    """One judge on one step; probability None where it said nothing."""

    judge: str
    probability: float | None
    rationale: str


@dataclass(frozen=True)
class DisputedStep:
    """A step with all that was said of it. `is_disputed`: some rater calls it bad and another one doesn't."""

    index: int
    text: str
    voices: tuple[Voice, ...]
    opinions: tuple[JudgeVoice, ...]
    posterior: float | None
    is_disputed: bool

    @property
    def number(self) -> int:
        return self.index + 1


@dataclass(frozen=True)
class Dispute:
    """A trace before its adjudicator. `merged`: P(step stands), S numbers, from the last merge; empty without one."""

    trace: Trace
    steps: tuple[DisputedStep, ...]
    ratings: tuple[Rating, ...]
    judges: tuple[JudgeOpinion, ...]
    merged: tuple[float | None, ...]
    disagreement: Disagreement | None
    decision: Decision | None
    appeals: tuple[Appeal, ...]
    is_gold: bool
    has_rated_it: bool


def view_dispute(trace: Trace, adjudicator: Account) -> Dispute:
    ratings = list(
        Rating.objects.current().filter(trace=trace).select_related("rater").order_by("submitted_at", "pk")
    )
    judges = list_judge_opinions(trace)
    merged = _find_posterior(trace)
    texts = split_steps(trace.completion, trace.step_ends)
    return Dispute(
        trace=trace,
        steps=tuple(_view_step(index, text, ratings, judges, merged) for index, text in enumerate(texts)),
        ratings=tuple(ratings),
        judges=tuple(judges),
        merged=merged,
        disagreement=Disagreement.objects.filter(trace=trace).select_related("held_by").first(),
        decision=find_current_decision(trace),
        appeals=tuple(Appeal.objects.filter(trace=trace).select_related("rater", "decision", "answered_by")),
        is_gold=Gold.objects.filter(trace=trace).exists(),
        has_rated_it=any(rating.rater_id == adjudicator.pk for rating in ratings),
    )


def _find_posterior(trace: Trace) -> tuple[float | None, ...]:
    run = find_latest_merge(trace.project)
    merged = MergedTrace.objects.filter(run=run, trace=trace).first() if run else None
    return tuple(merged.posterior) if merged else ()


def _view_step(
    index: int,
    text: str,
    ratings: Sequence[Rating],
    judges: Sequence[JudgeOpinion],
    merged: Sequence[float | None],
) -> DisputedStep:
    voices = [
        Voice(
            rater=str(rating.rater),
            is_simulated=rating.rater.is_simulated,
            label=rating.labels[index],
            note=rating.notes.get(str(index), ""),
            category=rating.error_categories.get(str(index), ""),
            rewrite=rating.rewrites.get(str(index), ""),
        )
        for rating in ratings
        if rating.outcome == Outcome.RATED
    ]
    judged = [voice.label == BAD for voice in voices if voice.label is not None]
    return DisputedStep(
        index=index,
        text=text,
        voices=tuple(voices),
        opinions=tuple(
            JudgeVoice(judge.judge, judge.probabilities[index], judge.rationales[index]) for judge in judges
        ),
        posterior=merged[index] if merged else None,
        is_disputed=any(judged) and not all(judged),
    )
