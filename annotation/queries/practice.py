"""Practice as its rater and its admins see it: tutorial, attempts at the test, and who may rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from annotation.models import (
    Account,
    Gold,
    GoldUse,
    Membership,
    PracticeAnswer,
    Project,
    QualificationAttempt,
    Role,
    Trace,
)


@dataclass(frozen=True)
class TutorialTrace:
    """One trace of the tutorial, with what its rater said of it, if they did."""

    trace_id: int
    number: int
    answer: PracticeAnswer | None


@dataclass(frozen=True)
class Practice:
    """A rater's practice in a project. `num_left`: how often they may still take the test."""

    tutorial: tuple[TutorialTrace, ...]
    attempts: tuple[QualificationAttempt, ...]
    open_attempt: QualificationAttempt | None
    is_qualified: bool
    num_left: int

    @property
    def is_shut_out(self) -> bool:
        """They took the test in vain, as often as they may."""
        return not self.is_qualified and self.open_attempt is None and not self.num_left

    @property
    def num_answered(self) -> int:
        return sum(item.answer is not None for item in self.tutorial)

    @property
    def next_in_tutorial(self) -> TutorialTrace | None:
        return next((item for item in self.tutorial if item.answer is None), None)


@dataclass(frozen=True)
class RaterResult:
    """How one rater of a project stands. `best`: the attempt with the largest share right."""

    membership: Membership
    num_tutorial: int
    num_tutorial_right: int
    attempts: tuple[QualificationAttempt, ...]
    is_qualified: bool

    @property
    def is_waived(self) -> bool:
        return any(attempt.waived_by_id is not None for attempt in self.attempts)

    @property
    def num_taken(self) -> int:
        return sum(attempt.number > 0 for attempt in self.attempts)

    @property
    def best(self) -> QualificationAttempt | None:
        ended = [attempt for attempt in self.attempts if attempt.number and attempt.num_right is not None]
        return max(ended, key=lambda a: (a.num_right or 0) / max(1, len(a.trace_ids)), default=None)


def is_qualified(rater: Account, project: Project) -> bool:
    """Whether the rater may be handed work: the project has no test, or they passed it, or were let in."""
    if not project.needs_qualification:
        return True
    return QualificationAttempt.objects.filter(project=project, rater=rater, has_passed=True).exists()


def list_gold_for(project: Project, use: GoldUse) -> QuerySet[Gold]:
    """Gold of current traces that is used so, in the order it is shown."""
    found = Gold.objects.filter(trace__project=project, trace__retired_at__isnull=True, use=use)
    return found.select_related("trace__prompt").order_by("pk")


def list_practice_gold(project: Project) -> QuerySet[Gold]:
    """All gold of a project that could be practised on, newest first."""
    found = Gold.objects.filter(trace__project=project, trace__retired_at__isnull=True)
    return found.select_related("trace__prompt").order_by("-pk")


def count_gold_by_use(project: Project) -> dict[str, int]:
    """How much of it is used for what; a use without any is not in it."""
    counted = list_practice_gold(project).order_by().values("use").annotate(num=Count("pk"))
    return dict(counted.values_list("use", "num"))


def get_practice(rater: Account, project: Project) -> Practice:
    """Tutorial and test of one rater."""
    trace_ids = list_gold_for(project, GoldUse.TUTORIAL).values_list("trace", flat=True)
    answers = {
        answer.trace_id: answer
        for answer in PracticeAnswer.objects.filter(rater=rater, trace__project=project, attempt__isnull=True)
    }
    attempts = list(QualificationAttempt.objects.filter(project=project, rater=rater))
    taken = sum(attempt.number > 0 for attempt in attempts)
    return Practice(
        tutorial=tuple(
            TutorialTrace(trace_id, number, answers.get(trace_id))
            for number, trace_id in enumerate(trace_ids, start=1)
        ),
        attempts=tuple(attempts),
        open_attempt=next((attempt for attempt in attempts if attempt.finished_at is None), None),
        is_qualified=is_qualified(rater, project),
        num_left=max(0, project.qualification_attempts - taken),
    )


def find_tutorial_gold(project: Project, trace_id: int) -> Gold | None:
    """The gold of a tutorial trace of this project, with its trace and prompt."""
    return list_gold_for(project, GoldUse.TUTORIAL).filter(trace=trace_id).first()


def list_unanswered(attempt: QualificationAttempt) -> Sequence[int]:
    """Traces of the attempt that still want an answer, in their order."""
    answered = set(attempt.answers.values_list("trace", flat=True))
    gone = set(attempt.trace_ids) - set(
        Trace.objects.filter(pk__in=attempt.trace_ids).values_list("pk", flat=True)
    )
    return [trace_id for trace_id in attempt.trace_ids if trace_id not in answered | gone]


def list_results(project: Project) -> list[RaterResult]:
    """Every rater of the project with their practice, by name."""
    memberships = Membership.objects.filter(project=project, role=Role.RATER, account__is_simulated=False)
    tutorial = {
        rater: (num, num_right)
        for rater, num, num_right in PracticeAnswer.objects.filter(
            trace__project=project, attempt__isnull=True
        )
        .order_by()
        .values("rater")
        .annotate(num=Count("pk"), num_right=Count("pk", filter=Q(is_right=True)))
        .values_list("rater", "num", "num_right")
    }
    attempts: dict[int, list[QualificationAttempt]] = {}
    for attempt in QualificationAttempt.objects.filter(project=project):
        attempts.setdefault(attempt.rater_id, []).append(attempt)
    return [
        RaterResult(
            membership=membership,
            num_tutorial=tutorial.get(membership.account_id, (0, 0))[0],
            num_tutorial_right=tutorial.get(membership.account_id, (0, 0))[1],
            attempts=tuple(attempts.get(membership.account_id, ())),
            is_qualified=any(attempt.has_passed for attempt in attempts.get(membership.account_id, ())),
        )
        for membership in memberships.select_related("account").order_by("account__username")
    ]
