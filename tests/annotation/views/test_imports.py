"""The pages of imports: from a file or a name to what its columns become, to the report."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotation.actions.import_rows import inspect_source, run_import
from annotation.models import ImportRun, ImportSource, JobState, Project, Prompt, Role
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    NOW,
    make_import_run,
    make_import_source,
    make_member,
    make_project,
    make_prompt,
)

pytestmark = pytest.mark.django_db
MAY = {"engineer", "admin", "site admin"}
STATUS = {"rater": 403, "adjudicator": 403, "paused admin": 404, "outsider": 404, "nobody": 302}
ROWS = b'{"prompt": "A", "answer": "7"}\n{"prompt": " ", "answer": "8"}\n'


@pytest.fixture(autouse=True)
def uploads(tmp_path: Any, settings: Any) -> None:
    settings.UPLOADS_DIR = tmp_path


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def maker(project: Project) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    return client


def path(project: Project, view: str, *args: object) -> str:
    return reverse(f"annotation:{view}", args=[project.slug, *args])


def upload(maker: Client, project: Project, content: bytes = ROWS, name: str = "sums.jsonl") -> Any:
    return maker.post(path(project, "upload_prompts"), {"file": SimpleUploadedFile(name, content)})


def look_at(maker: Client, project: Project, content: bytes = ROWS) -> ImportSource:
    upload(maker, project, content)
    source = ImportSource.objects.get()
    inspect_source(source_id=source.pk, clock=lambda: NOW)
    source.refresh_from_db()
    return source


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize(
    "view", ["upload_prompts", "prepare_import", "list_imports", "show_import", "download_refused"]
)
def test_only_those_who_make_traces_see_imports(visitor: str, view: str, project: Project) -> None:
    run = make_import_run(make_import_source(project, columns=["prompt"]))
    args = {"prepare_import": [run.source_id], "show_import": [run.pk], "download_refused": [run.pk]}
    client = make_visitor(visitor, project).client

    response = client.get(path(project, view, *args.get(view, [])))

    assert response.status_code == (200 if visitor in MAY else STATUS[visitor])


@pytest.mark.parametrize("visitor", ["rater", "adjudicator", "outsider", "nobody"])
def test_nobody_else_brings_anything(visitor: str, project: Project) -> None:
    run = make_import_run(make_import_source(project))
    client = make_visitor(visitor, project).client

    upload(client, project)
    client.post(path(project, "open_data_set"), {"name": "a/b", "split": "train"})
    client.post(path(project, "prepare_import", run.source_id), {"layout": "prompts"})
    client.post(path(project, "cancel_import", run.pk))

    assert ImportSource.objects.count() == 1
    assert ImportRun.objects.get().is_open


def test_another_projects_import_is_not_found(maker: Client, project: Project) -> None:
    strange = make_import_run()

    assert maker.get(path(project, "show_import", strange.pk)).status_code == 404
    assert maker.get(path(project, "prepare_import", strange.source_id)).status_code == 404
    assert maker.get(path(project, "download_refused", strange.pk)).status_code == 404


def test_an_upload_goes_on_to_what_was_found_and_stores_no_prompt(maker: Client, project: Project) -> None:
    response = upload(maker, project)

    source = ImportSource.objects.get()
    assert response["Location"] == path(project, "prepare_import", source.pk)
    waiting = maker.get(response["Location"]).content.decode()
    assert "Waits for a worker." in waiting
    assert "hx-trigger" in waiting
    assert not Prompt.objects.exists()


def test_the_page_that_waits_is_sent_on_once_the_source_was_read(maker: Client, project: Project) -> None:
    source = look_at(maker, project)

    response = maker.get(path(project, "prepare_import", source.pk), headers={"HX-Request": "true"})

    assert response["HX-Redirect"] == path(project, "prepare_import", source.pk)


def test_the_first_rows_show_what_they_become_and_which_are_refused(maker: Client, project: Project) -> None:
    source = look_at(maker, project)

    page = maker.get(path(project, "prepare_import", source.pk)).content.decode()

    assert "2 rows, 2 columns. Nothing is stored yet." in page
    assert '<option value="prompt" selected>prompt</option>' in page
    assert "Refused: “prompt” is empty." in page


def test_another_column_shows_other_prompts_before_anything_is_stored(
    maker: Client, project: Project
) -> None:
    source = look_at(maker, project)
    said = {"layout": "prompts", "shown_layout": "prompts", "column_prompt": "answer"}

    part = maker.get(
        path(project, "prepare_import", source.pk), said, headers={"HX-Request": "true"}
    ).content.decode()

    assert "<html" not in part
    assert '<p class="import-prompt" dir="auto">7</p>' in part
    assert not ImportRun.objects.exists()


def test_another_layout_brings_its_own_columns_and_starts_nothing(maker: Client, project: Project) -> None:
    source = look_at(maker, project, b'{"question": "A", "completion": "x"}\n')
    said = {"layout": "prompts", "shown_layout": "completions"}

    page = maker.post(path(project, "prepare_import", source.pk), said).content.decode()

    assert "column_completion" not in page
    assert '<option value="question" selected>question</option>' in page
    assert not ImportRun.objects.exists()


def test_a_field_inside_an_object_is_chosen_as_a_column(maker: Client, project: Project) -> None:
    source = look_at(maker, project, b'{"asked": {"text": "A", "by": "x"}}\n{"asked": {"by": "y"}}\n')
    said = {"layout": "prompts", "shown_layout": "prompts", "column_prompt": "asked.text"}

    shown = maker.get(path(project, "prepare_import", source.pk), said, headers={"HX-Request": "true"})
    maker.post(path(project, "prepare_import", source.pk), said)
    run = ImportRun.objects.get()
    run_import(run_id=run.pk, clock=lambda: NOW)

    assert '<p class="import-prompt" dir="auto">A</p>' in shown.content.decode()
    assert Prompt.objects.get().text == "A"
    assert "“asked.text” is missing." in maker.get(path(project, "show_import", run.pk)).content.decode()


def test_an_import_runs_and_reports_what_it_stored_and_refused(maker: Client, project: Project) -> None:
    source = look_at(maker, project)
    said = {
        "layout": "prompts",
        "shown_layout": "prompts",
        "column_prompt": "prompt",
        "column_reference_answer": "answer",
        "verifier": "numeric",
    }

    response = maker.post(path(project, "prepare_import", source.pk), said)
    run = ImportRun.objects.get()
    run_import(run_id=run.pk, clock=lambda: NOW)
    page = maker.get(path(project, "show_import", run.pk)).content.decode()

    assert response["Location"] == path(project, "show_import", run.pk)
    assert "<dt>Prompts stored</dt><dd>1</dd>" in page
    assert "<dt>Refused</dt><dd>1</dd>" in page
    assert "“prompt” is empty." in page
    assert Prompt.objects.get().ground_truth == "7"
    last = maker.get(path(project, "show_import", run.pk), headers={"HX-Request": "true"}).content.decode()
    assert path(project, "download_refused", run.pk) in last, (
        "whoever watched it to its end can take them away"
    )
    assert "What stood there" in last


def test_refused_rows_are_downloaded_with_their_reasons(maker: Client, project: Project) -> None:
    run = make_import_run(make_import_source(project))

    answer = maker.get(path(project, "download_refused", run.pk))

    [line] = b"".join(answer.streaming_content).splitlines()  # type: ignore[attr-defined]
    assert json.loads(line) == {"row": 1, "reason": "“prompt” is empty.", "raw": '{"prompt": ""}'}
    assert answer["Content-Disposition"].endswith('refused.jsonl"')


def test_progress_comes_as_a_part_while_it_runs(maker: Client, project: Project) -> None:
    run = make_import_run(make_import_source(project, num_rows=4), state=JobState.RUNNING, started_at=NOW)

    part = maker.get(path(project, "show_import", run.pk), headers={"HX-Request": "true"}).content.decode()

    assert part.strip().startswith('<div id="import-progress"')
    assert "1 of 4" in part
    assert "Cancel the import" in part


def test_an_import_is_cancelled_once(maker: Client, project: Project) -> None:
    run = make_import_run(make_import_source(project))

    maker.post(path(project, "cancel_import", run.pk))
    page = maker.post(path(project, "cancel_import", run.pk), follow=True).content.decode()

    assert ImportRun.objects.get().state == JobState.CANCELLED
    assert f"Import {run.pk} is cancelled already." in page


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"layout": "prompts", "column_prompt": ""}, "Say which column is the prompt."),
        ({"layout": "prompts", "column_prompt": "nowhere"}, "Select a valid choice."),
        ({"layout": "prompts", "column_prompt": "prompt", "max_rows": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_does_not_fit_is_said_on_the_form(
    said: dict[str, str], words: str, maker: Client, project: Project
) -> None:
    source = look_at(maker, project)

    page = maker.post(path(project, "prepare_import", source.pk), {**said, "shown_layout": "prompts"})

    assert words in page.content.decode()
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.xlsx", b"x", "its name must end in .jsonl"),
        ("x.jsonl", b"", "The file is empty."),
    ],
)
def test_a_file_that_cannot_be_taken_is_one_sentence(
    name: str, content: bytes, words: str, maker: Client, project: Project
) -> None:
    assert words in upload(maker, project, content, name).content.decode()
    assert not ImportSource.objects.exists()


def test_a_file_over_the_limit_is_one_clear_sentence(maker: Client, project: Project, settings: Any) -> None:
    settings.UPLOAD_LIMIT_BYTES = 2 * 2**20

    page = upload(maker, project, b'{"prompt": "A"}\n' * 400_000).content.decode()

    assert "The file is 6 MB; at most 2 MB are taken at a time. Split it into smaller files." in page
    assert not ImportSource.objects.exists()


def test_no_file_and_no_name_are_said(maker: Client, project: Project) -> None:
    assert "Choose a file." in maker.post(path(project, "upload_prompts")).content.decode()
    assert "This field is required." in maker.post(path(project, "open_data_set")).content.decode()


def test_what_a_row_holds_cannot_run(maker: Client, project: Project) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    source = look_at(maker, project, json.dumps({"prompt": hostile, hostile: hostile}).encode())

    page = maker.get(path(project, "prepare_import", source.pk)).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_a_row_that_is_laid_out_otherwise_is_refused_in_the_preview(maker: Client, project: Project) -> None:
    good = {"question": "Hot?", "choices": {"text": ["Ice", "Fire"], "label": ["A", "B"]}, "answerKey": "B"}
    rows = [good, {**good, "choices": {"text": 5}}]
    source = look_at(maker, project, "".join(json.dumps(row) + "\n" for row in rows).encode())

    page = maker.get(path(project, "prepare_import", source.pk), {"layout": "arc"})

    assert page.status_code == 200
    assert "Refused: “choices.text” is not a list." in page.text


def test_the_report_lists_rows_that_were_there_already_and_takes_them_away_as_csv(
    maker: Client, project: Project
) -> None:
    make_prompt(project, text="A")
    source = look_at(maker, project)
    maker.post(
        path(project, "prepare_import", source.pk),
        {"layout": "prompts", "shown_layout": "prompts", "column_prompt": "prompt"},
    )
    run = ImportRun.objects.get()
    run_import(run_id=run.pk, clock=lambda: NOW)
    address = path(project, "show_import", run.pk)

    page = maker.get(address).text
    file = maker.get(address, {"csv": "known"})
    part = maker.get(address, headers={"HX-Request": "true", "HX-Target": "table-known"}).text

    assert "1 row that was there already" in page
    assert "1 refused row" in page
    assert b"".join(file.streaming_content).decode().splitlines()[1:] == [  # type: ignore[attr-defined]
        "1,The prompt is there already."
    ]
    assert "The prompt is there already." in part
    assert "refused" not in part


def test_of_an_import_that_kept_no_such_rows_their_number_is_told(maker: Client, project: Project) -> None:
    run = make_import_run(
        make_import_source(project, columns=["prompt"]),
        num_read=10,
        num_duplicates=9,
        state=JobState.FINISHED,
        finished_at=NOW,
    )

    page = maker.get(path(project, "show_import", run.pk)).text

    assert "Of this import only their number was kept." in page
