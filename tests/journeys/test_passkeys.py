"""Passkeys in a real browser, with Chromium's own authenticator for tests: made, used in each place, and refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import CDPSession, Page, expect

from annotation.models import Account
from tests.factories import make_account
from tests.journeys.accessibility import expect_fit_to_be_seen
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "grace's own password"
INDEX = reverse("mfa_index")
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def grace() -> Account:
    account = make_account("grace")
    account.set_password(PASSWORD)
    account.save()
    return account


class Device:
    """The browser's authenticator, which unlocks by itself unless told otherwise."""

    def __init__(self, page: Page) -> None:
        self.session: CDPSession = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable")
        self.number = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})[
            "authenticatorId"
        ]

    def unlock(self, does: bool) -> None:
        said: dict[str, Any] = {"authenticatorId": self.number, "isUserVerified": does}
        self.session.send("WebAuthn.setUserVerified", said)


def give_password(page: Page) -> None:
    page.goto(reverse("annotation:sign_in"))
    page.get_by_label("User name").fill("grace")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def confirm_by_password(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def add_passkey(page: Page, name: str = "Phone") -> None:
    """With recovery codes, of who has no second factor yet."""
    page.goto(INDEX)
    page.get_by_role("link", name="Add a passkey").click()
    confirm_by_password(page)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_it_is_added_signs_in_and_is_refused_once_it_is_removed(open_page: OpenPage, grace: Account) -> None:
    page = open_page(None)
    device = Device(page)
    give_password(page)
    add_passkey(page)
    sign_out(page)

    device.unlock(False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-passkey-error]")).to_contain_text("No passkey was used")
    device.unlock(True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="Sign out").first).to_be_attached()

    page.goto(INDEX)
    expect(page.locator(".passkeys")).to_contain_text("last used")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("The passkey is removed.")).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("That passkey was not accepted.")).to_be_visible()


def test_it_is_the_second_factor_after_a_password_and_a_device_has_one_only(
    open_page: OpenPage, grace: Account
) -> None:
    page = open_page(None)
    Device(page)
    give_password(page)
    add_passkey(page)
    page.goto(reverse("add_passkey"))
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.locator("[data-passkey-error]")).to_contain_text("has a passkey for your account already")
    sign_out(page)

    give_password(page)
    page.get_by_role("button", name="Use a passkey").click()

    expect(page.get_by_role("button", name="Sign out").first).to_be_attached()


@pytest.mark.slow
def test_its_pages_are_fit_to_be_seen_and_without_javascript_say_what_is_needed(
    open_page: OpenPage, grace: Account
) -> None:
    page = open_page(None)
    Device(page)
    give_password(page)
    add_passkey(page, "A telephone with a long name of sixty letters, or as good as")
    number = grace.authenticator_set.get(type="webauthn").pk
    own = [reverse(name, args=[number]) for name in ("rename_passkey", "remove_passkey")]
    for address in (INDEX, reverse("add_passkey"), reverse("mfa_reauthenticate_webauthn"), *own):
        page.goto(address)
        expect_fit_to_be_seen(page, address)
    sign_out(page)
    expect_fit_to_be_seen(page, "signing in")
    give_password(page)
    expect_fit_to_be_seen(page, "second factor")

    without = open_page(None, java_script_enabled=False)
    give_password(without)
    expect(without.get_by_text("A passkey takes JavaScript")).to_be_visible()
    expect(without.get_by_role("button", name="Use a passkey")).to_be_hidden()
    without.goto(reverse("annotation:sign_in"))
    expect(without.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
