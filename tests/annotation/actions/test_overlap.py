"""Which traces still want raters."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.actions.overlap import refresh_wants_ratings
from annotation.models import AssignmentState, Trace
from tests.factories import NOW, make_assignment, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db

ENDED = [AssignmentState.SUBMITTED, AssignmentState.SKIPPED, AssignmentState.RETURNED]


def take(trace: Trace, state: AssignmentState) -> None:
    make_assignment(trace, state=state, ended_at=None if state == AssignmentState.LEASED else NOW)


@pytest.mark.parametrize(
    ("states", "wants"),
    [
        ([], True),
        ([AssignmentState.SUBMITTED], True),
        ([AssignmentState.SUBMITTED, AssignmentState.LEASED], False),
        ([AssignmentState.SUBMITTED, AssignmentState.SKIPPED, AssignmentState.RETURNED], True),
    ],
)
def test_a_trace_wants_raters_until_as_many_as_the_overlap_hold_or_rated_it(
    states: list[AssignmentState], wants: bool
) -> None:
    trace = make_trace(make_prompt(make_project(overlap=2)), wants_ratings=not wants)
    for state in states:
        take(trace, state)

    assert refresh_wants_ratings(trace.project) == 1

    trace.refresh_from_db()
    assert trace.wants_ratings is wants


def test_a_retired_trace_never_wants_raters() -> None:
    trace = make_trace(wants_ratings=False, retired_at=NOW)

    assert refresh_wants_ratings(trace.project) == 0


def test_traces_that_are_right_already_and_other_projects_stay_untouched() -> None:
    right, elsewhere = make_trace(), make_trace(wants_ratings=False)

    assert refresh_wants_ratings(right.project) == 0

    elsewhere.refresh_from_db()
    assert elsewhere.wants_ratings is False


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    overlap=st.integers(1, 4),
    traces=st.lists(
        st.tuples(st.booleans(), st.lists(st.sampled_from(list(AssignmentState)), max_size=4)), max_size=4
    ),
)
def test_the_one_update_agrees_with_counting_by_hand(
    overlap: int, traces: list[tuple[bool, list[AssignmentState]]]
) -> None:
    project = make_project(overlap=overlap)
    prompt = make_prompt(project)
    wanted: dict[int, bool] = {}
    for wants_now, states in traces:
        trace = make_trace(prompt, wants_ratings=wants_now)
        for state in states:
            take(trace, state)
        num_raters = sum(state in (AssignmentState.LEASED, AssignmentState.SUBMITTED) for state in states)
        wanted[trace.pk] = num_raters < overlap

    refresh_wants_ratings(project)

    assert dict(Trace.objects.filter(project=project).values_list("pk", "wants_ratings")) == wanted
