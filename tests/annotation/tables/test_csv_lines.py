"""A table as CSV: every row that the filters let through, plain values, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.http import QueryDict

from annotation.tables.csv_lines import stream_csv, write_value
from annotation.tables.table import Table
from tests.annotation.tables.lists import Fruit, make_fruit_table, make_prompt_table
from tests.factories import NOW, make_project, make_prompt


def read(table: Table[Any], query: str = "") -> list[list[str]]:
    text = "".join(stream_csv(table, QueryDict(query), path="/list/"))
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_it_holds_all_rows_whatever_the_page_and_no_buttons() -> None:
    rows = read(make_fruit_table(page_size=2), "page=2")

    assert rows == [["name", "weight"], ["Apple", "3.0"], ["banana", "1.0"], ["fig", ""], ["pear", "2.0"]]


def test_it_is_filtered_and_sorted_as_the_page_is() -> None:
    assert read(make_fruit_table(), "q=p&sort=weight")[1:] == [["pear", "2.0"], ["Apple", "3.0"]]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1", "＝1", "－2+3"]
)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    [_, [name, _]] = read(make_fruit_table(rows=[Fruit(text)]))

    assert name == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-1, -1),
        (-0.5, -0.5),
        (True, "yes"),
        (False, "no"),
        (None, ""),
        (NOW, "2026-03-01T12:00:00+00:00"),
        (dt.date(2026, 3, 1), "2026-03-01"),
        ("a = b", "a = b"),
        ("", ""),
        ('He said "no", then\nleft', 'He said "no", then\nleft'),
    ],
)
def test_values_are_plain(value: Any, cell: str | float) -> None:
    assert write_value(value) == cell


def test_quotes_commas_and_line_ends_come_back() -> None:
    text = 'One, "two"\nthree'

    assert read(make_fruit_table(rows=[Fruit(text)]))[1][0] == text


@pytest.mark.django_db
def test_a_query_is_walked_in_parts() -> None:
    project = make_project()
    made = [make_prompt(project, text=f"={number}") for number in range(3)]

    rows = read(make_prompt_table(project), "sort=-id")

    assert rows[1:] == [[str(p.pk), f"'{p.text}", "numeric"] for p in reversed(made)]
