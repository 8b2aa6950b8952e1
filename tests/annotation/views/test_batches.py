"""The pages of batches: who may open them, launching with a preview, progress, cancelling."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions import model_specs
from annotation.models import (
    GenerationBatch,
    GenerationChunk,
    ImportRun,
    JobState,
    ModelSpec,
    Project,
    Prompt,
    Role,
)
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    NOW,
    make_batch,
    make_import_run,
    make_import_source,
    make_member,
    make_project,
    make_prompt,
    make_trace,
)

pytestmark = pytest.mark.django_db
MAY = {"engineer", "admin", "site admin"}
STATUS = {"rater": 403, "adjudicator": 403, "paused admin": 404, "outsider": 404, "nobody": 302}
FRAGMENT = {"HX-Request": "true"}


def path(project: Project, view: str, *args: object) -> str:
    return reverse(f"annotation:{view}", args=[project.slug, *args])


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def maker(project: Project) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    return client


def fill(**changes: Any) -> dict[str, Any]:
    spec = model_specs.ensure_shipped_model(now=NOW)
    plain = {
        "model_spec": spec.pk,
        "which": "all",
        "num_prompts": 5,
        "num_samples": 2,
        "temperature": 0.8,
        "top_p": 0.95,
        "max_new_tokens": 32,
        "seed": 1,
        "prompt_template": "Solve:\r\n{prompt}",
        "segmenter": "auto@1",
    }
    return {**plain, **changes}


def make_open_batch(project: Project, **fields: Any) -> GenerationBatch:
    batch = make_batch(project, num_prompts=2, state=JobState.RUNNING, started_at=NOW, **fields)
    GenerationChunk.objects.create(
        batch=batch, index=0, prompt_ids=[1, 2], sample_indexes=[0, 0], queued_at=NOW, touched_at=NOW
    )
    return batch


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("view", ["list_batches", "launch_batch", "show_batch"])
def test_only_those_who_make_traces_see_batches(visitor: str, view: str, project: Project) -> None:
    args = [make_batch(project).pk] if view == "show_batch" else []
    client = make_visitor(visitor, project).client

    response = client.get(path(project, view, *args))

    assert response.status_code == (200 if visitor in MAY else STATUS[visitor])


@pytest.mark.parametrize("visitor", ["rater", "adjudicator", "outsider", "nobody"])
def test_nobody_else_launches_or_cancels(visitor: str, project: Project) -> None:
    make_prompt(project)
    batch = make_open_batch(project)
    client = make_visitor(visitor, project).client

    client.post(path(project, "launch_batch"), fill())
    client.post(path(project, "cancel_batch", batch.pk))

    assert GenerationBatch.objects.get().state == JobState.RUNNING


def test_the_launch_page_offers_the_shipped_model_and_says_how_small_it_is(
    maker: Client, project: Project
) -> None:
    make_prompt(project, text="What is 2 + 2?")

    page = maker.get(path(project, "launch_batch")).content.decode()

    assert ModelSpec.objects.get().name == "SmolLM2-135M-Instruct (shipped)"
    assert "SmolLM2-135M-Instruct (shipped)" in page
    assert "1 in 6 sums" in page
    assert "2 traces" in page
    assert "Problem: What is 2 + 2?" in page
    assert "has not been measured here yet" in page


def test_the_preview_alone_answers_htmx(maker: Client, project: Project) -> None:
    make_prompt(project, text="What is 2 + 2?")

    page = maker.get(path(project, "launch_batch"), fill(num_samples=7), headers=FRAGMENT).content.decode()

    assert "<html" not in page
    assert "7 traces" in page
    assert "Solve:\nWhat is 2 + 2?" in page


def test_the_preview_of_a_form_that_is_not_right_says_so(maker: Client, project: Project) -> None:
    page = maker.get(
        path(project, "launch_batch"), fill(prompt_template="nothing"), headers=FRAGMENT
    ).content.decode()

    assert "Some fields need another look" in page


def test_the_time_is_estimated_from_what_the_model_last_made(maker: Client, project: Project) -> None:
    spec = model_specs.ensure_shipped_model(now=NOW)
    prompt = make_prompt(project)
    batch = make_batch(project, model_spec=spec)
    GenerationChunk.objects.create(
        batch=batch,
        index=0,
        prompt_ids=[prompt.pk],
        sample_indexes=[0],
        state=JobState.FINISHED,
        queued_at=NOW,
        touched_at=NOW,
        started_at=NOW,
        finished_at=NOW + dt.timedelta(seconds=2),
        num_tokens=20,
    )

    page = maker.get(path(project, "launch_batch"), fill(num_samples=100), headers=FRAGMENT).content.decode()

    assert "10 tokens/s, as last measured" in page
    assert "about 3 min 20 s" in page
    assert "about 2,000, at most 3,200" in page


@pytest.mark.parametrize(
    ("budget", "is_told"), [({"token_budget": 100}, True), ({"token_budget": 10**6}, False), ({}, False)]
)
def test_a_budget_below_what_a_batch_takes_at_most_is_told_before_the_launch(
    budget: dict[str, int], is_told: bool, maker: Client, project: Project
) -> None:
    make_prompt(project)

    page = maker.get(path(project, "launch_batch"), fill(num_samples=4, **budget), headers=FRAGMENT)

    assert ("pauses where that is used up" in page.content.decode()) is is_told


def test_launching_leads_to_the_batch(maker: Client, project: Project) -> None:
    make_prompt(project)

    response = maker.post(path(project, "launch_batch"), fill())

    batch = GenerationBatch.objects.get()
    assert response["Location"] == path(project, "show_batch", batch.pk)
    assert (batch.num_expected, batch.prompt_template) == (2, "Solve:\n{prompt}")


def test_a_launch_by_htmx_redirects_the_browser(maker: Client, project: Project) -> None:
    make_prompt(project)

    response = maker.post(path(project, "launch_batch"), fill(), headers=FRAGMENT)

    assert response["HX-Redirect"] == path(project, "show_batch", GenerationBatch.objects.get().pk)


@pytest.mark.parametrize(("which", "expected"), [("all", 6), ("first", 4), ("random", 4)])
def test_all_some_or_random_prompts_are_taken(
    which: str, expected: int, maker: Client, project: Project
) -> None:
    for _ in range(6):
        make_prompt(project)

    maker.post(path(project, "launch_batch"), fill(which=which, num_prompts=4))

    assert GenerationBatch.objects.get().num_prompts == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt_template": "no place"}, "must hold {prompt} exactly once"),
        ({"temperature": 3}, "less than or equal to 2"),
        ({"num_samples": 0}, "greater than or equal to 1"),
        ({"segmenter": "auto@0"}, "Select a valid choice"),
        ({}, "There are no such prompts to generate for."),
    ],
)
def test_a_launch_that_cannot_be_is_said_on_the_form(
    changes: dict[str, Any], words: str, maker: Client, project: Project
) -> None:
    page = maker.post(path(project, "launch_batch"), fill(**changes)).content.decode()

    assert words in page
    assert not GenerationBatch.objects.exists()


def test_an_open_batch_asks_for_its_progress_and_a_closed_one_does_not(
    maker: Client, project: Project
) -> None:
    batch = make_open_batch(project)
    address = path(project, "show_batch", batch.pk)

    while_open = maker.get(address, headers=FRAGMENT).content.decode()
    GenerationBatch.objects.update(state=JobState.FINISHED, finished_at=NOW)
    closed = maker.get(address, headers=FRAGMENT).content.decode()

    assert 'hx-trigger="every 1s"' in while_open
    assert "Cancel the batch" in while_open
    assert "hx-trigger" not in closed
    assert "Have them judged" not in closed
    assert "<html" not in closed


def test_progress_counts_traces_failures_and_tokens(maker: Client, project: Project) -> None:
    batch = make_open_batch(project)
    trace = make_trace(make_prompt(project), batch=batch, sample_index=0, num_tokens=40)
    GenerationChunk.objects.update(
        failures=[{"prompt_id": 2, "sample_index": 0, "reason": "The model wrote nothing."}]
    )

    page = maker.get(path(project, "show_batch", batch.pk)).content.decode()

    assert 'value="2" max="2"' in page
    assert "The model wrote nothing." in page
    assert "<dd>40</dd>" in page
    assert path(project, "show_trace", trace.pk) in page


def test_a_failed_batch_says_why(maker: Client, project: Project) -> None:
    batch = make_batch(project, state=JobState.FAILED, finished_at=NOW, error="There is no folder /x.")

    page = maker.get(path(project, "show_batch", batch.pk)).content.decode()

    assert "The batch failed: There is no folder /x." in page


def test_cancelling_closes_the_batch_and_twice_is_said(maker: Client, project: Project) -> None:
    batch = make_open_batch(project)

    first = maker.post(path(project, "cancel_batch", batch.pk), follow=True).content.decode()
    second = maker.post(path(project, "cancel_batch", batch.pk), follow=True).content.decode()

    batch.refresh_from_db()
    assert batch.state == JobState.CANCELLED
    assert "The traces it had made are kept." in first
    assert "is cancelled already" in second


def test_a_batch_of_another_project_is_not_found(maker: Client, project: Project) -> None:
    strange = make_batch()

    assert maker.get(path(project, "show_batch", strange.pk)).status_code == 404
    assert maker.post(path(project, "cancel_batch", strange.pk)).status_code == 404


def test_the_list_shows_batches_or_what_to_do_next(maker: Client, project: Project) -> None:
    address = path(project, "list_batches")
    assert "Add prompts</a> first" in maker.get(address).content.decode()

    make_prompt(project)
    assert "Launch the first one" in maker.get(address).content.decode()

    batch = make_batch(project)
    assert path(project, "show_batch", batch.pk) in maker.get(address).content.decode()


@pytest.fixture
def bringer(project: Project) -> ImportRun:
    """An import that brought two prompts, of which one has a trace; the project has a third prompt."""
    run = make_import_run(make_import_source(project, name="sums.jsonl", columns=["prompt"]), num_prompts=2)
    brought = [
        make_prompt(project, text=f"Brought {line}", source={"import": run.pk, "line": line})
        for line in (1, 2)
    ]
    make_trace(brought[0])
    make_prompt(project, text="Of nobody")
    return run


@pytest.mark.parametrize(
    ("pool", "chosen"),
    [("", 3), ("untraced", 2), ("import", 2)],
)
def test_a_batch_takes_its_prompts_from_all_from_those_without_a_trace_or_of_one_import(
    pool: str, chosen: int, maker: Client, project: Project, bringer: ImportRun
) -> None:
    pool = f"import-{bringer.pk}" if pool == "import" else pool

    preview = maker.get(path(project, "launch_batch"), fill(pool=pool), headers=FRAGMENT).content.decode()
    maker.post(path(project, "launch_batch"), fill(pool=pool))

    batch = GenerationBatch.objects.get()
    texts = set(
        Prompt.objects.filter(
            pk__in=[pk for chunk in batch.chunks.all() for pk in chunk.prompt_ids]
        ).values_list("text", flat=True)
    )
    assert f"{chosen} prompts × 2 candidates" in preview
    assert batch.num_prompts == chosen
    assert ("Of nobody" in texts) == (not pool.startswith("import"))
    assert ("Brought 1" in texts) == (pool != "untraced")


def test_the_launch_page_begins_with_the_import_that_one_comes_from(
    maker: Client, project: Project, bringer: ImportRun
) -> None:
    ImportRun.objects.filter(pk=bringer.pk).update(state=JobState.FINISHED, finished_at=NOW)
    report = maker.get(reverse("annotation:show_import", args=[project.slug, bringer.pk])).text
    address = f"{path(project, 'launch_batch')}?pool=import-{bringer.pk}"

    page = maker.get(address).text

    assert f'href="{address}"' in report
    assert f'<option value="import-{bringer.pk}" selected>Of import {bringer.pk}: sums.jsonl</option>' in page
    assert "2 prompts × 2 candidates" in page


def test_a_pool_that_there_is_not_is_the_whole_project(
    maker: Client, project: Project, bringer: ImportRun
) -> None:
    page = maker.get(f"{path(project, 'launch_batch')}?pool=import-99999").text
    refused = maker.post(path(project, "launch_batch"), fill(pool="import-99999")).text

    assert "3 prompts × 2 candidates" in page
    assert "Select a valid choice" in refused
    assert not GenerationBatch.objects.exists()
