"""The form that a script gets is cast from a mould: it says what the whole page's form, which is not, says."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import Assignment, Role
from annotation.views import rating_form
from tests.factories import (
    make_assignment,
    make_batch,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db

HOSTILE = "</textarea><script>alert(1)</script>\"' 7310000000000000001 {{ data }} {% url %}"


def make_desk(**fields: object) -> tuple[Client, Assignment]:
    project = make_project(slug="desk", **fields)
    prompt = make_prompt(project, text=f"Add. {HOSTILE}", reference_answer="18 <b>")
    trace = make_trace(
        prompt,
        steps=[f"One. {HOSTILE}\n", "$1 + 1 = 2$\n", "So 3."],
        batch=make_batch(project),
        sample_index=0,
    )
    rater = make_member(project, Role.RATER, username="kay<b>")
    now = timezone.now()
    assignment = make_assignment(trace, rater, leased_at=now, expires_at=now.replace(year=now.year + 1))
    client = Client()
    client.force_login(rater)
    return client, assignment


def form_of(client: Client, assignment: Assignment, *, is_script: bool, language: str = "en") -> str:
    """The form, without what each rendering draws anew, and without the white space between elements."""
    headers = {"accept-language": language} | ({"hx-request": "true"} if is_script else {})
    page = client.get(
        reverse("annotation:rate_trace", args=[assignment.pk]), headers=headers
    ).content.decode()
    found = re.search(r'<form class="cockpit".*?</form>', page, re.DOTALL)
    assert found is not None
    drawn = re.sub(r'(name="(csrfmiddlewaretoken|idempotency_key)" value=)"[^"]+"', r"\1", found[0])
    assert drawn.count('value="') == found[0].count('value="') - 2
    return re.sub(r">\s+<", "><", drawn)


def save_draft(assignment: Assignment) -> None:
    assignment.draft = {
        "labels": [1, -1, None],
        "notes": {"0": f"note {HOSTILE}"},
        "rewrites": {"1": f"rewrite {HOSTILE}"},
        "error_categories": {"1": "Arithmetic"},
        "is_reference_wrong": True,
    }
    assignment.draft_revision, assignment.draft_saved_at = 4, timezone.now()
    assignment.save()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("has_draft", [False, True])
@pytest.mark.parametrize("has_last", [False, True])
def test_it_says_what_the_template_says(language: str, has_draft: bool, has_last: bool) -> None:
    client, assignment = make_desk(guidelines=f"# Rules\n{HOSTILE}")
    if has_draft:
        save_draft(assignment)
    if has_last:
        make_rating(make_trace(assignment.trace.prompt), assignment.rater, submitted_at=timezone.now())

    whole = form_of(client, assignment, is_script=False, language=language)

    for _ in range(2):  # made, and found on the shelf
        assert form_of(client, assignment, is_script=True, language=language) == whole
    assert "<script>alert" not in whole
    assert (f"note {HOSTILE}".split("<")[0] in whole) == has_draft
    assert (re.search(r"data-last-amend href=", whole) is not None) == has_last


def test_assisted_raters_see_scores_in_it_and_others_do_not() -> None:
    client, assignment = make_desk()
    make_judge_score(trace=assignment.trace, probabilities=[0.91, 0.42, 0.13], rationales=["", HOSTILE, ""])

    blind = form_of(client, assignment, is_script=True)
    Assignment.objects.filter(pk=assignment.pk).update(is_assisted=True)
    assisted = form_of(client, assignment, is_script=True)

    assert "91 %" not in blind
    assert "91 %" in assisted
    assert assisted == form_of(client, assignment, is_script=False)


def test_a_change_of_the_project_or_of_keys_shows_at_once() -> None:
    client, assignment = make_desk(guidelines="Old rules")
    form_of(client, assignment, is_script=True)
    project, rater = assignment.trace.project, assignment.rater

    project.guidelines, project.error_categories = "New rules", ["Of sign"]
    project.save()
    rater.key_bindings = {"submit": ["F9"]}
    rater.save()

    shown = form_of(client, assignment, is_script=True)
    assert "New rules" in shown
    assert "Old rules" not in shown
    assert "Of sign" in shown
    assert "<kbd>F9</kbd>" in shown


def test_two_raters_forms_from_one_mould_hold_their_own_names_and_traces() -> None:
    client, assignment = make_desk()
    other = make_assignment(make_trace(assignment.trace.prompt), make_member(assignment.trace.project))
    now = timezone.now()
    Assignment.objects.filter(pk=other.pk).update(leased_at=now, expires_at=now.replace(year=now.year + 1))
    second = Client()
    second.force_login(other.rater)
    form_of(client, assignment, is_script=True)

    shown = form_of(second, other, is_script=True)

    assert f'value="{other.rater.username}"' in shown
    assert "kay" not in shown
    assert f'action="{reverse("annotation:rate_trace", args=[other.pk])}"' in shown
    assert f"/{assignment.pk}/" not in shown.replace(f"/{other.pk}/", "")


def test_what_was_refused_is_not_cast(monkeypatch: pytest.MonkeyPatch) -> None:
    client, assignment = make_desk()
    monkeypatch.setattr(rating_form._moulds, "find_or_make", lambda *_: pytest.fail("cast"))

    answer = client.post(
        reverse("annotation:rate_trace", args=[assignment.pk]),
        {"action": "submit", "idempotency_key": str(uuid4()), "label-0": "1"},
        headers={"hx-request": "true"},
    )

    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
