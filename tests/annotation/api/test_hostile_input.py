"""What a hostile caller sends: every refusal is problem details with a sentence, never a server error."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from annotation.api.errors import CONTENT_TYPE
from annotation.models import Account, Membership, Project, Role
from tests.factories import NOW, make_assignment, make_member, make_project, make_rating, make_trace

HUGE = "9" * 400  # an integer that no float holds


@pytest.fixture
def engineer(db: None, client: Client) -> Account:
    account = make_member(make_project(slug="sums"), Role.ENGINEER)
    client.force_login(account)
    return account


def post(client: Client, path: str, body: str) -> Any:
    return client.post(path, body, content_type="application/json")


def expect_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content[:300]
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    problem: dict[str, Any] = json.loads(answer.content)
    assert problem["status"] == status
    assert problem["detail"]
    return problem


@pytest.mark.parametrize("position", ["abc", "", "1e9", "١٢", "9" * 30, "1\x00", "-1", "1 OR 1=1"])
@pytest.mark.parametrize("name", ["prompts", "traces", "ratings", "exports", "projects"])
def test_a_forged_cursor_is_refused(client: Client, engineer: Account, position: str, name: str) -> None:
    cursor = base64.b64encode(f"p={position}".encode()).decode()

    problem = expect_problem(client.get(f"/api/v1/{name}/", {"cursor": cursor}), 404)

    assert problem["detail"] == "Invalid cursor"


def test_a_cursor_that_was_given_still_leads_on(client: Client, db: None) -> None:
    trace = make_trace()
    first, second = make_rating(trace), make_rating(trace)
    client.force_login(make_member(trace.project, Role.ADMIN))

    page = client.get("/api/v1/ratings/", {"page_size": 1}).json()
    after = client.get(page["next"]).json()

    assert [page["results"][0]["id"], after["results"][0]["id"]] == [first.pk, second.pk]


@pytest.mark.parametrize("path", ["/api/v1/prompts/", "/api/v1/ratings/", "/api/v1/exports/"])
def test_json_nested_beyond_reading_is_refused(client: Client, engineer: Account, path: str) -> None:
    problem = expect_problem(post(client, path, "[" * 200_000), 400)

    assert "nested" in problem["detail"]


@pytest.mark.parametrize("value", [HUGE, "1e999", '"nan"', '"inf"', "[]"])
@pytest.mark.parametrize("name", ["good_from", "test_share", "min_p_preference"])
def test_a_threshold_that_is_no_number_is_refused(
    client: Client, engineer: Account, name: str, value: str
) -> None:
    body = f'{{"project": "sums", "configs": ["stepwise"], "policy": {{"{name}": {value}}}}}'

    expect_problem(post(client, "/api/v1/exports/", body), 400)


@pytest.mark.parametrize("value", [HUGE, '"nan"', "1e999"])
def test_an_active_time_that_is_no_number_is_refused(client: Client, db: None, value: str) -> None:
    assignment = make_assignment()
    client.force_login(assignment.rater)
    body = (
        f'{{"trace": {assignment.trace_id}, "labels": [1, 1, 1], "active_seconds": {value}, '
        f'"idempotency_key": "{uuid4()}"}}'
    )

    expect_problem(post(client, "/api/v1/ratings/", body), 400)


def test_a_note_on_a_step_that_does_not_exist_is_refused(client: Client, db: None) -> None:
    assignment = make_assignment(make_trace())
    client.force_login(assignment.rater)
    body = {
        "trace": assignment.trace_id,
        "labels": [1, 1, 1],
        "notes": {"3": "of which step?"},
        "idempotency_key": str(uuid4()),
    }

    problem = expect_problem(post(client, "/api/v1/ratings/", json.dumps(body)), 400)

    assert "notes" in problem["errors"]


def test_an_address_that_does_not_exist_is_a_problem_too(client: Client, engineer: Account) -> None:
    expect_problem(client.get("/api/v1/no-such-thing/"), 404)


def test_a_server_error_tells_nothing_of_its_cause(
    client: Client, engineer: Account, monkeypatch: Any
) -> None:
    def fail(self: Any, projects: Any) -> Any:
        raise KeyError("the secret cause")

    monkeypatch.setattr("annotation.api.prompts._Prompts.list_rows", fail)
    client.raise_request_exception = False

    answer = client.get("/api/v1/prompts/")

    expect_problem(answer, 500)
    assert b"secret cause" not in answer.content


HALF = "\\ud800"  # half of a surrogate pair, as JSON writes it


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("ratings", f'{{"trace": 1, "labels": [1], "outcome": "{HALF}", "idempotency_key": "{HALF}"}}'),
        ("ratings", f'{{"trace": 1, "labels": [1], "notes": {{"{HALF}": "{HALF}"}}}}'),
        ("exports", f'{{"project": "sums", "configs": ["{HALF}"], "form": "{HALF}"}}'),
        ("exports", f'{{"project": "sums", "configs": ["stepwise"], "policy": {{"{HALF}": 1}}}}'),
        ("prompts", f'{{"project": "{HALF}", "prompts": [{{"text": "{HALF}"}}]}}'),
        ("gold", f'{{"project": "sums", "gold": [{{"trace": 1, "{HALF}": "{HALF}"}}]}}'),
        ("gold", f'{{"project": "sums", "rows": [{{"{HALF}": "{HALF}"}}], "{HALF}": 1}}'),
    ],
)
def test_half_a_character_comes_back_in_no_answer(
    client: Client, engineer: Account, path: str, body: str
) -> None:
    project = Project.objects.get(slug="sums")
    Membership.objects.create(project=project, account=engineer, role=Role.ADMIN, created_at=NOW)

    answer = post(client, f"/api/v1/{path}/", body)

    expect_problem(answer, answer.status_code)
    assert 400 <= answer.status_code < 500
