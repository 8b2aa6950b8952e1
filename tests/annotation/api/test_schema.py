"""The OpenAPI schema says all there is, without a warning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.factories import make_account


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Written by the command that fails on the first warning."""
    path: Path = tmp_path_factory.mktemp("schema") / "schema.yaml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    return yaml.safe_load(path.read_text())


def list_api_routes() -> list[str]:
    found: list[str] = []

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> None:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, prefix + str(pattern.pattern))
            elif prefix.startswith("api/v1/") and pattern.name != "schema":
                found.append(prefix + str(pattern.pattern))

    walk(get_resolver().url_patterns, "")
    return found


def test_the_schema_is_valid_and_has_every_address_of_the_api(schema: Any) -> None:
    assert schema["info"]["title"] == "Gradus"
    assert len(schema["paths"]) == len(list_api_routes()) > 0


def test_every_operation_says_how_it_may_be_refused(schema: Any) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            problems = {status for status in operation["responses"] if status >= "400"}
            assert {"400", "401", "403", "404"} <= problems, f"{method} {path}"


def test_what_is_sent_may_hold_no_other_names(schema: Any) -> None:
    found = schema["components"]["schemas"]

    assert found["NewExport"]["additionalProperties"] is found["Policy"]["additionalProperties"] is False
    assert "additionalProperties" not in found["Export"]


def test_every_operation_takes_a_token(schema: Any) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert {"apiToken": []} in operation["security"], f"{method} {path}"


@pytest.mark.django_db
def test_whoever_is_signed_in_may_read_the_schema(client: Client) -> None:
    refused = client.get("/api/v1/schema/").status_code
    client.force_login(make_account())

    answer = client.get("/api/v1/schema/")

    assert (refused, answer.status_code) == (401, 200)
    assert b"/api/v1/traces/" in answer.content
