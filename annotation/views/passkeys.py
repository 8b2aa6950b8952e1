"""Passkeys: adding, renaming and removing them, signing in by one, and saying by one that it is you. The steps of the
protocol are django-allauth's and fido2's; as a second factor they are asked for on allauth's page of codes."""

from __future__ import annotations

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.models import Login
from allauth.core.internal import ratelimit
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth, flows
from allauth.mfa.webauthn.views import ReauthenticateWebAuthnView
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotation.actions import sign_ins
from annotation.forms.passkeys import NewPasskeyForm, PasskeyNameForm, PasskeySignInForm, say_refusal
from annotation.views.access import account_of


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_with_passkey(request: HttpRequest) -> HttpResponse:
    """A GET is the script's: what the browser has to sign. Refusals show on the sign-in page."""
    if request.method == "GET":  # each keeps a session for its challenge
        if not ratelimit.consume(request, app="allauth.account", action="passkey_asked", limit_get=True):
            return JsonResponse({}, status=429)
        return JsonResponse(auth.begin_authentication(None))
    attempt = ratelimit.consume(request, app="allauth.account", action="passkey_failed")
    if attempt is None:
        messages.error(request, gettext("Too many attempts failed. Wait a minute, then try again."))
        return _back_to_sign_in(request)
    form = PasskeySignInForm(request.POST)
    if not form.is_valid():
        messages.error(request, say_refusal(form))
        return _back_to_sign_in(request)
    attempt.rollback()  # only failures count
    passkey = form.cleaned_data["credential"]
    answer: HttpResponse = flows.perform_passwordless_login(request, passkey, Login(user=passkey.user))
    return answer


def _back_to_sign_in(request: HttpRequest) -> HttpResponse:
    wanted = request.POST.get("next", "")
    return redirect(reverse("annotation:sign_in") + (f"?{urlencode({'next': wanted})}" if wanted else ""))


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def add_passkey(request: HttpRequest) -> HttpResponse:
    """With the first second factor come recovery codes, which are shown then."""
    account = account_of(request)
    raise_if_reauthentication_required(request, app="allauth.mfa")
    form = NewPasskeyForm(request.POST or None, user=account)
    if form.is_valid():
        _, codes = flows.add_authenticator(
            request, name=form.cleaned_data["name"], credential=form.cleaned_data["credential"]
        )
        return redirect("mfa_view_recovery_codes" if codes else "mfa_index")
    options = auth.begin_registration(account, passwordless=True)
    return render(request, "mfa/webauthn/add_form.html", {"form": form, "options": options})


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def rename_passkey(request: HttpRequest, passkey_id: int) -> HttpResponse:
    passkey = _load_passkey(request, passkey_id)
    form = PasskeyNameForm(request.POST or None, instance=passkey)
    if form.is_valid():
        form.save()
        sign_ins.record_factor(account=account_of(request), verb="renamed a passkey", now=timezone.now())
        return redirect("mfa_index")
    return render(request, "mfa/webauthn/edit_form.html", {"form": form})


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def remove_passkey(request: HttpRequest, passkey_id: int) -> HttpResponse:
    passkey = _load_passkey(request, passkey_id)
    if request.method == "POST":
        flows.remove_authenticator(request, passkey)
        messages.success(
            request, gettext("The passkey is removed. Your device may still offer it; it opens nothing here.")
        )
        return redirect("mfa_index")
    context = {"form": forms.Form(), "name": passkey.wrap().name}
    return render(request, "mfa/webauthn/remove_form.html", context)


def _load_passkey(request: HttpRequest, passkey_id: int) -> Authenticator:
    """One of the person's own, for who said a moment ago that it is them."""
    own = Authenticator.objects.filter(user=account_of(request), type=Authenticator.Type.WEBAUTHN)
    passkey = get_object_or_404(own, pk=passkey_id)
    raise_if_reauthentication_required(request, app="allauth.mfa")
    return passkey


class _Confirm(ReauthenticateWebAuthnView):  # type: ignore[misc]  # allauth has no types
    def form_invalid(self, form: forms.Form) -> HttpResponse:
        messages.error(self.request, say_refusal(form))
        return redirect(self.request.get_full_path())


confirm_with_passkey = _Confirm.as_view()
