"""A person's API tokens."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import tokens
from annotation.forms.tokens import TokenForm
from annotation.queries.tokens import list_tokens_of
from annotation.tables.projects import build_token_table
from annotation.views.access import account_of
from annotation.views.tables import answer_tables, show_tables


@login_required
@never_cache
@require_safe
def list_tokens(request: HttpRequest) -> HttpResponseBase:
    account = account_of(request)
    context = _context(request, TokenForm(account=account))
    table = build_token_table(account, now=timezone.now())
    return answer_tables(request, "tokens/list_tokens.html", context, table)


def _can_be_asked(request: HttpRequest) -> bool:
    """Whether "is it you?" can be answered: who signs in at their organisation alone has nothing to answer with."""
    return bool(get_reauthentication_flows(request.user))


@login_required
@never_cache
@require_POST
@reauthentication_required(enabled=_can_be_asked)  # type: ignore[untyped-decorator]
def create_token(request: HttpRequest) -> HttpResponse:
    """Answers with the page itself and not with a redirect: the secret is shown this once and kept nowhere.

    After "is it you?": a token outlives the session by up to a year.
    """
    account = account_of(request)
    form = TokenForm(request.POST, account=account)
    if not form.is_valid():
        return _render_tokens(request, form)
    now = timezone.now()
    chosen = form.choices(now)
    made = tokens.create_token(
        account=account,
        name=chosen.name,
        scopes=chosen.scopes,
        project=chosen.project,
        expires_at=chosen.expires_at,
        now=now,
    )
    return _render_tokens(request, TokenForm(account=account), new=made)


@login_required
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    account = account_of(request)
    token = get_object_or_404(list_tokens_of(account), pk=token_id)
    tokens.revoke_token(token=token, actor=account, now=timezone.now())
    if getattr(request, "htmx", False):
        return _render_tokens(request, TokenForm(account=account))
    return redirect("annotation:list_tokens")


def _context(request: HttpRequest, form: TokenForm, *, new: tokens.NewToken | None = None) -> dict[str, Any]:
    return {"form": form, "new": new, "api_url": request.build_absolute_uri("/api/v1/")}


def _render_tokens(
    request: HttpRequest, form: TokenForm, *, new: tokens.NewToken | None = None
) -> HttpResponse:
    """The page after a form; for htmx the part that the form stands in."""
    context = _context(request, form, new=new)
    table = build_token_table(account_of(request), now=timezone.now())
    context["tables"] = show_tables(request, table, path=reverse("annotation:list_tokens"))
    template = "tokens/list_tokens.html"
    return render(request, f"{template}#tokens" if getattr(request, "htmx", False) else template, context)
