"""The form for a new token: the usual ones by one choice, others by their scopes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from annotation.forms.tokens import TokenForm
from annotation.models import Account, Role, TokenScope
from tests.factories import NOW, make_account, make_member, make_project

pytestmark = pytest.mark.django_db


def fill(account: Account | None = None, **changed: Any) -> TokenForm:
    data = {"name": "trainer", "kind": "download", "valid_days": "30", **changed}
    return TokenForm(data, account=account or make_account())


@pytest.mark.parametrize(
    ("kind", "scopes"),
    [
        ("download", {"projects:read", "exports:read"}),
        ("export", {"projects:read", "exports:read", "exports:write"}),
        ("read", {scope for scope in TokenScope if scope.endswith(":read")}),
        ("all", set(TokenScope)),
    ],
)
def test_each_kind_has_its_scopes(kind: str, scopes: set[str]) -> None:
    form = fill(kind=kind)

    assert form.is_valid()
    chosen = form.choices(NOW)
    assert set(chosen.scopes) == scopes
    assert (chosen.name, chosen.project, chosen.expires_at) == ("trainer", None, NOW + dt.timedelta(days=30))


def test_ticked_scopes_are_taken_as_they_are() -> None:
    form = fill(kind="own", scopes=["ratings:read"])

    assert form.is_valid()
    assert form.choices(NOW).scopes == (TokenScope.RATINGS_READ,)


def test_scopes_that_were_ticked_count_whatever_else_was_chosen() -> None:
    form = fill(kind="all", scopes=["exports:read"])

    assert form.is_valid()
    assert form.choices(NOW).scopes == (TokenScope.EXPORTS_READ,)


def test_a_token_of_ones_own_making_must_do_something() -> None:
    form = fill(kind="own")

    assert form.errors == {"scopes": ["Tick at least one thing that the token may do."]}


def test_only_ones_own_projects_can_be_chosen() -> None:
    mine, other = make_project(), make_project()
    account = make_member(mine, Role.ENGINEER)

    allowed, refused = fill(account, project=str(mine.pk)), fill(account, project=str(other.pk))

    assert allowed.is_valid()
    assert allowed.choices(NOW).project == mine
    assert list(refused.errors) == ["project"]
