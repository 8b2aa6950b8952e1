"""Which names a site answers to only on this machine or in its own network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def list_public_names(hosts: Iterable[str]) -> list[str]:
    """Those of these names that could be reached, and certified, from elsewhere; in small letters."""
    return [host.lower() for host in hosts if not is_local_name(host)]


def is_local_name(host: str) -> bool:
    """Whether no certificate could be asked for: localhost, and addresses that are loopback or private.

    >>> is_local_name("[::1]"), is_local_name("gradus.example.org")
    (True, False)
    """
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith((".localhost", ".local")):
        return True
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return False
