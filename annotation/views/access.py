"""Who may see what: one function that a view calls first.

Whoever is no member gets the same "not found" as for a project that does not exist. A member without the needed
role is told which role it takes, and a rater who is paused, why.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.translation import gettext

from annotation.models import Account, Project, Role
from annotation.queries.access import get_roles, list_projects_of
from annotation.queries.pauses import Pause, find_pause

STAFF_ROLES = (Role.ADMIN, Role.ENGINEER, Role.ADJUDICATOR)


class Paused(PermissionDenied):
    """Somebody who may do this otherwise is paused in the project; the message says why."""


def account_of(request: HttpRequest) -> Account:
    """The signed-in account; views call it behind `login_required`."""
    if not isinstance(request.user, Account):
        raise PermissionDenied(gettext("Sign in first."))
    return request.user


def load_project(request: HttpRequest, slug: str, *roles: Role) -> Project:
    """The project with this slug, if the person holds one of `roles` in it (any role where none are named).

    Leaves project and roles on the request for the navigation. Raises Http404 for outsiders and PermissionDenied
    for members without the role.
    """
    account = account_of(request)
    project = list_projects_of(account).filter(slug=slug).first()
    if project is None and (pause := find_pause(account, slug)) is not None:
        raise Paused(say_pause(pause))
    if project is None:
        raise Http404(gettext("There is no such project, or you are not a member of it."))
    held = get_roles(account, project)
    if roles and not held & set(roles):
        pause = find_pause(account, slug)
        if pause is not None and Role.RATER in roles:
            raise Paused(say_pause(pause))
        raise PermissionDenied(_name_needed(roles))
    request.project, request.roles = project, held  # type: ignore[attr-defined]  # read by the navigation
    return project


def say_pause(pause: Pause) -> str:
    """Why somebody may not act here at present, and what they can do about it, in two sentences for them."""
    if pause.accuracy is None:
        why = gettext("You are paused in %(project)s.") % {"project": pause.project.name}
    else:
        why = gettext(
            "You are paused in %(project)s: of the last %(seen)s traces whose steps are known you had %(right)s right."
        ) % {
            "project": pause.project.name,
            "seen": pause.accuracy.num_seen,
            "right": pause.accuracy.num_right,
        }
    return f"{why} {gettext('What you rated is kept; an admin of the project can let you go on.')}"


def _name_needed(roles: tuple[Role, ...]) -> str:
    """Which roles a page takes, in one sentence."""
    many = {
        Role.RATER: gettext("raters"),
        Role.ADJUDICATOR: gettext("adjudicators"),
        Role.ENGINEER: gettext("engineers"),
        Role.ADMIN: gettext("admins"),
    }
    named = gettext(" or ").join(many[role] for role in roles)
    return gettext("This page is for %(roles)s.") % {"roles": named}


def show_project(request: HttpRequest, project: Project) -> None:
    """Leaves a project that the person may see on the request, for the navigation. Their roles are looked up only where
    a navigation is shown, which it isn't in what a script asks for."""
    account = account_of(request)
    request.project = project  # type: ignore[attr-defined]
    request.roles = lambda: get_roles(account, project)  # type: ignore[attr-defined]
