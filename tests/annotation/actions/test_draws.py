"""Which trace is drawn: gold mixed in, priorities, own prompts, and that each stored probability is the true one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import transaction

from annotation.actions.assignments import NothingToRate, lease_next
from annotation.actions.draws import NUM_COUNTED, Draw, draw_trace
from annotation.models import Account, Assignment, AssignmentState, Priority, Project, SelectedBy, Trace
from tests.annotation.actions.test_assignments import NEED_ARM, RANDOM_ARM, Loaded, lease, make_traces
from tests.factories import (
    NOW,
    make_assignment,
    make_decision,
    make_gold,
    make_member,
    make_project,
    make_prompt,
    make_trace,
)

pytestmark = pytest.mark.django_db


def draw(project: Project, rater: Account, source: random.Random) -> Draw | None:
    with transaction.atomic():
        return draw_trace(project=project, rater=rater, source=source)


def make_gold_trace(project: Project, **fields: object) -> Trace:
    trace = make_trace(make_prompt(project), wants_ratings=False, **fields)
    make_gold(trace)
    return trace


class TestGold:
    def test_gold_comes_in_at_the_projects_share(self) -> None:
        project = make_project(gold_share=0.3)
        make_traces(project, 4)
        gold = make_gold_trace(project)
        rater = make_member(project)

        below = draw(project, rater, Loaded(RANDOM_ARM, 0.5, 0.29))
        above = draw(project, rater, Loaded(RANDOM_ARM, 0.5, 0.31))

        assert below == Draw(gold.pk, SelectedBy.GOLD, 0.3)
        assert above is not None
        assert (above.selected_by, above.probability) == (SelectedBy.RANDOM, pytest.approx(0.7 / 4))

    def test_each_gold_trace_is_as_likely_as_the_other(self) -> None:
        project = make_project(gold_share=1.0)
        make_traces(project, 1)
        gold = [make_gold_trace(project) for _ in range(4)]
        rater = make_member(project)

        drawn = [draw(project, rater, Loaded(NEED_ARM, 0.0, (i + 0.5) / 4)) for i in range(4)]

        assert drawn == [Draw(trace.pk, SelectedBy.GOLD, 0.25) for trace in gold]

    @pytest.mark.parametrize("state", [AssignmentState.SUBMITTED, AssignmentState.SKIPPED])
    def test_gold_that_a_rater_has_had_is_not_drawn_again(self, state: AssignmentState) -> None:
        project = make_project(gold_share=1.0)
        make_traces(project, 1)
        gold = make_gold_trace(project)
        rater = make_member(project)
        make_assignment(gold, rater, state=state, ended_at=NOW)

        drawn = draw(project, rater, Loaded())

        assert drawn is not None
        assert (drawn.selected_by, drawn.probability) == (SelectedBy.NEED, 1.0)

    def test_gold_that_a_rater_decided_themselves_is_no_test_of_them(self) -> None:
        project = make_project(gold_share=1.0)
        make_trace(make_prompt(project))
        gold = make_gold_trace(project)
        adjudicator, other = make_member(project), make_member(project)
        make_decision(gold, adjudicator=adjudicator)

        own = draw_trace(project=project, rater=adjudicator, source=random.Random(1))
        others = draw_trace(project=project, rater=other, source=random.Random(1))

        assert own is not None
        assert own.trace_id != gold.pk
        assert others is not None
        assert others.trace_id == gold.pk

    def test_gold_is_handed_to_more_raters_than_the_overlap(self) -> None:
        project = make_project(gold_share=1.0, overlap=1)
        make_traces(project, 3)
        gold = make_gold_trace(project)

        leases = [lease(project, make_member(project)) for _ in range(3)]

        assert {assignment.trace_id for assignment in leases} == {gold.pk}
        gold.refresh_from_db()
        assert not gold.wants_ratings

    def test_gold_is_never_all_there_is_to_rate(self) -> None:
        project = make_project(gold_share=1.0)
        make_gold_trace(project)

        with pytest.raises(NothingToRate):
            lease(project, make_member(project))

    @pytest.mark.parametrize("fields", [{"retired_at": NOW}, {"priority": Priority.HELD}])
    def test_retired_and_held_gold_is_not_handed_out(self, fields: dict[str, object]) -> None:
        project = make_project(gold_share=1.0)
        [trace] = make_traces(project, 1)
        make_gold_trace(project, **fields)

        assert lease(project, make_member(project)).trace_id == trace.pk

    def test_gold_of_another_project_stays_there(self) -> None:
        project = make_project(gold_share=1.0)
        [trace] = make_traces(project, 1)
        make_gold_trace(make_project())

        assert lease(project, make_member(project)).trace_id == trace.pk

    def test_begun_work_on_gold_comes_back_first(self) -> None:
        project = make_project()
        make_traces(project, 3)
        rater = make_member(project)
        begun = make_assignment(
            make_gold_trace(project), rater, state=AssignmentState.RETURNED, ended_at=NOW, draft_revision=1
        )

        assert lease(project, rater).pk == begun.pk

    def test_assisted_or_blind_is_drawn_for_gold_as_for_any_trace(self) -> None:
        project = make_project(gold_share=1.0, assisted_share=0.5)
        make_traces(project, 1)
        make_gold_trace(project)

        assisted = lease(project, make_member(project), NEED_ARM, 0.0, 0.0, 0.49)
        blind = lease(project, make_member(project), NEED_ARM, 0.0, 0.0, 0.51)

        assert [assisted.is_assisted, blind.is_assisted] == [True, False]
        assert assisted.selected_by == blind.selected_by == SelectedBy.GOLD


class TestPriorities:
    def test_the_highest_priority_is_drawn_from_until_nothing_of_it_is_left(self) -> None:
        project = make_project(overlap=1)
        order = [Priority.LAST, Priority.FIRST, Priority.USUAL]
        for priority in order:
            make_traces(project, 1, priority=priority, need=0.9 if priority == Priority.LAST else 0.1)

        drawn = [lease(project, make_member(project), RANDOM_ARM).trace.priority for _ in order]

        assert drawn == [Priority.FIRST, Priority.USUAL, Priority.LAST]

    def test_what_a_rater_has_had_does_not_keep_the_rest_from_them(self) -> None:
        project = make_project(overlap=2)
        [first] = make_traces(project, 1, priority=Priority.FIRST)
        [usual] = make_traces(project, 1)
        rater = make_member(project)
        make_assignment(first, rater, state=AssignmentState.SKIPPED, ended_at=NOW)

        assert lease(project, rater).trace_id == usual.pk

    def test_the_probability_is_that_within_the_priority(self) -> None:
        project = make_project()
        make_traces(project, 5)
        make_traces(project, 2, priority=Priority.FIRST)

        assert lease(project, make_member(project), RANDOM_ARM).selection_probability == pytest.approx(1 / 2)


class TestOwnPrompts:
    def test_nobody_gets_a_trace_of_their_own_prompt_where_that_is_forbidden(self) -> None:
        project = make_project(forbids_own_prompts=True)
        author = make_member(project)
        own = make_prompt(project, created_by=author)
        for _ in range(3):
            make_trace(own, need=1.0, priority=Priority.FIRST)
        other = make_trace(make_prompt(project))

        assert lease(project, author).trace_id == other.pk
        assert lease(project, make_member(project)).trace.prompt_id == own.pk

    def test_who_wrote_every_prompt_has_nothing_to_rate(self) -> None:
        project = make_project(forbids_own_prompts=True, gold_share=1.0)
        author = make_member(project)
        make_trace(make_prompt(project, created_by=author))
        make_gold_trace(project)

        with pytest.raises(NothingToRate):
            lease(project, author)

    def test_elsewhere_ones_own_prompts_are_rated_like_any(self) -> None:
        project = make_project()
        author = make_member(project)
        trace = make_trace(make_prompt(project, created_by=author))

        assert lease(project, author).trace_id == trace.pk


def draw_often(project: Project, rater: Account, num: int) -> Iterator[Draw]:
    """Draws by a rater, each from the same open traces with keys drawn anew, as over many projects."""
    rng = random.Random(11)
    ids = list(Trace.objects.filter(project=project).values_list("pk", flat=True))
    for _ in range(num):
        Trace.objects.bulk_update([Trace(pk=pk, queue_key=rng.random()) for pk in ids], ["queue_key"])
        found = draw(project, rater, rng)
        assert found is not None
        yield found


@pytest.mark.slow
def test_every_stored_probability_is_how_often_its_trace_is_drawn() -> None:
    """With gold, priorities, own prompts and traces already had, all at once."""
    project = make_project(gold_share=0.25, forbids_own_prompts=True)
    rater = make_member(project)
    had, own = make_prompt(project), make_prompt(project, created_by=rater)
    open_traces = [make_trace(make_prompt(project), need=need) for need in (0.9, 0.9, 0.3, 0.0)]
    gold = [make_gold_trace(project) for _ in range(2)]
    make_assignment(make_trace(had, need=1.0), rater)
    make_trace(own, need=1.0)
    make_trace(make_prompt(project), need=1.0, priority=Priority.LAST)
    expected = {trace.pk: 0.75 * 0.5 / 4 for trace in open_traces} | {trace.pk: 0.125 for trace in gold}
    for neediest in open_traces[:2]:
        expected[neediest.pk] += 0.75 * 0.5 / 2
    num, drawn, stored = 600, Counter[int](), dict[int, float]()

    for found in draw_often(project, rater, num):
        drawn[found.trace_id] += 1
        stored[found.trace_id] = found.probability

    assert stored == pytest.approx(expected)
    assert sum(expected.values()) == pytest.approx(1.0)
    for trace_id, probability in expected.items():
        standard_error = (probability * (1 - probability) / num) ** 0.5
        assert drawn[trace_id] / num == pytest.approx(probability, abs=4 * standard_error)


def test_large_pools_are_measured_by_how_close_their_keys_lie() -> None:
    project, num = make_project(), 4 * NUM_COUNTED
    prompt, rng = make_prompt(project), random.Random(3)
    Trace.objects.bulk_create(
        Trace(
            project=project,
            prompt=prompt,
            completion="a",
            step_ends=[1],
            segmenter="lines@1",
            model_name="m",
            queue_key=rng.random(),
            created_at=NOW,
        )
        for _ in range(num)
    )

    drawn = draw(project, make_member(project), Loaded(RANDOM_ARM, 0.5))

    assert drawn is not None
    assert 1 / drawn.probability == pytest.approx(num, rel=0.35)


def test_asking_for_the_one_after_what_the_page_shows_leases_it_ahead() -> None:
    project = make_project()
    make_traces(project, 3)
    rater = make_member(project)
    current = lease(project, rater)

    ahead = lease_next(project=project, rater=rater, now=NOW, source=Loaded(), shown=current.pk)
    again = lease_next(project=project, rater=rater, now=NOW, source=Loaded(), shown=current.pk)
    stale = lease_next(project=project, rater=rater, now=NOW, source=Loaded(), shown=ahead.pk)

    assert (ahead.is_ahead, again.pk, stale.pk) == (True, ahead.pk, current.pk)
    assert Assignment.objects.filter(rater=rater).count() == 2
