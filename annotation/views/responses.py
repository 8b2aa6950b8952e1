"""Answers that suit both a plain form and htmx."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect


def redirect_htmx(request: HttpRequest, view: str, *args: object) -> HttpResponse:
    """Sends the browser to a view: a 302 for a plain form, an HX-Redirect for htmx."""
    url = reverse(view, args=args)
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(url)
    return HttpResponseRedirect(url)
