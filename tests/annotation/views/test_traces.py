"""The pages of traces: who may open them, filters, everything said of one, cutting one anew."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Project, Role, Trace
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    NOW,
    make_batch,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
MAY = {"adjudicator", "engineer", "admin", "site admin"}
STATUS = {"rater": 403, "paused admin": 404, "outsider": 404, "nobody": 302}
FRAGMENT = {"HX-Request": "true", "HX-Target": "table-traces"}


def path(project: Project, view: str, *args: object) -> str:
    return reverse(f"annotation:{view}", args=[project.slug, *args])


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def admin(project: Project) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.ADMIN))
    return client


@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("view", ["list_traces", "show_trace"])
def test_those_who_run_a_project_see_its_traces_and_raters_do_not(
    visitor: str, view: str, project: Project
) -> None:
    args = [make_trace(make_prompt(project)).pk] if view == "show_trace" else []
    client = make_visitor(visitor, project).client

    response = client.get(path(project, view, *args))

    assert response.status_code == (200 if visitor in MAY else STATUS[visitor])


@pytest.mark.parametrize("visitor", [visitor for visitor in VISITORS if "admin" not in visitor])
def test_only_admins_cut_a_trace_anew(visitor: str, project: Project) -> None:
    trace = make_trace(make_prompt(project))
    client = make_visitor(visitor, project).client

    response = client.post(path(project, "resegment_trace", trace.pk), {"segmenter": "whole@1"})

    assert response.status_code in (302, 403, 404)
    assert Trace.objects.get() == trace


def list_shown(client: Client, project: Project, **filters: object) -> set[int]:
    page = client.get(path(project, "list_traces"), filters)
    return {line.row.pk for line in page.context["tables"]["traces"].lines}


def test_traces_are_found_by_batch_model_judge_rating_and_answer(admin: Client, project: Project) -> None:
    batch = make_batch(project)
    plain = make_trace(make_prompt(project))
    batched = make_trace(make_prompt(project), batch=batch, sample_index=0, model_name="big")
    judged = make_trace(make_prompt(project), is_answer_correct=True)
    make_judge_score(judged)
    rated = make_trace(make_prompt(project), is_answer_correct=False)
    make_rating(rated)
    everything = {plain.pk, batched.pk, judged.pk, rated.pk}

    assert list_shown(admin, project) == everything
    assert list_shown(admin, project, batch=batch.pk) == {batched.pk}
    assert list_shown(admin, project, model="big") == {batched.pk}
    assert list_shown(admin, project, judged="yes") == {judged.pk}
    assert list_shown(admin, project, judged="no") == everything - {judged.pk}
    assert list_shown(admin, project, rated="yes") == {rated.pk}
    assert list_shown(admin, project, answer="right") == {judged.pk}
    assert list_shown(admin, project, answer="wrong") == {rated.pk}
    assert list_shown(admin, project, answer="unknown") == {plain.pk, batched.pk}
    assert list_shown(admin, project, answer="nonsense", batch="x") == everything


def test_counts_are_not_multiplied(admin: Client, project: Project) -> None:
    trace = make_trace(make_prompt(project))
    for _ in range(2):
        make_judge_score(trace)
    for _ in range(3):
        make_rating(trace)

    [line] = admin.get(path(project, "list_traces")).context["tables"]["traces"].lines

    assert (line.row.num_scores, line.row.num_ratings) == (2, 3)


def test_retired_traces_and_those_of_others_are_not_listed(admin: Client, project: Project) -> None:
    make_trace(make_prompt(project), retired_at=NOW, wants_ratings=False)
    strange = make_trace()

    assert list_shown(admin, project) == set()
    assert admin.get(path(project, "show_trace", strange.pk)).status_code == 404


def test_a_fragment_is_the_table_alone(admin: Client, project: Project) -> None:
    page = admin.get(path(project, "list_traces"), headers=FRAGMENT).content.decode()

    assert page.strip().startswith('<div class="data-table" id="table-traces"')
    assert "There are no traces yet" in page


def test_a_trace_shows_steps_scores_ratings_and_where_it_came_from(admin: Client, project: Project) -> None:
    trace = make_trace(
        make_prompt(project), sampling={"seed": 4711}, final_answer="7", is_answer_correct=True
    )
    judge = make_judge(name="arithmetic", version="1", note="Only sums.")
    make_judge_score(trace, judge, (0.9, None, 0.25), rationales=["Worked out.", "", ""])
    robot = make_member(project, display_name="Simulated rater 1", is_simulated=True)
    make_rating(trace, robot, (1, -1, None), notes={"1": "Not true."})

    page = admin.get(path(project, "show_trace", trace.pk)).content.decode()

    assert "He buys 4 more: 3 + 4 = 7." in page
    assert "90 %" in page
    assert "25 %" in page
    assert "Worked out." in page
    assert "Only sums." in page
    assert "Simulated rater 1" in page
    assert '<span class="badge">Simulated</span>' in page
    assert "✕ bad" in page
    assert "Not true." in page
    assert "4711" in page
    assert "✓ Right" in page


def test_what_a_model_wrote_cannot_run(admin: Client, project: Project) -> None:
    trace = make_trace(make_prompt(project), steps=("<script>alert(1)</script>\n", "<b onclick=x>b</b>"))

    page = admin.get(path(project, "show_trace", trace.pk)).content.decode()

    assert "<script>alert" not in page
    assert "<b onclick" not in page


def test_cutting_anew_leads_to_the_new_trace_and_keeps_the_old(admin: Client, project: Project) -> None:
    trace = make_trace(make_prompt(project), batch=make_batch(project), sample_index=0)
    rating = make_rating(trace)

    page = admin.post(
        path(project, "resegment_trace", trace.pk), {"segmenter": "whole@1"}, follow=True
    ).content.decode()

    new = Trace.objects.current().get()
    assert f"Cut into 1 steps as trace {new.pk}" in page
    assert f"/traces/{trace.pk}/" in page
    rating.refresh_from_db()
    assert rating.trace == trace
    old = admin.get(path(project, "show_trace", trace.pk)).content.decode()
    assert "no longer handed out" in old
    assert "Cut it anew" not in old


@pytest.mark.parametrize(
    ("segmenter", "words"), [("lines@1", "exactly as it is cut now"), ("auto@0", "segmenters on the list")]
)
def test_a_cut_that_cannot_be_is_said(segmenter: str, words: str, admin: Client, project: Project) -> None:
    trace = make_trace(make_prompt(project))

    page = admin.post(
        path(project, "resegment_trace", trace.pk), {"segmenter": segmenter}, follow=True
    ).content.decode()

    assert words in page
    assert Trace.objects.get() == trace


def test_a_trace_says_why_its_answer_was_not_checked_and_why_a_judge_gave_no_score(
    admin: Client, project: Project
) -> None:
    trace = make_trace(
        make_prompt(project, verifier="numeric", ground_truth="7"),
        final_answer=None,
        is_answer_correct=None,
        sampling={"verifier_error": "Its thinking was <never> closed, so there is no final answer."},
    )
    judge = make_judge(name="critic")
    make_judge_score(trace, judge, (None, None, None), fault="Unreadable: no JSON <b>at all</b>.")

    page = admin.get(path(project, "show_trace", trace.pk)).text

    assert "<bdi>none found</bdi>" in page
    assert "Not checked</span>" in page
    assert (
        '<span class="muted">Its thinking was &lt;never&gt; closed, so there is no final answer.</span>'
        in page
    )
    assert "A percentage is" not in page
    assert f"{judge} gave no score. Unreadable: no JSON &lt;b&gt;at all&lt;/b&gt;." in page


@pytest.mark.parametrize(
    ("verifier", "words"), [("", "not looked for: the prompt has no verifier"), ("code", "the program")]
)
def test_where_no_answer_is_read_out_of_a_completion_none_is_missed(
    verifier: str, words: str, admin: Client, project: Project
) -> None:
    prompt = make_prompt(project, verifier=verifier, ground_truth="assert True" if verifier else "")
    trace = make_trace(prompt, final_answer=None, is_answer_correct=None)

    page = admin.get(path(project, "show_trace", trace.pk)).text

    assert f"<bdi>{words}</bdi>" in page
    assert "none found" not in page


def test_a_trace_whose_answer_was_checked_says_no_more_than_that(admin: Client, project: Project) -> None:
    trace = make_trace(make_prompt(project), is_answer_correct=False, sampling={"verifier_error": ""})

    page = admin.get(path(project, "show_trace", trace.pk)).text

    assert "Wrong" in page
    assert "Not checked" not in page
    assert "gave no score" not in page
