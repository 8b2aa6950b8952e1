"""Drafts, submissions and amendments: what is stored, what is refused, and that nothing is lost."""

from __future__ import annotations

import datetime as dt
import threading
from uuid import UUID, uuid4

import pytest
from django.db import connection

from annotation.actions.assignments import expire_leases, record_scores_shown, skip_trace
from annotation.actions.ratings import (
    AlreadySubmitted,
    LeaseExpired,
    NewRating,
    NothingToAmend,
    NotYours,
    ReasonMissing,
    SavedDraft,
    StaleDraft,
    TooLateToAmend,
    UnknownCategory,
    amend_rating,
    get_draft,
    save_draft,
    submit_rating,
)
from annotation.models import Account, Assignment, AssignmentState, Outcome, Rating
from annotation.rules.draft import Draft
from annotation.rules.rating import Incomplete, JudgedAfterFirstError, OutOfRange, WrongLength
from tests.factories import NOW, make_assignment, make_member, make_project, make_trace

pytestmark = pytest.mark.django_db

SOON = NOW + dt.timedelta(minutes=5)
LATER = NOW + dt.timedelta(minutes=31)
GOOD = NewRating(labels=(1, 1, 1))


def submit(
    assignment: Assignment,
    rating: NewRating = GOOD,
    *,
    key: UUID | None = None,
    rater: Account | None = None,
    now: dt.datetime = SOON,
) -> Rating:
    return submit_rating(
        assignment=assignment,
        rater=rater or assignment.rater,
        rating=rating,
        idempotency_key=key or uuid4(),
        now=now,
    )


def save(
    assignment: Assignment, draft: Draft, base_revision: int = 0, *, now: dt.datetime = SOON
) -> SavedDraft:
    return save_draft(
        assignment=assignment, rater=assignment.rater, draft=draft, base_revision=base_revision, now=now
    )


def draft_of(*labels: int | None, writer: str = "page", sequence: int = 1, **fields: object) -> Draft:
    return Draft(labels=labels, writer=writer, sequence=sequence, **fields)  # type: ignore[arg-type]


def amend(assignment: Assignment, rating: NewRating, *, now: dt.datetime = SOON) -> Rating:
    return amend_rating(
        assignment=assignment, rater=assignment.rater, rating=rating, idempotency_key=uuid4(), now=now
    )


