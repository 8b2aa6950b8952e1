"""The Content-Security-Policy header: django-csp's, written once when the server starts."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class ContentPolicyMiddleware(CSPMiddleware):
    """Every page has the policy of the settings; django-csp would write it anew for each, twice. There are no nonces,
    and no view changes the policy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        super().__init__(get_response)
        self._policy = build_policy()

    def process_request(self, request: HttpRequest) -> None:
        """No nonce: what a page loads comes from our own origin."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if settings.DEBUG:  # Django's page of an error has styles of its own
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._policy)
        return response
