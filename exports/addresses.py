"""Which addresses a webhook may reach: a server that posts wherever it is told can be made to talk to its own network.

Public addresses only, unless the installation's owner opens networks (GRADUS_WEBHOOK_NETWORKS). What clouds answer
secrets on, and everything link-local, stays closed whatever is opened.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from annotation.rules.server_addresses import find_fault

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_SAFE = "/?:@!$&'()*+,;=%"  # what stands in a path or a query as it is; what was encoded already stays so


class AddressRefused(Exception):
    """The address is none that may be posted to; the message says why, in one sentence."""


@dataclass(frozen=True)
class Target:
    """An address that was looked up and allowed: connect to `ip`, and speak of `host`."""

    scheme: str
    host: str
    port: int
    ip: str
    path: str


def read_url(url: str) -> tuple[str, str, int, str]:
    """(scheme, host, port, path with query) of a web address, as it is sent: letters beyond ASCII are percent-encoded.

    Raises AddressRefused.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise AddressRefused("This is no web address.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressRefused("Give an address that begins with https:// (or http://).")
    if parts.username or parts.password:
        raise AddressRefused(
            "Leave user name and password out of the address; the signature shows who sends."
        )
    if any(character.isspace() or not character.isprintable() for character in url):
        raise AddressRefused("A web address holds no spaces.")
    path = quote(parts.path or "/", safe=_SAFE) + (
        f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    )
    return parts.scheme, parts.hostname, port, path


def find_target(url: str, open_networks: Sequence[str]) -> Target:
    """Looks the address up, and picks an IP that may be reached. Raises AddressRefused.

    All of a name's addresses must be allowed: one that leads inwards is reason enough to stay away.
    """
    scheme, host, port, path = read_url(url)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"The name {host} can't be looked up.") from error
    ips = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]
    for ip in ips:
        if not may_reach(ip, open_networks):
            named = f"{ip}" if host == str(ip) else f"{host} leads to {ip}, which"
            raise AddressRefused(
                f"{named} is not a public address. Who runs Gradus can open networks with GRADUS_WEBHOOK_NETWORKS."
            )
    return Target(scheme, host, port, str(ips[0]), path)


def may_reach(ip: Address, open_networks: Sequence[str]) -> bool:
    """Whether an address is public, or in a network that was opened; never one of those that stay closed."""
    return find_fault(ip, open_networks) is None
