"""The people of a project, the links that invite more, and joining by such a link."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import accounts, invitations, people
from annotation.actions.invitation_mail import send_invitation
from annotation.actions.mail import MailNotSent
from annotation.forms.accounts import NewSignInForm
from annotation.forms.people import InvitationForm, RoleForm
from annotation.models import Account, Invitation, Membership, Project, Role
from annotation.tables.people import build_invitation_table, build_member_table, build_rater_table
from annotation.tables.table import Table
from annotation.views.access import account_of, load_project
from annotation.views.errors import show_error
from annotation.views.responses import redirect_htmx
from annotation.views.tables import answer_tables, show_tables


@login_required
@never_cache
@require_safe
def list_people(request: HttpRequest, slug: str) -> HttpResponseBase:
    project = load_project(request, slug, Role.ADMIN)
    context = _context(project)
    return answer_tables(request, "people/list_people.html", context, *_build_tables(project))


@login_required
@never_cache
@require_POST
def create_invitation(request: HttpRequest, slug: str) -> HttpResponse:
    """Answers with the page itself and not with a redirect: the links are shown this once and kept nowhere."""
    project = load_project(request, slug, Role.ADMIN)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _render_people(request, project, part="invitations", invitation_form=form)
    addresses = form.cleaned_data["emails"]
    made = [_make_link(request, project, form, address) for address in addresses or [""]]
    return _render_people(request, project, part="invitations", made=made)


@dataclass(frozen=True)
class MadeLink:
    """A fresh link as the page shows it once. `refusal`: why the mail server did not take it."""

    link: str
    invitation: Invitation
    refusal: str = ""

    @property
    def is_sent(self) -> bool:
        return bool(self.invitation.sent_to) and not self.refusal


def _make_link(request: HttpRequest, project: Project, form: InvitationForm, address: str) -> MadeLink:
    now, actor = timezone.now(), account_of(request)
    made = invitations.create_invitation(
        project=project,
        role=form.cleaned_data["role"],
        note=form.cleaned_data["note"],
        expires_at=form.expires_at(now),
        max_uses=1 if address else form.cleaned_data["max_uses"],
        sent_to=address,
        actor=actor,
        now=now,
    )
    link = request.build_absolute_uri(reverse("annotation:join_project", args=[made.secret]))
    if address:
        try:
            send_invitation(invitation=made.invitation, link=link, actor=actor)
        except MailNotSent as error:
            return MadeLink(link, made.invitation, refusal=str(error))
    return MadeLink(link, made.invitation)


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
    if request.POST.get("back") == "rater":
        return redirect("annotation:show_rater", project.slug, membership.account_id)
    return _answer(request, project, part="members")


def _answer(request: HttpRequest, project: Project, *, part: str) -> HttpResponse:
    """After a change: the part that changed for htmx, the page again for everyone else."""
    if getattr(request, "htmx", False):
        return _render_people(request, project, part=part)
    return redirect("annotation:list_people", project.slug)


def _build_tables(project: Project) -> tuple[Table[Any], ...]:
    return (
        build_rater_table(project),
        build_member_table(project),
        build_invitation_table(project, now=timezone.now()),
    )


def _context(
    project: Project,
    *,
    invitation_form: InvitationForm | None = None,
    role_form: RoleForm | None = None,
    made: Sequence[MadeLink] = (),
) -> dict[str, Any]:
    return {
        "project": project,
        "invitation_form": invitation_form or InvitationForm(),
        "role_form": role_form or RoleForm(project=project),
        "made": made,
    }


def _render_people(
    request: HttpRequest,
    project: Project,
    *,
    part: str,
    invitation_form: InvitationForm | None = None,
    role_form: RoleForm | None = None,
    made: Sequence[MadeLink] = (),
) -> HttpResponse:
    """The page after a form; for htmx the part that the form stands in."""
    context = _context(project, invitation_form=invitation_form, role_form=role_form, made=made)
    path = reverse("annotation:list_people", args=[project.slug])
    context["tables"] = show_tables(request, *_build_tables(project), path=path)
    template = "people/list_people.html"
    if getattr(request, "htmx", False):
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
            perform_login(request, account)
            return _welcome(request, invitation)
    return render(request, "people/join_project.html", {"invitation": invitation, "form": form})


def _welcome(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    messages.success(request, f"Welcome to {invitation.project.name}.")
    return redirect_htmx(request, "annotation:show_project", invitation.project.slug)


def _refuse_to_join(request: HttpRequest, message: str, *, status: int) -> HttpResponse:
    return render(request, "people/join_refused.html", {"message": message}, status=status)
