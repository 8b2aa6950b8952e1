"""Who may be handed work in a project right now, and what keeps the others from it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from annotation.models import (
    Account,
    Assignment,
    AssignmentState,
    Membership,
    PauseReason,
    Project,
    QualificationAttempt,
    Role,
)


@dataclass(frozen=True)
class Crew:
    """able: ids of the people who may be handed work, site admins who have rated here among them. The others are
    numbers of raters who may sign in. num_untested: people who have not passed the test that the project wants;
    num_paused: paused for whatever reason; num_paused_for_gold: of them for their accuracy on gold."""

    able: tuple[int, ...]
    num_untested: int
    num_paused: int
    num_paused_for_gold: int


def get_crew(project: Project) -> Crew:
    """Simulated raters are paused like people, but they are nobody to wait for: they rate when somebody runs them."""
    passed = QualificationAttempt.objects.filter(project=project, has_passed=True).values("rater")
    raters = (
        Membership.objects.filter(project=project, role=Role.RATER, account__is_active=True)
        .order_by("account")
        .annotate(has_passed=Exists(passed.filter(rater=OuterRef("account"))))
        .values_list("account", "account__is_simulated", "paused_at", "pause_reason", "has_passed")
    )
    able, num_untested, reasons = set(_list_site_admins(project)), 0, []
    for account, is_simulated, paused_at, reason, has_passed in raters:
        if paused_at is not None:
            reasons.append(reason)
        elif is_simulated:
            continue
        elif project.needs_qualification and not has_passed:
            num_untested += 1
        else:
            able.add(account)
    return Crew(
        able=tuple(sorted(able)),
        num_untested=num_untested,
        num_paused=len(reasons),
        num_paused_for_gold=reasons.count(PauseReason.GOLD),
    )


def _list_site_admins(project: Project) -> list[int]:
    """Those who rate here: they hold every role, and need no membership."""
    rated = Assignment.objects.filter(
        rater=OuterRef("pk"), state=AssignmentState.SUBMITTED, trace__project=project
    )
    admins = Account.objects.filter(is_superuser=True, is_active=True, is_simulated=False)
    if project.needs_qualification:
        admins = admins.filter(
            Exists(
                QualificationAttempt.objects.filter(project=project, rater=OuterRef("pk"), has_passed=True)
            )
        )
    return list(admins.filter(Exists(rated)).values_list("pk", flat=True))
