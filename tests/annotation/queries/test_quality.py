"""What quality reports read: which revision of a rating, in which arm, and which scores."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.models import AssignmentState, MergeRun, Outcome, Rating, Role
from annotation.queries.quality import read_blind_merge_input, read_people, read_step_texts
from annotation.queries.quality_reports import find_calibration
from tests.factories import (
    NOW,
    make_assignment,
    make_decision,
    make_gold,
    make_judge_score,
    make_member,
    make_project,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
LATER = NOW + 9 * HOUR


def amend(rating: Rating, labels: tuple[int | None, ...], *, is_assisted: bool = True) -> Rating:
    """A second revision, given after the scores showed."""
    Rating.objects.filter(pk=rating.pk).update(is_current=False)
    return make_rating(
        rating.trace,
        assignment=rating.assignment,
        labels=labels,
        revision=2,
        is_assisted=is_assisted,
        submitted_at=NOW + HOUR,
    )


def test_a_rating_amended_after_the_scores_showed_counts_as_it_was_before() -> None:
    rating = make_rating(labels=(1, 1, 1))
    amend(rating, (1, -1, None))

    (blind,) = read_people(rating.trace.project, at=LATER).ratings

    assert blind.labels == (1, 1, 1)
    assert blind.day == NOW.date().toordinal()


def test_a_rating_amended_while_still_blind_counts_as_amended() -> None:
    rating = make_rating(labels=(1, 1, 1))
    amend(rating, (1, -1, None), is_assisted=False)

    (blind,) = read_people(rating.trace.project, at=LATER).ratings

    assert blind.labels == (1, -1, None)


def test_assisted_ratings_are_counted_and_left_out() -> None:
    trace = make_trace()
    make_rating(trace, is_assisted=True)
    make_rating(trace)

    people = read_people(trace.project, at=LATER)

    assert (len(people.ratings), people.num_assisted) == (1, 1)


def test_who_gave_up_or_found_a_bad_problem_says_nothing_of_steps() -> None:
    trace = make_trace()
    make_rating(trace, labels=(None,) * 3, outcome=Outcome.GIVE_UP, reason="Too hard.")

    assert read_people(trace.project, at=LATER).ratings == []


def test_what_comes_after_the_moment_is_not_there_yet() -> None:
    rating = make_rating(submitted_at=NOW + HOUR)
    make_judge_score(rating.trace, created_at=NOW + HOUR)

    people = read_people(rating.trace.project, at=NOW)

    assert people.ratings == list(people.scores) == list(people.drawn) == []


def test_retired_traces_and_other_projects_are_left_out() -> None:
    make_rating()
    retired = make_trace(retired_at=NOW, wants_ratings=False)
    make_rating(retired)
    make_judge_score(retired)

    people = read_people(retired.project, at=LATER)

    assert (dict(people.facts), people.ratings, list(people.scores), list(people.selected)) == (
        {},
        [],
        [],
        [],
    )


def test_the_arm_is_the_one_that_was_drawn_and_the_word_the_first() -> None:
    trace = make_trace()
    score = make_judge_score(trace, created_at=NOW - HOUR)
    drawn_assisted = make_assignment(trace, is_assisted=True, state=AssignmentState.SUBMITTED, ended_at=NOW)
    first = make_rating(trace, assignment=drawn_assisted, labels=(1, 1, -1), is_assisted=True)
    amend(first, (1, 1, 1))
    make_rating(trace, labels=(1, 0, 1))

    drawn = sorted(read_people(trace.project, at=LATER).drawn, key=lambda one: one.is_assisted)

    assert [(one.is_assisted, one.labels) for one in drawn] == [(False, (1, 0, 1)), (True, (1, 1, -1))]
    assert {(one.judge, one.probabilities) for one in drawn} == {(score.judge_id, (0.9, 0.8, 0.7))}


def test_scores_that_came_after_the_trace_was_handed_out_anchor_nobody() -> None:
    rating = make_rating()
    make_judge_score(rating.trace, created_at=NOW + HOUR)
    ready = make_judge_score(rating.trace, created_at=NOW)

    drawn = read_people(rating.trace.project, at=LATER).drawn

    assert [one.judge for one in drawn] == [ready.judge_id]


def test_a_trace_was_selected_as_at_its_first_draw_unless_it_is_gold() -> None:
    trace = make_trace()
    make_assignment(trace, leased_at=NOW + HOUR, expires_at=NOW + 2 * HOUR, selection_probability=0.9)
    make_assignment(trace, selection_probability=0.25)
    gold = make_trace(project=trace.project)
    make_gold(gold)
    make_assignment(gold)

    (selected,) = read_people(trace.project, at=LATER).selected

    assert (selected.trace, selected.probability) == (trace.pk, 0.25)


def test_gold_and_programs_are_told_apart() -> None:
    trace = make_trace()
    make_gold(trace, (True, False, False))
    program = make_member(trace.project, is_simulated=True)
    make_rating(trace, program)

    people = read_people(trace.project, at=LATER)

    assert people.facts[trace.pk].gold == (True, False, False)
    assert people.simulated == {program.pk}
    assert people.num_simulated == 1


def test_gold_decided_with_scores_in_view_holds_no_judge_to_account() -> None:
    project = make_project()
    blind, seen, imported = (make_trace(project=project) for _ in range(3))
    for trace, source in ((blind, "adjudicated"), (seen, "adjudicated"), (imported, "imported")):
        make_gold(trace, source=source)
        make_assignment(trace)
    make_decision(blind, has_seen_scores=False)
    make_decision(seen, has_seen_scores=True)

    people = read_people(project, at=LATER)

    assert {trace for trace, facts in people.facts.items() if facts.gold} == {blind.pk, imported.pk}
    assert people.num_swayed_gold == 1
    assert list(people.selected) == []  # gold is handed out by rules of its own, swayed or not


def test_kinds_of_error_come_by_step() -> None:
    rating = make_rating(labels=(1, -1, None), error_categories={"1": "Calculation"})

    (blind,) = read_people(rating.trace.project, at=LATER).ratings

    assert blind.categories == {1: "Calculation"}


def test_the_merge_is_given_blind_ratings_alone() -> None:
    rating = make_rating(labels=(1, 1, 1))
    make_rating(rating.trace, is_assisted=True)
    project = rating.trace.project

    data = read_blind_merge_input(project, read_people(project, at=LATER), at=LATER)

    assert [(row.rater, row.labels) for row in data.ratings] == [(str(rating.rater_id), (1, 1, 1))]


def test_step_texts_are_cut_out_and_belong_to_the_project() -> None:
    trace = make_trace(steps=("ä one\n", "two\n", "x" * 900))
    other = make_trace()

    texts = read_step_texts(
        trace.project, [(trace.pk, 0), (trace.pk, 1), (trace.pk, 2), (trace.pk, 3), (other.pk, 0)]
    )

    assert texts == {(trace.pk, 0): "ä one\n", (trace.pk, 1): "two\n", (trace.pk, 2): "x" * 200}
    assert read_step_texts(trace.project, []) == {}


class TestCalibration:
    def merge(self, *rows: dict[str, object]) -> MergeRun:
        project = make_project()
        return MergeRun.objects.create(
            project=project,
            created_by=make_member(project, Role.ADMIN),
            queued_at=NOW,
            touched_at=NOW,
            finished_at=NOW,
            state="finished",
            diagnostics={"calibrations": list(rows)},
        )

    def row(self, *judges: str, calibrated: bool, traces: int) -> dict[str, object]:
        reason = "" if calibrated else "too few"
        return {
            "judges": list(judges),
            "is_calibrated": calibrated,
            "reason": reason,
            "num_traces": traces,
            "expected_errors": 12.5,
            "gain": 1.0,
        }

    def test_the_set_that_is_used_comes_before_the_one_that_is_not(self) -> None:
        run = self.merge(
            self.row("a@1", calibrated=False, traces=80), self.row("a@1", "b@1", calibrated=True, traces=40)
        )

        found = find_calibration(run.project, "a@1")

        assert found is not None
        assert (found.is_calibrated, found.num_traces, found.partners) == (True, 40, ("b@1",))
        assert found.run == run

    def test_without_a_merge_or_a_judge_in_it_there_is_none(self) -> None:
        run = self.merge(self.row("a@1", calibrated=True, traces=40))

        assert find_calibration(run.project, "b@1") is None
        assert find_calibration(make_project(), "a@1") is None