class TestDrafts:
    def test_a_draft_is_stored_and_renews_the_lease(self) -> None:
        assignment = make_assignment()

        saved = save(assignment, draft_of(1, None, None, notes={0: "fine"}))

        assignment.refresh_from_db()
        assert saved == SavedDraft(revision=1, has_place=True)
        assert get_draft(assignment).labels == (1, None, None)
        assert get_draft(assignment).notes == {0: "fine"}
        assert assignment.expires_at == SOON + dt.timedelta(minutes=30)
        assert assignment.draft_saved_at == SOON

    def test_labels_behind_the_first_error_stay_in_the_draft(self) -> None:
        assignment = make_assignment()

        save(assignment, draft_of(-1, 1, 0))

        assignment.refresh_from_db()
        assert get_draft(assignment).labels == (-1, 1, 0)

    def test_a_save_from_an_older_draft_is_refused_with_the_newer_one(self) -> None:
        assignment = make_assignment()
        save(assignment, draft_of(1, None, None, writer="one tab"))

        with pytest.raises(StaleDraft) as caught:
            save(assignment, draft_of(-1, None, None, writer="another tab"), base_revision=0)

        assert caught.value.draft.labels == (1, None, None)
        assert (caught.value.revision, caught.value.saved_at) == (1, SOON)
        assignment.refresh_from_db()
        assert get_draft(assignment).labels == (1, None, None)

    def test_a_save_whose_answer_was_lost_is_no_conflict(self) -> None:
        assignment = make_assignment()
        save(assignment, draft_of(1, None, None, sequence=1))

        saved = save(assignment, draft_of(1, 1, None, sequence=2), base_revision=0)

        assignment.refresh_from_db()
        assert saved.revision == 2
        assert get_draft(assignment).labels == (1, 1, None)

    def test_a_save_that_arrives_twice_or_late_changes_nothing(self) -> None:
        assignment = make_assignment()
        save(assignment, draft_of(1, None, None, sequence=1))
        save(assignment, draft_of(1, 1, None, sequence=2), base_revision=1)

        for late in (draft_of(1, 1, None, sequence=2), draft_of(1, None, None, sequence=1)):
            assert save(assignment, late, base_revision=0).revision == 2

        assignment.refresh_from_db()
        assert get_draft(assignment).labels == (1, 1, None)

    def test_the_same_draft_from_two_tabs_is_no_conflict(self) -> None:
        assignment = make_assignment()
        save(assignment, draft_of(1, None, None, writer="one tab"))

        assert save(assignment, draft_of(1, None, None, writer="another tab")).revision == 1

    def test_a_draft_is_kept_even_when_the_lease_is_lost(self) -> None:
        assignment = make_assignment()
        expire_leases(now=LATER)

        saved = save(assignment, draft_of(1, 1, None), now=LATER)

        assignment.refresh_from_db()
        assert not saved.has_place
        assert get_draft(assignment).labels == (1, 1, None)
        assert assignment.state == AssignmentState.RETURNED

    def test_a_draft_of_the_wrong_length_is_refused(self) -> None:
        assignment = make_assignment()

        with pytest.raises(WrongLength):
            save(assignment, draft_of(1))

        assignment.refresh_from_db()
        assert assignment.draft_revision == 0

    def test_a_submitted_trace_takes_no_draft(self) -> None:
        assignment = make_assignment()
        submit(assignment)

        with pytest.raises(AlreadySubmitted):
            save(assignment, draft_of(-1, None, None))

    def test_nobody_saves_anothers_draft(self) -> None:
        assignment = make_assignment()

        with pytest.raises(NotYours):
            save_draft(
                assignment=assignment,
                rater=make_member(assignment.trace.project),
                draft=draft_of(1, None, None),
                base_revision=0,
                now=SOON,
            )


