"""A compiled query gives what the query it was made from gives."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Count, QuerySet
from django.test.utils import CaptureQueriesContext

from annotation.models import Assignment, Rating
from annotation.queries.compiled import CompiledQuery
from tests.factories import NOW, make_assignment, make_rating, make_trace

pytestmark = pytest.mark.django_db


def with_relations(pk: int, rater: int) -> QuerySet[Assignment]:
    return Assignment.objects.filter(pk=pk, rater=rater).select_related("trace__prompt", "trace__project")


def test_it_gives_the_same_row_with_its_relations_in_one_query() -> None:
    assignment = make_assignment(draft={"labels": [1, None]})
    make_assignment()
    query = CompiledQuery(with_relations, int, int)
    usual = with_relations(assignment.pk, assignment.rater_id).get()

    with CaptureQueriesContext(
        connection,
    ) as captured:
        found = query.find(assignment.pk, assignment.rater_id)
        assert found is not None
        assert found.trace.prompt.text == usual.trace.prompt.text
        assert found.trace.project.slug == usual.trace.project.slug

    assert len(captured) == 1
    for row, expected in (
        (found, usual),
        (found.trace, usual.trace),
        (found.trace.prompt, usual.trace.prompt),
    ):
        for field in expected._meta.concrete_fields:
            assert getattr(row, field.attname) == getattr(expected, field.attname), field


def test_other_values_find_other_rows() -> None:
    first, second = make_assignment(), make_assignment()
    query = CompiledQuery(with_relations, int, int)

    assert query.find(first.pk, first.rater_id) == first
    assert query.find(second.pk, second.rater_id) == second
    assert query.find(second.pk, first.rater_id) is None
    assert query.list(0, 0) == []


def test_deferred_fields_and_annotations_are_what_they_are_elsewhere() -> None:
    trace = make_trace()
    for _ in range(2):
        make_rating(trace)
    query = CompiledQuery(
        lambda pk: (
            Rating.objects.filter(trace=pk)
            .defer("notes")
            .annotate(num_of_trace=Count("trace__ratings"))
            .order_by("pk")
        ),
        int,
    )

    ratings = query.list(trace.pk)

    assert [rating.num_of_trace for rating in ratings] == [2, 2]  # type: ignore[attr-defined]
    assert ratings[0].get_deferred_fields() == {"notes"}
    assert ratings[0].notes == {}


def test_texts_and_times_are_values_too() -> None:
    rating = make_rating()
    query = CompiledQuery(
        lambda name, since: Rating.objects.filter(rater__username=name, submitted_at__gte=since),
        str,
        dt.datetime,
    )

    assert query.list(rating.rater.username, NOW) == [rating]
    assert query.list(rating.rater.username, NOW + dt.timedelta(seconds=1)) == []
    assert query.list("nobody", NOW) == []


def test_a_value_that_the_query_does_not_take_as_it_is_is_an_error() -> None:
    query = CompiledQuery(lambda pk, other: Assignment.objects.filter(pk=pk), int, int)

    with pytest.raises(ValueError, match="does not reach"):
        query.find(1, 2)


def test_locks_are_taken_in_the_callers_transaction(settings: Any) -> None:
    settings.PREPARES_STATEMENTS = False  # so that the captured text is the query's
    assignment = make_assignment()
    query = CompiledQuery(lambda pk: Assignment.objects.select_for_update().filter(pk=pk), int)

    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        query.find(assignment.pk)

    assert "FOR UPDATE" in captured[0]["sql"]


def test_rows_have_no_order_that_the_query_did_not_ask_for(settings: Any) -> None:
    """Along its model's own order PostgreSQL might read a whole table, on its way to one row."""
    settings.PREPARES_STATEMENTS = False
    plain = CompiledQuery(lambda rater: Assignment.objects.filter(rater=rater), int)
    last_first = CompiledQuery(lambda rater: Assignment.objects.filter(rater=rater).order_by("-pk"), int)

    with CaptureQueriesContext(connection) as captured:
        plain.find(1)
        last_first.find(1)

    assert ["ORDER BY" in query["sql"] for query in captured] == [False, True]


@pytest.mark.django_db(transaction=True)
def test_a_query_compiled_by_one_thread_runs_in_another_on_that_ones_connection() -> None:
    assignment = make_assignment()
    query = CompiledQuery(with_relations, int, int)
    query.find(0, 0)
    found: list[Assignment | None] = []

    def ask() -> None:
        try:
            found.append(query.find(assignment.pk, assignment.rater_id))
        finally:
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(timeout=30)

    assert found == [assignment]
