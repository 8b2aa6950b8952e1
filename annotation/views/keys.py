"""One's own keys for the rating page: kept with the account, so that they hold on every device."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from annotation.actions import accounts
from annotation.forms.keys import KeysForm
from annotation.views.access import account_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_keys(request: HttpRequest) -> HttpResponse:
    """Every command with its keys. `reset` gives the default ones back; `next` leads back to the trace."""
    account = account_of(request)
    back = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = ""
    form = KeysForm(request.POST if request.method == "POST" else None, bindings=account.key_bindings)
    if request.method == "POST" and "reset" in request.POST:
        accounts.bind_keys(account=account, bindings={})
        messages.success(request, gettext("All keys are the default ones again."))
        return redirect(back or "annotation:edit_keys")
    if form.is_valid():
        accounts.bind_keys(account=account, bindings=form.bindings())
        messages.success(request, gettext("Your keys are saved. They hold on every device you sign in on."))
        return redirect(back or "annotation:edit_keys")

    context = {"form": form, "back": back, "is_changed": bool(account.key_bindings)}
    return render(request, "accounts/edit_keys.html", context)
