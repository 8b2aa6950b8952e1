"""The page of one's own keys, and that they reach the rating page on any device."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Account
from annotation.rules.key_bindings import COMMANDS
from tests.factories import make_member, make_project, make_trace

pytestmark = pytest.mark.django_db

PAGE = reverse("annotation:edit_keys")


def fill(**changes: str) -> dict[str, str]:
    return {**{command.name: " ".join(command.keys) for command in COMMANDS}, **changes}


@pytest.fixture
def rater() -> Account:
    trace = make_trace(project=make_project())
    return make_member(trace.project)


def sign_in(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def rating_page(client: Client, account: Account) -> str:
    project = account.membership_set.get().project
    answer = client.get(reverse("annotation:next_trace", args=[project.slug]), follow=True)
    return answer.content.decode()


def script_data(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="cockpit-data" type="application/json">(.*?)</script>', page)
    assert found
    return dict(json.loads(found[1]))


def test_the_page_shows_every_command_with_its_keys(rater: Account) -> None:
    page = sign_in(rater).get(PAGE).content.decode()

    assert all(f'name="{command.name}"' in page for command in COMMANDS)
    assert 'value="j ↓ →"' in page


def test_own_keys_hold_on_another_device_and_stand_in_the_help(rater: Account) -> None:
    answer = sign_in(rater).post(PAGE, fill(good="d", skip=""))

    page = rating_page(sign_in(rater), rater)
    rater.refresh_from_db()
    assert answer["Location"] == PAGE
    assert rater.key_bindings == {"good": ["d"], "skip": []}
    assert script_data(page)["keys"]["good"] == ["d"]
    assert "<kbd>d</kbd>" in page
    assert "<kbd>s</kbd>" not in page


def test_a_clash_is_said_beside_its_field_and_nothing_is_stored(rater: Account) -> None:
    answer = sign_in(rater).post(PAGE, fill(note="1"))

    rater.refresh_from_db()
    assert list(answer.context["form"].errors) == ["note"]
    assert "“1” already does: ✕ Bad" in answer.content.decode()
    assert rater.key_bindings == {}


def test_the_default_keys_come_back_on_request(rater: Account) -> None:
    client = sign_in(rater)
    client.post(PAGE, fill(good="d"))

    client.post(PAGE, {**fill(good="d"), "reset": "1"})

    rater.refresh_from_db()
    assert rater.key_bindings == {}


@pytest.mark.parametrize(
    ("back", "leads_to"),
    [("/rate/7/", "/rate/7/"), ("https://elsewhere.example/", PAGE), ("//elsewhere.example", PAGE)],
)
def test_saving_leads_back_to_the_trace_and_never_elsewhere(rater: Account, back: str, leads_to: str) -> None:
    answer = sign_in(rater).post(PAGE, {**fill(good="d"), "next": back})

    assert answer["Location"] == leads_to


def test_the_help_leaves_out_what_the_project_does_not_have() -> None:
    project = make_project(can_rate_rest_good=False, error_categories=[])
    rater = make_member(make_trace(project=project).project)

    page = rating_page(sign_in(rater), rater)

    assert "All remaining steps good" not in page
    assert "What kind of error the step makes" not in page
    assert "Undo" in page


def test_nobody_is_sent_to_sign_in() -> None:
    assert Client().get(PAGE)["Location"].startswith(reverse("annotation:sign_in"))
