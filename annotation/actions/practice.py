"""Practising: answering the tutorial, and taking the test that lets a rater into a project."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext

from annotation.models import Account, Gold, GoldUse, PracticeAnswer, Project, QualificationAttempt, Trace
from annotation.queries.practice import is_qualified, list_gold_for, list_unanswered
from annotation.rules.gold_accuracy import is_right
from annotation.rules.practice import Candidate, choose_varied, has_passed
from annotation.rules.rating import Label, check_labels


class NothingToPractise(Exception):
    """The trace is in no tutorial, or the attempt has no such trace left."""


class TestNotReady(Exception):
    """Fewer traces are set aside for the test than it has."""

    __test__ = False  # pytest would take it for a class of tests


class NoAttemptLeft(Exception):
    """The rater has taken the test as often as the project allows."""


class AlreadyQualified(Exception):
    """There is nothing to pass any more."""


@dataclass(frozen=True)
class NewAnswer:
    """What a rater says of a practice trace; labels as in a rating, complete."""

    labels: tuple[Label, ...]
    active_seconds: float = 0.0


def answer_tutorial(
    *, project: Project, trace: Trace, rater: Account, answer: NewAnswer, now: dt.datetime
) -> PracticeAnswer:
    """Stores what the rater says of a tutorial trace, in place of what they said before.

    Raises NothingToPractise, and of annotation.rules.rating what breaks a rule of the scheme.
    """
    gold = list_gold_for(project, GoldUse.TUTORIAL).filter(trace=trace).first()
    if gold is None:
        raise NothingToPractise(gettext("This trace is in no tutorial any more."))
    check_labels(answer.labels, trace.num_steps, project.stop_at_first_error)
    stored, _ = PracticeAnswer.objects.update_or_create(
        trace=trace, rater=rater, attempt=None, defaults=_values(answer, gold, now)
    )
    return stored


def start_attempt(
    *, project: Project, rater: Account, now: dt.datetime, source: random.Random
) -> QualificationAttempt:
    """A new attempt with its traces drawn; the one under way where there is one.

    Raises AlreadyQualified, NoAttemptLeft and TestNotReady.
    """
    with transaction.atomic():
        # One rater's requests wait for each other: a double click is one attempt.
        Account.objects.select_for_update(no_key=True).only("pk").get(pk=rater.pk)
        earlier = QualificationAttempt.objects.filter(project=project, rater=rater)
        if running := earlier.filter(finished_at__isnull=True).first():
            return running
        if is_qualified(rater, project):
            raise AlreadyQualified(gettext("You need not take the test: you may rate."))
        num_taken = earlier.filter(number__gt=0).count()
        if num_taken >= project.qualification_attempts:
            raise NoAttemptLeft(
                gettext("You have taken the test as often as this project allows. Ask one of its admins.")
            )
        return QualificationAttempt.objects.create(
            project=project,
            rater=rater,
            number=num_taken + 1,
            trace_ids=_draw_test(project, source),
            pass_mark=project.qualification_pass_mark,
            started_at=now,
        )


def answer_test(
    *, attempt: QualificationAttempt, trace_id: int, answer: NewAnswer, now: dt.datetime
) -> QualificationAttempt:
    """Stores the answer to one trace of the attempt, and ends the attempt with the last one. Sent twice, the first
    answer stays. Raises NothingToPractise, and what `answer_tutorial` raises of labels."""
    with transaction.atomic():
        locked = QualificationAttempt.objects.select_for_update().select_related("project").get(pk=attempt.pk)
        if locked.answers.filter(trace=trace_id).exists():
            return locked
        gold = Gold.objects.select_related("trace").filter(trace=trace_id).first()
        if locked.finished_at is not None or trace_id not in locked.trace_ids or gold is None:
            raise NothingToPractise(gettext("This trace is not in your test any more. Go on with the next."))
        check_labels(answer.labels, gold.trace.num_steps, locked.project.stop_at_first_error)
        PracticeAnswer.objects.create(
            trace=gold.trace, rater_id=locked.rater_id, attempt=locked, **_values(answer, gold, now)
        )
        if not list_unanswered(locked):
            finish_attempt(locked, now=now)
    return locked


def finish_attempt(attempt: QualificationAttempt, *, now: dt.datetime) -> None:
    """Ends a locked attempt with what was answered."""
    attempt.num_right = attempt.answers.filter(is_right=True).count()
    attempt.has_passed = has_passed(
        num_right=attempt.num_right, num_shown=len(attempt.trace_ids), pass_mark=attempt.pass_mark
    )
    attempt.finished_at = now
    attempt.save(update_fields=["num_right", "has_passed", "finished_at"])


def _draw_test(project: Project, source: random.Random) -> list[int]:
    known = list_gold_for(project, GoldUse.TEST).values_list("trace", "stands")
    candidates = [Candidate(trace_id, tuple(stands)) for trace_id, stands in known]
    if len(candidates) < project.qualification_traces:
        raise TestNotReady(
            gettext("The test is not ready: an admin has still to set traces aside for it. Come back later.")
        )
    drawn = choose_varied(candidates, project.qualification_traces, source)
    source.shuffle(drawn)  # in no order that could be learned
    return drawn


def _values(answer: NewAnswer, gold: Gold, now: dt.datetime) -> dict[str, object]:
    return {
        "labels": list(answer.labels),
        "is_right": is_right(answer.labels, gold.stands),
        "active_seconds": max(0.0, answer.active_seconds),
        "answered_at": now,
    }
