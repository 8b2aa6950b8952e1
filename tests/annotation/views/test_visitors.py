"""Whose address failed sign-ins are counted for, behind none, one or several proxies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.factories import make_account

pytestmark = pytest.mark.django_db

PASSWORD = "grace's own password"
SELF = "127.0.0.1"


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def sign_in(chain: str | None) -> int:
    account = make_account("grace")
    account.set_password(PASSWORD)
    account.save()
    client = Client(headers={} if chain is None else {"X-Forwarded-For": chain})
    typed = {"username": "grace", "password": PASSWORD}
    return client.post(reverse("annotation:sign_in"), typed).status_code


@pytest.mark.parametrize(
    ("num_proxies", "chain", "address"),
    [
        (0, None, SELF),
        (0, "198.51.100.1", SELF),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9", "198.51.100.1"),
        (2, None, SELF),
        (2, "203.0.113.9", "203.0.113.9"),
        (3, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_address_is_the_one_that_a_trusted_proxy_wrote(
    num_proxies: int, chain: str | None, address: str, settings: Any
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = num_proxies

    assert sign_in(chain) == 302
    assert UserSession.objects.get().ip == address


def test_more_proxies_than_there_are_is_said_in_the_log(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2

    sign_in("203.0.113.9")

    assert "GRADUS_PROXIES is 2, but X-Forwarded-For names 1" in caplog.text


def test_what_is_no_address_is_refused(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2

    assert sign_in("nonsense") == 403
