"""Adding prompts: what is stored, what counts as a duplicate, and what is refused with nothing stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from annotation.actions.prompts import AddedPrompts, BadPrompt, NewPrompt, add_prompts, find_fault
from annotation.models import AuditEvent, Prompt
from tests.factories import NOW, make_account, make_project, make_prompt

pytestmark = pytest.mark.django_db


def test_new_prompts_are_stored_in_order_with_their_source() -> None:
    project, actor = make_project(), make_account()
    prompts = [
        NewPrompt(
            "What is 1 + 1?", reference_answer="2", verifier="numeric", source={"file": "a", "line": 1}
        ),
        NewPrompt("Why?"),
    ]

    added = add_prompts(project=project, prompts=prompts, actor=actor, now=NOW)

    assert added == AddedPrompts(num_stored=2, num_duplicates=0)
    first, second = Prompt.objects.filter(project=project)
    assert (first.text, first.verifier, first.ground_truth) == ("What is 1 + 1?", "numeric", "2")
    assert first.source == {"file": "a", "line": 1}
    assert first.content_hash == hashlib.sha256(b"What is 1 + 1?").hexdigest()
    assert (second.verifier, second.ground_truth, second.created_at) == ("", "", NOW)


def test_a_prompt_the_project_has_and_one_given_twice_are_counted_once() -> None:
    project = make_project()
    make_prompt(project, text="Old")

    added = add_prompts(
        project=project,
        prompts=[NewPrompt("Old"), NewPrompt("New"), NewPrompt("New"), NewPrompt("new")],
        actor=make_account(),
        now=NOW,
    )

    assert added == AddedPrompts(num_stored=2, num_duplicates=2)
    assert list(Prompt.objects.filter(project=project).values_list("text", flat=True)) == [
        "Old",
        "New",
        "new",
    ]


def test_the_same_prompt_may_be_in_two_projects() -> None:
    make_prompt(make_project(), text="Shared")

    added = add_prompts(project=make_project(), prompts=[NewPrompt("Shared")], actor=make_account(), now=NOW)

    assert added.num_stored == 1


def test_thousands_of_prompts_count_duplicates_across_parts() -> None:
    prompts = [NewPrompt(f"Number {index % 1500}") for index in range(2500)]

    added = add_prompts(project=make_project(), prompts=prompts, actor=make_account(), now=NOW)

    assert added == AddedPrompts(num_stored=1500, num_duplicates=1000)


def test_one_bad_prompt_and_nothing_is_stored() -> None:
    project = make_project()
    prompts = [*(NewPrompt(f"Number {index}") for index in range(1200)), NewPrompt("   ")]

    with pytest.raises(BadPrompt) as caught:
        add_prompts(project=project, prompts=prompts, actor=make_account(), now=NOW)

    assert (caught.value.index, str(caught.value)) == (1200, "Prompt 1201: the prompt is empty.")
    assert not Prompt.objects.exists()
    assert not AuditEvent.objects.exists()


def test_an_error_of_the_stream_leaves_nothing_behind() -> None:
    def give_out() -> Iterator[NewPrompt]:
        yield NewPrompt("Fine")
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        add_prompts(project=make_project(), prompts=give_out(), actor=make_account(), now=NOW)

    assert not Prompt.objects.exists()


def test_who_added_how_many_is_in_the_audit_log() -> None:
    project, actor = make_project(), make_account()

    add_prompts(project=project, prompts=[NewPrompt("A"), NewPrompt("A")], actor=actor, now=NOW)

    event = AuditEvent.objects.get()
    assert (event.actor, event.project, event.verb) == (actor, project, "added prompts")
    assert event.details == {"stored": 1, "duplicates": 1}


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        (NewPrompt(""), "the prompt is empty"),
        (NewPrompt("a\x00b"), "the prompt holds a NUL byte"),
        (NewPrompt("a", reference_answer="\x00"), "the reference answer holds a NUL byte"),
        (NewPrompt("a\ud800"), "half of a surrogate pair"),
        (NewPrompt("a" * 200_001), "longer than 200,000 characters"),
        (NewPrompt("a", verifier="oracle"), "no verifier “oracle”"),
        (NewPrompt("a", verifier="numeric"), "needs a ground truth"),
        (NewPrompt("a", verifier="numeric", ground_truth="seven"), "holds no number"),
        (NewPrompt("a", verifier="choice", ground_truth="yes"), "not the letter of an option"),
        (
            NewPrompt("a", verifier="reasoning_gym", ground_truth="7"),
            "reasoning_gym reference answer is JSON",
        ),
    ],
)
def test_a_prompt_that_cannot_be_used_has_a_fault(prompt: NewPrompt, fault: str) -> None:
    assert fault in (find_fault(prompt) or "")


@pytest.mark.parametrize(
    "prompt",
    [
        NewPrompt("a"),
        NewPrompt("a", verifier="numeric", ground_truth="1/2"),
        NewPrompt("a", verifier="choice", reference_answer="(B)"),
        NewPrompt("a", verifier="exact", reference_answer="x"),
        NewPrompt("a", verifier="math", ground_truth="x^2"),
        NewPrompt("שלום 👩‍👩‍👧"),
    ],
)
def test_a_prompt_that_can_be_used_has_none(prompt: NewPrompt) -> None:
    assert find_fault(prompt) is None


def test_a_prompt_knows_who_brought_it_unless_a_program_made_it() -> None:
    project, actor = make_project(), make_account()

    add_prompts(project=project, prompts=[NewPrompt("Own")], actor=actor, now=NOW)
    add_prompts(project=project, prompts=[NewPrompt("Made")], actor=actor, now=NOW, are_actors_own=False)

    assert dict(Prompt.objects.values_list("text", "created_by")) == {"Own": actor.pk, "Made": None}


def test_a_prompt_knows_the_language_it_is_written_in() -> None:
    project = make_project()
    texts = (
        "Wie viele Äpfel hat Tom, nachdem er vier gekauft hat?",
        "How many apples has Tom now?",
        "3 + 4 = ?",
    )

    add_prompts(
        project=project,
        prompts=[NewPrompt(text=text) for text in texts],
        actor=make_account(),
        now=NOW,
    )

    languages = Prompt.objects.filter(project=project).order_by("pk").values_list("language", flat=True)
    assert list(languages) == ["de", "en", ""]
