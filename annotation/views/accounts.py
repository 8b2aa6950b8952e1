"""Signing in and out, the link with which a person chooses their sign-in, and changing it later."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.account.utils import perform_login
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from annotation.actions import accounts, sign_ins
from annotation.actions.leases_ahead import return_leases
from annotation.forms.accounts import LanguageForm, NameForm, NewPasswordForm, NewSignInForm, SignInForm
from annotation.queries.accounts import find_account_of_start_link
from annotation.queries.email_addresses import find_address
from annotation.views.access import account_of
from annotation.views.responses import redirect_htmx
from annotation.views.sign_in_rules import note_session
from annotation.views.single_sign_on import is_connected


class _SignIn(LoginView):
    """Django's own, which refuses a `next` that leaves the site; here also one that leads back to this very page."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        url = super().get_redirect_url()
        return "" if url == self.request.path else url

    def get_context_data(self, **said: Any) -> dict[str, Any]:
        return super().get_context_data(has_mail=bool(settings.EMAIL_HOST), **said)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Signed in, or sent on to the second factor. A script that signs in for a page open already can't do that."""
        account = form.get_user()
        said = {"username": account.get_username()}
        answer: HttpResponse = perform_password_login(
            self.request, said, Login(user=account, redirect_url=self.get_success_url())
        )
        is_waiting = not self.request.user.is_authenticated
        if is_waiting and "X-CSRFToken" in self.request.headers:
            raise PermissionDenied(gettext("Your second factor is needed: sign in in another tab."))
        return answer


sign_in = _SignIn.as_view()


class _SignOut(LogoutView):
    """On POST only. The traces that the rater holds go to others; what was begun stays as a draft."""

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.user.is_authenticated:
            account, now = account_of(request), timezone.now()
            return_leases(rater=account, now=now)
            sign_ins.record_sign_out(account=account, now=now)
        return super().post(request, *args, **kwargs)


sign_out = _SignOut.as_view()


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def claim_account(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Where a start link leads: choose user name, name and password, and be signed in."""
    account = find_account_of_start_link(uid, token)
    if account is None:
        return render(request, "accounts/link_not_valid.html", status=404)
    initial = {"username": account.username, "display_name": account.display_name}
    form = NewSignInForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            account = accounts.claim_account(
                account=account,
                token=token,
                username=form.cleaned_data["username"],
                display_name=form.cleaned_data["display_name"],
                password=form.cleaned_data["password"],
                now=timezone.now(),
            )
        except accounts.LinkNotValid:
            return render(request, "accounts/link_not_valid.html", status=404)
        except accounts.UserNameTaken as error:
            form.add_error("username", str(error))
        else:
            answer: HttpResponse = perform_login(
                request, account, redirect_url=reverse("annotation:list_projects")
            )
            return answer
    return render(request, "accounts/claim_account.html", {"form": form, "account": account})


@login_required
@require_http_methods(["GET", "POST"])
def edit_account(request: HttpRequest) -> HttpResponse:
    """The person's own name, and the way to a new password."""
    account = account_of(request)
    form = NameForm(request.POST or None, initial={"display_name": account.display_name})
    if form.is_valid():
        accounts.rename_account(
            account=account, display_name=form.cleaned_data["display_name"], now=timezone.now()
        )
        messages.success(request, gettext("Your name is saved."))
        return redirect_htmx(request, "annotation:edit_account")
    context = {
        "form": form,
        "account": account,
        "language_form": LanguageForm(initial={"language": account.language}),
        "is_connected": is_connected(account),
        "address": find_address(account),
        "may_give_address": bool(settings.EMAIL_HOST) and account.has_usable_password(),
    }
    return render(request, "accounts/edit_account.html", context)


def _may_guess(request: HttpRequest, form: NewPasswordForm) -> bool:
    """Whether the password now may be tried: as often as to "is it you?", and what is wrong is recorded as there."""
    attempt = ratelimit.consume(request, app="allauth.account", action="reauthenticate")
    if attempt is None:
        form.errors.clear()
        form.add_error(None, gettext("Too many attempts failed. Wait a minute, then try again."))
    elif form.has_error("old_password"):
        sign_ins.record_wrong_answer(
            account=account_of(request), verb="failed to confirm with a password", now=timezone.now()
        )
    else:
        attempt.rollback()  # only failures count
    return attempt is not None


@login_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """A new password; every other session of the person ends, this one goes on."""
    account = account_of(request)
    form = NewPasswordForm(account, request.POST or None)
    if form.is_bound and not _may_guess(request, form):
        return render(request, "accounts/change_password.html", {"form": form})
    if form.is_valid():
        accounts.change_password(
            account=account, password=form.cleaned_data["new_password1"], now=timezone.now()
        )
        update_session_auth_hash(request, account)  # which gives the session another key
        note_session(request, account)
        messages.success(
            request, gettext("Your password is changed, and your other sessions are signed out.")
        )
        return redirect_htmx(request, "annotation:edit_account")
    return render(request, "accounts/change_password.html", {"form": form})
