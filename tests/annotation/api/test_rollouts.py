"""/rollouts/: what a training returns to people."""

from __future__ import annotations

import random
from typing import Any

import pytest

from annotation.actions import assignments
from annotation.models import AuditEvent, Priority, Project, Role, TokenScope, Trace
from annotation.rules.segmentation import split_steps
from tests.annotation.api.callers import make_caller, send
from tests.factories import NOW, make_member, make_project, make_prompt

pytestmark = pytest.mark.django_db

ROLLOUTS = "/api/v1/rollouts/"
COMPLETION = "2 + 2 = 4.\n4 + 1 = 6.\nThe answer is 6."


def body_of(project: Project, *rollouts: dict[str, Any]) -> dict[str, Any]:
    return {"project": project.slug, "run": "grpo-7", "rollouts": list(rollouts)}


def rollout(prompt: Any, completion: str = COMPLETION, **fields: Any) -> dict[str, Any]:
    return {"prompt_id": prompt.pk, "completion": completion, "doubt": 0.9, "is_correct": False, **fields}


def test_a_roll_out_becomes_a_trace_that_people_soon_see() -> None:
    prompt = make_prompt(verifier="numeric", ground_truth="5")
    caller = make_caller(make_member(prompt.project, Role.ENGINEER))

    answer = send(caller, ROLLOUTS, body_of(prompt.project, rollout(prompt)))

    assert (answer.status_code, answer.json()) == (201, {"num_made": 1, "num_known": 0})
    trace = Trace.objects.get()
    assert "".join(split_steps(trace.completion, trace.step_ends)) == COMPLETION
    assert trace.num_steps == 3
    assert (trace.need, trace.is_answer_correct, trace.final_answer) == (0.9, False, "6")
    assert trace.model_name == "policy of grpo-7"
    leased = assignments.lease_next(
        project=prompt.project,
        rater=make_member(prompt.project),
        now=NOW,
        source=random.Random(0),
    )
    assert leased.trace_id == trace.pk
    assert AuditEvent.objects.filter(verb="returned roll-outs").count() == 1


def test_sending_again_stores_nothing_twice() -> None:
    prompt = make_prompt()
    caller = make_caller(make_member(prompt.project, Role.ADMIN))
    body = body_of(prompt.project, rollout(prompt), rollout(prompt), rollout(prompt, "Another."))

    first, again = send(caller, ROLLOUTS, body), send(caller, ROLLOUTS, body)

    assert first.json() == {"num_made": 2, "num_known": 1}
    assert again.json() == {"num_made": 0, "num_known": 3}
    assert Trace.objects.count() == 2


def test_a_held_prompt_holds_its_roll_outs_back() -> None:
    prompt = make_prompt(priority=Priority.HELD)
    caller = make_caller(make_member(prompt.project, Role.ADMIN))

    send(caller, ROLLOUTS, body_of(prompt.project, rollout(prompt)))

    assert not Trace.objects.get().wants_ratings


@pytest.mark.parametrize(
    ("role", "status"), [(r, 201 if r in (Role.ADMIN, Role.ENGINEER) else 403) for r in Role]
)
def test_admins_and_engineers_return_roll_outs_and_others_may_not(role: Role, status: int) -> None:
    prompt = make_prompt()
    caller = make_caller(make_member(prompt.project, role))

    assert send(caller, ROLLOUTS, body_of(prompt.project, rollout(prompt))).status_code == status


def test_a_prompt_of_another_project_is_refused_and_nothing_is_stored() -> None:
    prompt, strange = make_prompt(), make_prompt(make_project())
    caller = make_caller(make_member(prompt.project, Role.ADMIN))

    answer = send(caller, ROLLOUTS, body_of(prompt.project, rollout(prompt), rollout(strange)))

    assert answer.status_code == 400
    assert answer.json()["errors"]["rollouts"]["1"] == [f"The project has no prompt {strange.pk}."]
    assert not Trace.objects.exists()
    outsider = make_caller(make_member(strange.project, Role.ADMIN))
    assert send(outsider, ROLLOUTS, body_of(prompt.project, rollout(prompt))).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"completion": " \n"},
        {"completion": "a\x00b"},
        {"completion": "x" * 500_001},
        {"doubt": 1.5},
        {"doubt": "nan"},
        {"prompt_id": 0},
        {"prompt_id": 2**70},
        {"prompt_id": "x"},
        {"is_correct": "perhaps"},
    ],
)
def test_what_is_no_roll_out_is_refused(changes: dict[str, Any]) -> None:
    prompt = make_prompt()
    caller = make_caller(make_member(prompt.project, Role.ADMIN))

    answer = send(caller, ROLLOUTS, body_of(prompt.project, rollout(prompt, **changes)))

    assert answer.status_code == 400
    assert not Trace.objects.exists()


def test_a_token_needs_the_scope_for_it() -> None:
    prompt = make_prompt()
    member = make_member(prompt.project, Role.ADMIN)
    body = body_of(prompt.project, rollout(prompt))

    reading = send(make_caller(member, scopes=[TokenScope.TRACES_READ]), ROLLOUTS, body)
    writing = send(make_caller(member, scopes=[TokenScope.TRACES_WRITE]), ROLLOUTS, body)

    assert (reading.status_code, writing.status_code) == (403, 201)
    assert "traces:write" in reading.json()["detail"]
