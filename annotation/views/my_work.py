"""My work: a rater's own page across projects."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.queries.my_work import MOST_COUNTED, get_my_work
from annotation.views.access import account_of


@login_required
@never_cache
@require_safe
def my_work(request: HttpRequest) -> HttpResponse:
    """What waits for the signed-in person, and what they have done today and lately."""
    context = {"work": get_my_work(account_of(request), now=timezone.now()), "most": MOST_COUNTED}
    return render(request, "my_work/my_work.html", context)
