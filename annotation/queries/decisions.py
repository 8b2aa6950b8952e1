"""Decisions of adjudicators: those that stood at a moment, and what a rater may see of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from annotation.models import Account, Decision, Outcome, Project, Rating, Ruling, Trace
from annotation.rules.rating import BAD, Label, first_error


def list_decisions_as_of(project: Project, *, at: dt.datetime) -> QuerySet[Decision]:
    """The decisions that stood at a moment: each trace's last revision until then.

    Revisions are only ever added, so the answer for a moment in the past never changes.
    """
    later = Decision.objects.filter(
        trace=OuterRef("trace"), revision__gt=OuterRef("revision"), decided_at__lte=at
    )
    return Decision.objects.filter(~Exists(later), trace__project=project, decided_at__lte=at)


def find_decision_for(rater: Account, trace: Trace) -> Decision | None:
    """What was decided of a trace that this rater rated, where the project lets them see it.

    Only where they had rated before anybody decided: a decision that was there first would tell that the trace is gold.
    """
    return list_decisions_for(rater, trace.project).filter(trace=trace).first()


def list_decisions_for(rater: Account, project: Project) -> QuerySet[Decision]:
    """All such decisions of a project, the latest first."""
    if not project.shows_decisions:
        return Decision.objects.none()
    first_decided = Decision.objects.filter(trace=OuterRef("trace"), revision=1).values("decided_at")
    rated_before = Rating.objects.filter(
        trace=OuterRef("trace"), rater=rater, revision=1, submitted_at__lt=OuterRef("first_decided_at")
    )
    rows = Decision.objects.current().filter(trace__project=project)
    return (
        rows.annotate(first_decided_at=Subquery(first_decided))
        .filter(Exists(rated_before))
        .order_by("-decided_at", "-pk")
    )


def find_current_decision(trace: Trace) -> Decision | None:
    """What holds of the trace now, for those who decide."""
    return Decision.objects.current().filter(trace=trace).select_related("adjudicator").first()


@dataclass(frozen=True)
class DecidedStep:
    """One step as its rater and the adjudicator see it. `is_same`: neither or both call it bad."""

    number: int
    own_label: Label
    label: Label
    note: str
    is_same: bool


@dataclass(frozen=True)
class OwnDecision:
    """A decision beside a rater's own rating. Neither the adjudicator nor another rater is in it."""

    decision: Decision
    steps: tuple[DecidedStep, ...]
    is_same: bool


def compare_with_decision(rating: Rating, decision: Decision) -> OwnDecision:
    """Step by step up to the first error of either; `is_same` as a whole where both find it in the same place."""
    steps = tuple(
        DecidedStep(
            number=index + 1,
            own_label=own_label,
            label=label,
            note=decision.step_notes.get(str(index), ""),
            is_same=(own_label == BAD) == (label == BAD),
        )
        for index, (own_label, label) in enumerate(zip(rating.labels, decision.labels, strict=True))
        if own_label is not None or label is not None
    )
    outcomes = {Ruling.STEPS: Outcome.RATED, Ruling.BAD_PROBLEM: Outcome.BAD_PROBLEM}
    is_same = outcomes[Ruling(decision.ruling)] == rating.outcome and (
        first_error(rating.labels) == first_error(decision.labels)
    )
    return OwnDecision(decision=decision, steps=steps, is_same=is_same)
