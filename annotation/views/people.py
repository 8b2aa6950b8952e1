"""The people of a project, the links that invite more, and joining by such a link."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import accounts, invitations, people
from annotation.forms.accounts import NewSignInForm
from annotation.forms.people import InvitationForm, RoleForm
from annotation.models import Account, Invitation, Membership, Project, Role
from annotation.queries.people import list_invitations, list_memberships
from annotation.views.access import account_of, load_project
from annotation.views.errors import show_error
from annotation.views.responses import redirect_htmx


@login_required
@never_cache
@require_safe
def list_people(request: HttpRequest, slug: str) -> HttpResponse:
    return _render_people(request, load_project(request, slug, Role.ADMIN))


@login_required
@never_cache
@require_POST
def create_invitation(request: HttpRequest, slug: str) -> HttpResponse:
    """Answers with the page itself and not with a redirect: the link is shown this once and kept nowhere."""
    project = load_project(request, slug, Role.ADMIN)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _render_people(request, project, part="invitations", invitation_form=form)
    now = timezone.now()
    made = invitations.create_invitation(
        project=project,
        role=form.cleaned_data["role"],
        note=form.cleaned_data["note"],
        expires_at=form.expires_at(now),
        max_uses=form.cleaned_data["max_uses"],
        actor=account_of(request),
        now=now,
    )
    link = request.build_absolute_uri(reverse("annotation:join_project", args=[made.secret]))
    return _render_people(request, project, part="invitations", new_link=link, new_invitation=made.invitation)


@login_required
@require_POST
def revoke_invitation(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    project = load_project(request, slug, Role.ADMIN)
    invitation = get_object_or_404(Invitation, pk=invitation_id, project=project)
    invitations.revoke_invitation(invitation=invitation, actor=account_of(request), now=timezone.now())
    return _answer(request, project, part="invitations")


@login_required
@require_POST
def grant_role(request: HttpRequest, slug: str) -> HttpResponse:
    project = load_project(request, slug, Role.ADMIN)
    form = RoleForm(request.POST, project=project)
    if not form.is_valid():
        return _render_people(request, project, part="members", role_form=form)
    people.grant_role(
        project=project,
        account=form.cleaned_data["account"],
        role=form.cleaned_data["role"],
        actor=account_of(request),
        now=timezone.now(),
    )
    return _answer(request, project, part="members")


@login_required
@require_POST
def pause_membership(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    return _change_membership(request, slug, membership_id, people.pause_membership)


@login_required
@require_POST
def resume_membership(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    return _change_membership(request, slug, membership_id, people.resume_membership)


@login_required
@require_POST
def remove_membership(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    return _change_membership(request, slug, membership_id, people.remove_membership)


def _change_membership(
    request: HttpRequest, slug: str, membership_id: int, change: Callable[..., None]
) -> HttpResponse:
    project = load_project(request, slug, Role.ADMIN)
    membership = get_object_or_404(
        Membership.objects.select_related("account", "project"), pk=membership_id, project=project
    )
    try:
        change(membership=membership, actor=account_of(request), now=timezone.now())
    except people.LastAdmin as error:
        return show_error(request, status=409, title="Not possible", message=str(error))
    return _answer(request, project, part="members")


def _answer(request: HttpRequest, project: Project, *, part: str) -> HttpResponse:
    """After a change: the part that changed for htmx, the page again for everyone else."""
    if getattr(request, "htmx", False):
        return _render_people(request, project, part=part)
    return redirect("annotation:list_people", project.slug)


def _render_people(
    request: HttpRequest,
    project: Project,
    *,
    part: str = "",
    invitation_form: InvitationForm | None = None,
    role_form: RoleForm | None = None,
    new_link: str = "",
    new_invitation: Invitation | None = None,
) -> HttpResponse:
    context = {
        "project": project,
        "memberships": list_memberships(project),
        "invitations": list_invitations(project),
        "invitation_form": invitation_form or InvitationForm(),
        "role_form": role_form or RoleForm(project=project),
        "new_link": new_link,
        "new_invitation": new_invitation,
        "now": timezone.now(),
    }
    template = "people/list_people.html"
    if part and getattr(request, "htmx", False):
        template = f"{template}#{part}"
    return render(request, template, context)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def join_project(request: HttpRequest, secret: str) -> HttpResponse:
    """Where an invitation leads: one click for who is signed in, an account and the click in one for others."""
    now = timezone.now()
    try:
        invitation = invitations.get_open_invitation(secret=secret, now=now)
        if isinstance(request.user, Account):
            return _join_as(request, request.user, invitation, now=now)
        return _join_as_new_person(request, invitation, now=now)
    except invitations.InvitationUnknown as error:
        return _refuse_to_join(request, str(error), status=404)
    except (invitations.InvitationClosed, invitations.MembershipPaused) as error:
        return _refuse_to_join(request, str(error), status=410)


def _join_as(
    request: HttpRequest, account: Account, invitation: Invitation, *, now: dt.datetime
) -> HttpResponse:
    if request.method != "POST":
        return render(request, "people/join_project.html", {"invitation": invitation})
    invitations.accept_invitation(invitation=invitation, account=account, now=now)
    return _welcome(request, invitation)


def _join_as_new_person(request: HttpRequest, invitation: Invitation, *, now: dt.datetime) -> HttpResponse:
    form = NewSignInForm(request.POST or None)
    if form.is_valid():
        try:
            account = invitations.join_with_new_account(
                invitation=invitation,
                username=form.cleaned_data["username"],
                display_name=form.cleaned_data["display_name"],
                password=form.cleaned_data["password"],
                now=now,
            )
        except accounts.UserNameTaken as error:
            form.add_error("username", str(error))
        else:
            login(request, account)
            return _welcome(request, invitation)
    return render(request, "people/join_project.html", {"invitation": invitation, "form": form})


def _welcome(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    messages.success(request, f"Welcome to {invitation.project.name}.")
    return redirect_htmx(request, "annotation:show_project", invitation.project.slug)


def _refuse_to_join(request: HttpRequest, message: str, *, status: int) -> HttpResponse:
    return render(request, "people/join_refused.html", {"message": message}, status=status)
