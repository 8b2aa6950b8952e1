"""Signing in with an organisation's account, by OpenID Connect: django-allauth's, with our rules. Named in
config/signing_in.py.

Nobody gets into an account by having its e-mail address elsewhere: who has an account connects it while signed in. What
is kept of the other account is its number there; name and user name are taken over once, for a new person.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from jwt import PyJWTError
from requests import RequestException

from annotation.actions import invitations, sign_ins
from annotation.models import Account
from annotation.views.access import account_of

_LONGEST_NAME = 120
logger = logging.getLogger(__name__)


class SingleSignOnRules(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Who may come in this way, as whom, and what they are told where it does not work."""

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Account:
        account: Account = sociallogin.user
        account.username = str(data.get("username") or "")
        account.display_name = str(data.get("name") or "").strip()[:_LONGEST_NAME]
        sociallogin.account.extra_data, sociallogin.email_addresses = {}, []
        return account

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.is_existing:
            return
        account = sociallogin.user
        wanted = [account.username, account.display_name, "person"]
        account.username = get_adapter().generate_unique_username([name for name in wanted if name])

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        if settings.OIDC_OPENS_ACCOUNTS or _has_invitation(sociallogin.state.get("next") or ""):
            return True
        raise ImmediateHttpResponse(
            _back_to_sign_in(
                request,
                gettext(
                    "There is no account here for you yet. Open the invitation link you were sent and sign in from "
                    "there, or, if you have an account, sign in and connect it under Your account."
                ),
            )
        )

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> Account:
        account: Account = sociallogin.user
        account.set_unusable_password()
        sociallogin.save(request)
        sign_ins.record_factor(
            account=account, verb="opened an account by single sign-on", now=timezone.now()
        )
        return account

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, **others: Any
    ) -> None:
        if error == AuthError.CANCELLED:
            return
        raise ImmediateHttpResponse(_say_unconfirmed(request))

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: SocialAccount) -> str:
        return reverse("annotation:edit_account")


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, provider_id: str) -> HttpResponse:
    """To the organisation's own sign-in. Who is signed in connects it with their account, and says that it is them.

    On POST only, so that no link signs anybody in; a GET leads to the button.
    """
    if request.method == "GET":
        return _to_the_button(request)
    if request.user.is_authenticated:
        answer: HttpResponse = _connect(request, provider_id)
        return answer
    return _ask(lambda: openid_connect.login(request, provider_id), request)


@require_safe
def come_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Where the organisation's sign-in leads back to."""
    return _ask(lambda: openid_connect.callback(request, provider_id), request)


@reauthentication_required  # type: ignore[untyped-decorator]
def _connect(request: HttpRequest, provider_id: str) -> HttpResponse:
    try:
        provider = get_social_adapter().get_provider(request, provider_id)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return _ask(lambda: provider.redirect(request, process=AuthProcess.CONNECT), request)


def _ask(question: Callable[[], HttpResponse], request: HttpRequest) -> HttpResponse:
    """What django-allauth answers, or one sentence where the other server is away or says nonsense."""
    try:
        return question()
    except (RequestException, PyJWTError, KeyError, ValueError):
        logger.warning("No usable answer from %s", settings.OIDC_SERVER, exc_info=True)
        return _say_unconfirmed(request)


@login_required
@require_POST
def disconnect(request: HttpRequest) -> HttpResponse:
    """From now on the account is signed in to by its password alone, so it has to have one."""
    if account_of(request).has_usable_password():
        answer: HttpResponse = _disconnect(request)
        return answer
    messages.error(
        request,
        gettext(
            "Without it you could not sign in any more, since you have no password here. Whoever runs this server can "
            "make you a link to choose one."
        ),
    )
    return redirect("annotation:edit_account")


@reauthentication_required  # type: ignore[untyped-decorator]
def _disconnect(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    if SocialAccount.objects.filter(user=account).delete()[0]:
        sign_ins.record_factor(account=account, verb="disconnected single sign-on", now=timezone.now())
        messages.success(request, gettext("It is disconnected. You sign in with your password."))
    return redirect("annotation:edit_account")


@require_safe
def show_cancelled(request: HttpRequest) -> HttpResponse:
    """Where the other side's "cancel" leads."""
    return _back_to_sign_in(request, gettext("You did not sign in."))


def add_single_sign_on(request: HttpRequest) -> dict[str, str]:
    """Context processor: `single_sign_on` names where one can sign in instead; empty where nowhere."""
    return {"single_sign_on": settings.OIDC_NAME}


def is_connected(account: Account) -> bool:
    return bool(settings.OIDC_NAME and SocialAccount.objects.filter(user=account).exists())


def _say_unconfirmed(request: HttpRequest) -> HttpResponse:
    words = gettext(
        "%(name)s did not confirm who you are. Try again; if it stays so, tell whoever runs this server."
    )
    return _back_to_sign_in(request, words % {"name": settings.OIDC_NAME})


def _back_to_sign_in(request: HttpRequest, words: str) -> HttpResponse:
    messages.error(request, words)
    return _to_the_button(request)


def _to_the_button(request: HttpRequest) -> HttpResponse:
    return redirect("annotation:edit_account" if request.user.is_authenticated else "annotation:sign_in")


def _has_invitation(path: str) -> bool:
    """Whether this is the address of an invitation that is open."""
    try:
        match = resolve(path)
        if match.view_name != "annotation:join_project":
            return False
        invitations.get_open_invitation(secret=match.kwargs["secret"], now=timezone.now())
    except (Resolver404, invitations.InvitationUnknown, invitations.InvitationClosed):
        return False
    return True
