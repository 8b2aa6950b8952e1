"""Walks every address of the product: nobody and outsiders see nothing that is not meant for everyone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from annotation.models import Account, Membership, Project, Role
from tests.factories import (
    NOW,
    make_account,
    make_batch,
    make_dry_run,
    make_gold,
    make_import_run,
    make_import_source,
    make_judge_score,
    make_member,
    make_project,
    make_rating,
    make_trace,
)

OPEN_TO_EVERYONE = {
    "annotation:check_health": "asked by load balancers",
    "annotation:sign_in": "the way in",
    "annotation:claim_account": "its secret is the permission",
    "annotation:join_project": "its secret is the permission",
}
# One's own pages, and lists that hold rows of one's own projects only; they too must not name the hidden one.
OPEN_TO_WHOEVER_IS_SIGNED_IN = {
    "annotation:list_projects",
    "annotation:my_work",
    "annotation:edit_account",
    "annotation:change_password",
    "annotation:edit_keys",
    "annotation:list_tokens",
    "api:schema",
    "api:project_list",
    "api:prompt_list",
    "api:trace_list",
    "api:rating_list",
    "exports_api:export_list",
}
_PARAMETER = re.compile(r"<(\w+:)?\w+>")
SAMPLES = {"slug": "hidden-project", "str": "x", "int": "1", "path": "x", "uuid": "0" * 32}


@dataclass(frozen=True)
class Address:
    """`has_row`: it names a project or a row in one."""

    name: str
    path: str
    has_row: bool


def list_addresses(slug: str = SAMPLES["slug"], number: int = 1) -> list[Address]:
    """Every address of every app, with something plausible in place of its parameters."""

    def fill(match: re.Match[str]) -> str:
        return {**SAMPLES, "slug": slug, "int": str(number)}[(match.group(1) or "str:").rstrip(":")]

    def walk(patterns: list[URLPattern | URLResolver], prefix: str, space: str) -> Iterator[Address]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
                yield from walk(pattern.url_patterns, route, inner)
                continue
            route = re.sub(
                r"\^?\(\?P<url>.*\)\$$", "x", route
            )  # the admin's catch-all is a regular expression
            path = "/" + _PARAMETER.sub(fill, route)
            has_row = not path.startswith("/admin/") and ("<slug:" in route or "<int:" in route)
            yield Address(f"{space}{pattern.name}", path, has_row)

    return list(walk(get_resolver().url_patterns, "", ""))


def list_addresses_of_rows() -> list[Address]:
    """The same, with every number that some row of ours has, so that each address meets a real row."""
    models = [*apps.get_app_config("annotation").get_models(), *apps.get_app_config("exports").get_models()]
    numbers = {pk for model in models for pk in model._default_manager.values_list("pk", flat=True)}
    return list(dict.fromkeys(address for number in numbers for address in list_addresses(number=number)))


@pytest.fixture
def hidden_project() -> Project:
    """A project with a row of each kind, so that an address that leaks would have something to show."""
    project = make_project(slug=SAMPLES["slug"], name="Hidden project")
    trace = make_trace(project=project)
    make_rating(trace)
    make_judge_score(trace)
    make_gold(trace)
    make_batch(project)
    make_dry_run(trace.prompt)
    make_import_run(make_import_source(project))
    return project


@pytest.fixture
def outsider() -> Account:
    """Admin of another project."""
    return make_member(make_project(), Role.ADMIN)


def test_the_walk_reaches_pages_api_and_admin() -> None:
    names = {address.name for address in list_addresses()}

    assert {"annotation:edit_project", "api:trace_detail", "admin:index"} <= names
    assert names >= set(OPEN_TO_EVERYONE)
    assert names >= OPEN_TO_WHOEVER_IS_SIGNED_IN


@pytest.mark.django_db
def test_nobody_gets_a_page_that_is_not_open_to_everyone(client: Client, hidden_project: Project) -> None:
    leaks = [
        address
        for address in list_addresses_of_rows()
        if address.name not in OPEN_TO_EVERYONE and client.get(address.path).status_code == 200
    ]

    assert leaks == []


@pytest.mark.django_db
def test_an_outsider_gets_nothing_of_a_project(
    client: Client, hidden_project: Project, outsider: Account
) -> None:
    client.force_login(outsider)

    assert find_leaks(client) == []


@pytest.mark.django_db
def test_the_walk_would_notice_pages_that_forget_to_ask_who_is_there(
    client: Client, hidden_project: Project, outsider: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotation.views.access.list_projects_of", lambda account: Project.objects.all())
    monkeypatch.setattr("annotation.views.access.get_roles", lambda account, project: frozenset(Role))
    client.force_login(outsider)

    assert {"annotation:edit_project", "annotation:list_people"} <= {name for name, _ in find_leaks(client)}


@pytest.mark.django_db
def test_an_outsider_gets_the_same_answer_for_a_hidden_project_as_for_none(
    client: Client, hidden_project: Project, outsider: Account
) -> None:
    client.force_login(outsider)
    differences = []
    for hidden, missing in zip(list_addresses(), list_addresses(slug="no-such-project"), strict=True):
        if not hidden.has_row:
            continue
        first, second = client.get(hidden.path), client.get(missing.path)
        if first.status_code not in (404, 405) or _strip(first.content) != _strip(second.content):
            differences.append((hidden.name, first.status_code, second.status_code))

    assert differences == []


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["paused", "removed", "switched off"])
def test_who_was_a_member_is_an_outsider_now(client: Client, hidden_project: Project, state: str) -> None:
    account = make_member(hidden_project, Role.ADMIN)
    client.force_login(account)
    if state == "paused":
        Membership.objects.filter(account=account).update(paused_at=NOW)
    elif state == "removed":
        Membership.objects.filter(account=account).delete()
    else:
        Account.objects.filter(pk=account.pk).update(is_active=False)

    leaks = [
        address.name
        for address in list_addresses()
        if address.has_row and client.get(address.path).status_code == 200
    ]

    assert leaks == []


@pytest.mark.django_db
def test_posting_takes_a_member_too(client: Client, hidden_project: Project, outsider: Account) -> None:
    before = _count_rows()
    client.force_login(outsider)
    answers = {
        address.name: client.post(address.path).status_code
        for address in list_addresses_of_rows()
        if address.has_row
    }

    assert {name: status for name, status in answers.items() if status not in (404, 405)} == {}
    assert _count_rows() == before


def test_a_new_account_that_is_in_no_project_is_an_outsider_everywhere(db: None, client: Client) -> None:
    client.force_login(make_account())
    make_project(slug=SAMPLES["slug"])

    opened = [a.name for a in list_addresses() if a.has_row and client.get(a.path).status_code == 200]

    assert opened == []


def find_leaks(client: Client) -> list[tuple[str, int]]:
    """Addresses that answer an outsider with a page, or with any word of the hidden project."""
    leaks = []
    for address in list_addresses_of_rows():
        answer = client.get(address.path)
        is_open = address.name in OPEN_TO_EVERYONE or address.name in OPEN_TO_WHOEVER_IS_SIGNED_IN
        body = getattr(answer, "content", b"")
        names_it = b"Hidden project" in body or (
            answer.status_code == 200 and SAMPLES["slug"].encode() in body
        )
        if names_it or (answer.status_code == 200 and not is_open):
            leaks.append((address.name, answer.status_code))
    return leaks


def _strip(body: bytes) -> bytes:
    """Without what differs between any two answers: the address itself and the tokens against forgery."""
    body = re.sub(rb'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[^"]*', b"", body)
    return re.sub(rb"hidden-project|no-such-project", b"", body)


def _count_rows() -> tuple[int, int, int]:
    return (Project.objects.count(), Membership.objects.count(), Account.objects.count())
