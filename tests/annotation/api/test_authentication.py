"""Who an API call is, and the one shape of every refusal."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotation.actions import tokens
from annotation.models import Account, ApiToken, Role, TokenScope
from tests.annotation.api.callers import make_caller, send
from tests.factories import make_account, make_member, make_project

pytestmark = pytest.mark.django_db

PROJECTS = "/api/v1/projects/"


def assert_is_problem(answer: Any, status: int) -> None:
    body = answer.json()
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert sorted(body) == ["detail", "errors", "status", "title", "type"]
    assert body["status"] == status


@pytest.mark.parametrize(
    "header",
    [None, "Bearer", "Bearer a b", "Bearer gradus_wrong", "Bearer \xff\xfe", "Basic YTpi", "bearer "],
)
def test_a_call_without_a_working_token_is_refused_with_401(header: str | None) -> None:
    client = Client(headers={"authorization": header} if header else {})

    answer = client.get(PROJECTS)

    assert_is_problem(answer, 401)
    assert answer["WWW-Authenticate"] == 'Bearer realm="Gradus"'


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - dt.timedelta(seconds=1)},
    ],
)
def test_a_token_that_was_good_is_refused_like_one_that_never_was(change: dict[str, Any]) -> None:
    caller = make_caller(make_account())
    ApiToken.objects.update(**change)

    refused = caller.get(PROJECTS)

    unknown = Client(headers={"authorization": "Bearer gradus_unknown"}).get(PROJECTS)
    assert refused.json() == unknown.json()


def test_a_switched_off_account_is_refused() -> None:
    caller = make_caller(make_account())
    Account.objects.update(is_active=False)

    assert_is_problem(caller.get(PROJECTS), 401)


def test_a_token_acts_as_its_person_and_its_use_is_noted() -> None:
    project = make_project()
    caller = make_caller(make_member(project))

    assert [row["slug"] for row in caller.get(PROJECTS).json()["results"]] == [project.slug]
    assert ApiToken.objects.get().last_used_at is not None


def test_a_browser_session_reads_too_but_writes_only_with_its_csrf_token() -> None:
    project = make_project()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_member(project, Role.ADMIN))

    read = browser.get(PROJECTS).status_code
    written = send(browser, "/api/v1/prompts/", {"project": project.slug, "prompts": [{"text": "1 + 1?"}]})

    assert read == 200
    assert_is_problem(written, 403)


def test_a_token_opens_no_page() -> None:
    made = tokens.create_token(
        account=make_account(),
        name="t",
        scopes=list(TokenScope),
        expires_at=timezone.now() + dt.timedelta(days=1),
        now=timezone.now(),
    )

    assert Client(headers={"authorization": f"Bearer {made.secret}"}).get("/").status_code == 302


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("null", "application/json", 400),
        ('{"project": 1}', "application/json", 400),
        ("a=b", "application/x-www-form-urlencoded", 415),
        (b"\xff\xfe", "application/json", 400),
        ('{"project": NaN, "prompts": []}', "application/json", 400),
        (" " * (5 * 1024 * 1024 + 1), "application/json", 413),
    ],
)
def test_a_malformed_body_is_a_problem_and_never_a_crash(
    body: str | bytes, content_type: str, status: int
) -> None:
    caller = make_caller(make_member(make_project(), Role.ADMIN))

    assert_is_problem(caller.post("/api/v1/prompts/", body, content_type=content_type), status)


def test_a_method_that_an_address_does_not_know_is_a_problem() -> None:
    assert_is_problem(make_caller(make_account()).delete(PROJECTS), 405)
