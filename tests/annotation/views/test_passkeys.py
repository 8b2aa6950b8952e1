"""Passkeys: adding, renaming and removing them, signing in by one, and what is no passkey."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from fido2.utils import websafe_encode
from fido2.webauthn import AuthenticatorData

from annotation.actions import privacy
from annotation.models import Account, AuditEvent
from annotation.queries.personal_data import read_personal_data
from tests.factories import NOW, make_account, make_site_admin
from tests.passkeys import SoftwarePasskey, add_passkey, give_passkey, read_options

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("annotation:sign_in")
BY_PASSKEY = reverse("sign_in_with_passkey")
SECOND = reverse("mfa_authenticate")
CONFIRM = reverse("mfa_reauthenticate_webauthn")
ADD = reverse("add_passkey")
PASSWORD = "grace's own password"
REFUSED = "That passkey was not accepted."
ONLY_TOUCHED = AuthenticatorData.FLAG.UP

# What somebody may send in place of a passkey.
GARBAGE = (
    "", "{", "null", "[]", '"x"', "7", "9" * 5000, "[" * 15_000, "{}", '{"response": []}',
    '{"id": "a", "rawId": "a", "response": {}}',
    '{"id": "a\\u0000", "rawId": "a", "response": {}}',
    '{"id": "a", "rawId": "a", "response": {"clientDataJSON": 7}}',
    '{"id": "AA", "rawId": "AA", "response": {"clientDataJSON": "AA", "attestationObject": "oA", '
    '"authenticatorData": "AA", "signature": "AA", "userHandle": "____"}}',
    '{"id": "AA", "rawId": "AA", "response": {"clientDataJSON": "e30", "attestationObject": "v_8", '
    '"authenticatorData": "AAAA", "signature": "AA", "userHandle": "enp6enp6enp6enp6enp6"}}',
    json.dumps({"id": "A" * 50_000}),
)  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def grace() -> Account:
    account = make_account("grace")
    account.set_password(PASSWORD)
    account.save()
    return account


@pytest.fixture
def here(grace: Account) -> Client:
    """Her browser: signed in, and she said a moment ago that it is her."""
    client = Client()
    client.post(SIGN_IN, {"username": "grace", "password": PASSWORD})
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": "/work/"})
    return client


@pytest.fixture
def phone(here: Client) -> SoftwarePasskey:
    passkey = SoftwarePasskey()
    assert add_passkey(here, passkey) == reverse("mfa_view_recovery_codes")
    return passkey


def sign_in(client: Client, passkey: SoftwarePasskey, next_page: str = "", **bent: Any) -> str:
    """What the page that follows says."""
    options = client.get(BY_PASSKEY, headers={"accept": "application/json"}).json()
    said = {"credential": passkey.use(options, **bent), "next": next_page}
    return client.post(BY_PASSKEY, said, follow=True).text


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


class TestKeepingThem:
    def test_the_first_brings_recovery_codes_and_the_list_says_when(
        self, here: Client, phone: SoftwarePasskey
    ) -> None:
        laptop = add_passkey(here, SoftwarePasskey(), name="")
        page = here.get(reverse("mfa_index")).text

        assert laptop == reverse("mfa_index")
        assert "Phone" in page and "Passkey 2" in page
        assert page.count("never used") == 2

    def test_the_list_says_when_one_was_used(
        self, here: Client, grace: Account, phone: SoftwarePasskey
    ) -> None:
        sign_in(Client(), phone)

        assert "last used" in here.get(reverse("mfa_index")).text

    def test_the_device_is_asked_to_unlock_and_told_of_those_there_are(
        self, here: Client, phone: SoftwarePasskey
    ) -> None:
        options = read_options(here.get(ADD).text)["publicKey"]

        assert options["rp"] == {"id": "testserver", "name": "Gradus"}
        assert options["user"]["name"] == "grace"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["authenticatorSelection"]["residentKey"] == "required"
        assert len(options["excludeCredentials"]) == 1

    def test_the_password_is_asked_for_first(self, grace: Account, phone: SoftwarePasskey) -> None:
        client = Client()
        sign_in(client, phone)
        number = Authenticator.objects.get(type="webauthn").pk
        paths = [ADD, *(reverse(name, args=[number]) for name in ("rename_passkey", "remove_passkey"))]

        told = [client.get(path).headers["Location"].partition("?")[0] for path in paths]

        assert told == [reverse("account_reauthenticate")] * 3

    def test_it_is_renamed(self, here: Client, phone: SoftwarePasskey) -> None:
        path = reverse("rename_passkey", args=[Authenticator.objects.get(type="webauthn").pk])

        here.post(path, {"name": "Old phone"})

        assert "Old phone" in here.get(reverse("mfa_index")).text
        assert "renamed a passkey" in verbs()

    @pytest.mark.parametrize("name", ["", "x" * 61, "a\u202eb", "a\x00b"])
    def test_a_name_that_is_none_is_said_beside_the_field(
        self, here: Client, phone: SoftwarePasskey, name: str
    ) -> None:
        path = reverse("rename_passkey", args=[Authenticator.objects.get(type="webauthn").pk])

        assert "field-errors" in here.post(path, {"name": name}).text

    def test_removed_it_opens_nothing_and_the_password_alone_does(
        self,
        here: Client,
        phone: SoftwarePasskey,
        django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]],
    ) -> None:
        path = reverse("remove_passkey", args=[Authenticator.objects.get(type="webauthn").pk])
        asked = here.get(path).text
        here.post(path)
        client = Client()

        said = sign_in(client, phone)

        assert "Phone" in asked
        assert REFUSED in said and not is_in(client)
        answer = client.post(SIGN_IN, {"username": "grace", "password": PASSWORD})
        assert answer.headers["Location"] == "/"
        assert {"added a passkey", "removed a passkey"} <= set(verbs())
        assert not Authenticator.objects.exists()

    def test_what_is_no_passkey_is_not_added_and_said_in_one_sentence(self, here: Client) -> None:
        here.get(ADD)

        answers = [here.post(ADD, {"name": "Phone", "credential": garbage}) for garbage in GARBAGE]

        assert {answer.status_code for answer in answers} == {200}
        assert all("Nothing was added; try again." in answer.text for answer in answers)
        assert all('value="Phone"' in answer.text for answer in answers)
        assert not Authenticator.objects.exists()

    @pytest.mark.parametrize("bent", ["elsewhere", "plain", "locked", "old"])
    def test_a_passkey_made_for_elsewhere_or_not_unlocked_is_not_added(self, here: Client, bent: str) -> None:
        origins = {"elsewhere": "https://evil.example.org", "plain": "http://testserver"}
        passkey = SoftwarePasskey(origin=origins.get(bent, ""))
        options = read_options(here.get(ADD).text)
        if bent == "old":
            here.get(ADD)  # asks for another challenge

        said = passkey.make(options, flags=ONLY_TOUCHED) if bent == "locked" else passkey.make(options)
        page = here.post(ADD, {"name": "Phone", "credential": said}).text

        assert "Nothing was added; try again." in page
        assert not Authenticator.objects.exists()

    def test_it_is_for_the_host_name_of_the_page_which_without_https_is_localhost(self, here: Client) -> None:
        passkey = SoftwarePasskey("localhost", origin="http://localhost:8000")
        at_home = {"host": "localhost:8000"}
        options = read_options(here.get(ADD, headers=at_home).text)

        here.post(ADD, {"name": "Home", "credential": passkey.make(options)}, headers=at_home)

        assert options["publicKey"]["rp"]["id"] == "localhost"
        assert Authenticator.objects.filter(type="webauthn").exists()

    def test_only_what_is_checked_is_kept(self, here: Client) -> None:
        options = read_options(here.get(ADD).text)
        said = {**json.loads(SoftwarePasskey().make(options)), "more": "\x00\ud800"}

        here.post(ADD, {"name": "Phone", "credential": json.dumps(said)})

        kept = Authenticator.objects.get(type="webauthn").data["credential"]
        assert "more" not in kept
        assert set(kept["response"]) == {"clientDataJSON", "attestationObject"}


class TestSigningIn:
    def test_it_takes_neither_password_nor_code_and_leads_on(
        self, grace: Account, phone: SoftwarePasskey
    ) -> None:
        client = Client()

        page = sign_in(client, phone, next_page=reverse("annotation:edit_account"))

        assert client.session["_auth_user_id"] == str(grace.pk)
        assert "Your account" in page
        assert verbs()[-1] == "signed in"
        assert grace.usersession_set.count() == 2

    def test_next_leads_to_no_other_site(self, grace: Account, phone: SoftwarePasskey) -> None:
        client = Client()
        options = client.get(BY_PASSKEY).json()

        said = {"credential": phone.use(options), "next": "https://evil.example.org/"}

        assert client.post(BY_PASSKEY, said).headers["Location"] == "/"

    @pytest.mark.parametrize("bent", ["locked", "another key", "elsewhere", "twice"])
    def test_what_does_not_prove_it_is_refused_in_one_sentence_and_recorded(
        self, grace: Account, phone: SoftwarePasskey, bent: str
    ) -> None:
        client, options = Client(), {}
        if bent == "another key":
            stranger = SoftwarePasskey()
            stranger.number, stranger.owner = phone.number, phone.owner
            phone = stranger
        elif bent == "elsewhere":
            phone.origin = "https://evil.example.org"
        if bent == "twice":
            options = client.get(BY_PASSKEY).json()
            client.post(BY_PASSKEY, {"credential": (said := phone.use(options))})
            client.post(reverse("annotation:sign_out"))
            page = client.post(BY_PASSKEY, {"credential": said}, follow=True).text
        else:
            page = sign_in(client, phone, **({"flags": ONLY_TOUCHED} if bent == "locked" else {}))

        assert REFUSED in page
        assert not is_in(client)
        assert verbs()[-1] == "failed to sign in with a passkey"

    def test_nobody_writes_into_the_history_of_whom_they_have_no_passkey_of(
        self, grace: Account, phone: SoftwarePasskey
    ) -> None:
        olga, client = make_account("olga"), Client()
        none = sign_in(client, phone, owner=_handle(olga))
        give_passkey(olga)
        others = sign_in(client, phone, owner=_handle(olga))
        mine = sign_in(client, SoftwarePasskey(), owner=_handle(grace))

        assert all(REFUSED in page for page in (none, others, mine))
        assert not is_in(client)
        assert "failed to sign in with a passkey" not in verbs()

    def test_garbage_is_refused_in_one_sentence(self, grace: Account) -> None:
        client = Client()
        client.get(BY_PASSKEY)

        pages = [
            client.post(BY_PASSKEY, {"credential": garbage, "next": "/work/"}, follow=True)
            for garbage in GARBAGE
        ]

        assert {page.status_code for page in pages} == {200}
        assert all(REFUSED in page.text for page in pages)
        assert all('name="next" value="/work/"' in page.text for page in pages)

    def test_without_having_asked_for_what_to_sign_it_is_refused(
        self, grace: Account, phone: SoftwarePasskey
    ) -> None:
        options = Client().get(BY_PASSKEY).json()
        client = Client()

        page = client.post(BY_PASSKEY, {"credential": phone.use(options)}, follow=True).text

        assert REFUSED in page and not is_in(client)

    def test_a_switched_off_account_gets_the_same_answer(
        self, grace: Account, phone: SoftwarePasskey
    ) -> None:
        Account.objects.update(is_active=False)
        client = Client()

        assert REFUSED in sign_in(client, phone)
        assert not is_in(client)

    def test_failures_are_limited_and_successes_take_themselves_away(
        self, grace: Account, phone: SoftwarePasskey
    ) -> None:
        client = Client()
        for _ in range(31):
            sign_in(client, phone)
            client.post(reverse("annotation:sign_out"))
        last_good = sign_in(Client(), phone)
        for _ in range(30):
            client.post(BY_PASSKEY, {"credential": "{}"})

        said = sign_in(client, phone)

        assert REFUSED not in last_good
        assert "Too many attempts failed" in said and not is_in(client)

    def test_who_asks_for_challenges_without_end_is_asked_to_wait(self) -> None:
        """Each challenge keeps a session."""
        client = Client()

        asked = [client.get(BY_PASSKEY).status_code for _ in range(121)]

        assert asked == [200] * 120 + [429]


class TestSecondFactor:
    def test_after_the_password_it_is_asked_for_and_lets_in(
        self, grace: Account, phone: SoftwarePasskey
    ) -> None:
        client = Client()
        answer = client.post(SIGN_IN, {"username": "grace", "password": PASSWORD})
        page = client.get(SECOND).text
        waiting = is_in(client)

        client.post(SECOND, {"credential": phone.use(read_options(page))})

        assert answer.headers["Location"].startswith(SECOND)
        assert not waiting and is_in(client)

    def test_garbage_is_refused_in_one_sentence(self, phone: SoftwarePasskey) -> None:
        client = Client()
        client.post(SIGN_IN, {"username": "grace", "password": PASSWORD})

        answers = [client.post(SECOND, {"credential": garbage}) for garbage in GARBAGE]

        assert {answer.status_code for answer in answers} == {200}
        assert all(REFUSED in answer.text for answer in answers) and not is_in(client)

    def test_wrong_ones_are_recorded_and_close_the_account_as_wrong_codes_do(
        self, phone: SoftwarePasskey
    ) -> None:
        client, stranger = Client(), SoftwarePasskey()
        client.post(SIGN_IN, {"username": "grace", "password": PASSWORD})
        for _ in range(5):
            client.post(SECOND, {"credential": stranger.use(read_options(client.get(SECOND).text))})
        recorded = verbs().count("gave a wrong second factor")

        client.post(SECOND, {"credential": phone.use(read_options(client.get(SECOND).text))})

        assert recorded == 5
        assert not is_in(client)

    def test_who_has_none_is_not_offered_any(self, grace: Account) -> None:
        from_app = make_account("olga")
        from_app.set_password(PASSWORD)
        from_app.save()
        from_app.authenticator_set.create(type="totp", data={"secret": "x"})
        client = Client()
        client.post(SIGN_IN, {"username": "olga", "password": PASSWORD})

        assert "passkey-options" not in client.get(SECOND).text


class TestConfirming:
    def test_a_passkey_says_that_it_is_you(self, here: Client, phone: SoftwarePasskey) -> None:
        client = Client()
        sign_in(client, phone)
        page = client.get(f"{CONFIRM}?next={ADD}").text

        answer = client.post(f"{CONFIRM}?next={ADD}", {"credential": phone.use(read_options(page))})

        assert answer.headers["Location"] == ADD
        assert client.get(ADD).status_code == 200

    def test_the_pages_that_ask_lead_to_one_another(self, here: Client, phone: SoftwarePasskey) -> None:
        assert "Use a passkey" in here.get(reverse("account_reauthenticate")).text
        assert "Use your password" in here.get(CONFIRM).text

    def test_a_wrong_one_is_refused_in_one_sentence_and_recorded(
        self, here: Client, phone: SoftwarePasskey
    ) -> None:
        client = Client()
        sign_in(client, phone)
        stranger = SoftwarePasskey().use(read_options(client.get(CONFIRM).text))

        pages = [
            client.post(f"{CONFIRM}?next={ADD}", {"credential": said}, follow=True).text
            for said in (stranger, *GARBAGE[:4])
        ]

        assert [REFUSED in page for page in pages] == [True] * 5
        assert "failed to confirm with a passkey" in verbs()
        assert client.get(ADD).status_code == 302

    def test_it_can_not_be_tried_for_ever(
        self, here: Client, phone: SoftwarePasskey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        later = time.time() + 3600  # long after the password
        monkeypatch.setattr("allauth.account.internal.flows.reauthentication.time.time", lambda: later)

        answers = [here.post(CONFIRM, {"credential": "{}"}).status_code for _ in range(11)]

        assert answers[-1] == 429

    def test_who_signs_in_elsewhere_alone_is_told_why_it_can_not_be_asked(self) -> None:
        client = Client()
        client.force_login(make_account())

        answer = client.get(ADD)

        assert answer.status_code == 403
        assert "You have no password here" in answer.text


class TestWhatIsKept:
    def test_own_data_has_name_and_times_and_nothing_to_sign_in_with(
        self, grace: Account, phone: SoftwarePasskey
    ) -> None:
        rows = [row for row in read_personal_data(grace) if row["kind"] == "authenticator"]

        [row] = [row for row in rows if row["type"] == "webauthn"]
        assert set(row) == {"kind", "type", "data__name", "created_at", "last_used_at"}
        assert row["data__name"] == "Phone"

    def test_forgetting_a_person_forgets_them(self, grace: Account, phone: SoftwarePasskey) -> None:
        privacy.forget_person(account=grace, actor=None, now=NOW)

        assert not Authenticator.objects.exists()

    def test_a_site_admin_removes_a_lost_one_with_its_codes_and_no_log_has_its_name(
        self, grace: Account, phone: SoftwarePasskey
    ) -> None:
        client = Client()
        client.force_login(make_site_admin())
        passkey = Authenticator.objects.get(type="webauthn")
        listed = client.get(reverse("admin:mfa_authenticator_changelist")).text

        client.post(reverse("admin:mfa_authenticator_delete", args=[passkey.pk]), {"post": "yes"})

        assert "Phone" in listed
        assert not Authenticator.objects.exists()
        assert verbs()[-1] == "removed a second factor"
        assert "Phone" not in str(list(LogEntry.objects.values()))
        answer = Client().post(SIGN_IN, {"username": "grace", "password": PASSWORD})
        assert answer.headers["Location"] == "/"

    def test_nobody_changes_anothers(self, here: Client) -> None:
        other = give_passkey(make_account())

        for name in ("rename_passkey", "remove_passkey"):
            assert here.get(reverse(name, args=[other])).status_code == 404
            assert here.post(reverse(name, args=[other]), {"name": "mine"}).status_code == 404
        assert Authenticator.objects.get().data["name"] == "Phone"


def _handle(account: Account) -> str:
    """How a passkey names its owner."""
    return str(websafe_encode(user_pk_to_url_str(account).encode()))
