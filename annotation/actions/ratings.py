"""Ratings: drafts saved after every change, submissions stored once, amendments as new revisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from annotation.actions.assignments import (
    AlreadySubmitted,
    LeaseExpired,
    NotYours,
    hold_place,
    lease_time,
    lock_own_assignment,
    lock_with_trace,
)
from annotation.actions.disagreements import refresh_after_rating
from annotation.actions.gold_pauses import pause_if_inaccurate
from annotation.actions.leases_ahead import renew_leases_ahead
from annotation.actions.stored_ratings import StoredRating, store_rating
from annotation.models import Account, Assignment, AssignmentState, Outcome, Rating, SelectedBy
from annotation.queries.compiled import CompiledQuery
from annotation.queries.decisions import find_decision_for
from annotation.rules.draft import Draft, by_text, parse_draft
from annotation.rules.error_categories import UnknownCategory, check_categories, counted_categories
from annotation.rules.rating import Label, WrongLength, check_labels

MAX_REASON_CHARACTERS = 2_000

__all__ = [
    "AlreadySubmitted",
    "LeaseExpired",
    "NewRating",
    "NotYours",
    "NothingToAmend",
    "ReasonMissing",
    "SavedDraft",
    "StaleDraft",
    "TooLateToAmend",
    "TraceDecided",
    "UnknownCategory",
    "amend_rating",
    "get_draft",
    "save_draft",
    "submit_rating",
]


class StaleDraft(Exception):
    """Another page has saved a newer draft; `draft` and `revision` are that one's."""

    def __init__(self, draft: Draft, revision: int, saved_at: dt.datetime | None) -> None:
        super().__init__(gettext("This trace was changed in another tab or on another device."))
        self.draft, self.revision, self.saved_at = draft, revision, saved_at


class ReasonMissing(Exception):
    """A bad problem or a give-up without a reason."""


class NothingToAmend(Exception):
    """The trace has not been submitted yet."""


class TooLateToAmend(Exception):
    """The project's time for amending is over."""


class TraceDecided(Exception):
    """The rater has been shown what was decided; what they would say now is no opinion of their own."""


@dataclass(frozen=True)
class NewRating:
    """What a rater says of a trace. labels: S labels, none (not judged) after the first error where the project
    stops there; they are left out of a bad problem and of a give-up, which need a reason instead. Of the
    error categories those of bad steps are stored, of the rewrites those of judged steps."""

    labels: tuple[Label, ...]
    outcome: Outcome = Outcome.RATED
    reason: str = ""
    notes: Mapping[int, str] = field(default_factory=dict)
    error_categories: Mapping[int, str] = field(default_factory=dict)
    rewrites: Mapping[int, str] = field(default_factory=dict)
    is_reference_wrong: bool = False
    active_seconds: float = 0.0


@dataclass(frozen=True)
class SavedDraft:
    """`has_place` is false where the lease was lost: the draft is kept all the same."""

    revision: int
    has_place: bool


def get_draft(assignment: Assignment) -> Draft:
    """The draft as it was last saved; the empty one where nothing was."""
    return parse_draft(assignment.draft, assignment.trace.num_steps)


def save_draft(
    *, assignment: Assignment, rater: Account, draft: Draft, base_revision: int, now: dt.datetime
) -> SavedDraft:
    """Stores the draft if it was made from the newest one, and renews the lease.

    A save that arrives twice is stored once, and one that arrives after a later save of the same page changes
    nothing. Raises NotYours, AlreadySubmitted, WrongLength, and StaleDraft where another page wrote since
    `base_revision`.
    """
    with transaction.atomic():
        locked = lock_own_assignment(assignment, rater=rater)
        if locked.state == AssignmentState.SUBMITTED:
            raise AlreadySubmitted(gettext("You have submitted this trace already."))
        num_steps = locked.trace.num_steps
        if len(draft.labels) != num_steps:
            raise WrongLength(f"The trace has {num_steps} steps, but there are {len(draft.labels)} labels.")
        if _is_new(draft, locked, base_revision):
            _store_draft(locked, draft, now=now)
        is_leased = locked.state == AssignmentState.LEASED
        if is_leased:
            locked.expires_at, locked.is_ahead = now + lease_time(locked.trace.project), False
            locked.save(update_fields=["expires_at", "is_ahead"])
    renew_leases_ahead(rater=rater, project=locked.trace.project, now=now)
    return SavedDraft(revision=locked.draft_revision, has_place=is_leased)


def submit_rating(
    *, assignment: Assignment, rater: Account, rating: NewRating, idempotency_key: UUID, now: dt.datetime
) -> Rating:
    """Stores the rating once, however often it is sent with the same key, and closes the assignment.

    A lease that ran out is taken again where there is a place; where there is none the ratings are kept as the
    draft and LeaseExpired is raised. Raises NotYours, AlreadySubmitted, ReasonMissing, UnknownCategory, and of
    annotation.rules.rating WrongLength, OutOfRange, JudgedAfterFirstError and Incomplete.
    """
    with transaction.atomic():
        locked = lock_with_trace(assignment, rater=rater)
        if locked.state == AssignmentState.SUBMITTED:
            if earlier := _find_sent_before(locked, idempotency_key):
                return earlier
            raise AlreadySubmitted(gettext("You have submitted this trace already."))
        _check(rating, locked)
        has_place = locked.state == AssignmentState.LEASED or hold_place(locked, now=now)
        if has_place:
            stored = _store_rating(locked, rating, key=idempotency_key, revision=1, now=now)
            if stored.has_company:  # the first to speak disagrees with nobody
                refresh_after_rating(rating=stored.rating, is_listed=stored.is_listed, now=now)
            _look_at_gold(locked, now=now)
        else:
            _keep_as_draft(locked, rating, now=now)
    if not has_place:
        raise LeaseExpired(
            gettext(
                "Your lease on this trace ran out, and others have rated it meanwhile. "
                "Your ratings are kept as a draft."
            )
        )
    return stored.rating