class TestSubmitting:
    def test_a_rating_is_stored_whole_and_closes_the_assignment(self) -> None:
        assignment = make_assignment()

        rating = submit(
            assignment,
            NewRating(
                labels=(1, -1, None), notes={1: "3 + 4 is 7"}, is_reference_wrong=True, active_seconds=12.5
            ),
        )

        assignment.refresh_from_db()
        rating.refresh_from_db()
        assert (assignment.state, assignment.ended_at, assignment.draft) == (
            AssignmentState.SUBMITTED,
            SOON,
            {},
        )
        assert rating.labels == [1, -1, None]
        assert rating.notes == {"1": "3 + 4 is 7"}
        assert rating.is_reference_wrong
        assert (rating.outcome, rating.revision, rating.is_current) == (Outcome.RATED, 1, True)
        assert (rating.active_seconds, rating.submitted_at, rating.is_assisted) == (12.5, SOON, False)

    def test_error_categories_of_bad_steps_and_rewrites_of_judged_ones_are_stored(self) -> None:
        rating = submit(
            make_assignment(),
            NewRating(
                labels=(1, -1, None),
                error_categories={0: "Calculation", 1: "Misread problem", 2: "Calculation"},
                rewrites={0: "So: ", 1: "3 + 4 = 7.", 2: "Done."},
            ),
        )

        rating.refresh_from_db()
        assert rating.error_categories == {"1": "Misread problem"}
        assert rating.rewrites == {"0": "So: ", "1": "3 + 4 = 7."}

    def test_a_category_that_the_project_does_not_have_stores_nothing(self) -> None:
        assignment = make_assignment(make_trace(project=make_project(error_categories=["Units"])))

        with pytest.raises(UnknownCategory, match="step 1 is none of this project"):
            submit(assignment, NewRating(labels=(-1, None, None), error_categories={0: "Mood"}))
        assert Rating.objects.count() == 0

    def test_the_same_key_stores_once_and_answers_the_same(self) -> None:
        assignment, key = make_assignment(), uuid4()

        first, second = submit(assignment, key=key), submit(assignment, key=key)

        assert first.pk == second.pk
        assert Rating.objects.count() == 1

    def test_another_key_for_a_submitted_trace_is_refused(self) -> None:
        assignment = make_assignment()
        submit(assignment)

        with pytest.raises(AlreadySubmitted):
            submit(assignment, NewRating(labels=(-1, None, None)))
        assert Rating.objects.get().labels == [1, 1, 1]

    def test_a_key_of_another_trace_is_refused(self) -> None:
        rater, key = make_member(make_project()), uuid4()
        submit(make_assignment(rater=rater), key=key)

        with pytest.raises(NotYours):
            submit(make_assignment(rater=rater), key=key)

    def test_nobody_submits_for_another(self) -> None:
        assignment = make_assignment()

        with pytest.raises(NotYours):
            submit(assignment, rater=make_member(assignment.trace.project))
        assert Rating.objects.count() == 0

    @pytest.mark.parametrize(
        ("labels", "error"),
        [
            ((1, 1), WrongLength),
            ((1, 2, 1), OutOfRange),
            ((1, True, 1), OutOfRange),
            ((1, -1, 1), JudgedAfterFirstError),
            ((1, None, 1), Incomplete),
            ((None, -1, None), Incomplete),
        ],
    )
    def test_labels_that_break_a_rule_store_nothing(
        self, labels: tuple[int | None, ...], error: type[Exception]
    ) -> None:
        assignment = make_assignment()

        with pytest.raises(error):
            submit(assignment, NewRating(labels=labels))

        assignment.refresh_from_db()
        assert assignment.state == AssignmentState.LEASED
        assert Rating.objects.count() == 0

    def test_a_project_that_goes_on_after_an_error_takes_a_recovery(self) -> None:
        assignment = make_assignment(make_trace(project=make_project(stop_at_first_error=False)))

        assert submit(assignment, NewRating(labels=(1, -1, 1))).labels == [1, -1, 1]

    @pytest.mark.parametrize("outcome", [Outcome.BAD_PROBLEM, Outcome.GIVE_UP])
    def test_other_outcomes_hold_a_reason_and_no_labels(self, outcome: Outcome) -> None:
        rating = submit(
            make_assignment(), NewRating(labels=(1, None, None), outcome=outcome, reason=" two answers ")
        )

        assert (rating.outcome, rating.reason) == (outcome, "two answers")
        assert rating.labels == [None, None, None]

    @pytest.mark.parametrize("outcome", [Outcome.BAD_PROBLEM, Outcome.GIVE_UP])
    def test_other_outcomes_need_a_reason(self, outcome: Outcome) -> None:
        assignment = make_assignment()

        with pytest.raises(ReasonMissing):
            submit(assignment, NewRating(labels=(None, None, None), outcome=outcome, reason="  "))

    def test_time_at_work_never_exceeds_the_time_since_the_lease(self) -> None:
        assert (
            submit(make_assignment(), NewRating(labels=(1, 1, 1), active_seconds=9e6)).active_seconds == 300
        )

    def test_a_rating_given_after_scores_showed_is_assisted(self) -> None:
        assignment = make_assignment()
        record_scores_shown(assignment=assignment, now=NOW)

        assert submit(assignment).is_assisted


