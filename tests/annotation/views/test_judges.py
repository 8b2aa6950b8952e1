"""Making judges: kinds, models, rubrics as text or file, versions; and a rubric judge at work on a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotation.models import JobState, Judge, JudgeRun, JudgeScore, ModelSpec, Project, Role
from annotation.tasks import servers  # noqa: F401  (registers the tasks)
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.contracts.openai_server import running_server
from tests.factories import make_judge, make_member, make_model_spec, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db(transaction=True)
MAY = {"engineer", "admin", "site admin"}


def path(project: Project, view: str, *args: object) -> str:
    return reverse(f"annotation:{view}", args=[project.slug, *args])


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def maker(project: Project, run_jobs_at_once: None) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    return client


@pytest.fixture
def server_spec() -> ModelSpec:
    return make_model_spec(name="Critic", backend="server", address="http://127.0.0.1:9/v1", location="tiny")


def fill(spec: ModelSpec, **changes: Any) -> dict[str, Any]:
    plain = {
        "kind": "rubric",
        "name": "strict",
        "model_spec": spec.pk,
        "rubric": "",
        "temperature": "0",
        "max_new_tokens": "256",
        "template": "",
        "num_rollouts": "4",
        "is_search": "",
        "rollout_temperature": "0.8",
        "rollout_tokens": "64",
        "separator": "",
    }
    return {**plain, **changes}


@pytest.mark.parametrize("visitor", VISITORS)
def test_only_those_who_make_traces_make_judges(
    visitor: str, project: Project, server_spec: ModelSpec
) -> None:
    client = make_visitor(visitor, project).client

    client.post(path(project, "make_judge"), fill(server_spec))

    assert Judge.objects.exists() == (visitor in MAY)


def test_without_a_rubric_the_one_that_comes_with_the_product_is_taken(
    maker: Client, project: Project, server_spec: ModelSpec
) -> None:
    page = maker.post(path(project, "make_judge"), fill(server_spec), follow=True).content.decode()

    judge = Judge.objects.get(name="strict")
    assert "as a strict and fair teacher would" in judge.settings["rubric"]
    assert (judge.project, judge.model_spec, judge.kind) == (project, server_spec, "rubric")
    assert f"{judge} is made." in page


def test_a_rubric_comes_as_a_file_too(maker: Client, project: Project, server_spec: ModelSpec) -> None:
    file = SimpleUploadedFile("mine.md", "\ufeffJudge {problem}: {steps}. Schön!".encode())

    maker.post(path(project, "make_judge"), fill(server_spec, rubric_file=file))

    assert Judge.objects.get(name="strict").settings["rubric"] == "Judge {problem}: {steps}. Schön!"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rubric": "Is it right?"}, "A rubric holds {problem} and {steps}, once each."),
        ({"rubric_file": SimpleUploadedFile("x.md", b"\xff\xfe{problem}")}, "This file is not UTF-8 text."),
        ({"kind": "rollout", "template": "Solve!"}, "The template must hold {prompt} exactly once"),
        ({"kind": "likelihood"}, "so its model runs in the worker"),
        ({"kind": "prm"}, "add one under Models first"),
        ({"num_rollouts": "0"}, "greater than or equal to 1"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_stored(
    maker: Client, project: Project, server_spec: ModelSpec, changes: dict[str, Any], words: str
) -> None:
    page = maker.post(path(project, "make_judge"), fill(server_spec, **changes)).content.decode()

    assert words in page
    assert not Judge.objects.filter(name="strict").exists()


def test_the_same_settings_are_the_same_judge_and_others_another_version(
    maker: Client, project: Project, server_spec: ModelSpec
) -> None:
    maker.post(path(project, "make_judge"), fill(server_spec))
    same = maker.post(path(project, "make_judge"), fill(server_spec)).content.decode()
    maker.post(path(project, "make_judge"), fill(server_spec, temperature="0.5"))
    maker.post(path(project, "make_judge"), fill(server_spec, sees_reference="on"))

    assert "This very judge is there already" in same
    assert len(set(Judge.objects.filter(name="strict").values_list("version", flat=True))) == 3


def test_a_next_version_starts_from_the_last_one(
    maker: Client, project: Project, server_spec: ModelSpec
) -> None:
    maker.post(
        path(project, "make_judge"),
        fill(server_spec, kind="rollout", is_search="yes", num_rollouts="12", template="Do {prompt}"),
    )
    judge = Judge.objects.get(name="strict")

    page = maker.get(path(project, "make_judge"), {"from": judge.pk}).content.decode()

    assert "New version of strict" in page
    assert 'value="12"' in page
    assert "Do {prompt}" in page
    assert '<option value="yes" selected>' in page


def test_another_project_s_judge_is_not_to_be_seen(
    maker: Client, project: Project, server_spec: ModelSpec
) -> None:
    strange = make_judge(project=make_project(), name="secret", kind="rubric", model_spec=server_spec)

    listed = maker.get(path(project, "list_judge_runs")).content.decode()
    filled = maker.get(path(project, "make_judge"), {"from": strange.pk}).content.decode()

    assert "secret" not in listed
    assert "secret" not in filled
    assert maker.post(path(project, "retire_judge", strange.pk)).status_code == 404
    assert maker.post(path(project, "list_judge_runs"), {"judge": strange.pk}).status_code == 200
    assert not JudgeRun.objects.exists()


def test_where_the_project_does_not_allow_it_no_judge_is_told_the_reference(
    maker: Client, project: Project, server_spec: ModelSpec
) -> None:
    project.judges_see_reference = False
    project.save()

    maker.post(path(project, "make_judge"), fill(server_spec, sees_reference="on"))

    assert Judge.objects.get(name="strict").sees_reference is False


def test_a_rubric_judge_on_a_server_scores_traces_and_its_tokens_count(
    maker: Client, project: Project
) -> None:
    make_trace(make_prompt(project), steps=("3 + 4 = 7.\n", "It is 8."))
    entries = [
        {"step": 1, "critique": "Right.", "verdict": "correct"},
        {"step": 2, "critique": "It is 7.", "verdict": "incorrect"},
    ]
    with running_server(say=lambda body: json.dumps({"steps": entries})) as server:
        spec = make_model_spec(backend="server", address=server.address, location="tiny")
        maker.post(path(project, "make_judge"), fill(spec))
        maker.post(path(project, "list_judge_runs"), {"judge": Judge.objects.get(name="strict").pk})

    score = JudgeScore.objects.get()
    run = JudgeRun.objects.get()
    chunk = run.chunks.get()
    assert (score.probabilities, score.rationales) == ([0.95, 0.05], ["Right.", "It is 7."])
    assert (run.state, chunk.is_on_server) == (JobState.FINISHED, True)
    assert chunk.num_tokens > 0


def test_an_unreadable_judge_is_stored_as_such_told_and_not_asked_again(
    maker: Client, project: Project
) -> None:
    make_trace(make_prompt(project))
    with running_server(say=lambda body: "Looks good!") as server:
        spec = make_model_spec(backend="server", address=server.address, location="tiny")
        maker.post(path(project, "make_judge"), fill(spec))
        judge = Judge.objects.get(name="strict")
        shown = maker.post(
            path(project, "list_judge_runs"), {"judge": judge.pk}, follow=True
        ).content.decode()
        again = maker.post(path(project, "list_judge_runs"), {"judge": judge.pk}).content.decode()

    score = JudgeScore.objects.get()
    assert score.probabilities == [None, None, None]
    assert score.fault.startswith("Unreadable: asked 3 times")
    assert "Unreadable: asked 3 times" in shown
    assert "There is nothing to judge" in again
    assert len(server.requests) == 3


def test_a_retired_judge_is_not_offered_and_comes_back_when_made_again(
    maker: Client, project: Project, server_spec: ModelSpec
) -> None:
    maker.post(path(project, "make_judge"), fill(server_spec))
    judge = Judge.objects.get(name="strict")

    page = maker.post(path(project, "retire_judge", judge.pk), follow=True).content.decode()
    assert f'<option value="{judge.pk}"' not in page
    maker.post(path(project, "make_judge"), fill(server_spec))

    judge.refresh_from_db()
    assert judge.retired_at is None
