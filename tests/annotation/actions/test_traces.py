"""Cutting a trace anew: a new row, the old one retired, and nothing that was said of it touched."""

from __future__ import annotations

import pytest

from annotation.actions.traces import SameSteps, TraceRetired, resegment_trace
from annotation.models import AuditEvent, Rating, Trace
from annotation.rules.segmentation import UnknownSegmenter
from tests.factories import (
    NOW,
    make_account,
    make_batch,
    make_judge_score,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db


def cut(trace: Trace, segmenter: str = "whole@1") -> Trace:
    return resegment_trace(trace=trace, segmenter=segmenter, actor=make_account(), now=NOW)


def test_the_new_trace_has_the_same_completion_and_other_steps() -> None:
    project = make_project()
    old = make_trace(
        make_prompt(project),
        batch=make_batch(project),
        sample_index=1,
        sampling={"seed": 1},
        final_answer="7",
        is_answer_correct=True,
        num_tokens=9,
    )

    new = cut(old)

    old.refresh_from_db()
    assert (new.completion, new.step_ends) == (old.completion, [len(old.completion)])
    assert (new.segmenter, new.segmentation) == ("whole@1", 2)
    kept = (
        "project",
        "prompt",
        "batch",
        "sample_index",
        "sampling",
        "final_answer",
        "is_answer_correct",
        "num_tokens",
    )
    assert all(getattr(new, name) == getattr(old, name) for name in kept)
    assert (old.retired_at, old.wants_ratings) == (NOW, False)
    assert (new.retired_at, new.wants_ratings, new.need) == (None, True, 0.0)


def test_ratings_and_scores_stay_with_the_old_trace() -> None:
    old = make_trace()
    make_rating(old)
    make_judge_score(old)

    new = cut(old)

    assert Rating.objects.get().trace == old
    assert (new.ratings.count(), new.judge_scores.count()) == (0, 0)


def test_a_trace_cut_before_is_not_cut_again() -> None:
    old = make_trace()
    cut(old)

    with pytest.raises(TraceRetired):
        cut(old, "lines@1")

    assert Trace.objects.count() == 2


def test_the_same_steps_make_no_new_trace() -> None:
    with pytest.raises(SameSteps):
        cut(make_trace(), "lines@1")

    assert Trace.objects.get().retired_at is None


def test_an_unknown_segmenter_is_refused() -> None:
    with pytest.raises(UnknownSegmenter):
        cut(make_trace(), "auto@0")


def test_who_cut_it_is_in_the_audit_log() -> None:
    old = make_trace()

    new = cut(old)

    event = AuditEvent.objects.get()
    assert (event.verb, event.subject) == ("cut a trace anew", f"trace {new.pk}")
    assert event.details["replaces"] == old.pk
