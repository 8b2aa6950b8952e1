"""Which projects, roles and assignments an account may see."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from annotation.models import Account, Assignment, Membership, Project, Role
from annotation.queries.compiled import CompiledQuery


def list_projects_of(account: Account) -> QuerySet[Project]:
    """Projects the account may know of."""
    return Project.objects.visible_to(account).filter(archived_at__isnull=True)


def get_roles(account: Account, project: Project) -> frozenset[Role]:
    """The account's active roles in a project; a site admin holds them all."""
    if account.is_superuser:
        return frozenset(Role)
    held = Membership.objects.filter(account=account, project=project, paused_at__isnull=True)
    return frozenset(Role(role) for role in held.values_list("role", flat=True))


def list_projects_with_role(account: Account, roles: Collection[Role]) -> QuerySet[Project]:
    """Projects in which the account holds at least one of `roles`."""
    projects = list_projects_of(account)
    if account.is_superuser:
        return projects
    return projects.filter(
        membership__account=account, membership__role__in=roles, membership__paused_at__isnull=True
    ).distinct()


def list_assigned_to(account: Account) -> QuerySet[Assignment]:
    """The account's own assignments in projects where it is (still) an active rater."""
    return Assignment.objects.filter(
        rater=account, trace__project__in=list_projects_with_role(account, [Role.RATER])
    ).select_related("trace__prompt", "trace__project")


def find_assigned_to(account: Account, assignment_id: int) -> Assignment | None:
    """One of `list_assigned_to`, with its trace, prompt and project."""
    query = _ASSIGNED_TO_SITE_ADMIN if account.is_superuser else _ASSIGNED
    return query.find(assignment_id, account.pk)


def _assigned(assignment_id: int, account_id: int) -> QuerySet[Assignment]:
    return Assignment.objects.filter(
        pk=assignment_id, rater=account_id, trace__project__archived_at__isnull=True
    ).select_related("trace__prompt", "trace__project")


_ASSIGNED_TO_SITE_ADMIN = CompiledQuery(_assigned, int, int)
_ASSIGNED = CompiledQuery(
    lambda assignment_id, account_id: _assigned(assignment_id, account_id).filter(
        trace__project__membership__account=account_id,
        trace__project__membership__role=Role.RATER,
        trace__project__membership__paused_at__isnull=True,
    ),
    int,
    int,
)
