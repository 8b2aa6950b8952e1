"""Practice over HTTP: who sees what, the tutorial's feedback, the test without any, and the gate in front of work."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Account, Gold, GoldUse, PracticeAnswer, Project, QualificationAttempt, Role
from tests.annotation.practice_worlds import make_practice_project, right_labels, wrong_labels
from tests.annotation.views.test_ratings import client_of
from tests.factories import NOW, make_attempt, make_judge_score, make_member, make_trace

pytestmark = pytest.mark.django_db


def url_of(view: str, project: Project, *args: object) -> str:
    return reverse(f"annotation:{view}", args=[project.slug, *args])


def form(labels: tuple[int | None, ...], action: str = "submit", **fields: Any) -> dict[str, Any]:
    told = {f"label-{index}": "" if label is None else str(label) for index, label in enumerate(labels)}
    return {"action": action, "idempotency_key": str(uuid4()), "active_seconds": "2", **told, **fields}


def start_test(client: Client, project: Project) -> QualificationAttempt:
    client.post(url_of("start_test", project))
    return QualificationAttempt.objects.get()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ENGINEER, Role.ADJUDICATOR, None])
def test_only_raters_practise(role: Role | None) -> None:
    project, _ = make_practice_project(num_tutorial=1, num_test=2)
    account = make_member(project, role) if role else make_member(make_practice_project()[0])
    trace_id = Gold.objects.filter(use=GoldUse.TUTORIAL).get().trace_id
    client = client_of(account)

    paths = [
        url_of("show_practice", project),
        url_of("practise_trace", project, trace_id),
        url_of("show_feedback", project, trace_id),
        url_of("show_practice_source", project, trace_id, 0),
    ]

    assert {client.get(path).status_code for path in paths} == {403 if role else 404}
    assert client.post(url_of("start_test", project)).status_code == (403 if role else 404)


class TestTutorial:
    def test_its_page_is_the_rating_page_without_a_draft(self) -> None:
        project, rater = make_practice_project(num_tutorial=1)
        gold = Gold.objects.get()
        make_judge_score(gold.trace, probabilities=[0.123, 0.123, 0.123])

        body = client_of(rater).get(url_of("practise_trace", project, gold.trace_id)).content.decode()

        assert "data-cockpit" in body
        assert f'action="{url_of("practise_trace", project, gold.trace_id)}"' in body
        assert '"draft_url": ""' in body
        assert "12 %" not in body
        assert gold.note not in body

    @pytest.mark.parametrize("is_right", [True, False])
    def test_an_answer_leads_to_its_feedback(self, is_right: bool) -> None:
        project, rater = make_practice_project(num_tutorial=2)
        gold = Gold.objects.order_by("pk")[1]
        labels = right_labels(gold) if is_right else wrong_labels(gold)
        url = url_of("practise_trace", project, gold.trace_id)

        answer = client_of(rater).post(url, form(labels), follow=True)

        body = answer.content.decode()
        assert answer.redirect_chain[0][0] == url_of("show_feedback", project, gold.trace_id)
        assert ("Right: step 2 is the first error." in body) is is_right
        assert ("Step 2 makes an error that you let pass." in body) is not is_right
        assert "<strong>reason</strong> 1" in body
        assert "makes an error" in body

    def test_a_script_is_sent_on_to_the_feedback(self) -> None:
        project, rater = make_practice_project(num_tutorial=1)
        gold = Gold.objects.get()

        answer = client_of(rater).post(
            url_of("practise_trace", project, gold.trace_id),
            form(right_labels(gold)),
            headers={"hx-request": "true"},
        )

        assert answer["HX-Redirect"] == url_of("show_feedback", project, gold.trace_id)

    def test_feedback_waits_for_an_answer(self) -> None:
        project, rater = make_practice_project(num_tutorial=1)
        gold = Gold.objects.get()

        answer = client_of(rater).get(url_of("show_feedback", project, gold.trace_id))

        assert answer["Location"] == url_of("practise_trace", project, gold.trace_id)

    @pytest.mark.parametrize(
        ("sent", "sentence"),
        [
            (form((1, None, None)), "Step 2 is not judged yet."),
            (form((1, 1, 1), action="bad_problem"), "In practice every trace can be judged"),
            (form((1, 1, 7)), "is labelled"),
        ],
    )
    def test_what_is_no_answer_is_said_with_nothing_stored(self, sent: dict[str, Any], sentence: str) -> None:
        project, rater = make_practice_project(num_tutorial=1)
        gold = Gold.objects.get()

        answer = client_of(rater).post(url_of("practise_trace", project, gold.trace_id), sent)

        assert answer.status_code == 422
        assert sentence in answer.content.decode()
        assert not PracticeAnswer.objects.exists()

    def test_work_and_test_traces_have_no_tutorial_page(self) -> None:
        project, rater = make_practice_project(num_test=2, num_work=1)
        client = client_of(rater)

        answers = [
            client.get(url_of(view, project, gold.trace_id)).status_code
            for gold in Gold.objects.all()
            for view in ("practise_trace", "show_feedback")
        ]

        assert set(answers) == {404}

    def test_a_steps_source_is_shown_of_what_one_practises_on_only(self) -> None:
        project, rater = make_practice_project(num_tutorial=1, num_work=1)
        shown, hidden = Gold.objects.order_by("use")
        client = client_of(rater)

        source = client.get(url_of("show_practice_source", project, shown.trace_id, 0))

        assert source.content.decode() == shown.trace.completion[: shown.trace.step_ends[0]]
        assert client.get(url_of("show_practice_source", project, shown.trace_id, 9)).status_code == 404
        assert client.get(url_of("show_practice_source", project, hidden.trace_id, 0)).status_code == 404


class TestTest:
    def test_it_shows_one_trace_after_the_other_and_tells_the_result_at_the_end(self) -> None:
        project, rater = make_practice_project(num_test=2)
        client = client_of(rater)
        attempt = start_test(client, project)
        url = url_of("take_test", project, attempt.pk)

        first = client.get(url).content.decode()
        for trace_id in attempt.trace_ids:
            gold = Gold.objects.get(trace=trace_id)
            answer = client.post(url, form(right_labels(gold), trace=str(trace_id)))

        page = client.get(answer["Location"]).content.decode()
        assert "Test, trace 1 of 2" in first
        assert "Because of" not in first
        assert answer["Location"] == url_of("show_practice", project)
        assert "Attempt 1: 2 of 2 right" in page
        assert "You may rate in this project." in page

    def test_gold_and_its_notes_reach_no_page_of_the_test(self) -> None:
        project, rater = make_practice_project(num_test=2)
        client = client_of(rater)
        attempt = start_test(client, project)
        gold = Gold.objects.get(trace=attempt.trace_ids[0])
        url = url_of("take_test", project, attempt.pk)

        client.post(url, form(wrong_labels(gold), trace=str(gold.trace_id)))
        pages = [client.get(url), client.get(url_of("show_practice", project))]

        assert all("Because of" not in page.content.decode() for page in pages)
        assert client.get(url_of("show_feedback", project, gold.trace_id)).status_code == 404

    def test_another_raters_attempt_is_not_found(self) -> None:
        project, rater = make_practice_project(num_test=2)
        attempt = start_test(client_of(rater), project)

        other = client_of(make_member(project))

        assert other.get(url_of("take_test", project, attempt.pk)).status_code == 404
        assert other.post(url_of("take_test", project, attempt.pk), form((1, 1, 1))).status_code == 404

    @pytest.mark.parametrize("trace", ["", "x", "999999", "²", "9" * 5_000])
    def test_a_trace_that_is_not_in_it_is_not_found(self, trace: str) -> None:
        project, rater = make_practice_project(num_test=2)
        client = client_of(rater)
        attempt = start_test(client, project)

        answer = client.post(url_of("take_test", project, attempt.pk), form((1, 1, 1), trace=trace))

        assert answer.status_code == 404
        assert not PracticeAnswer.objects.exists()

    def test_an_attempt_that_ended_leads_back(self) -> None:
        project, rater = make_practice_project(num_test=2)
        attempt = make_attempt(project, rater, finished_at=NOW, num_right=0, has_passed=False)

        answer = client_of(rater).get(url_of("take_test", project, attempt.pk))

        assert answer["Location"] == url_of("show_practice", project)

    def test_why_there_is_no_test_now_is_said_on_the_page(self) -> None:
        project, rater = make_practice_project(num_test=1)

        page = client_of(rater).post(url_of("start_test", project), follow=True).content.decode()

        assert "The test is not ready" in page


class TestGate:
    @pytest.mark.parametrize("view", ["next_trace", "compare_traces"])
    def test_who_has_not_passed_is_led_to_practice(self, view: str) -> None:
        project, rater = make_practice_project(num_test=2)
        make_trace(project=project)

        answer = client_of(rater).get(url_of(view, project))

        assert answer["Location"] == url_of("show_practice", project)
        assert not rater.assignments.exists()

    def test_who_has_passed_is_handed_work(self) -> None:
        project, rater = make_practice_project(num_test=2)
        make_trace(project=project)
        make_attempt(project, rater, finished_at=NOW, num_right=0, has_passed=True)

        answer = client_of(rater).get(url_of("next_trace", project))

        assert "/rate/" in answer["Location"]


def admin_client(project: Project) -> tuple[Client, Account]:
    admin = make_member(project, Role.ADMIN)
    return client_of(admin), admin


class TestAdmin:
    @pytest.mark.parametrize("role", [Role.RATER, Role.ENGINEER, Role.ADJUDICATOR])
    def test_only_admins_come_in(self, role: Role) -> None:
        project, rater = make_practice_project(num_work=1)
        client = client_of(make_member(project, role))
        membership = rater.membership_set.get()

        answers = [
            client.get(url_of("manage_practice", project)),
            client.post(url_of("manage_practice", project)),
            client.post(url_of("set_gold_use", project)),
            client.post(url_of("fill_practice", project)),
            client.post(url_of("waive_test", project, membership.pk)),
        ]

        assert {answer.status_code for answer in answers} == {403}

    def test_the_page_shows_gold_results_and_rules(self) -> None:
        project, rater = make_practice_project(num_test=2, num_work=2, num_tutorial=1)
        make_attempt(project, rater, trace_ids=[1, 2], finished_at=NOW, num_right=1, has_passed=False)
        client, _ = admin_client(project)

        body = client.get(url_of("manage_practice", project)).content.decode()

        assert "1 in the tutorial, 2 for the test, 5 in all." in body
        assert "1 of 2, 1 Mar 2026" in body
        assert body.count('form="gold-use"') == 5
        assert "not yet" in body
        assert 'value="80"' in body

    def test_rules_are_saved_or_the_reason_why_not_is_said_with_what_was_typed(self) -> None:
        project, _ = make_practice_project(num_test=2, needs_qualification=False)
        client, _ = admin_client(project)
        rules = {
            "needs_qualification": "on",
            "qualification_traces": "3",
            "pass_percent": "75",
            "qualification_attempts": "4",
        }

        refused = client.post(url_of("manage_practice", project), rules)
        client.post(url_of("manage_practice", project), {**rules, "qualification_traces": "2"})

        project.refresh_from_db()
        assert refused.status_code == 422
        assert "2 are set aside" in refused.content.decode()
        assert 'value="75"' in refused.content.decode()
        assert (project.needs_qualification, project.qualification_pass_mark) == (True, 0.75)

    def test_ticked_gold_is_moved(self) -> None:
        project, _ = make_practice_project(num_work=3)
        client, _ = admin_client(project)
        first, second, _ = Gold.objects.order_by("pk")

        client.post(
            url_of("set_gold_use", project),
            {"use": "tutorial", "traces": [first.trace_id, second.trace_id]},
        )

        assert Gold.objects.filter(use=GoldUse.TUTORIAL).count() == 2

    @pytest.mark.parametrize(
        ("came_from", "query"),
        [
            ("{page}?g-use=work&g-page=2", "?g-use=work&g-page=2"),
            ("{page}", ""),
            ("/elsewhere/?g-use=work", ""),
        ],
    )
    def test_moving_gold_leads_back_to_the_page_as_it_was_filtered(self, came_from: str, query: str) -> None:
        project, _ = make_practice_project(num_work=3)
        client, _ = admin_client(project)
        page = url_of("manage_practice", project)
        gold = Gold.objects.first()
        assert gold is not None

        answer = client.post(
            url_of("set_gold_use", project),
            {"use": "test", "traces": gold.trace_id},
            headers={"referer": f"https://testserver{came_from.format(page=page)}"},
        )

        assert answer["Location"] == f"{page}{query}"

    def test_gold_and_results_are_taken_as_csv(self) -> None:
        project, rater = make_practice_project(num_work=3)
        client, _ = admin_client(project)

        gold = client.get(url_of("manage_practice", project), {"csv": "gold"})
        results = client.get(url_of("manage_practice", project), {"csv": "results"})

        assert len(b"".join(gold.streaming_content).splitlines()) == 4  # type: ignore[attr-defined]
        assert rater.username in b"".join(results.streaming_content).decode()  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("sent", "sentence"),
        [
            ({"use": "tutorial"}, "Tick at least one trace."),
            ({"use": "nothing", "traces": "1"}, "Choose what they are for."),
            ({"use": "test", "traces": "987654"}, "is no gold of this project any more"),
        ],
    )
    def test_what_can_not_be_moved_is_said(self, sent: dict[str, str], sentence: str) -> None:
        project, _ = make_practice_project(num_work=1)
        client, _ = admin_client(project)

        page = client.post(url_of("set_gold_use", project), sent, follow=True).content.decode()

        assert sentence in page
        assert Gold.objects.get().use == GoldUse.WORK

    @pytest.mark.parametrize(
        ("use", "sentence"),
        [
            ("tutorial", "6 gold traces are set aside."),
            ("test", "4 gold traces are set aside."),
            ("work", "Choose the tutorial or the test."),
            ("", "Choose the tutorial or the test."),
        ],
    )
    def test_practice_is_filled_by_a_button(self, use: str, sentence: str) -> None:
        project, _ = make_practice_project(num_work=8)
        client, _ = admin_client(project)

        page = client.post(url_of("fill_practice", project), {"use": use}, follow=True).content.decode()

        assert sentence in page

    def test_too_little_gold_is_said(self) -> None:
        project, _ = make_practice_project(num_work=2)
        client, _ = admin_client(project)

        page = client.post(
            url_of("fill_practice", project), {"use": "tutorial"}, follow=True
        ).content.decode()

        assert "6 more gold traces are needed, but only 2 are free." in page

    def test_a_rater_is_let_in(self) -> None:
        project, rater = make_practice_project(num_test=2)
        make_trace(project=project)
        client, admin = admin_client(project)

        client.post(url_of("waive_test", project, rater.membership_set.get().pk))

        assert QualificationAttempt.objects.get().waived_by == admin
        assert "/rate/" in client_of(rater).get(url_of("next_trace", project))["Location"]

    def test_a_membership_of_another_project_is_not_found(self) -> None:
        project, _ = make_practice_project(num_test=2)
        _, elsewhere = make_practice_project()
        client, _ = admin_client(project)

        answer = client.post(url_of("waive_test", project, elsewhere.membership_set.get().pk))

        assert answer.status_code == 404
