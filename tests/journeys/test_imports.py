"""Bringing traces in a real browser: a look, other columns at a change, the report; also without a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from annotation.actions.import_rows import inspect_source, run_import
from annotation.models import Account, ImportRun, ImportSource, Project, Prompt, Rating, Role
from tests.factories import NOW, make_member, make_project
from tests.journeys.accessibility import expect_fit_to_be_seen
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROWS = [
    {"input": "What is 3 + 4?", "steps": ["3 + 4 = 8.", "So 8."], "mistake_index": 0, "answer": "7"},
    {"input": "What is <b>1 + 1</b>?", "steps": ["1 + 1 = 2."], "mistake_index": None, "answer": "2"},
    {"input": "What is 2 + 2?", "steps": []},
]


@pytest.fixture
def rows(tmp_path: Path, settings: Any) -> Path:
    settings.UPLOADS_DIR = tmp_path / "uploads"
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def maker(project: Project) -> Account:
    return make_member(project, Role.ENGINEER)


def look() -> None:
    """What the worker does when a source was brought."""
    inspect_source(source_id=ImportSource.objects.get().pk, clock=lambda: NOW)


def expect_settled(page: Page) -> None:
    """The form that htmx has just put in place hears changes by now."""
    expect(page.locator("#import-form:not([class*=htmx-])")).to_be_visible()


@pytest.mark.slow
def test_traces_are_looked_at_mapped_imported_and_reported(
    open_page: OpenPage, project: Project, maker: Account, rows: Path
) -> None:
    page = open_page(maker)
    page.goto(reverse("annotation:upload_prompts", args=[project.slug]))
    expect_fit_to_be_seen(page)
    page.get_by_label("File").set_input_files(rows)
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_text("Nothing is stored yet.")).to_be_visible()
    look()
    expect(page.get_by_text("What the first rows become")).to_be_visible()
    expect_fit_to_be_seen(page)

    expect(page.get_by_text("first error at step 1")).to_be_visible()
    expect(page.get_by_text("Refused: “steps” holds no steps.")).to_be_visible()
    page.get_by_label("Layout").select_option("prompts")
    expect(page.get_by_text("first error at step 1")).to_have_count(0)
    expect_settled(page)
    page.get_by_label("Prompt", exact=True).select_option("answer")
    expect(page.locator(".import-prompt").first).to_have_text("7")
    expect_settled(page)
    page.get_by_label("Layout").select_option("steps")
    expect(page.get_by_text("first error at step 1")).to_be_visible()
    page.get_by_label("Whose ratings").fill("Trusted labels")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Waits for a worker.")).to_be_visible()
    run_import(run_id=ImportRun.objects.get().pk, clock=lambda: NOW)
    expect(page.get_by_text("Ratings stored, as Trusted labels (imported)")).to_be_visible()
    page.reload()

    expect(page.get_by_role("table", name="").last).to_contain_text("“steps” holds no steps.")
    expect_fit_to_be_seen(page)
    with page.expect_download() as download:
        page.get_by_text("Download them (JSONL)").click()
    assert json.loads(Path(download.value.path()).read_text())["row"] == 3
    assert Prompt.objects.filter(text="What is <b>1 + 1</b>?").exists()
    assert sorted(rating.labels for rating in Rating.objects.all()) == [[-1, None], [1]]


def test_without_a_script_the_same_forms_do_it(
    open_page: OpenPage, project: Project, maker: Account, rows: Path
) -> None:
    page = open_page(maker, java_script_enabled=False)
    page.goto(reverse("annotation:upload_prompts", args=[project.slug]))
    page.get_by_label("File").set_input_files(rows)
    page.get_by_role("button", name="Upload and look").click()
    look()
    page.reload()
    page.get_by_label("Layout").select_option("prompts")
    page.get_by_role("button", name="Show again").click()
    expect(page.get_by_label("Steps", exact=True)).to_have_count(0)

    page.get_by_role("button", name="Import", exact=True).click()
    run_import(run_id=ImportRun.objects.get().pk, clock=lambda: NOW)
    page.reload()

    expect(page.get_by_text("Prompts stored")).to_be_visible()
    assert Prompt.objects.count() == 3
