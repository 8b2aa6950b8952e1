"""The tables of practice: gold and results are found, sorted, paged and taken as CSV."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.http import QueryDict

from annotation.models import Gold, GoldUse, Project
from annotation.tables.csv_lines import stream_csv
from annotation.tables.page import TablePage, show_page
from annotation.tables.practice import build_practice_gold_table, build_result_table
from annotation.tables.table import Table
from tests.annotation.practice_worlds import make_gold_traces, make_practice_project
from tests.factories import NOW, make_attempt, make_member, make_practice_answer, make_prompt, make_trace
from tests.factories import make_gold as make_one_gold

pytestmark = pytest.mark.django_db


def show(table: Table[Any], query: str = "") -> TablePage:
    return show_page(table, QueryDict(query), path="/practice/")


def read(table: Table[Any], query: str = "") -> list[dict[str, str]]:
    text = "".join(stream_csv(table, QueryDict(query), path="/practice/")).removeprefix("\ufeff")
    return list(csv.DictReader(text.splitlines()))


def list_gold(project: Project, query: str = "") -> list[Gold]:
    return [line.row for line in show(build_practice_gold_table(project), query).lines]


def test_sixty_gold_traces_are_two_pages_and_one_file() -> None:
    project, _ = make_practice_project()
    prompt, admin = make_prompt(project), make_member(project)
    for _ in range(60):
        make_one_gold(make_trace(prompt), (True, True, True), created_by=admin)

    page = show(build_practice_gold_table(project))

    assert (page.num_rows, page.num_pages, len(page.lines)) == (60, 2, 50)
    assert len(read(build_practice_gold_table(project))) == 60


def test_gold_is_found_by_its_prompt_its_use_and_whether_it_has_an_error() -> None:
    project, _ = make_practice_project(num_tutorial=2, num_work=4)  # of each four, one stands in every step
    zebras = make_one_gold(
        make_trace(make_prompt(project, text="Zebras")), (True, True, True), created_by=make_member(project)
    )

    assert list_gold(project, "g-find=zebra") == [zebras]
    assert {gold.use for gold in list_gold(project, "g-use=tutorial")} == {GoldUse.TUTORIAL}
    assert len(list_gold(project, "g-use=work")) == 5
    assert all(False in gold.stands for gold in list_gold(project, "g-error=some"))
    assert all(False not in gold.stands for gold in list_gold(project, "g-error=none"))
    assert len(list_gold(project, "g-error=some")) + len(list_gold(project, "g-error=none")) == 7


def test_gold_is_sorted_and_its_file_holds_the_whole_note() -> None:
    project, _ = make_practice_project()
    first, *_ = make_gold_traces(project, 3)
    Gold.objects.filter(pk=first.pk).update(note="word " * 100)

    rows = read(build_practice_gold_table(project), "g-sort=trace")

    assert [int(row["trace"]) for row in rows] == sorted(int(row["trace"]) for row in rows)
    assert rows[0]["note"].count("word") == 100
    assert [(row["first_error"], row["steps"]) for row in rows] == [("", "3"), ("2", "3"), ("1", "3")]
    assert rows[0]["use"] == "Mixed into work"


def test_gold_of_another_project_is_in_neither_page_nor_file() -> None:
    project, _ = make_practice_project(num_work=1)
    make_practice_project(num_work=3)

    assert len(list_gold(project)) == len(read(build_practice_gold_table(project))) == 1


def test_results_are_found_by_rater_and_by_who_may_rate() -> None:
    project, ann = make_practice_project(num_test=2)
    bea, cem = make_member(project, username="bea"), make_member(project, username="cem")
    make_attempt(project, ann, trace_ids=[1, 2], finished_at=NOW, num_right=1, has_passed=False)
    make_attempt(project, bea, trace_ids=[1, 2], finished_at=NOW, num_right=2, has_passed=True)
    make_attempt(
        project, cem, number=0, finished_at=NOW, num_right=0, has_passed=True, waived_by=make_member(project)
    )
    make_practice_answer(make_trace(project=project), bea)
    table = build_result_table(project)

    def list_names(query: str) -> set[str]:
        return {line.row.membership.account.username for line in show(table, query).lines}

    assert list_names("r-standing=passed") == {"bea"}
    assert list_names("r-standing=let+in") == {"cem"}
    assert ann.username in list_names("r-standing=not+yet")
    assert list_names("r-find=BEA") == {"bea"}
    (row,) = read(table, "r-find=bea")
    assert (row["tutorial"], row["tutorial_seen"], row["attempts"], row["best"]) == ("1", "1", "1", "1.0")
    assert row["standing"] == "passed"
    assert row["best_at"].startswith("2026-03-01")
    best_first = [line.row.best for line in show(table, "r-sort=-best").lines]
    assert [best.num_right for best in best_first if best] == [2, 1]


def test_without_a_test_everybody_may_rate() -> None:
    project, _ = make_practice_project(num_work=1)

    assert {row["standing"] for row in read(build_result_table(project))} == {"no test"}