class TestALostLease:
    def test_it_is_taken_again_where_the_place_is_free(self) -> None:
        assignment = make_assignment()
        expire_leases(now=LATER)

        rating = submit(assignment, now=LATER)

        assignment.refresh_from_db()
        assert (assignment.state, rating.labels) == (AssignmentState.SUBMITTED, [1, 1, 1])

    def test_a_lease_that_ran_out_but_was_not_given_away_still_holds(self) -> None:
        assignment = make_assignment()

        assert submit(assignment, now=LATER).submitted_at == LATER

    def test_a_skipped_trace_can_still_be_rated(self) -> None:
        assignment = make_assignment()
        skip_trace(assignment=assignment, rater=assignment.rater, reason="hard", now=NOW)

        submit(assignment)

        assignment.refresh_from_db()
        assert (assignment.state, assignment.skip_reason) == (AssignmentState.SUBMITTED, "")

    def test_where_no_place_is_left_the_ratings_become_the_draft(self) -> None:
        project = make_project(overlap=1)
        trace = make_trace(project=project)
        assignment = make_assignment(trace)
        expire_leases(now=LATER)
        submit(make_assignment(trace, make_member(project)), now=LATER)

        with pytest.raises(LeaseExpired):
            submit(
                assignment,
                NewRating(
                    (1, -1, None), notes={1: "no"}, error_categories={1: "Calculation"}, rewrites={1: "yes"}
                ),
                now=LATER,
            )

        assignment.refresh_from_db()
        draft = get_draft(assignment)
        assert (draft.labels, draft.notes) == ((1, -1, None), {1: "no"})
        assert (draft.error_categories, draft.rewrites) == ({1: "Calculation"}, {1: "yes"})
        assert assignment.state == AssignmentState.RETURNED
        assert Rating.objects.filter(trace=trace).count() == 1


class TestAmending:
    def test_an_amendment_is_a_new_revision_and_the_old_one_stays(self) -> None:
        assignment = make_assignment()
        first = submit(assignment)

        second = amend(assignment, NewRating(labels=(1, -1, None)))

        first.refresh_from_db()
        assert (first.is_current, first.labels) == (False, [1, 1, 1])
        assert (second.is_current, second.revision, second.labels) == (True, 2, [1, -1, None])

    def test_the_same_amendment_sent_twice_is_one_revision(self) -> None:
        assignment, key = make_assignment(), uuid4()
        submit(assignment)

        for _ in range(2):
            amend_rating(
                assignment=assignment, rater=assignment.rater, rating=GOOD, idempotency_key=key, now=SOON
            )

        assert Rating.objects.count() == 2

    def test_an_amendment_after_the_scores_showed_is_assisted_and_the_first_stays_blind(self) -> None:
        assignment = make_assignment()
        first = submit(assignment)
        record_scores_shown(assignment=assignment, now=SOON)

        second = amend(assignment, NewRating(labels=(1, 0, 1)))

        assert (first.is_assisted, second.is_assisted) == (False, True)

    def test_amending_ends_with_the_projects_time(self) -> None:
        assignment = make_assignment(make_trace(project=make_project(amend_minutes=10)))
        submit(assignment)
        amend(assignment, NewRating(labels=(1, 0, 1)), now=SOON + dt.timedelta(minutes=10))

        with pytest.raises(TooLateToAmend):
            amend(assignment, GOOD, now=SOON + dt.timedelta(minutes=10, seconds=1))
        assert Rating.objects.current().get().labels == [1, 0, 1]

    def test_only_what_was_submitted_can_be_amended(self) -> None:
        with pytest.raises(NothingToAmend):
            amend(make_assignment(), GOOD)

    def test_a_bad_amendment_leaves_the_rating_as_it_was(self) -> None:
        assignment = make_assignment()
        submit(assignment)

        with pytest.raises(Incomplete):
            amend(assignment, NewRating(labels=(1, None, 1)))

        assert Rating.objects.current().get().revision == 1

    def test_nobody_amends_for_another(self) -> None:
        assignment = make_assignment()
        submit(assignment)

        with pytest.raises(NotYours):
            amend_rating(
                assignment=assignment,
                rater=make_member(assignment.trace.project),
                rating=GOOD,
                idempotency_key=uuid4(),
                now=SOON,
            )


@pytest.mark.django_db(transaction=True)
def test_a_double_click_stores_one_rating() -> None:
    assignment, key = make_assignment(), uuid4()
    stored: list[int] = []

    def click() -> None:
        try:
            stored.append(submit(assignment, key=key).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len(stored) == 4
    assert len(set(stored)) == 1
    assert Rating.objects.count() == 1
