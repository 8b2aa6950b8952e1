"""What a merge reads at a moment, and how a finished run is summed up."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.models import MergedTrace, MergeRun, Project, Rating, Role, Trace
from annotation.queries.merges import (
    NUM_BINS,
    RatingCounts,
    count_ratings,
    find_latest_merge,
    has_anything_to_merge,
    list_merge_runs,
    list_ratings_as_of,
    summarise_merge,
)
from tests.factories import (
    NOW,
    make_comparison,
    make_gold,
    make_judge_score,
    make_member,
    make_project,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def make_run(project: Project, **fields: object) -> MergeRun:
    defaults: dict[str, object] = {
        "project": project,
        "created_by": make_member(project, Role.ENGINEER),
        "queued_at": NOW,
        "touched_at": NOW,
        "finished_at": NOW,
        "state": "finished",
    }
    return MergeRun.objects.create(**{**defaults, **fields})


def store(run: MergeRun, trace: Trace, posterior: list[float | None]) -> None:
    p_trace = posterior[-1]
    MergedTrace.objects.create(
        run=run, trace=trace, posterior=posterior, p_trace=p_trace, first_error=-1, provenance="human"
    )


def amend(first: Rating, *, at: dt.datetime) -> Rating:
    Rating.objects.filter(pk=first.pk).update(is_current=False)
    return make_rating(first.trace, assignment=first.assignment, revision=first.revision + 1, submitted_at=at)


def test_the_revision_that_stood_is_read_for_every_moment() -> None:
    first = make_rating()
    second = amend(first, at=NOW + HOUR)
    third = amend(second, at=NOW + 2 * HOUR)
    project = first.trace.project

    found = [list_ratings_as_of(project, at=NOW + hours * HOUR).get() for hours in range(3)]

    assert found == [first, second, third]
    assert not list_ratings_as_of(project, at=NOW - HOUR).exists()


def test_each_rater_has_their_own_revisions() -> None:
    trace = make_trace()
    one, other = make_rating(trace), make_rating(trace)
    amended = amend(one, at=NOW + HOUR)

    assert set(list_ratings_as_of(trace.project, at=NOW + HOUR)) == {amended, other}


def test_other_projects_ratings_are_not_read() -> None:
    make_rating()

    assert not list_ratings_as_of(make_project(), at=NOW + HOUR).exists()


def test_a_rating_a_score_or_gold_is_something_to_merge() -> None:
    for make in (make_rating, make_judge_score, lambda trace: make_gold(trace)):
        trace = make_trace()
        assert not has_anything_to_merge(trace.project)
        make(trace)
        assert has_anything_to_merge(trace.project)


def test_a_comparison_is_something_to_merge_too() -> None:
    comparison = make_comparison()

    assert has_anything_to_merge(comparison.prompt.project)
    assert not has_anything_to_merge(make_project())


def test_posteriors_fall_into_bins_and_one_belongs_to_the_last() -> None:
    trace = make_trace()
    run = make_run(trace.project)
    store(run, trace, [0.0, 0.5, 1.0])
    store(run, make_trace(project=trace.project), [None, None, None])

    summary = summarise_merge(run)

    counted = {round(bin.low, 2): bin.num_steps for bin in summary.bins if bin.num_steps}
    assert counted == {0.0: 1, 0.5: 1, 0.95: 1}
    assert (len(summary.bins), summary.num_steps, summary.num_undecided_steps) == (NUM_BINS, 3, 1)


def test_a_run_without_a_fit_has_no_raters_to_show() -> None:
    summary = summarise_merge(make_run(make_project()))

    assert (summary.raters, summary.crew, summary.calibrations) == ((), (), ())


def test_the_latest_merge_is_the_newest_that_finished() -> None:
    project = make_project()
    assert find_latest_merge(project) is None
    make_run(project)
    newest = make_run(project, queued_at=NOW + HOUR)
    make_run(project, queued_at=NOW + 2 * HOUR, state="failed", error="No.")

    assert find_latest_merge(project) == newest
    assert list_merge_runs(project).count() == 3


def test_ratings_by_programs_are_counted_apart_and_those_after_the_merge_are_not() -> None:
    trace = make_trace()
    make_rating(trace)
    make_rating(trace, make_member(trace.project, is_simulated=True))
    make_rating(trace, outcome="give_up", reason="I can't read it.", labels=[None] * 3)
    make_rating(trace, submitted_at=NOW + HOUR)

    counts = count_ratings(make_run(trace.project, started_at=NOW))

    assert counts == RatingCounts(num_ratings=2, num_simulated=1)
