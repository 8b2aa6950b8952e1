"""A page of a table: sorted, filtered and paged as its address says, the same for queries and for plain rows."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.tables import page as pages
from annotation.tables.table import Filter
from tests.annotation.tables.lists import (
    FRUITS,
    Fruit,
    list_names,
    make_fruit_table,
    make_prompt_table,
    show,
)
from tests.factories import make_project, make_prompt


def test_rows_stand_in_the_tables_own_order_at_first() -> None:
    assert list_names(show(make_fruit_table())) == ["Apple", "banana", "fig", "pear"]


def test_a_column_sorts_both_ways_and_what_is_not_known_comes_last() -> None:
    table = make_fruit_table()

    assert list_names(show(table, "sort=weight")) == ["banana", "pear", "Apple", "fig"]
    assert list_names(show(table, "sort=-weight")) == ["Apple", "pear", "banana", "fig"]


@pytest.mark.parametrize("order", ["nonsense", "-", "button", "weight__x", "pk", "name;drop"])
def test_an_order_that_is_none_is_left_out(order: str) -> None:
    page = show(make_fruit_table(), f"sort={order}")

    assert list_names(page) == ["Apple", "banana", "fig", "pear"]
    assert page.sort == ""


def test_heads_say_how_the_table_is_sorted_and_lead_to_the_other_way_round() -> None:
    name, weight, button = show(make_fruit_table()).headers

    assert (name.direction, name.url) == ("ascending", "/list/?sort=-name")
    assert (weight.direction, weight.url) == ("", "/list/?sort=-weight")  # numbers start with the highest
    assert button.url == ""


def test_filters_narrow_the_rows_and_combine() -> None:
    table = make_fruit_table()

    assert list_names(show(table, "q=p")) == ["Apple", "pear"]
    assert list_names(show(table, "weighed=no")) == ["fig"]
    assert list_names(show(table, "q=e&weighed=yes")) == ["Apple", "pear"]
    assert show(table, "weighed=no").is_filtered


@pytest.mark.parametrize("query", ["weighed=maybe", "weighed=", "q=%20", "q=%00", "other=1"])
def test_a_filter_that_says_nothing_is_left_out(query: str) -> None:
    page = show(make_fruit_table(), query)

    assert len(page.lines) == 4
    assert not page.is_filtered


def test_a_choice_with_nothing_to_choose_is_no_filter_and_no_search() -> None:
    """Batches of a project that has none, say: whatever the address holds must not reach the filter."""
    table = make_fruit_table(filters=[Filter("batch", "Batch", lambda rows, pk: rows[int(pk)], [])])

    page = show(table, "batch=x")

    assert len(page.lines) == 4
    assert page.filters == ()


def test_sorting_keeps_filters_and_starts_on_the_first_page() -> None:
    page = show(make_fruit_table(page_size=1), "q=p&page=2&sort=weight")

    assert page.headers[0].url == "/list/?q=p&sort=name"
    assert page.next_url == ""
    assert page.previous_url == "/list/?q=p&sort=weight&page=1"
    assert page.clear_url == "/list/?sort=weight"
    assert page.csv_url == "/list/?q=p&sort=weight&csv=fruits"


@pytest.mark.parametrize(
    ("asked", "number"),
    [("1", 1), ("2", 2), ("3", 2), ("0", 1), ("-4", 1), ("x", 1), ("²", 1), ("9" * 40, 1)],
)
def test_a_page_that_is_none_is_the_nearest_one(asked: str, number: int) -> None:
    page = show(make_fruit_table(page_size=3), f"page={asked}")

    assert page.number == number
    assert (page.first, page.last) == ((1, 3) if number == 1 else (4, 4))


def test_two_tables_of_one_page_do_not_disturb_each_other() -> None:
    first, second = make_fruit_table(), make_fruit_table(name="others", prefix="o-")
    query = "sort=-name&o-sort=weight&o-q=p"

    assert list_names(show(first, query)) == ["pear", "fig", "banana", "Apple"]
    assert list_names(show(second, query)) == ["pear", "Apple"]
    assert show(first, query).headers[0].url == "/list/?o-sort=weight&o-q=p&sort=name"
    assert show(first, query).kept == (("o-sort", "weight"), ("o-q", "p"))


def test_an_empty_table_is_one_page() -> None:
    page = show(make_fruit_table(rows=[]))

    assert (page.num_rows, page.num_pages, page.lines) == (0, 1, ())


def test_no_more_than_the_most_rows_are_paged_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_ROWS", 10)
    rows = [Fruit(f"fruit {number:02}") for number in range(25)]

    page = show(make_fruit_table(rows=rows, page_size=4), "page=9")

    assert (page.num_rows, page.has_more, page.num_pages, page.number) == (10, True, 3, 3)
    assert list_names(page) == ["fruit 08", "fruit 09"]


def test_cells_hold_plain_values() -> None:
    [line, *_] = show(make_fruit_table(rows=FRUITS[:1])).lines

    assert [cell.value for cell in line.cells] == ["pear", 2.0, None]
    assert [cell.is_number for cell in line.cells] == [False, True, False]


@pytest.mark.django_db
def test_a_query_is_filtered_sorted_and_cut_in_the_database() -> None:
    project = make_project()
    made = [make_prompt(project, text=f"Sum {number}", verifier="exact") for number in range(7)]
    make_prompt(text="Sum of another project")
    table = make_prompt_table(project, page_size=3)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = show(table, "q=sum&sort=-id&page=2")

    assert [line.row.pk for line in page.lines] == [prompt.pk for prompt in reversed(made)][3:6]
    assert page.num_rows == 7
    assert len(queries) == 2  # one counts, one reads three rows
    assert "LIMIT 3" in queries[1]["sql"]


@pytest.mark.django_db
def test_equal_rows_have_one_order() -> None:
    project = make_project()
    made = [make_prompt(project, verifier="exact").pk for _ in range(6)]
    table = make_prompt_table(project, page_size=2)

    shown = [
        line.row.pk for number in (1, 2, 3) for line in show(table, f"sort=verifier&page={number}").lines
    ]

    assert shown == made


@pytest.mark.django_db
def test_counting_stops_soon_after_the_most_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_ROWS", 2)
    project = make_project()
    for _ in range(5):
        make_prompt(project)

    with CaptureQueriesContext(connection) as queries:
        page = show(make_prompt_table(project))

    assert (page.num_rows, page.has_more) == (2, True)
    assert "LIMIT 3" in queries[0]["sql"]


def test_a_filter_with_a_default_is_chosen_until_the_address_says_otherwise() -> None:
    table = make_fruit_table(default="no")

    assert list_names(show(table)) == ["fig"]
    assert list_names(show(table, "weighed=yes")) == ["Apple", "banana", "pear"]
    assert list_names(show(table, "weighed=")) == ["Apple", "banana", "fig", "pear"]
    assert list_names(show(table, "q=p")) == []


def test_all_rows_of_a_filter_with_a_default_are_one_click_away_and_stay_so() -> None:
    table = make_fruit_table(default="no", page_size=2)

    at_first, everything = show(table), show(table, "weighed=")

    assert (at_first.is_filtered, at_first.is_as_at_first) == (True, True)
    assert at_first.clear_url == "/list/?weighed="
    assert (everything.is_filtered, everything.is_as_at_first) == (False, False)
    assert everything.next_url == "/list/?weighed=&page=2"
    assert everything.csv_url == "/list/?weighed=&csv=fruits"
    assert everything.headers[0].url == "/list/?weighed=&sort=-name"
    assert [item.value for item in everything.filters] == ["", ""]
    assert show(table, "weighed=yes&q=p").clear_url == "/list/?weighed="
