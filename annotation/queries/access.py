"""Which projects, roles and assignments an account may see."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from annotation.models import Account, Assignment, Membership, Project, Role


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
