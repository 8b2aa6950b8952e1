"""Columns hold what PostgreSQL sent: every character, every bit of a number, and what is missing as missing."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.columns import read_columns, split_numbers

ROWS = "COPY (SELECT * FROM unnest(%(ids)s::bigint[], %(texts)s::text[])) TO STDOUT WITH (FORMAT csv)"
TYPES = {"id": pa.int64(), "text": pa.string()}
MIB = 1 << 20


def read(texts: list[str], *, has_long_texts: bool = False) -> list[str]:
    values = {"ids": list(range(len(texts))), "texts": texts}
    found = read_columns(ROWS, values, TYPES, has_long_texts=has_long_texts)
    assert found["id"].to_pylist() == values["ids"]
    said: list[str] = found["text"].to_pylist()
    return said


@pytest.mark.django_db
def test_texts_come_as_they_are() -> None:
    texts = [
        "",
        'say "so"',
        "two\nlines",
        "two\r\nlines",
        "a, b",
        "NULL",
        "nan",
        "\\N",
        "\\.",
        "مرحبا 🧮",
        " ",
    ]

    assert read(texts) == texts
    assert read([]) == []


@pytest.mark.django_db
def test_a_text_longer_than_a_piece_comes_whole_where_long_ones_are_expected() -> None:
    texts = ["x" * MIB + "\n", "short", '"' * (2 * MIB)]

    assert read(texts, has_long_texts=True) == texts


@pytest.mark.django_db
def test_booleans_and_numbers_keep_their_types_and_every_bit() -> None:
    sql = "COPY (SELECT true, false, 0.1::float8 + 0.2::float8) TO STDOUT WITH (FORMAT csv)"

    found = read_columns(sql, {}, {"yes": pa.bool_(), "no": pa.bool_(), "sum": pa.float64()})

    assert found.to_pylist() == [{"yes": True, "no": False, "sum": 0.1 + 0.2}]


@given(st.lists(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=4), max_size=5))
def test_numbers_in_a_text_are_split_again(rows: list[list[float | None]]) -> None:
    texts = [" ".join("" if value is None else repr(value) for value in row) for row in rows]

    numbers, lengths = split_numbers(pa.array(texts, pa.string()), pa.float64())

    assert numbers.to_pylist() == [value for row in rows for value in row]
    assert lengths.tolist() == [len(row) for row in rows]
    assert not any(value is not None and math.isnan(value) for value in numbers.to_pylist())