def amend_rating(
    *, assignment: Assignment, rater: Account, rating: NewRating, idempotency_key: UUID, now: dt.datetime
) -> Rating:
    """Adds a revision to a submitted rating, within the project's `amend_minutes` of its first submission.

    Raises NotYours, NothingToAmend, TooLateToAmend, TraceDecided, and what `submit_rating` raises of labels.
    """
    with transaction.atomic():
        locked = lock_with_trace(assignment, rater=rater)
        if earlier := _find_sent_before(locked, idempotency_key):
            return earlier
        current = Rating.objects.current().filter(assignment=locked).first()
        if current is None:
            raise NothingToAmend(gettext("Submit this trace before you amend it."))
        if now > amendable_until(locked):
            minutes = locked.trace.project.amend_minutes
            raise TooLateToAmend(
                gettext("A rating can be amended for %(minutes)d minutes after it was submitted.")
                % {"minutes": minutes}
            )
        _check(rating, locked)
        if find_decision_for(rater, locked.trace) is not None:
            raise TraceDecided("An adjudicator has decided this trace; your rating stays as it was.")
        Rating.objects.filter(pk=current.pk).update(is_current=False)
        stored = _store_rating(locked, rating, key=idempotency_key, revision=current.revision + 1, now=now)
        refresh_after_rating(rating=stored.rating, now=now)
        _look_at_gold(locked, now=now)
        return stored.rating


def amendable_until(assignment: Assignment) -> dt.datetime:
    """Until when a submitted assignment's rating may be amended."""
    if assignment.ended_at is None:
        raise NothingToAmend(gettext("Submit this trace before you amend it."))
    return assignment.ended_at + dt.timedelta(minutes=assignment.trace.project.amend_minutes)


def _is_new(draft: Draft, assignment: Assignment, base_revision: int) -> bool:
    """Whether to store this draft; raises StaleDraft where it would overwrite somebody else's."""
    stored = get_draft(assignment)
    if draft.writer and stored.writer == draft.writer:
        return draft.sequence > stored.sequence
    if base_revision == assignment.draft_revision:
        return True
    if stored.says_the_same_as(draft):
        return False
    raise StaleDraft(stored, assignment.draft_revision, assignment.draft_saved_at)


def _store_draft(assignment: Assignment, draft: Draft, *, now: dt.datetime) -> None:
    assignment.draft = draft.as_json()
    assignment.draft_revision += 1
    assignment.draft_saved_at = now
    assignment.save(update_fields=["draft", "draft_revision", "draft_saved_at"])


def _keep_as_draft(assignment: Assignment, rating: NewRating, *, now: dt.datetime) -> None:
    draft = Draft(
        labels=rating.labels,
        notes=rating.notes,
        error_categories=rating.error_categories,
        rewrites=rating.rewrites,
        is_reference_wrong=rating.is_reference_wrong,
        active_seconds=rating.active_seconds,
    )
    if not draft.says_the_same_as(get_draft(assignment)):
        _store_draft(assignment, draft, now=now)


_SENT_BEFORE = CompiledQuery(lambda key: Rating.objects.filter(idempotency_key=key), UUID)


def _look_at_gold(assignment: Assignment, *, now: dt.datetime) -> None:
    """What came as gold may show that its rater has to be paused."""
    if assignment.selected_by == SelectedBy.GOLD:
        pause_if_inaccurate(project=assignment.trace.project, rater=assignment.rater, now=now)


def _of_another() -> str:
    return gettext("This submission belongs to another trace.")


def _find_sent_before(assignment: Assignment, key: UUID) -> Rating | None:
    """The rating this key stored. Raises NotYours for a key that belongs to another assignment."""
    earlier = _SENT_BEFORE.find(key)
    if earlier is not None and earlier.assignment_id != assignment.pk:
        raise NotYours(_of_another())
    return earlier


def _check(rating: NewRating, assignment: Assignment) -> None:
    if rating.outcome == Outcome.RATED:
        project = assignment.trace.project
        check_labels(rating.labels, assignment.trace.num_steps, project.stop_at_first_error)
        categories = counted_categories(rating.error_categories, rating.labels)
        check_categories(categories, project.error_categories)
    elif not rating.reason.strip():
        raise ReasonMissing(gettext("Say in a few words why."))


def _store_rating(
    assignment: Assignment, rating: NewRating, *, key: UUID, revision: int, now: dt.datetime
) -> StoredRating:
    """Raises NotYours for a key that belongs to another assignment."""
    if rating.outcome != Outcome.RATED:
        rating = replace(rating, labels=(None,) * assignment.trace.num_steps)
    wall_seconds = max(0.0, (now - assignment.leased_at).total_seconds())
    judged = {index: text for index, text in rating.rewrites.items() if rating.labels[index] is not None}
    stored = store_rating(
        Rating(
            trace_id=assignment.trace_id,
            rater_id=assignment.rater_id,
            assignment=assignment,
            revision=revision,
            outcome=rating.outcome,
            labels=list(rating.labels),
            reason=rating.reason.strip()[:MAX_REASON_CHARACTERS],
            notes=by_text(rating.notes),
            error_categories=by_text(counted_categories(rating.error_categories, rating.labels)),
            rewrites=by_text(judged),
            is_reference_wrong=rating.is_reference_wrong,
            is_assisted=assignment.scores_shown_at is not None,
            active_seconds=min(max(0.0, rating.active_seconds), wall_seconds),
            submitted_at=now,
            idempotency_key=key,
        )
    )
    if stored is None:
        raise NotYours(_of_another())
    return stored
