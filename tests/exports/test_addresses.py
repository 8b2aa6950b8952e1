"""Where a webhook may go: outwards, and nowhere that answers with secrets."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from exports.addresses import AddressRefused, find_target, may_reach, read_url


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "::1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.9",
        "fd12::1",
        "169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "100.64.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
    ],
)
def test_inward_addresses_are_closed(ip: str) -> None:
    assert not may_reach(ipaddress.ip_address(ip), [])


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:2800:220:1::1"])
def test_public_addresses_are_open(ip: str) -> None:
    assert may_reach(ipaddress.ip_address(ip), [])


def test_an_owner_opens_networks_but_never_those_that_tell_secrets() -> None:
    everything = ["0.0.0.0/0", "::/0"]

    assert may_reach(ipaddress.ip_address("10.1.2.3"), ["10.0.0.0/8"])
    assert not may_reach(ipaddress.ip_address("10.1.2.3"), ["192.168.0.0/16"])
    for ip in ("169.254.169.254", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254"):
        assert not may_reach(ipaddress.ip_address(ip), everything)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.org/x", "begins with https"),
        ("https://", "begins with https"),
        ("javascript:alert(1)", "begins with https"),
        ("https://user:pass@example.org/", "Leave user name and password"),
        ("https://example.org:99999/", "no web address"),
        ("https://example.org/a b", "no spaces"),
        ("https://example.org/\r\nHost: evil", "no spaces"),
        ("https://[::1", "no web address"),
    ],
)
def test_what_is_no_web_address_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(AddressRefused, match=words):
        read_url(url)


def test_an_address_is_read_into_its_parts() -> None:
    assert read_url("https://Ci.Example.org/hook?job=3#x") == ("https", "ci.example.org", 443, "/hook?job=3")
    assert read_url("http://10.0.0.5:8080") == ("http", "10.0.0.5", 8080, "/")


def test_one_inward_address_among_several_is_enough_to_stay_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (ip, 443)) for ip in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    with pytest.raises(AddressRefused, match=r"leads to 10\.0\.0\.1"):
        find_target("https://rebinding.example.org/", [])


def test_the_ip_that_was_checked_is_the_one_to_connect_to() -> None:
    target = find_target("http://127.0.0.1:81/hook", ["127.0.0.0/8"])

    assert (target.ip, target.host, target.port, target.path) == ("127.0.0.1", "127.0.0.1", 81, "/hook")


def test_a_name_that_nobody_knows_is_refused_in_words() -> None:
    with pytest.raises(AddressRefused, match="can't be looked up"):
        find_target("https://no-such-name.invalid/", [])
