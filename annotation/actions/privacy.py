"""Forgetting one person: their work stays, under a pseudonym that says nothing."""

from __future__ import annotations

import datetime as dt

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q

from annotation.actions.audit import record_event
from annotation.actions.leases_ahead import return_leases
from annotation.models import Account, ApiToken, Invitation, Membership, Role
from annotation.queries.accounts import list_site_admins

_SIGN_IN_APPS = ("account", "mfa", "usersessions")  # allauth's


class StillNeeded(Exception):
    """Somebody else must take the person's place first."""


def forget_person(*, account: Account, actor: Account | None, now: dt.datetime) -> str:
    """Takes away every name, address, sign-in, token, role and session of a person; returns their pseudonym.

    Ratings, comparisons and decisions stay: labels rest on them, and they now are of `former-<number>`. What people
    wrote in notes stays as well, since it is evidence. Raises StillNeeded for the last site admin and a project's only
    admin. Again, it changes nothing.
    """
    with transaction.atomic():
        locked = Account.objects.select_for_update().get(pk=account.pk)
        _refuse_if_needed(locked)
        return_leases(rater=locked, now=now)
        email, pseudonym = locked.email, f"former-{locked.pk}"
        _erase_from_admin_log(locked, pseudonym)
        Membership.objects.filter(account=locked).delete()
        ApiToken.objects.filter(account=locked).delete()
        Authenticator.objects.filter(user=locked).delete()
        EmailAddress.objects.filter(user=locked).delete()
        SocialAccount.objects.filter(user=locked).delete()
        sessions = UserSession.objects.filter(user=locked)
        Session.objects.filter(session_key__in=sessions.values("session_key")).delete()
        sessions.delete()
        if email:
            Invitation.objects.filter(sent_to__iexact=email).update(sent_to="", note="")
        _erase(locked, pseudonym)
        record_event(actor=actor, verb="forgot a person", subject=locked, now=now)
    return pseudonym


def _refuse_if_needed(account: Account) -> None:
    if account.is_superuser and not list_site_admins().exclude(pk=account.pk).exists():
        raise StillNeeded("This is the only site admin; make someone else one first.")
    run = Membership.objects.filter(account=account, role=Role.ADMIN, project__archived_at__isnull=True)
    for held in run.select_related("project"):
        others = Membership.objects.filter(
            project=held.project, role=Role.ADMIN, paused_at__isnull=True, account__is_active=True
        ).exclude(account=account)
        if not others.exists():
            raise StillNeeded(f"This is the only admin of {held.project.name}; make someone else one first.")


def _erase_from_admin_log(account: Account, pseudonym: str) -> None:
    """The administration keeps what an account, a session or a second factor was called when somebody changed it."""
    is_account = Q(content_type=ContentType.objects.get_for_model(Account), object_id=str(account.pk))
    is_sign_in = Q(content_type__app_label__in=_SIGN_IN_APPS, object_repr__icontains=account.username)
    LogEntry.objects.filter(is_account | is_sign_in).update(object_repr=pseudonym, change_message="")


def _erase(account: Account, pseudonym: str) -> None:
    account.username = pseudonym
    account.display_name = account.first_name = account.last_name = account.email = account.language = ""
    account.key_bindings = {}
    account.is_active = account.is_staff = account.is_superuser = False
    account.last_login = None
    account.set_unusable_password()
    account.save()
