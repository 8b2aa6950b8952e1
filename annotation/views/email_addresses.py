"""A person's e-mail address: giving it, saying by a link that it is theirs, and taking it away. After "is it you?"."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotation.actions import email_addresses
from annotation.actions.accounts import LinkNotValid
from annotation.actions.mail import MailNotSent
from annotation.actions.sign_in_mail import send_link_to_confirm
from annotation.forms.accounts import AddressForm
from annotation.queries.email_addresses import find_address, read_address, sign_address
from annotation.views.access import account_of
from annotation.views.site import find_site


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
def edit_address(request: HttpRequest) -> HttpResponse:
    """A POST sends the link. The answer is the same where another account has the address: whose it is, is told to
    nobody but who reads its mail."""
    account = account_of(request)
    form = AddressForm(request.POST or None)
    if form.is_valid() and _send_link(request, form):
        messages.success(
            request,
            gettext("A link went to %(address)s. Open it within a day, signed in here as you are now.")
            % {"address": form.cleaned_data["email"]},
        )
        return redirect("annotation:edit_account")
    return render(request, "accounts/edit_address.html", {"form": form, "address": find_address(account)})


def _send_link(request: HttpRequest, form: AddressForm) -> bool:
    """Whether it was sent; else the form says why not."""
    account, address = account_of(request), form.cleaned_data["email"]
    if not ratelimit.consume(request, action="manage_email"):
        form.add_error(None, gettext("That is too often. Look into your mailbox, or wait fifteen minutes."))
        return False
    path = reverse("annotation:confirm_address", args=[sign_address(account, address)])
    try:
        send_link_to_confirm(account=account, address=address, link=f"{find_site(request)}{path}")
    except MailNotSent as error:
        form.add_error(None, str(error))
        return False
    return True


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link leads. A GET only asks: programs open the links of e-mails before people do."""
    account = account_of(request)
    if request.method == "GET" and (address := read_address(account, token)):
        return render(request, "accounts/confirm_address.html", {"address": address, "account": account})
    try:
        email_addresses.confirm_address(account=account, token=token, now=timezone.now())
    except (LinkNotValid, email_addresses.AddressTaken) as error:
        messages.error(request, str(error))
        return redirect("annotation:edit_address")
    messages.success(request, gettext("Your e-mail address is confirmed."))
    return redirect("annotation:edit_account")


@login_required
@require_POST
@reauthentication_required  # type: ignore[untyped-decorator]
def remove_address(request: HttpRequest) -> HttpResponse:
    email_addresses.remove_address(account=account_of(request), now=timezone.now())
    messages.success(request, gettext("Your e-mail address is removed."))
    return redirect("annotation:edit_account")
