"""The buttons on a batch's page: cancel, pause, resume, try what failed again."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from annotation.actions import batch_course, chunked, jobs
from annotation.queries import batches as queries
from annotation.views.access import account_of, load_project
from annotation.views.batches import MAKERS
from annotation.views.responses import redirect_htmx

_COMPLAINTS = (jobs.NotOpen, chunked.NotPaused, batch_course.NothingToRetry)


@login_required
@require_POST
def cancel_batch(request: HttpRequest, slug: str, batch_id: int) -> HttpResponse:
    return _steer(request, slug, batch_id, batch_course.cancel_batch)


@login_required
@require_POST
def pause_batch(request: HttpRequest, slug: str, batch_id: int) -> HttpResponse:
    return _steer(request, slug, batch_id, batch_course.pause_batch)


@login_required
@require_POST
def resume_batch(request: HttpRequest, slug: str, batch_id: int) -> HttpResponse:
    return _steer(request, slug, batch_id, batch_course.resume_batch)


@login_required
@require_POST
def retry_failures(request: HttpRequest, slug: str, batch_id: int) -> HttpResponse:
    return _steer(request, slug, batch_id, batch_course.retry_failures)


def _steer(request: HttpRequest, slug: str, batch_id: int, act: Callable[..., object]) -> HttpResponse:
    """One action on a batch, and back to its page."""
    project = load_project(request, slug, *MAKERS)
    batch = get_object_or_404(queries.list_batches(project), pk=batch_id)
    try:
        act(batch=batch, actor=account_of(request), now=timezone.now())
    except _COMPLAINTS as error:
        messages.info(request, str(error))
    return redirect_htmx(request, "annotation:show_batch", slug, batch.pk)
