"""Walks every address of the product: nobody and outsiders learn nothing, not even that a project is there.

Who gets what at which address is docs/permissions.md, held by test_permissions.py; here is what a status does not say.
"""

from __future__ import annotations

import re

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Account, AuditEvent, Membership, Project, Role
from tests.addresses import Address, list_addresses
from tests.factories import NOW, make_account, make_member, make_project
from tests.places import Places
from tests.repo.test_permissions import ask, list_methods, sign_in

pytestmark = pytest.mark.django_db

OPEN_TO_EVERYONE = {
    "annotation:check_health": "asked by load balancers",
    "annotation:check_readiness": "asked by load balancers",
    "annotation:sign_in": "the way in",
    "annotation:claim_account": "its secret is the permission",
    "annotation:join_project": "its secret is the permission, and it names the project it leads to",
}
NAME = b"Lively"  # of the project that outsiders must not hear of


@pytest.fixture
def places() -> Places:
    return Places()


@pytest.fixture
def outsider() -> Account:
    """Admin of another project."""
    return make_member(make_project(slug="own"), Role.ADMIN)


def list_of_rows() -> list[Address]:
    return [address for address in list_addresses() if address.has_row]


def test_the_walk_reaches_pages_api_and_admin() -> None:
    names = {address.name for address in list_addresses()}

    assert {"annotation:edit_project", "api:trace_detail", "exports_api:export_file", "admin:index"} <= names
    assert names >= set(OPEN_TO_EVERYONE)


def test_the_administration_is_for_site_admins_alone(places: Places) -> None:
    addresses = [address for address in list_addresses() if address.is_of_admin]
    nobody, admin = sign_in(None), sign_in(make_member(places.project, Role.ADMIN))

    opened = [a.name for a in addresses for who in (nobody, admin) if who.get(a.fill()).status_code == 200]

    assert len(addresses) > 50
    assert opened == []
    assert sign_in(places.admin).get("/admin/").status_code == 200


def test_no_answer_to_an_outsider_names_the_hidden_project(places: Places, outsider: Account) -> None:
    assert find_leaks(sign_in(outsider), places) == []


def test_the_walk_would_notice_pages_that_forget_to_ask_who_is_there(
    places: Places, outsider: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotation.views.access.list_projects_of", lambda account: Project.objects.all())
    monkeypatch.setattr("annotation.views.access.get_roles", lambda account, project: frozenset(Role))

    assert {"annotation:edit_project", "annotation:list_people"} <= set(find_leaks(sign_in(outsider), places))


def test_a_hidden_project_answers_as_one_that_does_not_exist_and_by_as_many_queries(
    places: Places, outsider: Account
) -> None:
    client = sign_in(outsider)
    client.get("/")  # what is compiled once is compiled
    differences = []
    for address in list_of_rows():
        if "slug" not in address.parameters:
            continue
        hidden = _answer(client, address.fill(places.values_of(address)))
        missing = _answer(client, address.fill({**places.values_of(address), "slug": "no-such-project"}))
        if hidden != missing or hidden[0] not in (404, 405):
            differences.append((address.name, hidden[0], missing[0], hidden[2], missing[2]))

    assert differences == []


def test_a_row_of_a_hidden_project_is_not_found_by_way_of_ones_own(places: Places, outsider: Account) -> None:
    """Somebody who may everything in one project puts another's numbers into its addresses."""
    Membership.objects.create(
        project=Project.objects.get(slug="own"), account=outsider, role=Role.RATER, created_at=NOW
    )
    client = sign_in(outsider)
    named_by_rows = [
        a
        for a in list_of_rows()
        if "slug" in a.parameters and len(a.parameters) > 1 and "kind" not in a.parameters
    ]

    found = {
        (method, address.name): said
        for address in named_by_rows
        for method in list_methods(address)
        if (said := ask(client, method, address.fill({**places.values_of(address), "slug": "own"})))
        not in ("404", "")
    }

    assert len(named_by_rows) > 25
    assert found == {}


@pytest.mark.parametrize("state", ["paused", "removed", "switched off", "never a member"])
def test_who_is_no_member_any_more_is_an_outsider(places: Places, state: str) -> None:
    account = make_account() if state == "never a member" else make_member(places.project, Role.ADMIN)
    client = sign_in(account)
    if state == "paused":
        Membership.objects.filter(account=account).update(paused_at=NOW)
    elif state == "removed":
        Membership.objects.filter(account=account).delete()
    elif state == "switched off":
        Account.objects.filter(pk=account.pk).update(is_active=False)

    leaks = [a.name for a in list_of_rows() if client.get(places.path_of(a)).status_code == 200]

    assert [name for name in leaks if name not in OPEN_TO_EVERYONE] == []


def test_what_an_outsider_posts_leaves_no_trace(places: Places, outsider: Account) -> None:
    before = _count_rows()
    client = sign_in(outsider)
    for address in list_of_rows():
        client.post(places.path_of(address), places.body_of(address))

    assert _count_rows() == before


def find_leaks(client: Client, places: Places) -> list[str]:
    """Addresses whose answers hold any word of the hidden project, headers included."""
    leaks = []
    for address in list_addresses():
        if address.name in OPEN_TO_EVERYONE or address.is_of_admin:
            continue
        with transaction.atomic():
            answer = client.get(places.path_of(address))
        told = b"".join(answer) if answer.streaming else answer.content
        if NAME in told or NAME in str(dict(answer.headers)).encode():
            leaks.append(address.name)
    return leaks


def _answer(client: Client, path: str) -> tuple[int, bytes, int]:
    """(status, body without what differs between any two answers, number of queries)."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    body = re.sub(rb'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[^"]*', b"", answer.content)
    return answer.status_code, re.sub(rb"lively|no-such-project", b"", body), len(queries)


def _count_rows() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Project, Membership, Account, AuditEvent))
