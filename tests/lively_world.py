"""A project in which something of everything has happened, for tests that walk pages."""

from __future__ import annotations

from annotation.actions.judge_runs import ensure_builtin_judges
from annotation.models import AssignmentState, Membership, PauseReason, Priority, SelectedBy
from tests.exports.worlds import World, make_world, merge_world
from tests.factories import (
    NOW,
    make_appeal,
    make_assignment,
    make_attempt,
    make_decision,
    make_disagreement,
    make_gold,
    make_rating,
    make_trace,
)


def make_lively_world() -> World:
    """With a merge, judges, gold that was rated, a decision under appeal, a paused rater, priorities and a test."""
    world = make_world(
        4, slug="lively", name="Lively", shows_decisions=True, gold_threshold=0.6, needs_qualification=True
    )
    rater, other = world.raters
    ensure_builtin_judges(now=NOW)
    for account in world.raters:
        make_attempt(
            world.project,
            account,
            number=1,
            has_passed=True,
            finished_at=NOW,
            num_right=5,
            trace_ids=[1, 2, 3, 4, 5, 6],
        )
    for number in range(3):
        trace = make_trace(world.prompts[1], steps=(f"Known {number}.\n", "So 7.", " Yes."))
        make_gold(trace)
        assignment = make_assignment(
            trace, other, selected_by=SelectedBy.GOLD, state=AssignmentState.SUBMITTED, ended_at=NOW
        )
        make_rating(trace, assignment=assignment, labels=(1, 1, 1) if number else (-1, None, None))
    make_appeal(make_decision(world.right[0], note="Looked up."), rater, reason="It is right.")
    make_disagreement(world.wrong[1])
    world.prompts[2].priority = Priority.HELD
    world.prompts[2].save()
    merge_world(world)
    Membership.objects.filter(account=other).update(paused_at=NOW, pause_reason=PauseReason.GOLD)
    return world
