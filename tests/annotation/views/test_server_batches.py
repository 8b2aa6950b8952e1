"""A batch on a server, from the form to its traces, and what the page says when something is wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import GenerationBatch, JobState, ModelSpec, Project, Role, Trace
from annotation.tasks import servers  # noqa: F401  (registers the tasks)
from tests.annotation.views.test_batches import fill
from tests.contracts.openai_server import LLAMA_CPP, Fault, OpenAIServer, running_server
from tests.factories import make_member, make_model_spec, make_project, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with running_server(LLAMA_CPP, say=lambda body: f"3 + 4 = 7.\nSeed {body['seed']}: it is 7.") as server:
        yield server


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def maker(project: Project, run_jobs_at_once: None) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    return client


def make_server_spec(server: OpenAIServer, **fields: object) -> ModelSpec:
    plain = {"backend": "server", "address": server.address, "location": "tiny", "name": "Tiny on a server"}
    return make_model_spec(**{**plain, **fields})


def launch(maker: Client, project: Project, spec: ModelSpec, **changes: object) -> GenerationBatch:
    maker.post(reverse("annotation:launch_batch", args=[project.slug]), fill(model_spec=spec.pk, **changes))
    return GenerationBatch.objects.get()


def read_page(maker: Client, batch: GenerationBatch) -> str:
    return maker.get(reverse("annotation:show_batch", args=[batch.project.slug, batch.pk])).content.decode()


def list_in_state(maker: Client, project: Project, state: str) -> list[int]:
    """The batches that the list shows in a state; each with the badge of that state."""
    page = maker.get(
        reverse("annotation:list_batches", args=[project.slug]), {"state": state}
    ).content.decode()
    found = [
        batch.pk
        for batch in GenerationBatch.objects.all()
        if f'"{reverse("annotation:show_batch", args=[project.slug, batch.pk])}"' in page
    ]
    assert page.count(f" {state.capitalize()}</span>") == len(found)
    return found


def test_a_batch_on_a_server_becomes_traces_with_their_cost(
    maker: Client, project: Project, server: OpenAIServer
) -> None:
    make_prompt(project, verifier="numeric", ground_truth="7")
    spec = make_server_spec(server, price_per_million_tokens=500_000)

    batch = launch(maker, project, spec, num_samples=3)

    assert batch.state == JobState.FINISHED
    traces = list(Trace.objects.filter(batch=batch))
    assert [trace.sample_index for trace in traces] == [0, 1, 2]
    assert len({trace.completion for trace in traces}) == 3, "a server that ignores n made three candidates"
    first = traces[0]
    assert (first.num_steps, first.is_answer_correct, first.finish_reason) == (2, True, "stop")
    assert first.mean_logprob == -0.25
    assert first.sampling["backend"]["device"] == server.address
    page = read_page(maker, batch)
    assert "3 of 3" in page
    assert "$13.50" in page, "27 tokens at half a dollar each"


def test_a_server_that_is_overloaded_for_good_makes_failures_that_can_be_tried_again(
    maker: Client, project: Project, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotation.generation.server_client.MOST_ATTEMPTS", 1)
    make_prompt(project)
    server.faults = [Fault(429, b'{"error": "Model is overloaded"}')] * 2

    batch = launch(maker, project, make_server_spec(server, max_in_flight=5), num_samples=2)

    reason = "The server gave no answer in 1 attempts: it answered 429 (Model is overloaded)."
    assert reason in read_page(maker, batch)
    maker.post(reverse("annotation:retry_failures", args=[project.slug, batch.pk]))
    assert Trace.objects.filter(batch=batch).count() == 2
    page = read_page(maker, batch)
    assert reason not in page
    assert "2 of 2" in page


def test_a_server_that_is_gone_fails_the_batch_with_one_sentence(
    maker: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotation.generation.server_client.MOST_ATTEMPTS", 1)
    make_prompt(project)
    with running_server() as server:
        spec = make_server_spec(server)

    batch = launch(maker, project, spec)

    page = read_page(maker, batch)
    assert batch.state == JobState.FAILED
    assert f"{server.address} can&#x27;t be reached" in page


def test_a_key_that_the_worker_lacks_is_told_by_the_name_of_its_variable(
    maker: Client, project: Project, server: OpenAIServer
) -> None:
    make_prompt(project)

    batch = launch(maker, project, make_server_spec(server, key_variable="NOT_THERE_API_KEY"))

    assert "has no variable NOT_THERE_API_KEY" in read_page(maker, batch)
    assert server.requests == []


def test_a_batch_is_paused_resumed_and_told_so_on_its_page(
    maker: Client, project: Project, server: OpenAIServer
) -> None:
    for _ in range(12):
        make_prompt(project)
    spec = make_server_spec(server)

    batch = launch(maker, project, spec, num_samples=1, token_budget=1)

    page = read_page(maker, batch)
    assert "The budget of 1 tokens is used up." in page
    assert "Go on beyond the budget" in page
    assert "<dt>Tokens written</dt>" in page
    assert "<dt>Tokens read</dt>" in page, "the budget counts both"
    assert list_in_state(maker, project, "paused") == [batch.pk]
    assert list_in_state(maker, project, "running") == list_in_state(maker, project, "queued") == []
    maker.post(reverse("annotation:resume_batch", args=[project.slug, batch.pk]))
    batch.refresh_from_db()
    assert batch.state == JobState.FINISHED
    assert Trace.objects.filter(batch=batch).count() == 12
    assert list_in_state(maker, project, "paused") == []
    assert list_in_state(maker, project, "finished") == [batch.pk]


def test_a_money_budget_needs_a_price(maker: Client, project: Project, server: OpenAIServer) -> None:
    make_prompt(project)
    spec = make_server_spec(server)

    page = maker.post(
        reverse("annotation:launch_batch", args=[project.slug]), fill(model_spec=spec.pk, money_budget="5")
    ).content.decode()

    assert "Tiny on a server has no price, so it never uses money up." in page
    assert not GenerationBatch.objects.exists()


@pytest.mark.parametrize("view", ["pause_batch", "resume_batch", "retry_failures"])
def test_what_makes_no_sense_any_more_is_said_and_changes_nothing(
    view: str, maker: Client, project: Project, server: OpenAIServer
) -> None:
    make_prompt(project)
    batch = launch(maker, project, make_server_spec(server))

    page = maker.post(reverse(f"annotation:{view}", args=[project.slug, batch.pk]), follow=True)

    batch.refresh_from_db()
    assert batch.state == JobState.FINISHED
    assert 'class="notice notice-info"' in page.content.decode()


def test_a_retired_model_is_not_offered(maker: Client, project: Project, server: OpenAIServer) -> None:
    make_prompt(project)
    spec = make_server_spec(server)
    spec.retired_at = spec.created_at
    spec.save()

    page = maker.get(reverse("annotation:launch_batch", args=[project.slug])).content.decode()

    assert spec.name not in page
