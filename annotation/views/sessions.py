"""Where a person is signed in: each of their sessions, to be ended one by one or all but this."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotation.actions import sign_ins
from annotation.actions.leases_ahead import return_leases
from annotation.queries.sign_ins import list_open_sessions, shorten_key
from annotation.views.access import account_of
from annotation.views.responses import redirect_htmx


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def list_sessions(request: HttpRequest) -> HttpResponse:
    """A POST signs the others out."""
    account, now, here = account_of(request), timezone.now(), _key_of(request)
    if request.method == "POST":
        others = UserSession.objects.exclude(session_key=here)
        num = sign_ins.end_sessions(account=account, sessions=others, now=now)
        messages.success(
            request, gettext("The others are signed out.") if num else gettext("There were no others.")
        )
        return redirect_htmx(request, "usersessions_list")
    context = {"sessions": list_open_sessions(account, now=now), "here": here}
    return render(request, "usersessions/usersession_list.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """Signs one of the person's sessions out; it may be this very one."""
    account = account_of(request)
    ended = get_object_or_404(UserSession, pk=session_id, user=account)
    sign_ins.end_sessions(
        account=account, sessions=UserSession.objects.filter(pk=ended.pk), now=timezone.now()
    )
    if ended.session_key == _key_of(request):
        return_leases(rater=account, now=timezone.now())
        logout(request)
        return redirect_htmx(request, "annotation:sign_in")
    messages.success(request, gettext("It is signed out."))
    return redirect_htmx(request, "usersessions_list")


def _key_of(request: HttpRequest) -> str:
    return shorten_key(request.session.session_key or "")
