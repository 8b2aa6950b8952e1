"""The pages of judges: who may open them, setting one to work, progress, cancelling."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions import judge, judge_runs
from annotation.actions.local_judges import open_local_judge
from annotation.models import JobState, Judge, JudgeKind, JudgeRun, Project, Role
from tests.annotation.actions.test_generate import Ticking
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import NOW, make_account, make_member, make_project, make_prompt, make_trace

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
def arithmetic() -> Judge:
    return next(j for j in judge_runs.ensure_builtin_judges(now=NOW) if j.kind == JudgeKind.ARITHMETIC)


@pytest.fixture
def maker(project: Project) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    return client


@pytest.fixture
def run(project: Project, arithmetic: Judge) -> JudgeRun:
    make_trace(make_prompt(project))
    return judge_runs.launch_judge_run(project=project, judge=arithmetic, actor=make_account(), now=NOW)


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("view", ["list_judge_runs", "show_judge_run"])
def test_only_those_who_make_traces_see_judges(
    visitor: str, view: str, project: Project, run: JudgeRun
) -> None:
    args = [run.pk] if view == "show_judge_run" else []
    client = make_visitor(visitor, project).client

    response = client.get(path(project, view, *args))

    assert response.status_code == (200 if visitor in MAY else STATUS[visitor])


@pytest.mark.parametrize("visitor", ["rater", "adjudicator", "outsider", "nobody"])
def test_nobody_else_launches_or_cancels(
    visitor: str, project: Project, run: JudgeRun, arithmetic: Judge
) -> None:
    client = make_visitor(visitor, project).client

    client.post(path(project, "list_judge_runs"), {"judge": arithmetic.pk})
    client.post(path(project, "cancel_judge_run", run.pk))

    assert JudgeRun.objects.get().state == JobState.QUEUED


def test_each_judge_says_what_to_know_before_trusting_it(maker: Client, project: Project) -> None:
    page = maker.get(path(project, "list_judge_runs")).content.decode()

    assert "no better than chance (AUC 0.45 on 468 steps of BIG-Bench Mistake)" in page
    assert "Works out the equations" in page
    assert "0 of 0 traces judged" in page


def test_launching_leads_to_the_run(maker: Client, project: Project, arithmetic: Judge) -> None:
    make_trace(make_prompt(project))

    response = maker.post(path(project, "list_judge_runs"), {"judge": arithmetic.pk})

    assert response["Location"] == path(project, "show_judge_run", JudgeRun.objects.get().pk)


def test_a_second_launch_leads_to_the_run_under_way(
    maker: Client, project: Project, arithmetic: Judge, run: JudgeRun
) -> None:
    response = maker.post(path(project, "list_judge_runs"), {"judge": arithmetic.pk})

    assert response["Location"] == path(project, "show_judge_run", run.pk)


def test_with_nothing_to_judge_the_form_says_so(maker: Client, project: Project, arithmetic: Judge) -> None:
    page = maker.post(path(project, "list_judge_runs"), {"judge": arithmetic.pk}).content.decode()

    assert "There is nothing to judge" in page


def test_a_run_shows_its_progress_until_it_is_done(maker: Client, project: Project, run: JudgeRun) -> None:
    address = path(project, "show_judge_run", run.pk)

    while_open = maker.get(address, headers=FRAGMENT).content.decode()
    judge.judge_chunk(chunk_id=run.chunks.get().pk, clock=Ticking(), open_judge=open_local_judge)
    done = maker.get(address, headers=FRAGMENT).content.decode()

    assert 'hx-trigger="every 1s"' in while_open
    assert "<html" not in while_open
    assert "hx-trigger" not in done
    assert "Finished" in done
    assert 'value="1" max="1"' in done
    assert "<dt>Steps scored</dt><dd>1</dd>" in done


def test_cancelling_closes_the_run_and_twice_is_said(maker: Client, project: Project, run: JudgeRun) -> None:
    first = maker.post(path(project, "cancel_judge_run", run.pk), follow=True).content.decode()
    second = maker.post(path(project, "cancel_judge_run", run.pk), follow=True).content.decode()

    assert "The run was cancelled." in first
    assert "is cancelled already" in second


def test_a_run_of_another_project_is_not_found(maker: Client, project: Project, arithmetic: Judge) -> None:
    trace = make_trace()
    strange = judge_runs.launch_judge_run(
        project=trace.project, judge=arithmetic, actor=make_account(), now=NOW
    )

    assert maker.get(path(project, "show_judge_run", strange.pk)).status_code == 404
    assert maker.post(path(project, "cancel_judge_run", strange.pk)).status_code == 404
