"""/traces/"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.api.traces import TraceSerializer
from annotation.models import Role, Trace
from tests.annotation.api.callers import make_caller
from tests.factories import (
    NOW,
    STEPS,
    make_batch,
    make_gold,
    make_member,
    make_project,
    make_prompt,
    make_trace,
)

TRACES = "/api/v1/traces/"


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "sees"), [(role, role != Role.RATER) for role in Role])
def test_staff_see_traces_and_raters_see_none(role: Role, sees: bool) -> None:
    trace = make_trace()
    make_trace()
    caller = make_caller(make_member(trace.project, role))

    listed = caller.get(TRACES).json()["results"]

    assert [row["id"] for row in listed] == ([trace.pk] if sees else [])
    assert caller.get(f"{TRACES}{trace.pk}/").status_code == (200 if sees else 404)


@pytest.mark.django_db
def test_a_trace_comes_with_its_steps_and_their_texts_join_to_the_completion() -> None:
    trace = make_trace()
    caller = make_caller(make_member(trace.project, Role.ENGINEER))

    body = caller.get(f"{TRACES}{trace.pk}/").json()

    assert [step["text"] for step in body["steps"]] == list(STEPS)
    assert [step["index"] for step in body["steps"]] == [0, 1, 2]
    assert "".join(step["text"] for step in body["steps"]) == body["completion"]
    assert body["project"] == trace.project.slug


@given(st.lists(st.text(min_size=1), min_size=1))
def test_steps_are_lossless_for_any_text(texts: list[str]) -> None:
    ends = [len("".join(texts[: index + 1])) for index in range(len(texts))]
    trace = Trace(completion="".join(texts), step_ends=ends)

    steps = TraceSerializer().get_steps(trace)

    assert [step["text"] for step in steps] == texts


@pytest.mark.django_db
def test_nothing_tells_gold_from_other_traces() -> None:
    gold, plain = make_trace(), make_trace()
    make_gold(gold)
    callers = [make_caller(make_member(trace.project, Role.ADJUDICATOR)) for trace in (gold, plain)]

    bodies = [
        caller.get(f"{TRACES}{trace.pk}/").json()
        for caller, trace in zip(callers, (gold, plain), strict=True)
    ]

    assert bodies[0].keys() == bodies[1].keys()
    assert "gold" not in str(bodies[0])


@pytest.mark.django_db
def test_traces_are_filtered_by_project_batch_prompt_and_model() -> None:
    project = make_project()
    prompt, batch = make_prompt(project), make_batch(project)
    wanted = make_trace(prompt, batch=batch, sample_index=0, model_name="smol")
    other = make_trace(make_prompt(project), model_name="big")
    elsewhere = make_trace()
    account = make_member(project, Role.ADMIN)
    caller = make_caller(account)

    def ids(query: str) -> list[int]:
        return [row["id"] for row in caller.get(f"{TRACES}?{query}").json()["results"]]

    assert ids(f"project={project.slug}") == [wanted.pk, other.pk]
    assert ids(f"batch={batch.pk}") == [wanted.pk]
    assert ids(f"prompt={prompt.pk}") == [wanted.pk]
    assert ids("model=smol") == [wanted.pk]
    assert ids(f"prompt={elsewhere.prompt_id}") == []


@pytest.mark.django_db
def test_replaced_traces_are_listed_on_request_only() -> None:
    trace = make_trace(retired_at=NOW, wants_ratings=False)
    caller = make_caller(make_member(trace.project, Role.ADMIN))

    assert caller.get(TRACES).json()["results"] == []
    assert len(caller.get(f"{TRACES}?retired=true").json()["results"]) == 1
    assert caller.get(f"{TRACES}{trace.pk}/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["batch=x", "batch=0", f"batch={2**63}", "model=%00", "project=a%20b", "retired=perhaps"]
)
def test_a_wrong_parameter_is_named(query: str) -> None:
    caller = make_caller(make_member(make_project(), Role.ADMIN))

    answer = caller.get(f"{TRACES}?{query}")

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [query.split("=")[0]]


@pytest.mark.django_db
def test_an_address_no_trace_can_have_is_not_found() -> None:
    caller = make_caller(make_member(make_project(), Role.ADMIN))

    assert caller.get(f"{TRACES}{10**30}/").status_code == 404
