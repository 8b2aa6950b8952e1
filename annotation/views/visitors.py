"""From where somebody signs in, where fewer proxies stand in front than GRADUS_PROXIES says."""

from __future__ import annotations

import logging

from allauth import app_settings
from allauth.core.internal.httpkit import clean_client_ip
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

logger = logging.getLogger(__name__)


def find_address_by_short_chain(request: HttpRequest) -> str | None:
    """What the nearest proxy wrote, the only address that nobody can make up; None where the chain of proxies is as
    long as it should be, or there is none. Raises PermissionDenied where it is no address."""
    chain = request.headers.get("X-Forwarded-For", "").split(",")
    if chain == [""] or len(chain) >= app_settings.TRUSTED_PROXY_COUNT:
        return None
    logger.warning(
        "GRADUS_PROXIES is %d, but X-Forwarded-For names %d: failed sign-ins are counted for the last of these.",
        app_settings.TRUSTED_PROXY_COUNT,
        len(chain),
    )
    address = clean_client_ip(chain[-1])
    if address is None:
        raise PermissionDenied("Unable to determine client IP address")
    return str(address)
