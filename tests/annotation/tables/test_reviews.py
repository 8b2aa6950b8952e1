"""The tables of review: found by what they say, and a rater's own without anybody else in it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import translation

from annotation.models import Project, Role, Ruling
from annotation.tables.csv_lines import stream_csv
from annotation.tables.page import TablePage, show_page
from annotation.tables.reviews import (
    build_appeal_table,
    build_decision_table,
    build_disagreement_table,
    build_own_decision_table,
    say_ruling,
)
from annotation.tables.table import Table
from tests.factories import (
    NOW,
    make_appeal,
    make_decision,
    make_disagreement,
    make_gold,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(shows_decisions=True)


def show(table: Table, query: str = "") -> TablePage:  # type: ignore[type-arg]
    return show_page(table, QueryDict(query), path="/review/")


def list_traces(page: TablePage) -> list[int]:
    return [line.row.trace_id for line in page.lines]


def test_disagreements_are_found_by_prompt_kind_and_model(project: Project) -> None:
    apples = make_trace(make_prompt(project, text="Apples"), model_name="big")
    pears = make_trace(make_prompt(project, text="Pears"), model_name="small")
    make_disagreement(apples)
    make_disagreement(pears, between="merge", bits=0.2)
    table = build_disagreement_table(project)

    assert list_traces(show(table)) == [apples.pk, pears.pk]
    assert list_traces(show(table, "d=pear")) == [pears.pk]
    assert list_traces(show(table, "between=merge")) == [pears.pk]
    assert list_traces(show(table, "model=big")) == [apples.pk]
    assert list_traces(show(table, "sort=bits")) == [pears.pk, apples.pk]


def test_appeals_that_wait_stand_first_and_answered_ones_stay_to_be_found(project: Project) -> None:
    decision = make_decision(make_trace(project=project))
    ann, bob, eve = (make_member(project, username=name) for name in ("ann", "bob", "eve"))
    answered = {"answered_by": make_member(project, Role.ADJUDICATOR, username="judy"), "answered_at": NOW}
    waiting = make_appeal(decision, ann, reason="3 + 4 is 7.")
    kept = make_appeal(decision, bob, state="kept", answer="Read step 2.", **answered)
    changed = make_appeal(decision, eve, state="changed", answer="You are right.", **answered)
    table = build_appeal_table(project)

    def found(query: str = "") -> list[int]:
        return [line.row.pk for line in show(table, query).lines]

    assert found() == [waiting.pk]
    assert found("a-state=") == [waiting.pk, kept.pk, changed.pk]
    assert found("a-state=kept") == [kept.pk]
    assert found("a-state=&a-find=you+are") == [changed.pk]
    assert found("a-state=&a-find=BOB") == [kept.pk]
    assert found("a-state=&a-sort=-answered")[-1] == waiting.pk  # what is not known comes last
    lines = "".join(stream_csv(table, QueryDict("a-state="), path="/review/")).splitlines()
    assert [line.split(",")[-1] for line in lines] == ["by", "", "judy", "judy"]


def test_decisions_are_listed_as_they_stand_and_found_by_gold(project: Project) -> None:
    first, second = (make_trace(project=project) for _ in range(2))
    make_decision(first, is_current=False)
    make_decision(first, (1, -1, None), revision=2, decided_at=NOW + dt.timedelta(hours=1))
    make_decision(second)
    make_gold(second)
    table = build_decision_table(project)

    assert list_traces(show(table)) == [first.pk, second.pk]
    assert list_traces(show(table, "c-gold=yes")) == [second.pk]
    assert list_traces(show(table, "c-gold=no")) == [first.pk]
    lines = "".join(stream_csv(table, QueryDict(""), path="/review/")).splitlines()
    assert lines[1].split(",")[2:5] == ["First error in step 2", "no", "2"]


@pytest.mark.parametrize(
    ("labels", "fields", "words"),
    [
        ((1, 0, 1), {}, "No error"),
        ((-1, None, None), {}, "First error in step 1"),
        ((None,) * 3, {"ruling": Ruling.BAD_PROBLEM, "note": "x"}, "Bad problem"),
    ],
)
def test_a_decision_is_said_in_a_few_words(
    labels: tuple[int | None, ...], fields: dict[str, str], words: str, project: Project
) -> None:
    assert say_ruling(make_decision(make_trace(project=project), labels, **fields)) == words


def test_a_raters_own_table_holds_their_traces_and_how_their_appeals_ended(project: Project) -> None:
    rater = make_member(project, username="ann")
    later = NOW + dt.timedelta(hours=1)
    states = ("open", "kept", "changed", None)
    for state in states:
        rating = make_rating(make_trace(project=project), rater)
        make_rating(rating.trace, make_member(project, username=f"other-{state}"))
        decision = make_decision(rating.trace, (1, -1, None), decided_at=later)
        if state == "open":
            make_appeal(decision, rater)
        elif state:
            answered = {"answer": "So.", "answered_by": decision.adjudicator, "answered_at": later}
            make_appeal(decision, rater, state=state, **answered)
    make_decision(make_rating(make_trace(project=project)).trace, decided_at=later)
    table = build_own_decision_table(project, rater)

    text = "".join(stream_csv(table, QueryDict("sort=decided"), path="/"))

    assert len(show(table).lines) == 4
    for words in ("Waiting for an answer", "Decision kept", "Decision changed", "First error in step 2"):
        assert words in text
    assert "other-" not in text
    for said, num in (("none", 1), ("open", 1), ("kept", 1), ("changed", 1), ("x", 4)):
        assert len(show(table, f"appeal={said}").lines) == num
    assert show(table, "find=nothing+like+it").lines == ()
    assert all(link.startswith("/rate/") for line in show(table).lines if (link := line.cells[0].link))


def test_a_raters_own_table_speaks_their_language_where_there_are_words(project: Project) -> None:
    rater = make_member(project)
    with translation.override("ar"):
        titles = [header.title for header in show(build_own_decision_table(project, rater)).headers]

    assert len(titles) == 4
    assert all(isinstance(title, str) and title for title in titles)


def test_the_file_of_disagreements_reads_no_completion_and_asks_once(
    project: Project, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        make_disagreement(make_trace(make_prompt(project, text=f"Add {number}.")))
    table = build_disagreement_table(project)

    with django_assert_num_queries(1) as asked:
        lines = list(stream_csv(table, QueryDict(""), path="/review/"))

    assert len(lines) == 4
    assert "Add 0." in "".join(lines)
    assert '"completion"' not in asked.captured_queries[0]["sql"]
