"""Where servers may be, and what people type for it."""

from __future__ import annotations

import ipaddress

import pytest

from annotation.rules.server_addresses import (
    BadAddress,
    find_fault,
    find_host_fault,
    find_ip,
    normalise_address,
)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("http://gpu1:8000/v1", "http://gpu1:8000/v1"),
        (" https://api.example.com/v1/ ", "https://api.example.com/v1"),
        ("http://gpu1:8000/v1/chat/completions", "http://gpu1:8000/v1"),
        ("http://[fd00::1]:8000/v1/models", "http://[fd00::1]:8000/v1"),
    ],
)
def test_what_people_paste_along_is_taken_off(typed: str, address: str) -> None:
    assert normalise_address(typed) == address


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("gpu1:8000", "begins with http"),
        ("ftp://gpu1/v1", "begins with http"),
        ("file:///etc/passwd", "begins with http"),
        ("http://", "names a host"),
        ("http://me:secret@gpu1/v1", "no name and password"),
        ("http://gpu1/v1?key=secret", "no “\\?” or “#”"),
        ("http://gpu1:99999/v1", "This is no address"),
        ("http://gpu1:0/v1", "no port 0"),
        ("http://gpu 1/v1", "one word"),
        ("http://[::1/v1", "This is no address"),
        ("http://" + "a" * 500, "one word"),
    ],
)
def test_what_is_no_address_is_told_in_a_sentence(typed: str, words: str) -> None:
    with pytest.raises(BadAddress, match=words):
        normalise_address(typed)


@pytest.mark.parametrize(
    ("ip", "networks", "may"),
    [
        ("8.8.8.8", (), True),
        ("2606:4700::1111", (), True),
        ("127.0.0.1", (), False),
        ("127.0.0.1", ("127.0.0.0/8",), True),
        ("::1", ("::1/128",), True),
        ("10.1.2.3", ("10.1.0.0/16",), True),
        ("10.2.2.3", ("10.1.0.0/16",), False),
        ("10.1.2.3", ("10.1.2.9/16",), True),
        ("fd12::1", ("fd00::/8",), True),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), True),
        ("::ffff:169.254.169.254", ("0.0.0.0/0", "::/0"), False),
        ("169.254.169.254", ("169.254.0.0/16",), False),
        ("fe80::1", ("fe80::/10",), False),
        ("fd00:ec2::254", ("fd00::/8",), False),
        ("100.100.100.200", ("100.64.0.0/10",), False),
        ("192.0.0.192", ("192.0.0.0/24",), False),
        ("0.0.0.0", ("0.0.0.0/0",), False),
        ("255.255.255.255", ("0.0.0.0/0",), False),
        ("239.1.1.1", ("0.0.0.0/0",), False),
        ("100.64.0.1", (), False),
        ("168.63.129.16", ("0.0.0.0/0",), False),
        ("2002:a9fe:a9fe::1", ("::/0", "0.0.0.0/0"), False),
        ("2002:7f00:1::", (), False),
        ("2002:808:808::", (), True),
        ("64:ff9b::a9fe:a9fe", ("::/0", "0.0.0.0/0"), False),
        ("64:ff9b::7f00:1", (), False),
        ("64:ff9b::808:808", (), True),
        ("64:ff9b:1::a83f:8110", ("::/0", "0.0.0.0/0"), False),
        ("64:ff9b:1:2:3:4:a9fe:a9fe", ("::/0", "0.0.0.0/0"), False),
        ("2001:0:4136:e378:8000:63bf:5601:5601", ("::/0", "0.0.0.0/0"), False),
        ("::a9fe:a9fe", ("::/0", "0.0.0.0/0"), False),
    ],
)
def test_private_addresses_only_where_allowed_and_metadata_never(
    ip: str, networks: tuple[str, ...], may: bool
) -> None:
    assert (find_fault(ipaddress.ip_address(ip), networks) is None) == may


@pytest.mark.parametrize(
    ("ip", "host", "only", "may"),
    [
        ("8.8.8.8", "api.example.com", (), True),
        ("8.8.8.8", "api.example.com", ("api.example.com",), True),
        ("8.8.8.8", "API.Example.com.", ("api.example.com",), True),
        ("8.8.8.8", "evil.example.com", ("api.example.com",), False),
        ("8.8.8.8", "eu.api.example.com", (".example.com",), True),
        ("8.8.8.8", "badexample.com", (".example.com",), False),
        ("8.8.8.8", "", ("8.8.8.0/24",), True),
        ("8.8.4.4", "gpu1", ("8.8.8.0/24",), False),
        ("10.1.2.3", "gpu1", ("10.1.0.0/16",), True),
        ("10.1.2.3", "gpu1", ("gpu1",), False),
        ("169.254.169.254", "api.example.com", ("api.example.com", "169.254.0.0/16"), False),
    ],
)
def test_where_servers_are_named_no_other_is_asked(
    ip: str, host: str, only: tuple[str, ...], may: bool
) -> None:
    assert (find_fault(ipaddress.ip_address(ip), (), host=host, only=only) is None) == may


def test_a_host_that_is_not_named_is_known_before_it_is_looked_up() -> None:
    assert find_host_fault("gpu1", ()) is None
    assert find_host_fault("gpu1", ("10.0.0.0/8", "api.example.com")) is None
    assert "GRADUS_SERVERS_ALLOWED" in str(find_host_fault("gpu1", ("api.example.com",)))


def test_an_address_that_spells_an_ip_out_is_known_before_anybody_asks() -> None:
    assert find_ip("http://[::1]:8000/v1") == ipaddress.ip_address("::1")
    assert find_ip("http://gpu1/v1") is None
