"""What a person sees when a page can't be shown: one clear sentence, in the product's own frame."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def show_error(request: HttpRequest, *, status: int, title: str, message: str) -> HttpResponse:
    """An error page, or for htmx the message alone (shown as a notice where the person looks)."""
    template = "errors/error.html#message" if getattr(request, "htmx", False) else "errors/error.html"
    return render(request, template, {"title": title, "message": message, "status": status}, status=status)


def show_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    message = str(exception.args[0]) if exception.args and isinstance(exception.args[0], str) else ""
    return show_error(
        request, status=404, title="Not found", message=message or "There is nothing at this address."
    )


def show_forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return show_error(
        request, status=403, title="Not for you", message=str(exception) or "Your role does not allow this."
    )


def show_csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return show_error(
        request,
        status=403,
        title="The form went stale",
        message="This page was open too long, or you signed in elsewhere. Go back, reload the page and send it again.",
    )


def show_server_error(request: HttpRequest) -> HttpResponse:
    return show_error(
        request,
        status=500,
        title="Something broke",
        message="This is our fault, and it is in the log. Nothing was stored.",
    )
