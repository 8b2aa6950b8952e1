"""The rating page over HTTP: who may see it, what a form does without a script, and what never reaches a rater."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.actions.assignments import expire_leases
from annotation.models import Account, Assignment, AssignmentState, Membership, Outcome, Rating, Role
from tests.factories import (
    NOW,
    make_account,
    make_assignment,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_rating,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(account)
    return client


def make_lease(**fields: Any) -> Assignment:
    """An assignment leased just now: pages use the real clock."""
    now = timezone.now()
    return make_assignment(
        fields.pop("trace", None),
        leased_at=now - dt.timedelta(minutes=1),
        expires_at=now + dt.timedelta(minutes=30),
        **fields,
    )


def make_submitted(labels: tuple[int | None, ...] = (1, 1, 1), **fields: Any) -> Assignment:
    now = timezone.now()
    assignment = make_assignment(
        fields.pop("trace", None), state=AssignmentState.SUBMITTED, leased_at=now, ended_at=now, **fields
    )
    make_rating(assignment.trace, labels=labels, assignment=assignment, submitted_at=now)
    return assignment


def form(*labels: int | str, action: str = "submit", **fields: Any) -> dict[str, Any]:
    return {
        "action": action,
        "idempotency_key": str(uuid4()),
        "base_revision": "0",
        "active_seconds": "3.5",
        **{f"label-{index}": str(label) for index, label in enumerate(labels)},
        **fields,
    }


def url_of(assignment: Assignment, view: str = "rate_trace") -> str:
    return reverse(f"annotation:{view}", args=[assignment.pk])


def next_url(assignment: Assignment) -> str:
    return reverse("annotation:next_trace", args=[assignment.trace.project.slug])


class TestWhoMaySee:
    @pytest.mark.parametrize("view", ["rate_trace", "show_rating", "amend_rating"])
    def test_nobody_is_sent_to_sign_in(self, view: str) -> None:
        url = url_of(make_lease(), view)

        response = Client().get(url)

        assert response.status_code == 302
        assert response["Location"] == f"{reverse('annotation:sign_in')}?next={url}"

    @pytest.mark.parametrize("view", ["rate_trace", "show_rating", "amend_rating"])
    @pytest.mark.parametrize(
        "who", ["outsider", "other rater", "admin", "engineer", "adjudicator", "site admin"]
    )
    def test_anothers_assignment_is_not_found(self, view: str, who: str) -> None:
        assignment = make_lease()
        project = assignment.trace.project
        account = {
            "outsider": lambda: make_account(),
            "other rater": lambda: make_member(project),
            "site admin": make_site_admin,
        }.get(who, lambda: make_member(project, Role(who)))()

        assert client_of(account).get(url_of(assignment, view)).status_code == 404
        assert client_of(account).post(url_of(assignment), form(1, 1, 1)).status_code == 404
        assert Rating.objects.count() == 0

    def test_a_paused_rater_is_handed_nothing(self) -> None:
        assignment = make_lease()
        Membership.objects.update(paused_at=NOW)
        client = client_of(assignment.rater)

        assert client.get(url_of(assignment)).status_code == 404
        assert client.get(next_url(assignment)).status_code == 403  # where it says that they are paused

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.ENGINEER, Role.ADJUDICATOR])
    def test_only_raters_are_handed_traces(self, role: Role) -> None:
        trace = make_trace()
        url = reverse("annotation:next_trace", args=[trace.project.slug])

        response = client_of(make_member(trace.project, role)).get(url)

        assert response.status_code == 403
        assert b"This page is for raters." in response.content
        assert client_of(make_account()).get(url).status_code == 404


class TestNextTrace:
    def test_it_leads_to_the_same_trace_however_often_it_is_asked(self) -> None:
        project = make_project()
        for _ in range(5):
            make_trace(project=project)
        client = client_of(make_member(project))
        url = reverse("annotation:next_trace", args=[project.slug])

        places = {client.get(url)["Location"] for _ in range(3)}

        assert places == {url_of(Assignment.objects.get())}

    def test_when_nothing_is_left_it_says_so_and_what_was_done_today(self) -> None:
        assignment = make_lease()
        client = client_of(assignment.rater)

        response = client.post(url_of(assignment), form(1, 1, 1), follow=True)

        assert b"all for now" in response.content
        assert b"1 trace</strong> in 4 s of active time" in response.content

    def test_a_project_without_traces_says_so(self) -> None:
        project = make_project()

        response = client_of(make_member(project)).get(reverse("annotation:next_trace", args=[project.slug]))

        assert b"Nothing to rate yet" in response.content


class TestThePage:
    def test_it_shows_prompt_reference_and_every_step_as_a_plain_form(self) -> None:
        assignment = make_lease()

        html = client_of(assignment.rater).get(url_of(assignment)).content.decode()

        assert "How many has he?" in html
        assert "The reference is wrong" in html
        for text in ("Tom has 3 apples.", "He buys 4 more: 3 + 4 = 7.", "The answer is 7."):
            assert text in html
        assert html.count('type="radio"') == 12
        assert 'name="action" value="submit"' in html

    def test_the_reference_is_hidden_where_the_project_hides_it(self) -> None:
        trace = make_trace(project=make_project(shows_reference=False))
        assignment = make_lease(trace=trace)

        html = client_of(assignment.rater).get(url_of(assignment)).content.decode()

        assert "eference" not in html

    def test_a_script_gets_the_form_alone(self) -> None:
        assignment = make_lease()

        html = (
            client_of(assignment.rater)
            .get(url_of(assignment), headers={"HX-Request": "true"})
            .content.decode()
        )

        assert html.strip().startswith("<form")
        assert "<html" not in html

    def test_what_the_model_wrote_can_not_become_markup(self) -> None:
        trace = make_trace(steps=("<script>alert(1)</script></form><input name=label-0>",))
        assignment = make_lease(trace=trace)

        html = client_of(assignment.rater).get(url_of(assignment)).content.decode()

        assert "alert(1)</script>" not in html
        assert html.count("</form>") == 2  # this one and signing out
        assert "<input name=label-0>" not in html

    def test_opening_the_page_renews_the_lease(self) -> None:
        assignment = make_lease()
        Assignment.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=1))

        client_of(assignment.rater).get(url_of(assignment))

        assignment.refresh_from_db()
        assert assignment.expires_at > timezone.now() + dt.timedelta(minutes=29)

    def test_a_submitted_trace_leads_to_what_was_said_of_it(self) -> None:
        assignment = make_submitted()

        response = client_of(assignment.rater).get(url_of(assignment))

        assert response["Location"] == url_of(assignment, "show_rating")


class TestJudgeScores:
    """What a rater may not see never reaches the browser."""

    def make_scored(self, **fields: Any) -> Assignment:
        trace = make_trace()
        make_judge_score(trace, make_judge(name="oracle"), [0.912, 0.812, 0.712])
        return make_lease(trace=trace, **fields)

    def test_a_blind_rater_gets_none_before_submitting(self) -> None:
        assignment = self.make_scored()
        client = client_of(assignment.rater)

        pages = [
            client.get(url_of(assignment)).content.decode(),
            client.post(url_of(assignment), form(1, "", 1)).content.decode(),
        ]

        for html in pages:
            assert "oracle" not in html
            assert "91 %" not in html
        assignment.refresh_from_db()
        assert assignment.scores_shown_at is None

    def test_an_assisted_rater_gets_them_and_that_is_recorded(self) -> None:
        assignment = self.make_scored(is_assisted=True)
        client = client_of(assignment.rater)

        html = client.get(url_of(assignment)).content.decode()
        client.post(url_of(assignment), form(1, 1, 1))

        assert "oracle" in html
        assert "91 % likely correct" in html
        assert Rating.objects.get().is_assisted

    def test_of_a_step_without_a_score_they_say_that_the_judge_says_nothing(self) -> None:
        trace = make_trace()
        make_judge_score(trace, make_judge(name="oracle"), [0.912, None, 0.712])
        assignment = make_lease(trace=trace, is_assisted=True)

        html = client_of(assignment.rater).get(url_of(assignment)).content.decode()

        assert html.count("likely correct") == 2
        assert html.count("says nothing of this step") == 1

    def test_after_submitting_everyone_gets_them(self) -> None:
        assignment = self.make_scored()
        client = client_of(assignment.rater)
        client.post(url_of(assignment), form(1, 1, 1))

        html = client.get(url_of(assignment, "show_rating")).content.decode()

        assert "oracle" in html
        assert "91 %" in html
        assert not Rating.objects.get().is_assisted

    def test_not_where_the_project_keeps_them(self) -> None:
        assignment = self.make_scored()
        type(assignment.trace.project).objects.update(shows_scores_after=False)
        client = client_of(assignment.rater)
        client.post(url_of(assignment), form(1, 1, 1))

        html = client.get(url_of(assignment, "show_rating")).content.decode()

        assert "oracle" not in html

    def test_amending_blind_shows_none_and_amending_after_a_look_is_assisted(self) -> None:
        assignment = self.make_scored()
        client = client_of(assignment.rater)
        client.post(url_of(assignment), form(1, 1, 1))

        assert b"oracle" not in client.get(url_of(assignment, "amend_rating")).content
        client.post(url_of(assignment, "amend_rating"), form(1, 0, 1))
        client.get(url_of(assignment, "show_rating"))
        client.post(url_of(assignment, "amend_rating"), form(1, -1))

        revisions = Rating.objects.order_by("revision").values_list("is_assisted", flat=True)
        assert list(revisions) == [False, False, True]


class TestSubmitting:
    def test_the_form_stores_everything_and_goes_on(self) -> None:
        assignment = make_lease()
        sent = form(1, -1, is_reference_wrong="1", **{"note-1": "3 + 4 is 7"})

        response = client_of(assignment.rater).post(url_of(assignment), sent)

        rating = Rating.objects.get()
        assert response["Location"] == next_url(assignment)
        assert (rating.labels, rating.notes) == ([1, -1, None], {"1": "3 + 4 is 7"})
        assert rating.is_reference_wrong
        assert rating.active_seconds == 3.5

    def test_a_script_gets_the_next_trace_in_the_same_answer(self) -> None:
        assignment = make_lease()
        make_trace(project=assignment.trace.project, steps=("Something else.",))

        response = client_of(assignment.rater).post(
            url_of(assignment), form(1, 1, 1), headers={"HX-Request": "true"}
        )

        following = Assignment.objects.get(state=AssignmentState.LEASED)
        assert response.status_code == 200
        assert response["HX-Push-Url"] == url_of(following)
        assert b"Something else." in response.content
        assert b"Last trace saved." in response.content

    def test_sending_the_form_twice_stores_once(self) -> None:
        assignment = make_lease()
        sent, client = form(1, 1, 1), client_of(assignment.rater)

        answers = [client.post(url_of(assignment), sent)["Location"] for _ in range(2)]

        assert answers == [next_url(assignment)] * 2
        assert Rating.objects.count() == 1

    @pytest.mark.parametrize(
        ("sent", "sentence"),
        [
            (form(1, "", 1), "Step 2 is not judged yet."),
            (form(1, -1, 1), "Step 3 is judged, but step 2 is bad and this project stops there."),
            (form(1, 5, 1), "Step 2 is labelled"),
            (form(1, "good", 1), "Step 2 is labelled"),
            (form(1, 1, 1, action="bad_problem"), "Say in a few words why."),
            (form(1, 1, 1, action="explode"), "There is no such button."),
            (form(1, 1, 1, action=""), "Choose what to do"),
            (form(1, 1, 1, **{"note-0": "x" * 5001}), "The note on step 1 is longer than 5,000 characters."),
            (form(action="give_up", reason="x" * 2001), "A reason has at most 2,000 characters."),
        ],
    )
    def test_what_breaks_a_rule_is_said_on_the_page_and_nothing_is_stored(
        self, sent: dict[str, str], sentence: str
    ) -> None:
        assignment = make_lease()

        response = client_of(assignment.rater).post(url_of(assignment), sent)

        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert Rating.objects.count() == 0
        assignment.refresh_from_db()
        assert assignment.state == AssignmentState.LEASED

    def test_what_was_chosen_survives_a_refusal(self) -> None:
        assignment = make_lease()

        html = (
            client_of(assignment.rater)
            .post(url_of(assignment), form(1, "", 0, **{"note-0": "keep me"}))
            .content.decode()
        )

        assert 'name="label-0" value="1" checked' in html
        assert 'name="label-2" value="0" checked' in html
        assert ">keep me</textarea>" in html

    @pytest.mark.parametrize("action", ["bad_problem", "give_up"])
    def test_the_ways_round_a_rating_need_only_a_reason(self, action: str) -> None:
        assignment = make_lease()

        client_of(assignment.rater).post(url_of(assignment), form(action=action, reason="No number given."))

        rating = Rating.objects.get()
        assert (rating.outcome, rating.reason) == (Outcome(action), "No number given.")

    def test_skipping_goes_on_without_a_rating(self) -> None:
        assignment = make_lease()

        response = client_of(assignment.rater).post(
            url_of(assignment), form(action="skip", reason="Too long")
        )

        assignment.refresh_from_db()
        assert response["Location"] == next_url(assignment)
        assert (assignment.state, assignment.skip_reason) == (AssignmentState.SKIPPED, "Too long")

    def test_saving_keeps_a_draft_that_the_page_then_shows(self) -> None:
        assignment = make_lease()
        client = client_of(assignment.rater)

        response = client.post(url_of(assignment), form(0, action="save", **{"note-2": "later"}), follow=True)

        html = response.content.decode()
        assert 'name="label-0" value="0" checked' in html
        assert ">later</textarea>" in html

    def test_a_lost_lease_is_said_and_the_ratings_are_kept(self) -> None:
        project = make_project(overlap=1)
        trace = make_trace(project=project)
        assignment = make_lease(trace=trace)
        expire_leases(now=timezone.now() + dt.timedelta(days=1))
        make_lease(trace=trace)
        client = client_of(assignment.rater)

        answer = client.post(url_of(assignment), form(1, 1, 0))
        page = client.get(url_of(assignment)).content.decode()

        assert "Your lease on this trace ran out" in answer.content.decode()
        assert "Your lease ran out" in page
        assert "– neutral" in page
        assert Rating.objects.count() == 0


class TestAmending:
    def test_the_form_opens_with_what_was_submitted_and_stores_a_revision(self) -> None:
        assignment = make_submitted(labels=(1, 0, 1))
        client = client_of(assignment.rater)

        html = client.get(url_of(assignment, "amend_rating")).content.decode()
        response = client.post(url_of(assignment, "amend_rating"), form(1, -1))

        assert 'name="label-1" value="0" checked' in html
        assert response["Location"] == url_of(assignment, "show_rating")
        assert Rating.objects.current().get().labels == [1, -1, None]

    def test_a_script_is_told_where_to_go(self) -> None:
        assignment = make_submitted()

        response = client_of(assignment.rater).post(
            url_of(assignment, "amend_rating"), form(1, -1), headers={"HX-Request": "true"}
        )

        assert response["HX-Redirect"] == url_of(assignment, "show_rating")

    def test_too_late_leads_back_and_stores_nothing(self) -> None:
        assignment = make_submitted()
        Assignment.objects.update(ended_at=timezone.now() - dt.timedelta(hours=2))
        client = client_of(assignment.rater)

        response = client.get(url_of(assignment, "amend_rating"))
        refused = client.post(url_of(assignment, "amend_rating"), form(1, -1))

        assert response["Location"] == url_of(assignment, "show_rating")
        assert refused.status_code == 422
        assert "for 60 minutes after" in refused.content.decode()
        assert Rating.objects.count() == 1

    def test_what_was_submitted_before_stays_readable_beside_what_holds(self) -> None:
        assignment = make_submitted(labels=(1, 0, 1))
        client = client_of(assignment.rater)
        sent = form(1, -1, is_reference_wrong="1", **{"note-1": "12 is not 3", "rewrite-1": "3 + 4 = 7"})
        assert "Revisions" not in client.get(url_of(assignment, "show_rating")).content.decode()
        client.post(url_of(assignment, "amend_rating"), sent)
        older, newer, none = (
            reverse("annotation:show_revision", args=[assignment.pk, number]) for number in (1, 2, 3)
        )

        now = client.get(url_of(assignment, "show_rating")).content.decode()
        before = client.get(older).content.decode()

        assert older in now
        assert "12 is not 3" in now and "3 + 4 = 7" in now and "the reference is wrong" in now
        assert "12 is not 3" not in before
        assert re.findall(r"badge-(\w+)", before) == ["good", "neutral", "bad", "good", "none"]
        assert client.get(newer)["Location"] == url_of(assignment, "show_rating")
        assert client.get(none).status_code == 404
        assert client_of(make_member(assignment.trace.project)).get(older).status_code == 404

    def test_what_is_not_submitted_leads_to_rating_it(self) -> None:
        assignment = make_lease()
        client = client_of(assignment.rater)

        for view in ("amend_rating", "show_rating"):
            assert client.get(url_of(assignment, view))["Location"] == url_of(assignment)


class TestDraftsOverHttp:
    def save(self, assignment: Assignment, body: Any, *, account: Account | None = None) -> Any:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return client_of(account or assignment.rater).post(
            url_of(assignment, "save_draft"), data, content_type="application/json"
        )

    def draft(self, *labels: int | None, **fields: Any) -> dict[str, Any]:
        return {"labels": labels, "base_revision": 0, "writer": "page", "sequence": 1, **fields}

    def test_a_draft_is_saved_and_answered_with_its_revision(self) -> None:
        assignment = make_lease()

        response = self.save(assignment, self.draft(1, None, None, notes={"0": "hm"}))

        assert response.status_code == 200
        assert (response.json()["revision"], response.json()["has_place"]) == (1, True)
        assignment.refresh_from_db()
        assert assignment.draft["labels"] == [1, None, None]

    def test_a_stale_draft_gets_the_newer_one(self) -> None:
        assignment = make_lease()
        self.save(assignment, self.draft(1, None, None))

        response = self.save(assignment, self.draft(-1, None, None, writer="another"))

        assert response.status_code == 409
        assert response.json()["draft"]["labels"] == [1, None, None]
        assert "another tab" in response.json()["message"]

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{",
            "[]",
            b"\xff",
            "[" * 100_000,
            '{"labels": [1, 1, 1]}',
            '{"labels": [1,1,7], "base_revision": 0}',
        ],
    )
    def test_what_is_no_draft_is_refused_with_a_sentence(self, body: str | bytes) -> None:
        assignment = make_lease()

        response = self.save(assignment, body)

        assert response.status_code == 400
        assert response.json()["message"]
        assignment.refresh_from_db()
        assert assignment.draft_revision == 0

    def test_a_ten_megabyte_note_is_refused(self) -> None:
        assignment = make_lease()

        response = self.save(assignment, self.draft(1, None, None, notes={"0": "x" * 10_000_000}))

        assert response.status_code == 413
        assert "too large" in response.json()["message"]

    def test_a_submitted_trace_takes_no_draft(self) -> None:
        assignment = make_submitted()

        assert self.save(assignment, self.draft(1, None, None)).status_code == 410

    def test_nobody_saves_anothers_draft(self) -> None:
        assignment = make_lease()

        assert (
            self.save(assignment, self.draft(), account=make_member(assignment.trace.project)).status_code
            == 404
        )

    def test_a_steps_source_is_exactly_what_the_model_wrote(self) -> None:
        assignment = make_lease(trace=make_trace(steps=("<b>one</b>\r\n", " two\n\n")))
        client = client_of(assignment.rater)

        response = client.get(reverse("annotation:show_step_source", args=[assignment.pk, 0]))

        assert response.content == b"<b>one</b>\r\n"
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        assert client.get(reverse("annotation:show_step_source", args=[assignment.pk, 2])).status_code == 404
