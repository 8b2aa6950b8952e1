"""Choosing one's sign-in by link."""

from __future__ import annotations

import pytest

from annotation.actions import accounts
from annotation.models import Account, AuditEvent
from annotation.queries.accounts import find_account_of_start_link, make_start_link_parts
from tests.factories import NOW, make_account

pytestmark = pytest.mark.django_db

CHOICE = {"username": "ada", "display_name": "Ada L.", "password": "a long enough one", "now": NOW}


def test_claiming_an_account_stores_the_names_and_the_password() -> None:
    owner = accounts.ensure_owner(now=NOW)
    _, token = make_start_link_parts(owner)

    accounts.claim_account(account=owner, token=token, **CHOICE)

    owner.refresh_from_db()
    assert (owner.username, owner.display_name) == ("ada", "Ada L.")
    assert owner.check_password("a long enough one")
    assert AuditEvent.objects.filter(actor=owner, verb="chose a password by link").exists()


def test_a_start_link_works_once() -> None:
    owner = accounts.ensure_owner(now=NOW)
    uid, token = make_start_link_parts(owner)
    accounts.claim_account(account=owner, token=token, **CHOICE)

    with pytest.raises(accounts.LinkNotValid):
        accounts.claim_account(account=owner, token=token, **{**CHOICE, "password": "of somebody else"})

    owner.refresh_from_db()
    assert owner.check_password("a long enough one")
    assert find_account_of_start_link(uid, token) is None


def test_a_start_link_of_one_account_opens_no_other() -> None:
    owner, other = accounts.ensure_owner(now=NOW), make_account()
    _, token = make_start_link_parts(owner)

    with pytest.raises(accounts.LinkNotValid):
        accounts.claim_account(account=other, token=token, **CHOICE)


def test_a_taken_user_name_is_refused_in_any_case_and_nothing_is_stored() -> None:
    make_account("Ada")
    owner = accounts.ensure_owner(now=NOW)
    uid, token = make_start_link_parts(owner)

    with pytest.raises(accounts.UserNameTaken):
        accounts.claim_account(account=owner, token=token, **CHOICE)

    owner.refresh_from_db()
    assert owner.username == "owner"
    assert find_account_of_start_link(uid, token) == owner


def test_a_name_taken_between_the_look_and_the_save_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    make_account("ada")
    owner = accounts.ensure_owner(now=NOW)
    monkeypatch.setattr("annotation.actions.accounts._has_name_twin", lambda account: False)
    owner.username = "ada"

    with pytest.raises(accounts.UserNameTaken):
        accounts.save_with_free_name(owner)

    assert Account.objects.filter(username="ada").count() == 1


@pytest.mark.parametrize("uid", ["", "!!", "_____w", "MA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "eA"])
def test_a_mangled_uid_finds_nobody(uid: str) -> None:
    assert find_account_of_start_link(uid, "x-y") is None


def test_a_switched_off_account_has_no_start_link() -> None:
    account = make_account(is_active=False)

    assert find_account_of_start_link(*make_start_link_parts(account)) is None
