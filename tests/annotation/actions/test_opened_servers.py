"""A model spec becomes the way to its server: one for each, with the key from the environment."""

from __future__ import annotations

from typing import Any

import pytest

from annotation.actions.opened_servers import (
    NotAServer,
    ServerKeyMissing,
    open_server_backend,
    read_server_settings,
)
from annotation.models import ModelSpec
from tests.factories import make_model_spec

pytestmark = pytest.mark.django_db


def make_server(**fields: object) -> ModelSpec:
    plain = {"backend": "server", "address": "http://gpu1:8000/v1", "location": "big-model"}
    return make_model_spec(**{**plain, **fields})


def test_the_settings_are_the_spec_s_and_the_networks_the_installation_s(settings: Any) -> None:
    settings.SERVER_NETWORKS = ["10.0.0.0/8"]

    read = read_server_settings(make_server(max_in_flight=7, timeout_seconds=9))

    assert (read.url, read.model, read.key) == ("http://gpu1:8000/v1/chat/completions", "big-model", "")
    assert (read.max_in_flight, read.timeout_seconds, read.networks) == (7, 9.0, ("10.0.0.0/8",))


def test_the_key_comes_from_the_environment_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "s3cret")

    read = read_server_settings(make_server(key_variable="SOME_API_KEY"))

    assert read.key == "s3cret"
    assert "s3cret" not in repr(read)


def test_a_key_that_is_not_there_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_API_KEY", raising=False)

    with pytest.raises(ServerKeyMissing, match="has no variable SOME_API_KEY, which is to hold the key of"):
        open_server_backend(make_server(key_variable="SOME_API_KEY"))


def test_a_model_of_the_worker_s_own_is_no_server() -> None:
    with pytest.raises(NotAServer, match="is not on a server"):
        open_server_backend(make_model_spec())


def test_chunks_of_one_server_share_one_way_to_it() -> None:
    spec, same, other = make_server(), make_server(), make_server(max_in_flight=3)

    assert open_server_backend(spec) is open_server_backend(same)
    assert open_server_backend(spec) is not open_server_backend(other)
