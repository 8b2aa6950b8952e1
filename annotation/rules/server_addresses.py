"""Where a server of language models may be. What an admin types is an order to this machine to send requests there.

Link-local addresses, and with them the clouds' metadata services, are never asked: they hand out credentials. Private
and loopback addresses only lie in networks that the installation's settings name. Webhooks stand on the same rule
(exports/addresses.py). Whether an address is allowed is
decided on the address itself, each time one connects: a name may stand for another one tomorrow.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_ADDRESS = 400
# Metadata services that are not link-local: Amazon's over IPv6, Alibaba's, Oracle's and Azure's.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
)
# Whose last 32 bits are an IPv4 address: NAT64 (RFC 6052, RFC 8215) and IPv4-compatible addresses (RFC 4291, 2.5.5.1).
_LAST_32_BITS = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
_NETWORK = re.compile(r"[0-9a-fA-F:.]*[0-9a-fA-F:](/[0-9]{1,3})?")
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


def find_fault(
    ip: IpAddress, networks: Sequence[str], *, host: str = "", only: Sequence[str] = ()
) -> str | None:
    """Why this IP address may not be asked, in one sentence; None where it may.

    `networks` are those, in CIDR notation, in which private and loopback addresses are allowed. Where `only` names
    networks and hosts (".example.org" for all below it), nothing else is; `host` is the name that led to the address.
    """
    plain = unwrap(ip)
    if plain.is_link_local or plain in _METADATA:
        return f"{plain} is a link-local or metadata address, and those are never asked."
    if plain.is_multicast or plain.is_unspecified or str(plain) == "255.255.255.255":
        return f"{plain} is not the address of one server."
    if only and not _is_named(plain, host, only):
        return (
            f"{host or plain} is not among the servers that may be asked. Whoever runs this installation names them in "
            "GRADUS_SERVERS_ALLOWED."
        )
    if plain.is_global or _is_in(plain, [*networks, *_list_networks(only)]):
        return None
    return (
        f"{plain} is in a private network. Whoever runs this installation can allow that network with "
        "GRADUS_SERVER_NETWORKS."
    )


def find_host_fault(host: str, only: Sequence[str]) -> str | None:
    """Why a host of this name can't be among those named in `only`, known without looking it up."""
    if not only or _list_networks(only) or _is_host_named(host, only):
        return None
    return (
        f"{host} is not among the servers that may be asked. Whoever runs this installation names them in "
        "GRADUS_SERVERS_ALLOWED."
    )


def unwrap(ip: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one leads to by tunnel or translator (6to4, Teredo, NAT64), else itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour or ip
    if ip.teredo:
        return ip.teredo[1]
    if any(ip in network for network in _LAST_32_BITS) and int(ip) > 1:  # :: and ::1 are themselves
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def _is_named(ip: IpAddress, host: str, only: Sequence[str]) -> bool:
    return _is_host_named(host, only) or _is_in(ip, _list_networks(only))


def _is_host_named(host: str, only: Sequence[str]) -> bool:
    name = host.lower().rstrip(".")
    return any(
        name == said.lower() or (said.startswith(".") and name.endswith(said.lower())) for said in only
    )


def _list_networks(only: Sequence[str]) -> list[str]:
    return [said for said in only if _NETWORK.fullmatch(said)]


def _is_in(ip: IpAddress, networks: Sequence[str]) -> bool:
    return any(ip in ipaddress.ip_network(network, strict=False) for network in networks)
