"""How PostgreSQL goes about a draw: by one plan for all values, in steps that end, however large the project is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from annotation.actions.draw_statements import NUM_COUNTED, write_statements
from annotation.actions.draws import draw_trace
from annotation.models import Assignment, AssignmentState, Project, Trace
from tests.annotation.actions.test_assignments import NEED_ARM, RANDOM_ARM, Loaded, make_traces
from tests.factories import NOW, make_assignment, make_member, make_project, make_trace

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("arm", ["random", "need"])
def test_a_draw_keeps_one_plan_for_all_values(arm: str) -> None:
    """Left alone, PostgreSQL plans a statement anew each time where a plan for these very values looks cheaper than one
    for all; that took three times as long as the draw itself."""
    project, value = make_project(), RANDOM_ARM if arm == "random" else NEED_ARM
    make_traces(project, 40)
    raters = [make_member(project) for _ in range(3)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    for number in range(12):
        with transaction.atomic():
            draw_trace(project=project, rater=raters[number % 3], source=Loaded(value, number / 12))

    plans = count_plans("at_or_after" if arm == "random" else "drawn AS (SELECT t.id, t.need FROM")
    assert plans["generic"] == 12
    assert plans["custom"] == 0


def count_plans(text: str) -> Counter[str]:
    """How often statements with this text ran here by the plan for all values, and by one of their own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE strpos(statement, %s) > 0",
            [text],
        )
        generic, custom = cursor.fetchone() or (0, 0)
    return Counter(generic=int(generic or 0), custom=int(custom or 0))


def make_many_alike(project: Project) -> None:
    """3,000 traces of one need at the top, as before a merge, and 2,000 below it with a need each, as after one.
    PostgreSQL then takes a need that it can't know for one of 2,001, and expects a trace or two of it."""
    some = make_trace(project=project)
    same = ("project_id", "prompt_id", "completion", "step_ends", "segmenter", "model_name", "created_at")
    fields = {name: getattr(some, name) for name in same}
    needs = [0.9] * 3000 + [0.8 * number / 2000 for number in range(2000)]
    Trace.objects.bulk_create(
        Trace(**fields, need=need, queue_key=number / 5000, wants_ratings=True)
        for number, need in enumerate(needs)
    )


def list_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from list_nodes(child)


@pytest.mark.parametrize("arm", ["random", "need"])
def test_a_draw_reads_no_more_than_it_counts_however_many_are_alike(arm: str) -> None:
    project = make_project()
    make_many_alike(project)
    rater = make_member(project)
    for trace in Trace.objects.order_by("need")[:60]:
        make_assignment(trace, rater, state=AssignmentState.SUBMITTED, ended_at=NOW)
    assert Assignment.objects.count() == 60
    statements = write_statements(forbids_own=False, mixes_gold=False)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    def explain(execute: Any, sql: str, *rest: Any) -> Any:
        return execute(sql.replace("EXECUTE", "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE"), *rest)

    with connection.execute_wrapper(explain):
        if arm == "random":
            ((plans,),) = statements.at_random.fetch(project=project.pk, rater=rater.pk, key=0.3)
        else:
            ((plans,),) = statements.by_need.fetch(project=project.pk, rater=rater.pk)

    plan = json.loads(plans) if isinstance(plans, str) else plans
    read = [node["Actual Rows"] * node["Actual Loops"] for node in list_nodes(plan[0]["Plan"])]
    assert NUM_COUNTED <= max(read) <= 2 * NUM_COUNTED
