"""Tokens made before there were scopes keep what they could do, forwards and back."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps

from annotation import migrations
from annotation.models import ApiToken, Prompt, TokenScope
from tests.factories import NOW, make_account, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def migration() -> ModuleType:
    (path,) = Path(migrations.__path__[0]).glob("*_token_scopes_and_languages.py")
    return importlib.import_module(f"annotation.migrations.{path.stem}")


class OldTokens:
    """The token table as it was, with what the migration does to it noted."""

    def __init__(self) -> None:
        self.done: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def filter(self, **wanted: Any) -> Any:
        done = self.done

        class Found:
            def update(self, **values: Any) -> None:
                done.append((wanted, values))

        return Found()


class OldApps:
    def __init__(self) -> None:
        self.objects = OldTokens()

    def get_model(self, app: str, name: str) -> Any:
        assert (app, name) == ("annotation", "ApiToken")
        return self


def test_readers_keep_reading_and_writers_writing(migration: ModuleType) -> None:
    old = OldApps()

    migration.give_scopes(old, None)

    (read, write) = old.objects.done
    assert (read[0], write[0]) == ({"can_write": False}, {"can_write": True})
    assert set(read[1]["scopes"]) == {scope for scope in TokenScope if scope.endswith(":read")}
    assert set(write[1]["scopes"]) == set(TokenScope) - {TokenScope.TRACES_WRITE}, "which came later"


def test_going_back_whoever_may_write_anything_may_write(migration: ModuleType) -> None:
    old = OldApps()

    migration.take_scopes(old, None)

    assert old.objects.done == [({"scopes__overlap": migration.WRITE}, {"can_write": True})]
    assert ApiToken.objects.count() == 0


def test_prompts_that_were_there_get_their_language(migration: ModuleType) -> None:
    english = make_prompt(text="How many apples has Tom after he bought four more of them?")
    bare = make_prompt(text="3 + 4 = ?")
    make_account(date_joined=NOW)

    migration.recognise_languages(apps, None)

    found = dict(Prompt.objects.values_list("pk", "language"))
    assert (found[english.pk], found[bare.pk]) == ("en", "")
