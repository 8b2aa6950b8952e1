"""The webhooks of a project: made, removed, and the log of what they were told."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.models import Project
from annotation.views.access import account_of, load_project
from exports import webhooks
from exports.addresses import AddressRefused
from exports.models import Webhook, WebhookDelivery
from exports.queries import MAKERS

_DELIVERIES_A_PAGE = 25


class WebhookForm(forms.Form):
    url = forms.CharField(
        max_length=500,
        label="Address",
        help_text="It is sent a signed POST when an export of this project is finished or has failed.",
        widget=forms.URLInput(attrs={"placeholder": "https://ci.example.org/gradus"}),
    )


@login_required
@never_cache
@require_safe
def list_webhooks(request: HttpRequest, slug: str) -> HttpResponse:
    return _render(request, load_project(request, slug, *MAKERS), WebhookForm())


@login_required
@never_cache
@require_POST
def create_webhook(request: HttpRequest, slug: str) -> HttpResponse:
    """Answers with the page itself and not with a redirect: the secret is shown this once."""
    project = load_project(request, slug, *MAKERS)
    form = WebhookForm(request.POST)
    made = None
    if form.is_valid():
        try:
            made = webhooks.create_webhook(
                project=project,
                url=form.cleaned_data["url"],
                actor=account_of(request),
                now=timezone.now(),
            )
        except (AddressRefused, webhooks.WebhookExists, webhooks.TooManyWebhooks) as error:
            form.add_error("url", str(error))
    return _render(request, project, WebhookForm() if made else form, made)


@login_required
@require_POST
def remove_webhook(request: HttpRequest, slug: str, webhook_id: int) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    webhook = get_object_or_404(Webhook, project=project, pk=webhook_id)
    webhooks.remove_webhook(webhook=webhook, actor=account_of(request), now=timezone.now())
    return redirect("exports:list_webhooks", slug)


@login_required
@require_POST
def retry_delivery(request: HttpRequest, slug: str, delivery_id: int) -> HttpResponse:
    project = load_project(request, slug, *MAKERS)
    delivery = get_object_or_404(WebhookDelivery, webhook__project=project, pk=delivery_id)
    try:
        webhooks.retry_delivery(delivery=delivery, actor=account_of(request), now=timezone.now())
    except webhooks.NotRetryable as error:
        messages.info(request, str(error))
    return redirect("exports:list_webhooks", slug)


def _render(
    request: HttpRequest, project: Project, form: WebhookForm, made: webhooks.NewWebhook | None = None
) -> HttpResponse:
    deliveries = WebhookDelivery.objects.filter(webhook__project=project)
    rows = deliveries.select_related("webhook", "export").prefetch_related("attempts")
    context = {
        "project": project,
        "form": form,
        "made": made,
        "webhooks": Webhook.objects.filter(project=project, removed_at__isnull=True),
        "page": Paginator(rows, _DELIVERIES_A_PAGE).get_page(request.GET.get("page")),
        "networks": settings.WEBHOOK_NETWORKS,
    }
    return render(request, "exports/list_webhooks.html", context)
