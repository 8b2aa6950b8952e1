"""The pages of models: for site admins alone; a model is added, tried, its terms changed, and retired."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions import model_specs
from annotation.judging import prm_server
from annotation.models import JobState, ModelSpec, ModelTrial, Role
from annotation.tasks import models, servers  # noqa: F401  (registers the tasks)
from tests.contracts.openai_server import Fault, running_server
from tests.factories import NOW, make_batch, make_member, make_model_spec, make_project, make_site_admin

pytestmark = pytest.mark.django_db(transaction=True)
VIEWS = ("list_model_specs", "add_model_spec", "show_model_spec", "try_model_spec", "retire_model_spec")


def path(view: str, spec: ModelSpec | None = None) -> str:
    return reverse(f"annotation:{view}", args=[spec.pk] if spec else [])


@pytest.fixture
def admin(run_jobs_at_once: None) -> Client:
    client = Client()
    client.force_login(make_site_admin())
    return client


def fill(**changes: Any) -> dict[str, Any]:
    plain = {
        "name": "Big model",
        "backend": "server",
        "location": "tiny",
        "address": "http://127.0.0.1:9/v1",
        "key_variable": "",
        "price_per_million_prompt_tokens": "0.5",
        "price_per_million_tokens": "1.5",
        "max_in_flight": "16",
        "timeout_seconds": "30",
        "note": "On the GPU downstairs.",
    }
    return {**plain, **changes}


def test_only_site_admins_see_or_change_models() -> None:
    spec = make_model_spec(backend="server", address="http://gpu1/v1")
    client = Client()
    client.force_login(make_member(make_project(), Role.ADMIN))

    for view in VIEWS:
        address = path(view, spec if view in VIEWS[2:] else None)
        refused = (404, 405) if view in VIEWS[2:] else (403, 405)
        assert client.post(address, fill()).status_code in refused
        assert client.get(address).status_code in refused

    spec.refresh_from_db()
    assert (ModelSpec.objects.count(), spec.retired_at) == (1, None)


def test_a_server_is_added_tried_and_shown_with_its_answer(admin: Client) -> None:
    with running_server(say=lambda body: "3 + 4 = 7. <b>7</b>") as server:
        page = admin.post(path("add_model_spec"), fill(address=server.address), follow=True).content.decode()

    spec = ModelSpec.objects.get(name="Big model")
    assert (spec.address, spec.location, spec.max_in_flight) == (server.address, "tiny", 16)
    assert "3 + 4 = 7. &lt;b&gt;7&lt;/b&gt;" in page
    assert "mean log-probability -0.250" in page
    assert "hx-trigger" not in page, "the trial is done"


def test_a_trial_of_a_server_that_refuses_says_why_in_a_sentence(admin: Client) -> None:
    with running_server(model="another") as server:
        page = admin.post(path("add_model_spec"), fill(address=server.address), follow=True).content.decode()

    assert "The server has no model “tiny” there: it answered 404" in page
    assert ModelTrial.objects.get().state == JobState.FAILED


def test_a_trial_of_a_server_that_writes_nothing_says_so(admin: Client) -> None:
    with running_server() as server:
        server.faults = [Fault(200, b'{"choices": [{"message": {"content": " "}}]}')]
        page = admin.post(path("add_model_spec"), fill(address=server.address), follow=True).content.decode()

    assert "The model can be reached, but wrote nothing." in page


def test_a_folder_without_a_model_says_what_is_missing(admin: Client, tmp_path: Any) -> None:
    page = admin.post(
        path("add_model_spec"),
        fill(backend="transformers", location=str(tmp_path), address=""),
        follow=True,
    ).content.decode()

    assert "holds no model: config.json is missing." in page


def test_a_folder_without_a_prm_says_so_too(admin: Client, tmp_path: Any) -> None:
    page = admin.post(
        path("add_model_spec"), fill(backend="prm", location=str(tmp_path), address=""), follow=True
    ).content.decode()

    assert "holds no model: config.json is missing." in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"address": ""}, "A server needs an address."),
        ({"address": "gpu1:8000"}, "begins with http://"),
        ({"address": "http://169.254.169.254/v1"}, "never asked"),
        ({"address": "http://10.0.0.8/v1"}, "GRADUS_SERVER_NETWORKS"),
        ({"address": "http://[::ffff:169.254.169.254]/v1"}, "never asked"),
        ({"key_variable": "sk-1234567890"}, "put the key itself here"),
        ({"key_variable": "GRADUS_SECRET_KEY"}, "ending in _API_KEY"),
        ({"key_variable": "DATABASE_URL"}, "ending in _API_KEY"),
        ({"backend": "transformers"}, "Only a server has an address"),
        (
            {"backend": "transformers", "address": "", "key_variable": "A_API_KEY"},
            "Only a server needs a key",
        ),
        ({"backend": "transformers", "address": "", "location": "../etc"}, "no name on the hub"),
        ({"backend": "prm", "address": "", "location": "some/prm"}, "This is no folder"),
        ({"max_in_flight": "0"}, "greater than or equal to 1"),
        ({"price_per_million_tokens": "-1"}, "greater than or equal to 0"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_what_does_not_fit_is_told_where_it_is_and_nothing_is_stored(
    admin: Client, changes: dict[str, str], words: str
) -> None:
    page = admin.post(path("add_model_spec"), fill(**changes)).content.decode()

    assert words in page.replace("&#x27;", "'")
    assert not ModelSpec.objects.exists()
    assert "On the GPU downstairs." in page, "what was typed is still there"


def test_a_name_is_there_once(admin: Client) -> None:
    make_model_spec(name="Big model")

    page = admin.post(path("add_model_spec"), fill()).content.decode()

    assert "There is a model “Big model” already" in page


def test_the_terms_change_and_the_place_does_not(admin: Client) -> None:
    spec = make_model_spec(backend="server", address="http://gpu1/v1", location="big")

    admin.post(path("show_model_spec", spec), fill(max_in_flight="7", key_variable="GPU1_API_KEY"))

    spec.refresh_from_db()
    assert (spec.max_in_flight, spec.key_variable, spec.note) == (7, "GPU1_API_KEY", "On the GPU downstairs.")
    assert (spec.address, spec.location) == ("http://gpu1/v1", "big")


def test_while_a_trial_waits_the_page_asks_for_it_and_a_second_is_not_queued(admin: Client) -> None:
    spec = make_model_spec(backend="server", address="http://gpu1/v1")
    actor = make_site_admin()
    trial = ModelTrial.objects.create(
        model_spec=spec, created_by=actor, text="?", is_on_server=True, queued_at=NOW, touched_at=NOW
    )

    again = model_specs.launch_trial(spec=spec, text="?", actor=actor, now=NOW)
    fragment = admin.get(path("show_model_spec", spec), headers={"HX-Request": "true"}).content.decode()

    assert again == trial
    assert "<html" not in fragment
    assert 'hx-trigger="every 1s"' in fragment
    assert "Is a worker for the queue “servers” running?" in fragment


def test_a_retired_model_keeps_its_batches_and_is_marked(admin: Client) -> None:
    spec = make_model_spec(name="Old one")
    make_batch(model_spec=spec)

    page = admin.post(path("retire_model_spec", spec), follow=True).content.decode()

    spec.refresh_from_db()
    assert spec.retired_at is not None
    assert "– Retired" in page
    assert "SmolLM2-135M-Instruct (shipped)" in page


def test_a_process_reward_model_on_a_server_needs_an_address_as_any_server_does(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prm_server, "MOST_ATTEMPTS", 1)  # nobody answers there
    refused = admin.post(path("add_model_spec"), fill(backend="prm_server", address=""))
    added = admin.post(path("add_model_spec"), fill(backend="prm_server", name="judge at gpu1"))

    assert "A server needs an address" in refused.content.decode()
    spec = ModelSpec.objects.get(name="judge at gpu1")
    assert added.status_code == 302
    assert spec.is_server
    assert "Process reward model, on a server" in admin.get(path("show_model_spec", spec)).content.decode()
