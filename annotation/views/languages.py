"""In which language a page is: the account's choice, else this browser's cookie, else what the browser asks for."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.locale import LocaleMiddleware
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from annotation.actions import accounts
from annotation.models import Account


class LanguageMiddleware(LocaleMiddleware):
    """Django's own knows cookie and browser; a signed-in person's choice goes before both."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        chosen = getattr(request.user, "language", "")
        if chosen in dict(settings.LANGUAGES):
            translation.activate(chosen)
            request.LANGUAGE_CODE = translation.get_language()


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keeps the language in this browser and, for whoever is signed in, in the account; none: the browser's own."""
    language = request.POST.get("language", "")
    is_known = language in dict(settings.LANGUAGES)
    response = HttpResponseRedirect(_find_way_back(request))
    if not is_known and language:
        messages.error(request, gettext("There are no pages in this language."))
        return response
    if isinstance(request.user, Account):
        accounts.choose_language(account=request.user, language=language)
        with translation.override(language or translation.get_language()):
            messages.success(request, gettext("Your language is saved."))
    if is_known:
        _set_cookie(response, language)
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
    return response


def _find_way_back(request: HttpRequest) -> str:
    """The page the person came from, if it is one of ours."""
    url = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return url if is_ours else reverse("annotation:sign_in")


def _set_cookie(response: HttpResponse, language: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
