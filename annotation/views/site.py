"""The address that links in e-mails begin with: never what a stranger's browser calls the server."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.translation import gettext

from annotation.actions.mail import MailNotSent


def find_site(request: HttpRequest) -> str:
    """The first of GRADUS_ORIGINS; without one, a host that GRADUS_HOSTS names, as the request has it.

    Raises MailNotSent where GRADUS_HOSTS lets any name through: then whoever asks could choose where the link leads.
    """
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if "*" not in origin:
            return str(origin)
    if any(host.startswith(("*", ".")) for host in settings.ALLOWED_HOSTS):
        raise MailNotSent(
            gettext("This server does not know its own address, so it sends no links. Tell whoever runs it.")
        )
    host = request.get_host()
    if settings.PUBLIC_HOSTS and split_domain_port(host)[0] not in settings.PUBLIC_HOSTS:
        host = settings.PUBLIC_HOSTS[0]
    return f"{request.scheme}://{host}"
