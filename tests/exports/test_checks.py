"""The checks before release: each broken promise fails the export, with the file and the row."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports import checks
from exports.candidates import FORMATS
from exports.checks import CheckFailed, check_files
from exports.files import DataFile, file_name
from exports.formats.dataset import MESSAGES, FormName
from exports.manifest import FileEntry

GOOD: dict[str, dict[str, Any]] = {
    "stepwise": {
        "prompt": "Q",
        "completions": ["a\n", "b"],
        "labels": [1, 0],
        "probabilities": [0.9, 0.1],
        "prompt_id": "1",
        "trace_id": "2",
        "provenance": "human",
    },
    "preference": {
        "prompt": "Q",
        "chosen": "yes",
        "rejected": "no",
        "margin": 1.0,
        "prompt_id": "1",
        "chosen_trace": "2",
        "rejected_trace": "3",
        "provenance": "human",
    },
    "unpaired_preference": {
        "prompt": "Q",
        "completion": "yes",
        "label": True,
        "prompt_id": "1",
        "trace_id": "2",
        "provenance": "human",
    },
    "sft": {"prompt": "Q", "completion": "yes", "prompt_id": "1", "trace_id": "2", "provenance": "human"},
    "prompts": {"prompt": "Q", "ground_truth": "", "verifier": "", "prompt_id": "1"},
}
TEXTS = {
    "stepwise": "Q\x00a\nb",
    "preference": "Q\x00yes\x00no",
    "unpaired_preference": "Q\x00yes",
    "sft": "Q\x00yes",
    "prompts": "Q",
}


def write(
    folder: Path, config: str, rows: list[dict[str, Any]], split: str = "train"
) -> tuple[str, FileEntry, str]:
    file = DataFile(folder, config, split, FORMATS[config].schema("standard"))
    for row in rows:
        file.add(row, TEXTS[config])
    entry = file.close()
    return file_name(entry), entry, file.text_hash


def check(folder: Path, *written: tuple[str, FileEntry, str]) -> None:
    files = {name: entry for name, entry, _ in written}
    check_files(folder, files, {name: texts for name, _, texts in written}, lambda: None)


@pytest.mark.parametrize("config", GOOD)
def test_a_good_row_passes(tmp_path: Path, config: str) -> None:
    check(tmp_path, write(tmp_path, config, [GOOD[config], GOOD[config]]))


@pytest.mark.parametrize(
    ("config", "wrong", "problem"),
    [
        ("stepwise", {"labels": [1]}, "differ in number"),
        ("stepwise", {"labels": [1, -1]}, "none of 1, 0 and -100"),
        ("stepwise", {"labels": [-100, -100]}, "no label at all"),
        ("stepwise", {"probabilities": [0.9, 1.5]}, "outside 0 to 1"),
        ("stepwise", {"completions": []}, "completions is empty"),
        ("stepwise", {"completions": ["a\nb", ""]}, "a step is empty"),
        ("stepwise", {"provenance": "gold"}, "gold in the training split"),
        ("preference", {"margin": None}, "margin is empty"),
        ("preference", {"margin": 3.5}, "margin lies outside"),
        ("preference", {"chosen": " "}, "is blank"),
        ("preference", {"rejected": "yes"}, "are the same"),
        ("unpaired_preference", {"label": None}, "label is empty"),
        ("unpaired_preference", {"completion": "\n"}, "completion is blank"),
        ("sft", {"completion": " "}, "completion is blank"),
        ("prompts", {"prompt": ""}, "prompt is blank"),
    ],
)
def test_a_bad_row_fails_the_export(tmp_path: Path, config: str, wrong: dict[str, Any], problem: str) -> None:
    written = write(tmp_path, config, [GOOD[config], {**GOOD[config], **wrong}])

    with pytest.raises(CheckFailed, match=rf"{config}/train-\w+\.parquet, row 1: .*{problem}"):
        check(tmp_path, written)


@pytest.mark.parametrize("provenance", ["ai", "hybrid", "none"])
def test_what_no_person_vouched_for_may_not_evaluate(tmp_path: Path, provenance: str) -> None:
    written = write(tmp_path, "sft", [{**GOOD["sft"], "provenance": provenance}], split="test")

    with pytest.raises(CheckFailed, match=f"{provenance} evidence in an evaluation split"):
        check(tmp_path, written)


def test_a_prompt_in_two_splits_fails_the_export(tmp_path: Path) -> None:
    train = write(tmp_path, "sft", [GOOD["sft"]])
    test = write(tmp_path, "preference", [GOOD["preference"]], split="test")

    with pytest.raises(CheckFailed, match="its prompt is in train and in test"):
        check(tmp_path, train, test)


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        ("sft", {"completion": "yés"}),
        ("sft", {"prompt": "q"}),
        ("stepwise", {"prompt": "Q "}),
        ("stepwise", {"completions": ["a", "b"]}),
        ("unpaired_preference", {"prompt": "P"}),
        ("preference", {"prompt": "Q."}),
        ("preference", {"rejected": "no."}),
        ("prompts", {"prompt": "Q\n"}),
    ],
)
def test_a_character_that_changed_on_the_way_fails_the_export(
    tmp_path: Path, config: str, changed: dict[str, Any]
) -> None:
    written = write(tmp_path, config, [GOOD[config], {**GOOD[config], **changed}])

    with pytest.raises(CheckFailed, match="not the database's, character by character"):
        check(tmp_path, written)


def test_a_byte_that_changed_on_the_disk_fails_the_export(tmp_path: Path) -> None:
    written = write(tmp_path, "sft", [GOOD["sft"]])
    path = tmp_path / written[0]
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)

    with pytest.raises(CheckFailed, match="does not have the bytes that were written"):
        check(tmp_path, written)


def test_a_lost_row_fails_the_export(tmp_path: Path) -> None:
    name, entry, texts = write(tmp_path, "sft", [GOOD["sft"]])

    with pytest.raises(CheckFailed, match="has 1 rows where 2 were written"):
        check(tmp_path, (name, {**entry, "rows": 2}, texts))


broken_rows = st.fixed_dictionaries(
    {
        "prompt": st.sampled_from(["Q", "", None]),
        "completions": st.sampled_from([["a\n", "b"], ["a", ""], [], None, ["a", None]]),
        "labels": st.sampled_from([[1, 0], [-100, -100], [1, -1], [1], [], [None, 1]]),
        "probabilities": st.sampled_from([[0.9, 0.1], [0.9, 1.5], [None, 0.5], [0.5]]),
        "chosen": st.sampled_from(["yes", "好", " \u3000", "", None]),
        "rejected": st.sampled_from(["no", "yes", "\u2003", None]),
        "completion": st.sampled_from(["yes", "好", "\x1f\n", "\u00a0", "", None]),
        "margin": st.sampled_from([0.0, 3.0, -1.0, 3.5, None, float("nan")]),
        "label": st.sampled_from([True, False, None]),
        "ground_truth": st.sampled_from(["", None]),
        "verifier": st.just(""),
        "prompt_id": st.just("1"),
        "trace_id": st.just("2"),
        "chosen_trace": st.just("2"),
        "rejected_trace": st.just("3"),
        "provenance": st.sampled_from(["human", "gold", "ai", "none", None]),
    }
)


@pytest.mark.parametrize("form", ["standard", "conversational"])
@pytest.mark.parametrize("config", [*GOOD, "step_preference"])
@settings(deadline=None)  # a busy machine is no failure
@given(rows=st.lists(broken_rows, min_size=1, max_size=4), split=st.sampled_from(["train", "test"]))
def test_columns_look_wrong_wherever_a_row_is(
    config: str, form: FormName, rows: list[dict[str, Any]], split: str
) -> None:
    """The fast look at columns may suspect a good batch, but never passes a bad one."""
    schema = FORMATS[config].schema(form)
    messages = {field.name for field in schema if field.type == MESSAGES}
    values = [
        {
            name: [{"role": "user", "content": value}] if name in messages and value is not None else value
            for name, value in row.items()
            if name in schema.names
        }
        for row in rows
    ]
    batch = pa.RecordBatch.from_pylist(values, schema=schema)

    is_bad = any(checks._check_row(row, config, split) for row in batch.to_pylist())

    assert checks._looks_wrong(batch, config, split) or not is_bad


@pytest.mark.parametrize("config", GOOD)
def test_a_good_batch_is_not_looked_at_row_by_row(tmp_path: Path, config: str) -> None:
    with patch.object(checks, "_check_rows", side_effect=AssertionError):
        check(tmp_path, write(tmp_path, config, [GOOD[config]] * 3))


@pytest.mark.parametrize("form", ["standard", "conversational"])
@pytest.mark.parametrize("config", [*GOOD, "step_preference"])
def test_texts_of_columns_are_the_texts_of_rows(config: str, form: FormName) -> None:
    schema = FORMATS[config].schema(form)
    row = {**GOOD["preference"], **GOOD["sft"], **GOOD.get(config, {})}
    messages = {field.name for field in schema if field.type == MESSAGES}
    values = {
        name: [{"role": "user", "content": "ab"}, {"role": "user", "content": "é"}]
        if name in messages
        else row[name]
        for name in schema.names
    }
    batch = pa.RecordBatch.from_pylist([values] * 3, schema=schema).slice(1)

    expected = [checks.text_of_row(row, config) for row in batch.to_pylist()]

    assert checks._texts_of(batch, config).to_pylist() == expected
