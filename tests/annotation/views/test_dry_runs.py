"""The dry run beside the launch form: asked for, answered by a worker, shown with what is wrong where it was asked."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import DryRun, GenerationBatch, JobState, Project, Role, Trace
from annotation.tasks import models, servers  # noqa: F401  (registers the tasks)
from tests.annotation.views.roles import make_visitor
from tests.annotation.views.test_batches import FRAGMENT, fill, path
from tests.annotation.views.test_server_batches import make_server_spec
from tests.contracts.openai_server import CONTEXT, OpenAIServer, running_server
from tests.factories import make_dry_run, make_member, make_model_spec, make_project, make_prompt
from tests.rl_bridge import tiny

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def maker(project: Project) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    return client


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with running_server(say=lambda body: "3 + 4 = 7.\n<b>So</b> it is 7.") as server:
        yield server


def start(maker: Client, project: Project, **changes: object) -> str:
    """Asks for it without a script, and reads the page that this leads to."""
    return maker.post(path(project, "start_dry_run"), fill(**changes), follow=True).content.decode()


def test_a_server_s_answer_is_shown_in_steps_beside_the_form_as_it_stood(
    maker: Client, project: Project, server: OpenAIServer, run_jobs_at_once: None
) -> None:
    make_prompt(project, text="What is 3 + 4?", verifier="numeric", ground_truth="7")

    page = start(maker, project, model_spec=make_server_spec(server).pk, num_samples=17, max_new_tokens=33)

    assert server.requests[0]["messages"][0]["content"] == "Solve:\nWhat is 3 + 4?"
    assert "✓ Finished" in page
    assert "&lt;b&gt;So&lt;/b&gt; it is 7." in page
    assert page.count("<li><pre") == 2, "two steps"
    assert "✓ Right" in page
    assert 'name="num_samples" value="17"' in page, "nothing of the form is lost"
    assert 'name="max_new_tokens" value="33"' in page
    assert "with 17 requests at a time" in page, "the dry run measured the model"
    assert not Trace.objects.exists()
    assert not GenerationBatch.objects.exists()


def test_a_model_in_the_worker_answers_too(
    maker: Client, project: Project, tmp_path: Path, run_jobs_at_once: None
) -> None:
    make_prompt(project)
    spec = make_model_spec(location=str(tiny.write_model(tmp_path / "tiny", tiny.build_llama())))

    page = start(maker, project, model_spec=spec.pk, max_new_tokens=8)

    assert "✓ Finished" in page
    assert "at most about" in page, "one prompt alone is slower than a batch"


@pytest.mark.parametrize(
    ("text", "location", "words"),
    [
        ("word " * CONTEXT, "tiny", "maximum context length"),
        ("3 + 4?", "huge", "The server has no model “huge” there"),
    ],
)
def test_what_the_server_says_against_it_is_in_the_box(
    text: str,
    location: str,
    words: str,
    maker: Client,
    project: Project,
    server: OpenAIServer,
    run_jobs_at_once: None,
) -> None:
    make_prompt(project, text=text)

    page = start(maker, project, model_spec=make_server_spec(server, location=location).pk)

    assert "✕ Failed" in page
    assert words in page


def test_a_folder_without_weights_is_told_in_the_box(
    maker: Client, project: Project, tmp_path: Path, run_jobs_at_once: None
) -> None:
    make_prompt(project)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')

    page = start(maker, project, model_spec=make_model_spec(location=str(tmp_path)).pk)

    assert "✕ Failed" in page
    assert f"The folder {tmp_path} holds no .safetensors weights." in page


def test_while_it_waits_the_box_asks_again_and_then_no_more(maker: Client, project: Project) -> None:
    make_prompt(project)

    box = maker.post(path(project, "start_dry_run"), fill(), headers=FRAGMENT).content.decode()

    dry_run = DryRun.objects.get()
    address = path(project, "show_dry_run", dry_run.pk)
    assert "<html" not in box
    assert "Waits for a worker." in box
    assert f'hx-get="{address}" hx-trigger="every 1s"' in box
    assert f'<a href="{address}">Look again</a>' in box, "also without a script"
    dry_run.state, dry_run.finished_at, dry_run.error = JobState.FAILED, dry_run.queued_at, "It broke."
    dry_run.save()
    box = maker.get(address, headers=FRAGMENT).content.decode()
    assert "It broke." in box
    assert "every 1s" not in box
    assert maker.get(address)["Location"] == f"{path(project, 'launch_batch')}?dry_run={dry_run.pk}"


def test_wrong_fields_are_named_in_the_box_or_without_a_script_at_the_fields(
    maker: Client, project: Project
) -> None:
    wrong = fill(temperature=3)

    box = maker.post(path(project, "start_dry_run"), wrong, headers=FRAGMENT).content.decode()
    page = maker.post(path(project, "start_dry_run"), wrong).content.decode()
    without_prompts = maker.post(path(project, "start_dry_run"), fill(), headers=FRAGMENT).content.decode()

    assert "Temperature: Ensure this value is less than or equal to 2" in box
    assert '<ul class="field-errors" id="id_temperature_error"><li>Ensure this value is less' in page
    assert "There are no such prompts to generate for." in without_prompts
    assert not DryRun.objects.exists()


@pytest.mark.parametrize("named", ["", "x", "²", "9" * 40, "-1", "0"])
def test_an_address_that_names_no_dry_run_is_the_plain_form(
    named: str, maker: Client, project: Project
) -> None:
    strange = make_dry_run()
    for value in (named, strange.pk):
        page = maker.get(path(project, "launch_batch"), {"dry_run": value})
        assert page.status_code == 200
        assert "No trace is stored." in page.content.decode()
    assert maker.get(path(project, "show_dry_run", strange.pk)).status_code == 404


@pytest.mark.parametrize(("visitor", "status"), [("rater", 403), ("outsider", 404), ("nobody", 302)])
def test_nobody_else_has_a_model_asked(visitor: str, status: int, project: Project) -> None:
    dry_run = make_dry_run(make_prompt(project))
    client = make_visitor(visitor, project).client

    assert client.post(path(project, "start_dry_run"), fill()).status_code == status
    assert (
        client.get(reverse("annotation:show_dry_run", args=[project.slug, dry_run.pk])).status_code == status
    )
    assert DryRun.objects.count() == 1


def test_while_the_worker_is_at_it_the_page_counts_the_seconds(maker: Client, project: Project) -> None:
    begun = timezone.now() - dt.timedelta(seconds=12)
    dry_run = make_dry_run(
        make_prompt(project), state=JobState.RUNNING, started_at=begun, model_spec=make_model_spec(name="Big")
    )

    box = maker.get(path(project, "show_dry_run", dry_run.pk), headers=FRAGMENT).content.decode()

    told = re.search(r"Big is at it: (\d+) s so far\.", box)
    assert told
    assert int(told[1]) >= 12


def test_the_answer_has_the_estimate_beside_the_form_read_again(maker: Client, project: Project) -> None:
    prompt = make_prompt(project)
    ended = {"state": JobState.FINISHED, "finished_at": timezone.now(), "completion": "7", "seconds": 1.0}

    def ask(**fields: object) -> object:
        address = path(project, "show_dry_run", make_dry_run(prompt, **fields).pk)
        return maker.get(address, headers=FRAGMENT).headers.get("HX-Trigger")

    assert ask(**ended) == "dry-run-measured"
    assert ask() is None, "nothing was measured yet"
