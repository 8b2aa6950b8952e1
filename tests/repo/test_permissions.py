"""docs/permissions.md is true: every kind of person tries every page and API operation, and is answered as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.test import Client

from annotation.models import Account
from config.paths import BASE_DIR
from tests.addresses import Address, list_addresses
from tests.passkeys import give_passkey
from tests.places import Places, make_own_session, make_own_token

DOCUMENT = BASE_DIR / "docs" / "permissions.md"
KINDS = ("nobody", "outsider", "rater", "adjudicator", "engineer", "admin", "site admin")
IN, OWN, SIGN_IN = "✓", "own", "sign in"
_WAYS_IN = re.compile(r"/(?:sign-in|admin/login)/\?next=")

Cells = dict[str, str]
"""What each kind of person gets: ✓, own (another person's is not found), 403, 404, or to sign in first."""
Operation = tuple[str, str]
"""A method, and the name of an address."""


def read_document() -> dict[Operation, Cells]:
    rows = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if found := re.fullmatch(r"([A-Z]+) `([\w:]+)`", cells[0]):
            rows[found[1], found[2]] = dict(zip(KINDS, cells[2:], strict=True))
    return rows


def list_methods(address: Address) -> tuple[str, ...]:
    return ("GET", "POST", "PUT", "PATCH", "DELETE") if address.is_of_api else ("GET", "POST")


def ask(client: Client, method: str, path: str, body: Mapping[str, object] | None = None) -> str:
    """What the answer says of who may; empty where there is no such method. What was done is undone."""
    is_json = path.startswith("/api/")
    data = json.dumps(body or {}) if is_json else urlencode(body or {})
    kind = "application/json" if is_json else "application/x-www-form-urlencoded"
    cookies = client.cookies.copy()
    with transaction.atomic():
        answer = client.generic(method, path, data, content_type=kind)
        if answer.streaming:
            b"".join(answer)  # read to its end: half an answer would keep its file open
        transaction.set_rollback(True)
    client.cookies = cookies
    assert answer.status_code < 500, (method, path)
    if answer.status_code == 401 or _WAYS_IN.match(answer.headers.get("Location", "")):
        return SIGN_IN
    return {403: "403", 404: "404", 405: ""}.get(answer.status_code, IN)


def sign_in(account: Account | None) -> Client:
    client = Client()
    if account is not None:
        client.force_login(account)
    return client


class Walk:
    """Tries every operation as every kind of person in one world."""

    def __init__(self, places: Places) -> None:
        self.places = places
        people = places.make_people()
        known = {who: account for who, account in people.items() if account}
        self.of_their_own = {
            "token_id": {who: make_own_token(account) for who, account in known.items()},
            "passkey_id": {who: give_passkey(account) for who, account in known.items()},
            "session_id": {who: make_own_session(account) for who, account in known.items()},
        }
        self.clients = {who: sign_in(account) for who, account in people.items()}

    def try_all(self) -> dict[Operation, Cells]:
        return {
            (method, address.name): cells
            for address in list_addresses()
            if not address.is_of_admin
            for method in list_methods(address)
            if {IN, OWN} & set((cells := self.try_one(method, address)).values())
        }

    def try_one(self, method: str, address: Address) -> Cells:
        path = self.places.path_of(address)
        body = self.places.body_of(address) if method == "POST" else {}
        got = {who: ask(client, method, path, body) for who, client in self.clients.items()}
        own = next((name for name in self.of_their_own if name in address.parameters), None)
        if own:
            others, got = got, {who: self._try_own(method, address, who, own) for who in got}
        else:
            others = {"rater": got.pop("other rater")}
        got.pop("other rater", None)
        return {who: OWN if said == IN and others.get(who) == "404" else said for who, said in got.items()}

    def _try_own(self, method: str, address: Address, who: str, name: str) -> str:
        return ask(self.clients[who], method, address.fill({name: self.of_their_own[name].get(who, 1)}))


@pytest.fixture
def single_sign_on(settings: Any) -> None:
    """An OpenID server is named, which is away."""
    app = {
        "provider_id": "sso",
        "name": "Corp",
        "client_id": "gradus",
        "settings": {"server_url": "http://127.0.0.1:9"},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}


@pytest.mark.django_db
@pytest.mark.usefixtures("single_sign_on")
def test_every_operation_answers_every_kind_of_person_as_the_table_says() -> None:
    found, written = Walk(Places()).try_all(), read_document()

    assert sorted(found.keys() - written.keys()) == [], "these are not in docs/permissions.md"
    assert sorted(written.keys() - found.keys()) == [], "these are there no more"
    assert {operation: cells for operation, cells in found.items() if cells != written[operation]} == {}
