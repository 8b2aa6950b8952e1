"""Where a server of language models may be. What an admin types is an order to this machine to send requests there.

Link-local addresses, and with them the clouds' metadata services, are never asked: they hand out credentials. Private
and loopback addresses only lie in networks that the installation's settings name. Whether an address is allowed is
decided on the address itself, each time one connects: a name may stand for another one tomorrow.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_ADDRESS = 400
# Metadata services that are not link-local: Amazon's over IPv6, Alibaba's and Oracle's.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")
)
_USUAL_MISTAKES = ("/chat/completions", "/completions", "/models")


class BadAddress(ValueError):
    """The text is no address of a server; the message is a sentence for whoever typed it."""


def normalise_address(text: str) -> str:
    """The address of a server's API without what people paste along with it. Raises BadAddress.

    >>> normalise_address(" http://gpu1:8000/v1/chat/completions ")
    'http://gpu1:8000/v1'
    """
    address = text.strip().rstrip("/")
    for ending in _USUAL_MISTAKES:
        address = address.removesuffix(ending).rstrip("/")
    if len(address) > LONGEST_ADDRESS or any(character.isspace() for character in address):
        raise BadAddress("An address is one word, as in http://gpu1:8000/v1.")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress(f"This is no address: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadAddress(
            "An address begins with http:// or https:// and names a host, as in http://gpu1:8000/v1."
        )
    if parts.username or parts.password:
        raise BadAddress(
            "An address holds no name and password; name the variable that holds the key instead."
        )
    if parts.query or parts.fragment:
        raise BadAddress("An address has no “?” or “#” in it.")
    if port == 0:
        raise BadAddress("There is no port 0.")
    return address


def find_ip(address: str) -> IpAddress | None:
    """The IP address that a server's address spells out; None where it names a host."""
    try:
        return ipaddress.ip_address(urlsplit(address).hostname or "")
    except ValueError:
        return None


def find_fault(ip: IpAddress, networks: Sequence[str]) -> str | None:
    """Why this IP address may not be asked, in one sentence; None where it may.

    `networks` are those, in CIDR notation, in which private and loopback addresses are allowed.
    """
    plain = getattr(ip, "ipv4_mapped", None) or ip
    if plain.is_link_local or plain in _METADATA:
        return f"{plain} is a link-local or metadata address, and those are never asked."
    if plain.is_multicast or plain.is_unspecified or str(plain) == "255.255.255.255":
        return f"{plain} is not the address of one server."
    if plain.is_global:
        return None
    if any(plain in ipaddress.ip_network(network, strict=False) for network in networks):
        return None
    return (
        f"{plain} is in a private network. Whoever runs this installation can allow that network with "
        "GRADUS_SERVER_NETWORKS."
    )
