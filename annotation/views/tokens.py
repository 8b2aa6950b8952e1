"""A person's API tokens."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import tokens
from annotation.forms.tokens import TokenForm
from annotation.queries.tokens import list_tokens_of
from annotation.views.access import account_of


@login_required
@never_cache
@require_safe
def list_tokens(request: HttpRequest) -> HttpResponse:
    return _render_tokens(request, TokenForm(account=account_of(request)))


@login_required
@never_cache
@require_POST
def create_token(request: HttpRequest) -> HttpResponse:
    """Answers with the page itself and not with a redirect: the secret is shown this once and kept nowhere."""
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


def _render_tokens(
    request: HttpRequest, form: TokenForm, *, new: tokens.NewToken | None = None
) -> HttpResponse:
    context = {
        "tokens": list_tokens_of(account_of(request)),
        "form": form,
        "new": new,
        "now": timezone.now(),
        "api_url": request.build_absolute_uri("/api/v1/"),
    }
    template = "tokens/list_tokens.html"
    return render(request, f"{template}#tokens" if getattr(request, "htmx", False) else template, context)
