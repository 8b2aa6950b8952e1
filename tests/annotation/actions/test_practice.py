"""Answering the tutorial, taking the test, and the gate it keeps."""

from __future__ import annotations

import random

import pytest

from annotation.actions import assignments, practice
from annotation.models import Account, Gold, GoldUse, PracticeAnswer, Project, QualificationAttempt, Rating
from annotation.queries.practice import get_practice, is_qualified, list_results
from annotation.rules.rating import Incomplete
from tests.annotation.practice_worlds import make_practice_project, right_labels, wrong_labels
from tests.factories import NOW, make_attempt, make_member, make_trace

pytestmark = pytest.mark.django_db


def start(project: Project, rater: Account, seed: int = 1) -> QualificationAttempt:
    return practice.start_attempt(project=project, rater=rater, now=NOW, source=random.Random(seed))


def answer_all(attempt: QualificationAttempt, *, num_right: int) -> QualificationAttempt:
    """The first so many right, the others wrong."""
    for place, trace_id in enumerate(attempt.trace_ids):
        gold = Gold.objects.get(trace=trace_id)
        labels = right_labels(gold) if place < num_right else wrong_labels(gold)
        attempt = practice.answer_test(
            attempt=attempt, trace_id=trace_id, answer=practice.NewAnswer(labels), now=NOW
        )
    return attempt


class TestTutorial:
    def answer(self, gold: Gold, rater: Account, labels: tuple[int | None, ...]) -> PracticeAnswer:
        return practice.answer_tutorial(
            project=gold.trace.project,
            trace=gold.trace,
            rater=rater,
            answer=practice.NewAnswer(labels, active_seconds=4.0),
            now=NOW,
        )

    def test_an_answer_is_held_against_gold_and_is_no_rating(self) -> None:
        project, rater = make_practice_project(num_tutorial=2)
        right, wrong = Gold.objects.order_by("pk")

        assert self.answer(right, rater, right_labels(right)).is_right
        assert not self.answer(wrong, rater, wrong_labels(wrong)).is_right
        assert not Rating.objects.exists()
        assert get_practice(rater, project).num_answered == 2

    def test_trying_again_replaces_the_answer(self) -> None:
        _, rater = make_practice_project(num_tutorial=1)
        gold = Gold.objects.get()

        self.answer(gold, rater, wrong_labels(gold))
        self.answer(gold, rater, right_labels(gold))

        assert PracticeAnswer.objects.get().is_right

    @pytest.mark.parametrize("use", [GoldUse.WORK, GoldUse.TEST])
    def test_other_gold_can_not_be_asked_about(self, use: GoldUse) -> None:
        _, rater = make_practice_project(num_tutorial=1)
        gold = Gold.objects.get()
        Gold.objects.update(use=use)

        with pytest.raises(practice.NothingToPractise):
            self.answer(gold, rater, right_labels(gold))
        assert not PracticeAnswer.objects.exists()

    def test_an_incomplete_answer_is_refused_as_a_rating_would_be(self) -> None:
        _, rater = make_practice_project(num_tutorial=1)

        with pytest.raises(Incomplete):
            self.answer(Gold.objects.get(), rater, (1, None, None))
        assert not PracticeAnswer.objects.exists()


