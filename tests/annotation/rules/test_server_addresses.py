"""Where servers may be, and what people type for it."""

from __future__ import annotations

import ipaddress

import pytest

from annotation.rules.server_addresses import BadAddress, find_fault, find_ip, normalise_address


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
    ],
)
def test_private_addresses_only_where_allowed_and_metadata_never(
    ip: str, networks: tuple[str, ...], may: bool
) -> None:
    assert (find_fault(ipaddress.ip_address(ip), networks) is None) == may


def test_an_address_that_spells_an_ip_out_is_known_before_anybody_asks() -> None:
    assert find_ip("http://[::1]:8000/v1") == ipaddress.ip_address("::1")
    assert find_ip("http://gpu1/v1") is None
