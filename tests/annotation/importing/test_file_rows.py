"""Rows of files: numbered as a person counts them, each fault on its own row, the rest read on."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.importing import file_rows
from annotation.importing.file_rows import count_rows, find_format, read_file
from annotation.importing.rows import Row, SourceUnreadable, make_sample


def write(tmp_path: Path, content: bytes, name: str = "rows.jsonl") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.jsonl", "jsonl"), ("A.JSON", "jsonl"), ("a.csv", "csv"), ("a.tsv", "csv"), ("a.parquet", "parquet")],
)
def test_a_files_ending_says_its_format(name: str, expected: str) -> None:
    assert find_format(name) == expected


def test_an_unknown_ending_is_one_sentence_that_names_the_known_ones() -> None:
    with pytest.raises(SourceUnreadable, match=r"“a.xlsx” can't be read; its name must end in .jsonl"):
        find_format("a.xlsx")


def test_json_lines_are_numbered_as_in_the_file_and_empty_ones_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbf{"a": 1}\n\n  \n{"a": 2}')

    assert list(read_file(path, "jsonl")) == [Row(1, {"a": 1}), Row(4, {"a": 2})]
    assert count_rows(path, "jsonl") == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"a": 1,}', "not JSON ("),
        (b'{"a": "\xff"}', "not UTF-8 (byte 8 of the line)."),
        (b"[1]", "not a JSON object: one object a line is needed."),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not JSON that can be read"),
    ],
)
def test_a_bad_line_says_why_and_the_next_is_read(line: bytes, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, line + b'\n{"a": 2}\n')

    bad, good = read_file(path, "jsonl")

    assert (bad.number, bad.values) == (1, {})
    assert bad.fault.startswith(words)
    assert good == Row(2, {"a": 2})


def test_an_endless_line_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_rows, "LONGEST_LINE", 100)
    path = write(tmp_path, b'{"a": "' + b"x" * 3_000_000 + b'"}\n{"a": 2}\n')

    bad, good = read_file(path, "jsonl")

    assert bad.fault == "longer than 100 bytes."
    assert good == Row(2, {"a": 2})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_finds_its_delimiter_and_counts_lines_from_the_header(delimiter: str, tmp_path: Path) -> None:
    text = f'question{delimiter}answer\n"two\nlines{delimiter} quoted"{delimiter}7\n\nsecond{delimiter}8\n'
    path = write(tmp_path, text.encode(), "rows.csv")

    assert list(read_file(path, "csv")) == [
        Row(2, {"question": f"two\nlines{delimiter} quoted", "answer": "7"}),
        Row(5, {"question": "second", "answer": "8"}),
    ]


def test_a_csv_row_of_the_wrong_length_or_encoding_is_refused_alone(tmp_path: Path) -> None:
    path = write(tmp_path, b"a,b\n1\n\xff,2\n3,4\n", "rows.csv")

    short, latin, good = read_file(path, "csv")

    assert short.fault == "1 cells, but the header names 2 columns."
    assert latin.fault == "not UTF-8."
    assert good == Row(4, {"a": "3", "b": "4"})


@pytest.mark.parametrize(
    ("header", "words"), [(b"\n1,2\n", "names no columns"), (b"a,a\n1,2\n", "have the same name")]
)
def test_a_csv_header_that_is_none_is_one_sentence(header: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=words):
        list(read_file(write(tmp_path, header, "rows.csv"), "csv"))


def test_parquet_rows_keep_lists_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"steps": [["a", "b"], ["c"]], "label": [1, -1]}), path)

    assert list(read_file(path, "parquet")) == [
        Row(1, {"steps": ["a", "b"], "label": 1}),
        Row(2, {"steps": ["c"], "label": -1}),
    ]
    assert count_rows(path, "parquet") == 2


def test_parquet_that_unpacks_to_more_than_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"prompt": ["0" * 1_000_000] * 3}), path, use_dictionary=False)
    assert path.stat().st_size < 1_000_000 and count_rows(path, "parquet") == 3
    monkeypatch.setattr(file_rows, "LARGEST_GROUP", 2_000_000)

    with pytest.raises(SourceUnreadable, match="once it is unpacked"):
        list(read_file(path, "parquet"))
    with pytest.raises(SourceUnreadable, match="once it is unpacked"):
        count_rows(path, "parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1 nothing of the kind", b"{}"])
def test_what_is_no_parquet_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="The file is not Parquet"):
        list(read_file(write(tmp_path, content, "rows.parquet"), "parquet"))


@settings(deadline=None)
@given(content=st.binary(max_size=300), file_format=st.sampled_from(["jsonl", "csv", "parquet"]))
def test_whatever_the_bytes_rows_or_one_sentence(
    content: bytes, file_format: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("any"), content, f"rows.{file_format}")
    try:
        rows = list(read_file(path, file_format))
    except SourceUnreadable as error:
        assert str(error)
    else:
        numbers = [row.number for row in rows]
        assert numbers == sorted(set(numbers))


@given(
    st.dictionaries(
        st.text(max_size=5), st.recursive(st.none() | st.text(max_size=9) | st.floats(), st.lists)
    )
)
def test_a_sample_is_always_json_that_the_database_takes(values: dict[str, object]) -> None:
    text = json.dumps(make_sample(Row(1, values)), allow_nan=False)

    assert "\\u0000" not in text


def test_a_row_that_is_nested_too_deeply_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    deep, broad = "[" * 101 + "]" * 101, "[" + "[1]," * 200 + "[1]]"
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"a": {deep}}}\n{{"a": {broad}}}\n{{"a": {"[" * 99 + "]" * 99}}}\n')

    first, second, third = read_file(file, "jsonl")

    assert first.fault == "nested more than 100 deep."
    assert (second.fault, third.fault) == ("", "")
    assert make_sample(third)["a"]