class TestAttempt:
    def test_its_traces_are_drawn_from_those_set_aside(self) -> None:
        project, rater = make_practice_project(num_test=5, num_work=3, num_tutorial=2, qualification_traces=4)

        attempt = start(project, rater)

        aside = set(Gold.objects.filter(use=GoldUse.TEST).values_list("trace", flat=True))
        assert len(set(attempt.trace_ids)) == 4
        assert set(attempt.trace_ids) <= aside
        assert (attempt.number, attempt.pass_mark) == (1, project.qualification_pass_mark)

    def test_starting_twice_goes_on_with_the_same(self) -> None:
        project, rater = make_practice_project(num_test=3)

        assert start(project, rater) == start(project, rater, seed=2)

    def test_too_few_traces_are_said_and_cost_no_attempt(self) -> None:
        project, rater = make_practice_project(num_test=1)

        with pytest.raises(practice.TestNotReady):
            start(project, rater)
        assert not QualificationAttempt.objects.exists()

    @pytest.mark.parametrize(("num_right", "passed"), [(4, True), (3, False), (0, False)])
    def test_the_last_answer_ends_it_with_its_result(self, num_right: int, passed: bool) -> None:
        project, rater = make_practice_project(num_test=5, qualification_traces=5, needs_qualification=True)

        attempt = answer_all(start(project, rater), num_right=num_right)

        assert (attempt.num_right, attempt.has_passed, attempt.finished_at) == (num_right, passed, NOW)
        assert is_qualified(rater, project) is passed

    def test_an_answer_sent_twice_stays_as_it_was(self) -> None:
        project, rater = make_practice_project(num_test=2)
        attempt = start(project, rater)
        gold = Gold.objects.get(trace=attempt.trace_ids[0])

        for labels in (right_labels(gold), wrong_labels(gold)):
            practice.answer_test(
                attempt=attempt, trace_id=gold.trace_id, answer=practice.NewAnswer(labels), now=NOW
            )

        assert PracticeAnswer.objects.get().is_right

    def test_a_trace_of_another_test_is_refused(self) -> None:
        project, rater = make_practice_project(num_test=2, num_work=1)
        work = Gold.objects.get(use=GoldUse.WORK)

        with pytest.raises(practice.NothingToPractise):
            practice.answer_test(
                attempt=start(project, rater),
                trace_id=work.trace_id,
                answer=practice.NewAnswer(right_labels(work)),
                now=NOW,
            )

    def test_attempts_run_out(self) -> None:
        project, rater = make_practice_project(num_test=2, needs_qualification=True, qualification_attempts=2)
        for _ in range(2):
            answer_all(start(project, rater), num_right=0)

        with pytest.raises(practice.NoAttemptLeft):
            start(project, rater)
        assert get_practice(rater, project).num_left == 0

    def test_whoever_has_passed_takes_no_other(self) -> None:
        project, rater = make_practice_project(num_test=2, needs_qualification=True)
        answer_all(start(project, rater), num_right=2)

        with pytest.raises(practice.AlreadyQualified):
            start(project, rater)

    def test_a_mark_that_rises_meanwhile_does_not_hold_for_an_attempt_under_way(self) -> None:
        project, rater = make_practice_project(num_test=2, qualification_pass_mark=0.5)
        attempt = start(project, rater)
        Project.objects.update(qualification_pass_mark=1.0)

        assert answer_all(attempt, num_right=1).has_passed


class TestGate:
    def lease(self, project: Project, rater: Account) -> None:
        assignments.lease_next(project=project, rater=rater, now=NOW, source=random.Random(1))

    def test_nobody_is_handed_work_before_they_have_passed(self) -> None:
        project, rater = make_practice_project(num_test=2, needs_qualification=True)
        make_trace(project=project)

        with pytest.raises(assignments.NotQualified):
            self.lease(project, rater)
        answer_all(start(project, rater), num_right=2)
        self.lease(project, rater)

        assert rater.assignments.count() == 1

    def test_passing_another_projects_test_opens_nothing(self) -> None:
        project, rater = make_practice_project(needs_qualification=True)
        other, _ = make_practice_project()
        make_attempt(other, rater, finished_at=NOW, num_right=0, has_passed=True)

        assert not is_qualified(rater, project)

    def test_without_a_test_everybody_rates(self) -> None:
        project, rater = make_practice_project()
        make_trace(project=project)

        self.lease(project, rater)

        assert rater.assignments.count() == 1

    def test_gold_that_is_set_aside_is_never_mixed_into_work(self) -> None:
        project, rater = make_practice_project(
            num_tutorial=3, num_test=3, gold_share=1.0, needs_qualification=False
        )
        work = make_trace(project=project)

        self.lease(project, rater)

        assert rater.assignments.get().trace == work


def test_results_tell_tutorial_attempts_and_who_may_rate() -> None:
    project, rater = make_practice_project(num_test=2, num_tutorial=1, needs_qualification=True)
    failed = make_member(project, username="zoe")
    make_member(project, username="sim", is_simulated=True)
    gold = Gold.objects.get(use=GoldUse.TUTORIAL)
    practice.answer_tutorial(
        project=project,
        trace=gold.trace,
        rater=rater,
        answer=practice.NewAnswer(right_labels(gold)),
        now=NOW,
    )
    answer_all(start(project, rater), num_right=2)
    answer_all(start(project, failed), num_right=1)

    by_rater = {result.membership.account: result for result in list_results(project)}

    assert {account.username for account in by_rater if account.is_simulated} == set()
    assert (by_rater[rater].num_tutorial, by_rater[rater].num_tutorial_right) == (1, 1)
    assert (by_rater[rater].is_qualified, by_rater[failed].is_qualified) == (True, False)
    assert by_rater[failed].best is not None
    assert (by_rater[failed].best.num_right, by_rater[failed].num_taken) == (1, 1)
