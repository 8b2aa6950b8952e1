"""/batch-failures/ and /judge-failures/"""

from __future__ import annotations

import pytest

from annotation.models import Role
from tests.annotation.api.callers import make_caller
from tests.factories import make_member, make_project, make_prompt, make_trace
from tests.failed_items import WROTE_NOTHING, make_failed_batch, make_failed_run

pytestmark = pytest.mark.django_db
BATCHES, JUDGES = "/api/v1/batch-failures/", "/api/v1/judge-failures/"


@pytest.mark.parametrize(("role", "sees"), [(role, role in (Role.ADMIN, Role.ENGINEER)) for role in Role])
def test_those_who_make_traces_see_what_made_none_and_nobody_else(role: Role, sees: bool) -> None:
    trace = make_trace()
    make_failed_batch([trace.prompt], [WROTE_NOTHING])
    make_failed_run([trace], ["Too long."])
    make_failed_batch([make_prompt()], ["of another project"])
    make_failed_run([make_trace()], ["of another project"])
    caller = make_caller(make_member(trace.project, role))

    batches, judges = (caller.get(path).json()["results"] for path in (BATCHES, JUDGES))

    assert [row["reason"] for row in batches] == ([WROTE_NOTHING] if sees else [])
    assert [row["reason"] for row in judges] == (["Too long."] if sees else [])


def test_an_item_says_which_it_is_and_why() -> None:
    trace = make_trace()
    batch = make_failed_batch([trace.prompt], [WROTE_NOTHING])
    run = make_failed_run([trace], ["Too long."])
    caller = make_caller(make_member(trace.project, Role.ENGINEER))

    [failed] = caller.get(BATCHES).json()["results"]
    [unscored] = caller.get(JUDGES).json()["results"]

    assert {**failed, "id": 0} == {
        "id": 0,
        "project": trace.project.slug,
        "batch": batch.pk,
        "prompt": trace.prompt_id,
        "sample_index": 0,
        "reason": WROTE_NOTHING,
    }
    assert (unscored["run"], unscored["trace"], unscored["judge"]) == (run.pk, trace.pk, str(run.judge))


def test_one_batch_s_are_asked_for_and_come_in_pages() -> None:
    project = make_project()
    prompts = [make_prompt(project) for _ in range(3)]
    batch = make_failed_batch(prompts, [WROTE_NOTHING] * 3)
    make_failed_batch(prompts[:1], ["of another batch"])
    caller = make_caller(make_member(project, Role.ENGINEER))

    first = caller.get(BATCHES, {"batch": batch.pk, "page_size": 2}).json()
    second = caller.get(first["next"]).json()

    assert [row["prompt"] for row in first["results"] + second["results"]] == [row.pk for row in prompts]
    assert second["next"] is None
    assert caller.get(JUDGES, {"run": 1}).json()["results"] == []
    assert caller.get(BATCHES, {"batch": "all"}).status_code == 400
