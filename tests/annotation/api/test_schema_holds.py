"""Every operation of the API, asked all that its OpenAPI schema allows: no server error, and no answer that the schema
does not know of."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup

from annotation.actions.tokens import create_token
from annotation.models import TokenScope
from config.wsgi import application
from tests.places import Places

load_all_checks()
HELD = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """The test's own, in whose transaction all of it happens: Django would close it around each request."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def token() -> str:
    """Of a site admin with every scope, in a world with a row of each kind."""
    now = timezone.now()
    made = create_token(
        account=Places().admin,
        name="all",
        scopes=list(TokenScope),
        expires_at=now + dt.timedelta(days=1),
        now=now,
    )
    return made.secret


def test_no_operation_breaks_or_answers_what_the_schema_does_not_say(token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/", application, headers=headers)
    operations = [found.ok() for found in schema.get_all_operations()]
    names = {f"{operation.method.upper()} {operation.path}" for operation in operations}
    faults: list[str] = []
    statuses: Counter[int] = Counter()

    for operation in operations:

        @settings(
            max_examples=12, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers=headers)
            statuses[answer.status_code] += 1
            try:
                case.validate_response(answer, checks=[CHECKS.get_one(name) for name in HELD])
            except FailureGroup as fault:
                faults.append(str(fault))

        ask()

    assert len(names) >= 14
    assert faults == []
    assert statuses[200] > 20 and statuses[400] > 20, statuses  # it was heard, and it was refused


def test_the_walk_would_notice_an_answer_that_the_schema_does_not_know_of(token: str) -> None:
    schema = schemathesis.openapi.from_wsgi(
        "/api/v1/schema/", application, headers={"Authorization": f"Bearer {token}"}
    )
    operation = schema["/api/v1/projects/"]["GET"]
    case = operation.Case(query={"page_size": "x", "project": "no such slug!"})
    answer = case.call(headers={"Authorization": f"Bearer {token}"})
    answer.status_code = 418

    with pytest.raises(FailureGroup):
        case.validate_response(answer, checks=[CHECKS.get_one(name) for name in HELD])
