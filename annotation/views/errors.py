"""What a person sees when a page can't be shown: one clear sentence, in the product's own frame.

A program that asks the API gets the same sentence as problem details (RFC 9457), also where no API view was reached.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext

from annotation.views.access import Paused

_BY_DJANGO = re.compile(r"No \w+ matches the given query\.")


def show_error(request: HttpRequest, *, status: int, title: str, message: str) -> HttpResponse:
    """An error page, or for htmx the message alone (shown as a notice where the person looks).

    It is rendered without the request, so that it needs neither a session nor a database: one of them may be the
    reason why it is shown.
    """
    if request.path.startswith("/api/"):
        return _answer_program(status, message)
    template = (
        "errors/error.html" if request.headers.get("HX-Request") != "true" else "errors/error.html#message"
    )
    return HttpResponse(render_to_string(template, {"title": title, "message": message}), status=status)


def show_bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django refuses before a view is asked: too much of something, a foreign host name, a broken form."""
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return show_error(
            request,
            status=413,
            title=gettext("Too much at once"),
            message=gettext(
                "What you sent is larger than a form may be. Nothing was stored. Go back and shorten it."
            ),
        )
    return show_error(
        request,
        status=400,
        title=gettext("Not understood"),
        message=gettext(
            "The server can’t make sense of this request. Check the address, and send the form again."
        ),
    )


def show_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    message = str(exception.args[0]) if exception.args and isinstance(exception.args[0], str) else ""
    if _BY_DJANGO.fullmatch(message):
        message = ""
    return show_error(
        request,
        status=404,
        title=gettext("Not found"),
        message=message or gettext("There is nothing at this address."),
    )


def show_forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return show_error(
        request,
        status=403,
        title=gettext("You are paused") if isinstance(exception, Paused) else gettext("Not for you"),
        message=str(exception) or gettext("Your role does not allow this."),
    )


def show_csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return show_error(
        request,
        status=403,
        title=gettext("The form went stale"),
        message=gettext(
            "This page was open too long, or you signed in elsewhere. Go back, reload the page and send it again."
        ),
    )


def show_too_many(request: HttpRequest) -> HttpResponse:
    """Asked by django-allauth for whoever tries codes or passwords too often."""
    return show_error(
        request,
        status=429,
        title=gettext("Too many attempts"),
        message=gettext("Wait five minutes, then try again."),
    )


def show_server_error(request: HttpRequest) -> HttpResponse:
    return show_error(
        request,
        status=500,
        title=gettext("Something broke"),
        message=gettext("This is our fault, and it is in the log. Nothing was stored."),
    )


def _answer_program(status: int, message: str) -> HttpResponse:
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "errors": {},
    }
    return JsonResponse(problem, status=status, content_type="application/problem+json")
