"""What a batch made no trace of and a judge gave no score, item by item with the reason, on their pages."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import GenerationBatch, JobState, JudgeRun, Project, Prompt, Role, Trace
from tests.factories import NOW, make_member, make_project, make_prompt, make_trace
from tests.failed_items import WROTE_NOTHING, make_failed_batch, make_failed_run

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def project() -> Project:
    return make_project(slug="sums")


@pytest.fixture
def maker(project: Project) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    return client


def page_of(job: GenerationBatch | JudgeRun) -> str:
    view = "show_batch" if isinstance(job, GenerationBatch) else "show_judge_run"
    return reverse(f"annotation:{view}", args=[job.project.slug, job.pk])


def test_a_batch_lists_what_failed_with_links_and_reasons(maker: Client, project: Project) -> None:
    kept, gone = make_prompt(project, text="Of <b>apples</b>"), make_prompt(project)
    batch = make_failed_batch([kept, gone], [WROTE_NOTHING, "Too long."])
    Prompt.objects.filter(pk=gone.pk).delete()

    page = maker.get(page_of(batch)).text

    assert f'href="{reverse("annotation:show_prompt", args=["sums", kept.pk])}"' in page
    assert "Of &lt;b&gt;apples&lt;/b&gt;" in page
    assert page.count(WROTE_NOTHING) == 2  # among the reasons, and on its item
    assert "deleted since" in page
    assert "2 items without a trace" in page
    assert "Try these again" in page


def test_a_judge_run_lists_what_failed_with_links_and_reasons(maker: Client, project: Project) -> None:
    trace = make_trace(make_prompt(project, text="Pears?"))
    run = make_failed_run([trace], ["Unreadable: no JSON."], num_scored=2)

    page = maker.get(page_of(run)).text

    assert f'href="{reverse("annotation:show_trace", args=["sums", trace.pk])}"' in page
    assert page.count("Unreadable: no JSON.") == 2
    assert "1 trace without a score" in page
    assert "<dt>Traces judged</dt><dd>2</dd>" in page


@pytest.mark.parametrize("kind", ["batch", "run"])
def test_the_list_is_filtered_and_taken_as_csv(kind: str, maker: Client, project: Project) -> None:
    reasons = [WROTE_NOTHING, "=Too long."]
    items: list[Prompt] | list[Trace]
    job: GenerationBatch | JudgeRun
    if kind == "batch":
        items = [make_prompt(project, text=f"prompt {number}") for number in range(2)]
        job = make_failed_batch(items, reasons)
    else:
        items = [make_trace(make_prompt(project, text=f"prompt {number}")) for number in range(2)]
        job = make_failed_run(items, reasons)

    part = maker.get(page_of(job), {"q": "too"}, headers={**FRAGMENT, "HX-Target": "table-failed"}).text
    file = maker.get(page_of(job), {"csv": "failed"})
    lines = b"".join(file.streaming_content).decode().splitlines()  # type: ignore[attr-defined]

    assert "Too long." in part
    assert WROTE_NOTHING not in part
    assert "<html" not in part
    assert file["Content-Disposition"] == 'attachment; filename="sums-failed.csv"'
    assert lines[1].startswith(f"{items[0].pk},{WROTE_NOTHING},")
    assert lines[1].endswith(",prompt 0")
    assert ",'=Too long.," in lines[2]


def test_many_failed_items_come_in_pages(maker: Client, project: Project) -> None:
    prompts = [make_prompt(project, text=f"prompt {number:03}") for number in range(30)]
    batch = make_failed_batch(prompts, [f"{WROTE_NOTHING} {number}" for number in range(30)])

    first, second = maker.get(page_of(batch)).text, maker.get(page_of(batch), {"page": 2}).text

    assert "prompt 024" in first
    assert "prompt 025" not in first
    assert "prompt 029" in second
    assert "Or the same with other numbers." in first


def test_the_list_comes_with_the_last_answer_and_not_while_the_batch_goes_on(
    maker: Client, project: Project
) -> None:
    batch = make_failed_batch(
        [make_prompt(project)], [WROTE_NOTHING], state=JobState.RUNNING, finished_at=None, started_at=NOW
    )

    going_on = maker.get(page_of(batch), headers=FRAGMENT).text
    opened = maker.get(page_of(batch)).text
    GenerationBatch.objects.update(state=JobState.FINISHED, finished_at=NOW)
    done = maker.get(page_of(batch), headers=FRAGMENT).text

    assert 'id="failed-items"' not in going_on
    assert 'id="failed-items"' in opened
    assert "1 item without a trace" in opened
    assert '<div id="failed-items" hx-swap-oob="true">' in done
    assert "1 item without a trace" in done


def test_where_nothing_failed_there_is_no_list(maker: Client, project: Project) -> None:
    batch = make_failed_batch([make_prompt(project)], [WROTE_NOTHING])
    batch.chunks.update(failures=[])

    page = maker.get(page_of(batch)).text

    assert "without a trace" not in page.replace("<dt>Without a trace</dt>", "")


def test_a_finished_batch_says_of_how_many_items_there_is_nothing(maker: Client, project: Project) -> None:
    prompts = [make_prompt(project)]
    whole = make_failed_batch(prompts, [WROTE_NOTHING])
    cut_short = make_failed_batch(prompts, [WROTE_NOTHING], num_prompts=33)

    assert "there is neither a trace nor a reason" not in maker.get(page_of(whole)).text
    assert "Of 32 there is neither a trace nor a reason" in maker.get(page_of(cut_short)).text
