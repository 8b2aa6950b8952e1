"""What a hostile browser sends: a page or a sentence, never a server error, and nothing half-stored."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.actions.import_rows import inspect_source, run_import
from annotation.actions.imports import ImportPlan, start_import
from annotation.models import Assignment, AssignmentState, ImportRun, ImportSource, Prompt, Rating, Role
from tests.factories import NOW, make_account, make_assignment, make_member, make_project, make_trace

pytestmark = pytest.mark.django_db

MANY_STEPS = 3_000


def hold(num_steps: int = 3) -> tuple[Client, Assignment]:
    """A rater's client, and the trace they hold."""
    now = timezone.now()
    trace = make_trace(steps=[f"Step {number}.\n" for number in range(num_steps)])
    assignment = make_assignment(trace, leased_at=now, expires_at=now + (NOW.resolution * 10**9))
    client = Client()
    client.force_login(assignment.rater)
    return client, assignment


def save_draft(client: Client, assignment: Assignment, body: str) -> Any:
    path = reverse("annotation:save_draft", args=[assignment.pk])
    return client.post(path, body, content_type="application/json")


@pytest.mark.parametrize("field", ["base_revision", "sequence", "active_seconds"])
def test_a_number_of_thousands_of_digits_is_no_draft(field: str) -> None:
    client, assignment = hold()

    answer = save_draft(client, assignment, f'{{"labels": [1, 1, 1], "{field}": {"9" * 5000}}}')

    assert answer.status_code == 400
    assert answer.json()["message"]


def test_half_a_character_in_a_note_is_left_out() -> None:
    client, assignment = hold()
    body = {"labels": [1, 1, 1], "notes": {"0": "so\ud83d\x00 so"}, "base_revision": 0}

    answer = save_draft(client, assignment, json.dumps(body))

    assert answer.status_code == 200
    assignment.refresh_from_db()
    assert assignment.draft["notes"] == {"0": "so so"}


def test_half_a_character_in_the_writers_name_is_refused() -> None:
    client, assignment = hold()
    body = {"labels": [1, 1, 1], "writer": "\ud83d", "sequence": 1, "base_revision": 0}

    assert save_draft(client, assignment, json.dumps(body)).status_code == 400


def test_a_trace_of_thousands_of_steps_can_be_submitted_without_a_script() -> None:
    client, assignment = hold(MANY_STEPS)
    form = {"action": "submit", "idempotency_key": str(uuid4())}
    form |= {f"label-{index}": "1" for index in range(MANY_STEPS)}
    form |= {f"note-{index}": "" for index in range(MANY_STEPS)}

    answer = client.post(reverse("annotation:rate_trace", args=[assignment.pk]), form)

    assert answer.status_code == 302
    assert Rating.objects.get(assignment=assignment).labels == [1] * MANY_STEPS


def test_a_form_with_a_note_of_ten_megabytes_gets_a_sentence_and_keeps_the_trace() -> None:
    client, assignment = hold()
    form = {"action": "submit", "idempotency_key": str(uuid4()), "note-0": "x" * 10_000_000}
    form |= {f"label-{index}": "1" for index in range(3)}

    answer = client.post(reverse("annotation:rate_trace", args=[assignment.pk]), form)

    assert answer.status_code == 413
    assert "larger than a form may be" in answer.text
    assignment.refresh_from_db()
    assert assignment.state == AssignmentState.LEASED


@pytest.mark.parametrize(
    "next_page", ["/sign-in/", "https://evil.example/", "//evil.example", "/\\evil.example"]
)
def test_the_way_on_after_signing_in_neither_leaves_the_site_nor_goes_round(next_page: str) -> None:
    account = make_account()
    client = Client()
    client.force_login(account)

    answer = client.get(reverse("annotation:sign_in"), {"next": next_page})

    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_the_way_on_after_signing_in_is_kept_inside_the_site() -> None:
    client = Client()
    client.force_login(make_account())

    assert client.get(reverse("annotation:sign_in"), {"next": "/tokens/"})["Location"] == "/tokens/"


def import_all(source: ImportSource) -> ImportRun:
    """What the workers do of it, as plain prompts."""
    inspect_source(source_id=source.pk, clock=lambda: NOW)
    source.refresh_from_db()
    plan = ImportPlan(layout="prompts", mapping={"prompt": "prompt"})
    run = start_import(source=source, plan=plan, actor=source.created_by, now=NOW)
    run_import(run_id=run.pk, clock=lambda: NOW)
    return run


