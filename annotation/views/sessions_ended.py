"""What becomes of a form whose person was signed out meanwhile: they sign in, and are back at the page it stood on.

Django sends them to sign in and then to where the form went. That takes only what is posted, so they would end at an
empty 405; and htmx would put the page for signing in into the part of theirs that it was about to change.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django_htmx.http import HttpResponseClientRedirect

from annotation.views.errors import show_error

_READS = ("GET", "HEAD")


class SessionEndedMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and request.method in _READS and not response.content:
            return _show_not_a_page(request, response)
        # htmx alone says which page it is on. The rating page's own script, which says that it is htmx, signs in on the
        # spot, and knows by the redirection that it has to.
        is_htmx = "HX-Current-URL" in request.headers
        if _asks_for_login(request, response) and (is_htmx or request.method not in _READS):
            back = redirect_to_login(_find_page(request))
            return HttpResponseClientRedirect(back.url) if is_htmx else back
        return response


def _asks_for_login(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether this is what `login_required` answers: the page for signing in, and then this very address again."""
    asked = redirect_to_login(request.get_full_path()).url
    return isinstance(response, HttpResponseRedirect) and response.url == asked


def _find_page(request: HttpRequest) -> str:
    """Path and query of the page that asked, if it is one of ours; else the list of projects."""
    url = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    if not is_ours:
        return reverse("annotation:list_projects")
    parts = urlsplit(url)
    return parts._replace(scheme="", netloc="", fragment="").geturl()


def _show_not_a_page(request: HttpRequest, response: HttpResponseNotAllowed) -> HttpResponse:
    """Somebody opened, by hand or from their history, the address that a form is sent to."""
    page = show_error(
        request,
        status=405,
        title=gettext("No page to open"),
        message=gettext("A form is sent to this address. Go back to the page that has it."),
    )
    page["Allow"] = response["Allow"]
    return page
