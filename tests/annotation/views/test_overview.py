"""The overview says what there is and what to do next."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Project, Role, Trace
from annotation.queries.projects import ProjectCounts, get_project_counts
from annotation.views.overview import list_next_steps
from tests.factories import (
    NOW,
    make_disagreement,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

EVERYTHING = ProjectCounts(
    num_prompts=3, num_traces=6, num_judged=4, num_rated=2, num_rated_by_programs=1, num_open=5
)
NOTHING = ProjectCounts(
    num_prompts=0, num_traces=0, num_judged=0, num_rated=0, num_rated_by_programs=0, num_open=0
)


def titles(counts: ProjectCounts, *roles: Role) -> list[str]:
    return [step.title for step in list_next_steps(counts, frozenset(roles))]


def test_a_rater_rates_first() -> None:
    assert titles(EVERYTHING, Role.RATER) == ["Rate traces", "Compare traces"]


def test_a_rater_of_an_empty_project_has_nothing_to_do() -> None:
    assert titles(NOTHING, Role.RATER) == []


def test_who_has_not_passed_the_test_takes_it_first() -> None:
    [step] = list_next_steps(EVERYTHING, frozenset({Role.RATER}), is_qualified=False)

    assert (step.view, step.title) == ("annotation:show_practice", "Take the test")


def test_an_adjudicator_reviews_what_is_disagreed_on() -> None:
    review, agreement = list_next_steps(EVERYTHING, frozenset({Role.ADJUDICATOR}), num_disagreements=3)

    assert review.view == "annotation:list_disagreements"
    assert review.reason.startswith("3 traces on which raters")
    assert agreement.view == "annotation:show_agreement"


def test_an_adjudicator_is_told_where_nothing_is_disagreed_on() -> None:
    review, _ = list_next_steps(EVERYTHING, frozenset({Role.ADJUDICATOR}))

    assert "disagree on no trace now" in review.reason


def test_an_adjudicator_of_an_empty_project_has_nothing_to_do() -> None:
    assert titles(NOTHING, Role.ADJUDICATOR) == []


def test_a_maker_of_an_empty_project_adds_prompts() -> None:
    assert titles(NOTHING, Role.ENGINEER) == ["Add prompts"]


def test_a_maker_generates_judges_and_exports() -> None:
    assert titles(EVERYTHING, Role.ENGINEER) == ["Generate traces", "Run a judge", "Make an export"]


def test_an_admin_also_invites() -> None:
    assert titles(EVERYTHING, Role.ADMIN)[-1] == "Invite people"


def test_one_is_one_and_two_are_two() -> None:
    reasons = [step.reason for step in list_next_steps(EVERYTHING, frozenset({Role.ENGINEER}))]

    assert reasons[0].startswith("Have a model answer the 3 prompts")
    assert reasons[1] == "2 traces without a judge's score."


@pytest.fixture
def project() -> Project:
    """Four traces: one rated by a person and a program, one by a program alone, one judged, one retired."""
    project = make_project()
    prompt = make_prompt(project)
    both, program_only, judged = make_trace(prompt), make_trace(prompt), make_trace(prompt)
    make_trace(prompt, retired_at=prompt.created_at, wants_ratings=False)
    program = make_member(project, is_simulated=True)
    make_rating(both, program)
    make_rating(both)
    make_rating(program_only, program)
    make_judge_score(judged)
    return project


@pytest.mark.django_db
def test_the_funnel_counts_what_is_there_and_says_what_programs_rated(project: Project) -> None:
    assert get_project_counts(project, now=NOW) == ProjectCounts(
        num_prompts=1, num_traces=3, num_judged=1, num_rated=2, num_rated_by_programs=1, num_open=3
    )


@pytest.mark.django_db
def test_the_page_names_simulated_raters(client: Client, project: Project) -> None:
    client.force_login(make_member(project))

    page = client.get(reverse("annotation:show_project", args=[project.slug]))

    assert "1 by simulated raters only" in page.text
    assert "Rate traces" in page.text
    assert "Make an export" not in page.text


@pytest.mark.django_db
def test_an_empty_project_says_who_makes_the_first_traces(client: Client) -> None:
    project = make_project()
    client.force_login(make_member(project))

    page = client.get(reverse("annotation:show_project", args=[project.slug]))

    assert "there are no traces" in page.text


@pytest.mark.django_db
def test_the_page_sends_a_rater_without_a_passed_test_to_it(client: Client, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(needs_qualification=True)
    client.force_login(make_member(project))

    page = client.get(reverse("annotation:show_project", args=[project.slug]))

    assert "Take the test" in page.text
    assert "Rate traces" not in page.text


@pytest.mark.django_db
def test_the_page_tells_an_adjudicator_what_to_review(client: Client, project: Project) -> None:
    make_disagreement(Trace.objects.filter(project=project)[0])
    client.force_login(make_member(project, Role.ADJUDICATOR))

    page = client.get(reverse("annotation:show_project", args=[project.slug]))

    assert "1 trace on which raters" in page.text
    assert "there are no traces" not in page.text