class TestUploads:
    @pytest.fixture(autouse=True)
    def uploads(self, tmp_path: Path, settings: Any) -> None:
        settings.UPLOADS_DIR = tmp_path / "kept"

    def upload(self, content: bytes, name: str = "prompts.jsonl") -> Any:
        project = make_project()
        client = Client()
        client.force_login(make_member(project, Role.ENGINEER))
        file = SimpleUploadedFile(name, content)
        return client.post(reverse("annotation:upload_prompts", args=[project.slug]), {"file": file})

    def test_a_file_over_the_limit_gets_one_sentence_with_its_size_and_is_kept_nowhere(
        self, tmp_path: Path, settings: Any
    ) -> None:
        settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)

        answer = self.upload(b'{"prompt": "1 + 1"}\n' * (50 * 2**20 // 20))

        assert "The file is 50 MB; at most 20 MB are taken at a time." in answer.text
        assert answer.text.count("are taken at a time") == 1
        assert not Prompt.objects.exists()
        assert list(tmp_path.iterdir()) == []

    def test_a_file_of_just_the_limit_is_read(self, settings: Any) -> None:
        settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
        content = b'{"prompt": "1 + 1"}\n'
        settings.UPLOAD_LIMIT_BYTES = len(content)

        assert self.upload(content).status_code == 302
        assert "at most 0 MB" in self.upload(content + b"\n").text
        assert ImportSource.objects.count() == 1

    def test_a_line_of_ten_megabytes_is_refused_by_its_number(self) -> None:
        self.upload(b'{"prompt": "1 + 1"}\n{"prompt": "' + b"x" * 10_000_000 + b'"}\n')
        run = import_all(ImportSource.objects.get())

        refused = run.refusals.get()
        assert refused.number == 2
        assert refused.reason == "the prompt is longer than 200,000 characters."
        assert len(refused.raw) <= 20_000
        assert Prompt.objects.count() == 1

    @pytest.mark.parametrize(
        "name",
        ["../../etc/passwd.jsonl", "a; Set-Cookie: x=1.jsonl", "x" * 4000 + ".jsonl", "\u202etxt.jsonl"],
    )
    def test_a_hostile_file_name_is_only_a_note_on_where_a_prompt_came_from(self, name: str) -> None:
        answer = self.upload(b'{"prompt": "1 + 1"}\n', name)
        import_all(ImportSource.objects.get())

        source = Prompt.objects.get().source
        assert answer.status_code == 302
        assert "/" not in source["file"]
        assert len(source["file"]) <= 200


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "0"])
@pytest.mark.parametrize(
    "path",
    ["/rate/{}/", "/rate/{}/draft/", "/rate/1/steps/{}/", "/tokens/{}/revoke/", "/api/v1/ratings/{}/"],
)
def test_an_id_that_no_row_can_have_is_not_found(path: str, number: str) -> None:
    client = Client()
    client.force_login(make_account())
    method = client.post if "draft" in path or "revoke" in path else client.get

    assert method(path.format(number)).status_code == 404


@pytest.mark.parametrize("page", ["9" * 5000, "-1", "١", "\x00", "1e5", "nan", "[]"])
def test_a_page_number_that_is_none_shows_a_page(page: str) -> None:
    project = make_project()
    client = Client()
    client.force_login(make_member(project, Role.ADMIN))
    lists = [
        "annotation:list_prompts",
        "annotation:list_traces",
        "annotation:list_batches",
        "exports:list_exports",
    ]
    lists += ["annotation:list_merges", "annotation:list_judge_runs"]

    answers = [client.get(reverse(view, args=[project.slug]), {"page": page}).status_code for view in lists]

    assert answers == [200] * len(lists)


@pytest.mark.parametrize("value", ["\x00", "9" * 5000, "-1", "\ufffd", "1 OR 1=1", "{{ 7 * 7 }}"])
def test_filters_and_ids_in_addresses_take_anything(value: str) -> None:
    project = make_project()
    client = Client()
    client.force_login(make_member(project, Role.ADMIN))
    asked = itertools.product(
        ["batch", "model", "judged", "q", "merge", "left"], ["list_traces", "list_prompts"]
    )

    answers = {
        client.get(reverse(f"annotation:{view}", args=[project.slug]), {name: value}).status_code
        for name, view in asked
    }

    assert answers == {200}


def test_a_judge_of_thousands_of_digits_is_none() -> None:
    project = make_project()
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))

    page = client.get(reverse("annotation:make_judge", args=[project.slug]), {"from": "9" * 5_000})

    assert page.status_code == 200


def test_a_forged_session_cookie_is_asked_to_sign_in(client: Client) -> None:
    answer = client.get(reverse("annotation:list_projects"), headers={"cookie": r'sessionid="\000aaaaaaaa"'})

    assert answer.status_code == 302


def test_more_files_than_a_form_has_are_refused_unread() -> None:
    project = make_project()
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    files = {name: SimpleUploadedFile("rows.jsonl", b'{"prompt": "1 + 1?"}') for name in ("file", "another")}

    answer = client.post(reverse("annotation:upload_prompts", args=[project.slug]), files)

    assert answer.status_code == 413
    assert not ImportSource.objects.exists()
