"""From where somebody signs in, as far as the proxies in front tell."""

from __future__ import annotations

import logging

from allauth import app_settings
from allauth.core.internal.httpkit import clean_client_ip
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from annotation.views.sign_in_rules import AccountRules

logger = logging.getLogger(__name__)


class KnownVisitors(AccountRules):
    """The rules of signing in, for requests that came by fewer proxies than GRADUS_PROXIES says too."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """allauth refuses a chain that is too short with an error. Its last address is what the nearest proxy wrote,
        the only one that nobody can make up. Raises PermissionDenied where it is no address."""
        chain = request.headers.get("X-Forwarded-For", "").split(",")
        if chain == [""] or len(chain) >= app_settings.TRUSTED_PROXY_COUNT:
            return str(super().get_client_ip(request))
        logger.warning(
            "GRADUS_PROXIES is %d, but X-Forwarded-For names %d: failed sign-ins are counted for the last of these.",
            app_settings.TRUSTED_PROXY_COUNT,
            len(chain),
        )
        address = clean_client_ip(chain[-1])
        if address is None:
            raise PermissionDenied("Unable to determine client IP address")
        return str(address)
