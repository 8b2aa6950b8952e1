"""The one line that `manage.py up` shows."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from annotation.actions import accounts
from annotation.models import Account, AuditEvent
from tests.factories import NOW, make_account, make_site_admin

pytestmark = pytest.mark.django_db


def run_owner_link(*arguments: str) -> str:
    output = io.StringIO()
    call_command("owner_link", *arguments, stdout=output)
    return output.getvalue()


def make_owner_with_password() -> Account:
    owner = make_site_admin(username="ada")
    owner.set_password("a long enough one")
    owner.save()
    return owner


def test_the_first_start_prints_one_line_that_lets_the_owner_choose_a_password(client: Client) -> None:
    printed = run_owner_link("--host", "127.0.0.1", "--port", "8123")

    assert re.fullmatch(r"http://127\.0\.0\.1:8123/start/[^/]+/[^/]+/\n", printed)
    assert client.get(printed.strip().removeprefix("http://127.0.0.1:8123")).status_code == 200


def test_the_owner_is_a_site_admin_without_a_password() -> None:
    run_owner_link()

    owner = Account.objects.get()
    assert owner.username == "owner"
    assert (owner.is_superuser, owner.is_staff, owner.has_usable_password()) == (True, True, False)


def test_a_second_start_before_the_link_was_used_makes_no_second_owner() -> None:
    run_owner_link()
    printed = run_owner_link()

    assert "/start/" in printed
    assert Account.objects.count() == 1


def test_once_a_site_admin_has_a_password_the_plain_address_is_printed() -> None:
    make_owner_with_password()

    assert run_owner_link("--host", "127.0.0.1", "--port", "8000") == "http://127.0.0.1:8000/\n"


def test_a_name_taken_by_someone_who_is_no_admin_is_left_alone() -> None:
    make_account("Owner")

    run_owner_link()

    assert Account.objects.get(is_superuser=True).username == "owner-2"


def test_reset_prints_a_fresh_link_for_the_owner() -> None:
    make_owner_with_password()

    assert "/start/" in run_owner_link("--reset")


def test_reset_with_a_name_prints_a_link_for_that_person(client: Client) -> None:
    make_owner_with_password()
    make_account("grace")

    printed = run_owner_link("--host", "h", "--reset", "grace")
    page = client.get(printed.strip().removeprefix("http://h:8000"))

    assert page.context["account"].username == "grace"


def test_reset_for_a_name_that_nobody_has_says_so() -> None:
    with pytest.raises(CommandError, match="no active account named nobody"):
        run_owner_link("--reset", "nobody")


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_host_stands_in_brackets_once(host: str) -> None:
    make_owner_with_password()

    assert run_owner_link("--host", host) == "http://[::1]:8000/\n"


def test_a_link_that_resets_is_in_the_audit_log_and_a_look_is_not() -> None:
    owner = accounts.ensure_owner(now=NOW)
    run_owner_link()
    assert not AuditEvent.objects.filter(verb="made a start link").exists()

    run_owner_link("--reset")

    assert AuditEvent.objects.get(verb="made a start link").subject == f"account {owner.pk}"
