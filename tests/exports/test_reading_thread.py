"""Reading ahead changes nothing but the time: rows, their order, failures, and no connection is left behind."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing

import pytest
from django.db import connection

from annotation.models import Project
from exports.batches import Batch, stream_batches
from exports.formats.evidence import make_table
from exports.reading_thread import read_ahead
from tests.exports.worlds import make_world, merge_world
from tests.factories import make_project

NAME = "export-reader"


class Unreadable(Exception):
    """A row that can't be read."""


def list_readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def count_up(last: int, seen: list[str], failing_at: int = -1) -> Generator[int, None, None]:
    try:
        for number in range(last):
            if number == failing_at:
                raise Unreadable
            seen.append(threading.current_thread().name)
            yield number
    finally:
        seen.append("closed")


@pytest.mark.django_db(transaction=True)
class TestOnAConnectionOfItsOwn:
    def test_rows_come_in_order_from_a_thread_that_ends(self) -> None:
        seen: list[str] = []

        assert list(read_ahead(count_up(50, seen))) == list(range(50))

        assert seen == [NAME] * 50 + ["closed"]
        assert list_readers() == []

    def test_a_failure_comes_out_behind_the_rows_before_it(self) -> None:
        found: list[int] = []

        with pytest.raises(Unreadable):
            found.extend(read_ahead(count_up(9, [], failing_at=3)))

        assert list_readers() == []

    def test_who_stops_early_leaves_no_thread(self) -> None:
        seen: list[str] = []
        with closing(read_ahead(count_up(10**9, seen))) as rows:
            assert [next(rows), next(rows)] == [0, 1]

        assert list_readers() == []
        assert seen[-1] == "closed"
        assert len(seen) < 6

    def test_it_reads_what_is_committed_and_lets_its_connection_go(self) -> None:
        make_project()

        def read() -> Generator[tuple[int, int], None, None]:
            for project in Project.objects.iterator():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_backend_pid()")
                    yield project.pk, cursor.fetchone()[0]

        (_, its_own), *_ = list(read_ahead(read()))

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            assert cursor.fetchone()[0] != its_own

    def test_the_batches_of_an_export_are_the_same(self) -> None:
        run = merge_world(make_world(3))

        def read(batches: Generator[Batch, None, None]) -> list[object]:
            return [
                (
                    batch.traces,
                    batch.pairs and (batch.pairs.chosen, batch.pairs.rejected, batch.pairs.margin),
                    make_table(batch.evidence) if batch.evidence else None,
                )
                for batch in batches
            ]

        plain = read(stream_batches(run, min_p=0.8, with_evidence=True))
        assert read(read_ahead(stream_batches(run, min_p=0.8, with_evidence=True))) == plain


@pytest.mark.django_db
def test_within_a_transaction_rows_are_read_where_they_are_wanted() -> None:
    seen: list[str] = []

    assert list(read_ahead(count_up(3, seen))) == [0, 1, 2]

    assert NAME not in seen
