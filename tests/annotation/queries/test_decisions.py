"""Which decisions stood when, and what a merge reads of them."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.models import Ruling
from annotation.queries.decisions import list_decisions_as_of
from annotation.queries.merges import has_anything_to_merge, read_merge_input
from tests.factories import NOW, make_decision, make_judge_score, make_project, make_rating, make_trace

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def test_the_last_revision_until_a_moment_stood_then() -> None:
    trace = make_trace()
    first = make_decision(trace, is_current=False)
    second = make_decision(trace, revision=2, decided_at=NOW + HOUR)
    make_decision(make_trace())

    assert list(list_decisions_as_of(trace.project, at=NOW - HOUR)) == []
    assert list(list_decisions_as_of(trace.project, at=NOW)) == [first]
    assert list(list_decisions_as_of(trace.project, at=NOW + HOUR)) == [second]


@pytest.mark.parametrize("has_seen_scores", [True, False])
def test_a_merge_reads_what_was_decided_and_whether_scores_were_in_sight(has_seen_scores: bool) -> None:
    trace = make_trace()
    make_rating(trace, labels=(1, 1, 1))
    make_decision(trace, labels=(1, -1, None), has_seen_scores=has_seen_scores)

    [row] = read_merge_input(trace.project, at=NOW).traces

    assert row.decided == (1, 0, 0)
    assert row.decided_blind is not has_seen_scores


def test_what_was_said_of_a_broken_problem_labels_nothing() -> None:
    project = make_project()
    broken, other = make_trace(project=project), make_trace(project=project)
    for trace in (broken, other):
        make_rating(trace)
        make_judge_score(trace)
    make_decision(broken, labels=(None,) * 3, ruling=Ruling.BAD_PROBLEM, note="It has no question.")

    data = read_merge_input(project, at=NOW)

    assert {row.trace_id for row in data.traces} == {str(broken.pk), str(other.pk)}
    assert [row.trace_id for row in data.ratings] == [str(other.pk)]
    assert [row.trace_id for row in data.judges] == [str(other.pk)]
    assert all(row.decided is None for row in data.traces)


def test_a_decision_alone_is_something_to_merge() -> None:
    trace = make_trace()
    assert not has_anything_to_merge(trace.project)

    make_decision(trace)

    assert has_anything_to_merge(trace.project)
