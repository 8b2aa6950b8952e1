"""The data files: hashed as written, in row groups of a bounded size, the same bytes each time."""

from __future__ import annotations

import hashlib
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports import files
from exports.files import DataFile, file_name
from exports.formats import sft
from exports.formats.dataset import Row
from exports.policy import ExportPolicy
from tests.exports.candidates import make_trace

SCHEMA = sft.schema("standard")


def make_row(number: int) -> Row:
    row = sft.make_row(make_trace(steps=(f"Row {number}.",), posterior=(0.99,)), ExportPolicy(), "standard")
    assert isinstance(row, dict)
    return row


def write(folder: Path, num_rows: int) -> tuple[Path, DataFile]:
    folder.mkdir(exist_ok=True)
    file = DataFile(folder, "sft", "train", SCHEMA)
    for number in range(num_rows):
        file.add(make_row(number), f"Row {number}.")
    return folder / file_name(file.close()), file


def test_a_file_is_named_after_its_content(tmp_path: Path) -> None:
    path, file = write(tmp_path, 3)

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f"train-{digest[:16]}.parquet"
    assert file.num_rows == 3
    assert [child.name for child in path.parent.iterdir()] == [path.name]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, _ = write(tmp_path / "a", 2500)
    second, _ = write(tmp_path / "b", 2500)

    assert first.read_bytes() == second.read_bytes()


def test_rows_wait_for_their_row_group_only(tmp_path: Path) -> None:
    path, _ = write(tmp_path, 2500)

    with pq.ParquetFile(path) as file:
        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [1000, 1000, 500]


def test_long_texts_make_smaller_row_groups(tmp_path: Path) -> None:
    with patch.object(files, "CHARACTERS_A_GROUP", 50):
        path, _ = write(tmp_path, 12)

    with pq.ParquetFile(path) as file:
        assert file.num_row_groups > 1
        assert file.metadata.num_rows == 12


def test_what_reached_the_file_before_a_failure_is_let_go(tmp_path: Path) -> None:
    file = DataFile(tmp_path, "sft", "train", SCHEMA)
    file.add(make_row(1), "Row 1.")

    file.abandon()

    assert [child.name for child in (tmp_path / "sft").iterdir()] == ["train.draft"]


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    DataFile(tmp_path, "sft", "train", SCHEMA).abandon()

    with pytest.raises(FileExistsError):
        DataFile(tmp_path, "sft", "train", SCHEMA)


def hash_texts(*arrays: list[str]) -> str:
    digest = hashlib.sha256()
    for texts in arrays:
        files.add_texts(digest, pa.array(texts, pa.string()))
    return digest.hexdigest()


def test_two_lists_of_texts_with_the_same_characters_hash_apart() -> None:
    assert hash_texts(["ab", "c"]) != hash_texts(["a", "bc"])


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.text()), st.data())
def test_texts_hash_as_lengths_and_bytes_however_they_are_cut(texts: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(texts)))
    plain = hashlib.sha256()
    for text in texts:
        plain.update(len(text.encode()).to_bytes(8, "big") + text.encode())
    sliced = hashlib.sha256()
    files.add_texts(sliced, pa.array(["before", *texts, "behind"], pa.string()).slice(1, len(texts)))

    assert (
        hash_texts(texts) == hash_texts(texts[:cut], texts[cut:]) == plain.hexdigest() == sliced.hexdigest()
    )


def test_tables_wait_for_a_row_group_like_rows(tmp_path: Path) -> None:
    rows = pa.Table.from_pylist([make_row(number) for number in range(400)], schema=SCHEMA)
    texts = pa.array([f"Row {number}." for number in range(400)], pa.string())
    file = DataFile(tmp_path, "sft", "train", SCHEMA)

    for _ in range(3):
        file.add_table(rows, texts)
    path = tmp_path / file_name(file.close())

    with pq.ParquetFile(path) as written:
        assert [written.metadata.row_group(i).num_rows for i in range(written.num_row_groups)] == [1200]
        assert written.read()[:400].equals(rows)
    assert file.num_rows == 1200
