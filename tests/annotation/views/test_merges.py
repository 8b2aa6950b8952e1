"""The merge's pages: who may open them, starting, watching, cancelling, and what a finished one shows."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions import merges
from annotation.actions.jobs import start_job
from annotation.merging.data import MergePolicy
from annotation.models import JobState, MergeRun, Project, Role
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    NOW,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ALLOWED = {"engineer", "admin", "site admin"}
CHOICES = {"policy": "chain", "recovery": "off"}


def expected_status(kind: str) -> int:
    if kind in ALLOWED:
        return 200
    if kind == "nobody":
        return 302
    return 404 if kind in {"outsider", "paused admin"} else 403


def make_rated_project() -> Project:
    project = make_project()
    prompt = make_prompt(project)
    right, wrong = make_trace(prompt), make_trace(prompt, steps=("3 and 4.\n", "3 + 4 = 8.\n", "It is 8."))
    for is_simulated in (False, True):
        rater = make_member(project, is_simulated=is_simulated)
        make_rating(right, rater, labels=(1, 1, 1))
        make_rating(wrong, rater, labels=(1, -1, None))
    make_judge_score(right)
    return project


def start(project: Project, policy: MergePolicy | None = None) -> MergeRun:
    actor = make_member(project, Role.ENGINEER)
    return merges.start_merge(project=project, policy=policy or MergePolicy(), actor=actor, now=NOW)


def finish(run: MergeRun) -> MergeRun:
    merges.run_merge(run_id=run.pk, clock=lambda: NOW + dt.timedelta(minutes=1))
    return run


def path(project: Project, view: str, *args: int) -> str:
    return reverse(f"annotation:{view}", args=[project.slug, *args])


def sign_in(project: Project) -> Client:
    return make_visitor("engineer", project).client


@pytest.mark.parametrize("kind", VISITORS)
def test_merge_pages_are_for_engineers_and_admins(kind: str) -> None:
    project = make_rated_project()
    run = finish(start(project))
    client = make_visitor(kind, project).client

    assert client.get(path(project, "list_merges")).status_code == expected_status(kind)
    assert client.get(path(project, "show_merge", run.pk)).status_code == expected_status(kind)


@pytest.mark.parametrize("kind", VISITORS)
def test_only_engineers_and_admins_start_and_cancel(kind: str) -> None:
    project = make_rated_project()
    client = make_visitor(kind, project).client

    started = client.post(path(project, "list_merges"), CHOICES)
    run = MergeRun.objects.first() or start(project)
    cancelled = client.post(path(project, "cancel_merge", run.pk))

    wanted = 302 if kind in ALLOWED else expected_status(kind)
    assert (started.status_code, cancelled.status_code) == (wanted, wanted)
    run.refresh_from_db()
    assert run.state == (JobState.CANCELLED if kind in ALLOWED else JobState.QUEUED)


def test_another_projects_merge_is_not_found() -> None:
    project, other = make_rated_project(), make_rated_project()
    run = finish(start(other))

    assert sign_in(project).get(path(project, "show_merge", run.pk)).status_code == 404


def test_an_empty_list_says_what_to_do_next() -> None:
    project = make_project()

    assert "No merge yet" in sign_in(project).get(path(project, "list_merges")).content.decode()


def test_a_verdict_that_could_not_enter_is_said_not_to_have_been_used() -> None:
    project = make_rated_project()
    run = start(project)
    MergeRun.objects.filter(pk=run.pk).update(uses_verdict=True)

    page = sign_in(project).get(path(project, "show_merge", finish(run).pk)).content.decode()

    assert "the verifier's verdict asked for and not used" in page
    assert "No judge is calibrated, so it was not used." in page


def test_the_form_starts_the_merge_that_was_chosen() -> None:
    project = make_rated_project()

    answer = sign_in(project).post(
        path(project, "list_merges"), {"policy": "human_only", "recovery": "learned", "use_verdict": "on"}
    )

    run = MergeRun.objects.get()
    assert answer["Location"] == path(project, "show_merge", run.pk)
    assert (run.policy, run.recovery, run.uses_verdict) == ("human_only", "learned", True)


def test_htmx_is_sent_on_by_a_header() -> None:
    project = make_rated_project()

    answer = sign_in(project).post(path(project, "list_merges"), CHOICES, headers=HTMX)

    assert answer["HX-Redirect"] == path(project, "show_merge", MergeRun.objects.get().pk)


def test_a_second_start_leads_to_the_merge_under_way() -> None:
    project = make_rated_project()
    run = start(project)

    answer = sign_in(project).post(path(project, "list_merges"), CHOICES, follow=True)

    assert answer.redirect_chain == [(path(project, "show_merge", run.pk), 302)]
    assert "already under way" in answer.content.decode()
    assert MergeRun.objects.count() == 1


def test_nothing_to_merge_is_said_in_the_form() -> None:
    project = make_project()

    answer = sign_in(project).post(path(project, "list_merges"), CHOICES)

    assert "There is nothing to merge yet" in answer.content.decode()


def test_a_policy_that_does_not_exist_is_refused() -> None:
    project = make_rated_project()

    answer = sign_in(project).post(path(project, "list_merges"), {**CHOICES, "policy": "dice"})

    assert "Select a valid choice" in answer.content.decode()
    assert not MergeRun.objects.exists()


def test_a_merge_polls_until_it_is_done() -> None:
    project = make_rated_project()
    run = start(project)
    client = sign_in(project)
    page = path(project, "show_merge", run.pk)

    queued = client.get(page, headers=HTMX).content.decode()
    start_job(MergeRun, run.pk, now=NOW, stall_seconds=30)
    running = client.get(page, headers=HTMX).content.decode()
    finish(run)
    done = client.get(page, headers=HTMX).content.decode()

    assert queued.lstrip().startswith('<div id="merge-run"')
    assert "It waits for a worker" in queued
    assert "weighs it" in running
    assert all('hx-trigger="every 1s"' in text for text in (queued, running))
    assert "every 1s" not in done


def test_a_finished_merge_shows_what_rests_on_what() -> None:
    project = make_rated_project()
    run = finish(start(project))

    page = sign_in(project).get(path(project, "show_merge", run.pk)).content.decode()

    assert "<dt>People</dt><dd>2" in page
    assert "Not used" in page  # one judged trace calibrates no judge, and the page says why
    assert 'role="img" aria-labelledby="posteriors-title posteriors-desc"' in page
    assert page.count('<th scope="row">0.') == 20  # the numbers behind the chart: a row a twentieth
    assert 'class="bar bad"' in page and 'class="bar good"' in page
    assert "Simulated" in page
    assert "rests on an error" in page
    assert "given by simulated raters: programs, not people" in page
    assert reverse("exports:create_export", args=[project.slug]) + f"?merge=run:{run.pk}" in page


def test_a_majority_knows_nothing_of_raters_and_says_so() -> None:
    project = make_rated_project()
    run = finish(start(project, MergePolicy(name="majority")))

    page = sign_in(project).get(path(project, "show_merge", run.pk)).content.decode()

    assert "counts every rater alike" in page
    assert "This policy leaves judges out." in page


@pytest.mark.parametrize(
    ("state", "words"),
    [("failed", "The merge failed: Trace 3 has no steps."), ("cancelled", "was cancelled")],
)
def test_a_merge_that_ended_badly_says_why(state: str, words: str) -> None:
    project = make_rated_project()
    run = start(project)
    error = "Trace 3 has no steps." if state == "failed" else ""
    MergeRun.objects.filter(pk=run.pk).update(state=state, finished_at=NOW, error=error)

    page = sign_in(project).get(path(project, "show_merge", run.pk)).content.decode()

    assert words in page


def test_a_second_cancel_says_that_it_is_over() -> None:
    project = make_rated_project()
    run = finish(start(project))

    answer = sign_in(project).post(path(project, "cancel_merge", run.pk), follow=True)

    assert "is finished already" in answer.content.decode()


def test_the_list_pages_through_many_merges() -> None:
    project = make_rated_project()
    actor = make_member(project, Role.ENGINEER)
    for number in range(52):
        MergeRun.objects.create(
            project=project,
            created_by=actor,
            queued_at=NOW + dt.timedelta(minutes=number),
            touched_at=NOW,
            finished_at=NOW,
            state=JobState.CANCELLED,
        )
    client = sign_in(project)

    first = client.get(path(project, "list_merges")).content.decode()
    second = client.get(path(project, "list_merges"), {"page": "2"}).content.decode()

    assert (first.count("– Cancelled"), second.count("– Cancelled")) == (50, 2)
    assert "Next" in first
    assert "Previous" in second


@pytest.mark.parametrize("kind", VISITORS)
def test_only_those_who_merge_see_why(kind: str) -> None:
    project = make_rated_project()
    run = finish(start(project))
    trace = project.trace_set.first()
    client = make_visitor(kind, project).client

    answer = client.get(reverse("annotation:explain_trace", args=[project.slug, run.pk, trace.pk]))

    assert answer.status_code == expected_status(kind)


def test_the_page_says_who_moved_which_step() -> None:
    project = make_rated_project()
    run = finish(start(project))
    wrong = project.trace_set.last()
    client = sign_in(project)

    page = client.get(
        reverse("annotation:explain_trace", args=[project.slug, run.pk, wrong.pk])
    ).content.decode()

    for rating in wrong.ratings.all():
        assert str(rating.rater) in page
    assert "points" in page
    assert "first error" in page.lower()
    assert "that it stands" in page


def test_a_trace_of_another_merge_is_not_found() -> None:
    project, other = make_rated_project(), make_rated_project()
    run = finish(start(project))
    client = sign_in(project)

    answer = client.get(
        reverse("annotation:explain_trace", args=[project.slug, run.pk, other.trace_set.first().pk])
    )

    assert answer.status_code == 404


def test_the_merges_page_leads_to_the_traces_it_is_least_sure_of() -> None:
    project = make_rated_project()
    run = finish(start(project))
    client = sign_in(project)

    page = client.get(reverse("annotation:show_merge", args=[project.slug, run.pk])).content.decode()

    for trace in project.trace_set.all():
        assert reverse("annotation:explain_trace", args=[project.slug, run.pk, trace.pk]) in page
