"""A new password by e-mail: asking for the link, and what it leads to."""

from __future__ import annotations

from allauth.account.utils import perform_login
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from annotation.actions import password_reset
from annotation.actions.accounts import LinkNotValid
from annotation.actions.mail import MailNotSent
from annotation.forms.accounts import AddressForm, ChosenPasswordForm
from annotation.queries.accounts import find_account_of_reset_link
from annotation.views.site import find_site


@never_cache
@require_http_methods(["GET", "POST"])
def forgot_password(request: HttpRequest) -> HttpResponse:
    """Where no mail server is set up it says whom to ask instead."""
    form = AddressForm((settings.EMAIL_HOST and request.POST) or None)
    if form.is_valid() and _ask(request, form):
        messages.success(
            request,
            gettext(
                "If that is the confirmed address of an account, a link to choose a new password is on its way. It "
                "comes within a few minutes and works for one hour."
            ),
        )
        return redirect("annotation:sign_in")
    context = {"form": form, "has_mail": bool(settings.EMAIL_HOST)}
    return render(request, "accounts/forgot_password.html", context)


def _ask(request: HttpRequest, form: AddressForm) -> bool:
    """Whether it was asked for; else the form says why not. Nothing here depends on whose address it is."""
    address = form.cleaned_data["email"]
    if not ratelimit.consume(request, action="reset_password", key=address):
        form.add_error(None, gettext("That is too often. Look into your mailbox, or wait fifteen minutes."))
        return False
    try:
        password_reset.ask_for_reset(address=address, site=find_site(request), language=get_language() or "")
    except MailNotSent as error:
        form.add_error(None, str(error))
        return False
    return True


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def reset_password(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Where the link leads: choose a password and be signed in, behind the second factor where one is on."""
    account = find_account_of_reset_link(uid, token)
    if account is None:
        return _refuse(request)
    form = ChosenPasswordForm(account, request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/reset_password.html", {"form": form, "account": account})
    try:
        account = password_reset.reset_password(
            account=account, token=token, password=form.cleaned_data["new_password1"], now=timezone.now()
        )
    except LinkNotValid:
        return _refuse(request)
    if request.user == account:
        logout(request)  # this session ended with the others
    messages.success(request, gettext("Your password is changed, and your other sessions are signed out."))
    answer: HttpResponse = perform_login(request, account, redirect_url=reverse("annotation:list_projects"))
    return answer


def _refuse(request: HttpRequest) -> HttpResponse:
    messages.error(
        request,
        gettext(
            "This link no longer works: it was used already, it is older than an hour, or a letter of it is missing."
        ),
    )
    return redirect("annotation:forgot_password")
