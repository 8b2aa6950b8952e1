"""Opening exports: what is accepted, and that everything else is refused in one sentence that names the place."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rl_bridge import data, manifest
from tests.rl_bridge.export_folders import MESSAGES, make_table, preference_rows, sum_rows, write_export


def stepwise_with(tmp_path: Path, **changes: Any) -> manifest.ExportFolder:
    """An export of three stepwise rows, the middle one changed."""
    rows = sum_rows(3)
    rows[1] |= changes
    return manifest.open_export(
        write_export(tmp_path / "export", {("stepwise", "train"): make_table("stepwise", rows)})
    )


def export_of(tmp_path: Path, config: str, **columns: Any) -> manifest.ExportFolder:
    """An export of one config with exactly these columns."""
    return manifest.open_export(
        write_export(tmp_path / "export", {(config, "train"): pa.table(dict(columns))})
    )


def test_a_whole_export_passes_every_check(export_folder: Path) -> None:
    folder = data.check_export(export_folder)

    assert folder.configs == (
        "stepwise",
        "preference",
        "step_preference",
        "unpaired_preference",
        "sft",
        "prompts",
    )
    assert folder.list_splits("stepwise") == ["test", "train"]
    assert folder.title.startswith("sums 7 (")


def test_stepwise_rows_come_with_the_hashes_of_their_files(export_folder: Path) -> None:
    rows, hashes = data.load_stepwise(manifest.open_export(export_folder), "train")

    assert len(rows) == 24
    assert rows[1].labels == (1, 0, -100)
    assert rows[1].probabilities == (0.95, 0.1, 0.5)
    assert "".join(rows[1].steps) == "Step 0: 1+0.\nStep 1: 1x1.\nStep 2: 1+2.\n"
    (name,) = hashes
    assert hashes[name].startswith(name.removesuffix(".parquet")[-16:])


def test_without_probabilities_the_labels_stand_in(tmp_path: Path) -> None:
    folder = export_of(
        tmp_path,
        "stepwise",
        prompt=["p"],
        completions=[["a", "b", "c"]],
        labels=pa.array([[1, 0, -100]], pa.list_(pa.int8())),
    )

    rows, _ = data.load_stepwise(folder, "train")

    assert rows[0].probabilities == (1.0, 0.0, 0.0)


def test_labels_may_be_true_and_false(tmp_path: Path) -> None:
    # As in trl-lib/math_shepherd and every other data set of TRL's type "stepwise supervision".
    folder = export_of(
        tmp_path, "stepwise", prompt=["p"], completions=[["a", "b"]], labels=pa.array([[True, False]])
    )

    loaded = data.load_config(folder, "stepwise", "train")

    assert loaded.table.schema.field("labels").type.value_type == pa.int8()
    [row] = data.read_stepwise(loaded.table)
    assert (row.labels, row.probabilities) == ((1, 0), (1.0, 0.0))


def test_a_label_that_is_neither_true_nor_false_is_refused(tmp_path: Path) -> None:
    folder = export_of(
        tmp_path, "stepwise", prompt=["p"], completions=[["a", "b"]], labels=pa.array([[True, None]])
    )

    with pytest.raises(data.BadRow, match="row 0 has a label that is not 1, 0 or -100: None"):
        data.load_stepwise(folder, "train")


def test_prompts_may_be_conversations(tmp_path: Path) -> None:
    talk = [{"role": "user", "content": "What is 1 + 1?"}]
    folder = export_of(
        tmp_path,
        "stepwise",
        prompt=pa.array([talk], MESSAGES),
        completions=[["2"]],
        labels=pa.array([[1]], pa.list_(pa.int8())),
        probabilities=[[0.9]],
    )

    rows, _ = data.load_stepwise(folder, "train")

    assert rows[0].prompt == talk


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"labels": [1, 2, 0]},
            r"stepwise/train-\w+\.parquet, row 1 has a label that is not 1, 0 or -100: 2",
        ),
        ({"labels": [1, -1, 0]}, r"row 1 has a label that is not 1, 0 or -100: -1"),
        ({"labels": [1, None, 0]}, r"row 1 has a label that is not 1, 0 or -100: None"),
        ({"labels": [1, 0]}, "row 1 has more labels than steps, or fewer"),
        ({"labels": None}, r"row 1: 'labels' is empty \(null\)"),
        ({"completions": []}, "row 1 has no steps"),
        ({"completions": ["a", "", "b"]}, "row 1 has an empty step: ''"),
        ({"prompt": None}, r"row 1: 'prompt' is empty \(null\)"),
        ({"probabilities": [0.5, 1.5, 0.5]}, "row 1 has a probability outside 0 to 1: 1.5"),
        ({"probabilities": [0.5, None, 0.5]}, "row 1 has a probability outside 0 to 1: None"),
        ({"probabilities": [0.5, float("nan"), 0.5]}, "row 1 has a probability outside 0 to 1: nan"),
        ({"probabilities": [0.5]}, "row 1 has more probabilities than steps, or fewer"),
    ],
)
def test_a_bad_stepwise_row_is_named(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    folder = stepwise_with(tmp_path, **changes)

    with pytest.raises(data.BadRow, match=complaint):
        data.load_stepwise(folder, "train")


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"prompt": ["p"], "completions": [["a"]]}, "has no column 'labels'; it has prompt, completions"),
        (
            {"prompt": ["p"], "completions": [["a"]], "labels": [[0.97]]},
            r"the column 'labels' holds list<\w+: double>",
        ),
        ({"prompt": ["p"], "completions": ["a"], "labels": [[1]]}, "the column 'completions' holds string"),
        (
            {"prompt": ["p"], "completions": [["a"]], "labels": [[1]], "input_ids": [[3]]},
            "has a column 'input_ids', a name that trainers take for their own",
        ),
    ],
)
def test_wrong_columns_are_named(tmp_path: Path, columns: dict[str, Any], complaint: str) -> None:
    folder = export_of(tmp_path, "stepwise", **columns)

    with pytest.raises(data.BadColumn, match=complaint):
        data.load_config(folder, "stepwise", "train")


TALK = pa.array([[{"role": "user", "content": "hi"}]], MESSAGES)


@pytest.mark.parametrize(
    ("config", "columns", "error"),
    [
        ("preference", {"prompt": ["p"], "chosen": ["a"], "rejected": ["a"]}, data.BadRow),
        (
            "preference",
            {"prompt": ["p"], "chosen": ["a"], "rejected": pa.array([None], pa.string())},
            data.BadRow,
        ),
        (
            "preference",
            {
                "prompt": ["p"],
                "chosen": ["a"],
                "rejected": ["b"],
                "margin": pa.array([None], pa.float64()),
            },
            data.BadRow,
        ),
        ("preference", {"prompt": ["p"], "chosen": TALK, "rejected": TALK}, data.BadColumn),
        ("step_preference", {"prompt": ["p"], "chosen": ["a"]}, data.BadColumn),
        ("unpaired_preference", {"prompt": ["p"], "completion": ["a"], "label": [-1]}, data.BadColumn),
        ("sft", {"prompt": ["p"], "completion": TALK}, data.BadColumn),
        ("prompts", {"prompt": ["p"], "ground_truth": ["1"], "verifier": ["numeric"]}, data.BadColumn),
        (
            "prompts",
            {"prompt": ["p"], "ground_truth": ["1"], "verifier": ["sympyy"], "prompt_id": ["1"]},
            data.BadRow,
        ),
        (
            "prompts",
            {"prompt": ["p"], "ground_truth": [" "], "verifier": ["numeric"], "prompt_id": ["1"]},
            data.BadRow,
        ),
        (
            "prompts",
            {
                "prompt": ["p"],
                "ground_truth": ["1"],
                "verifier": ["numeric"],
                "prompt_id": ["1"],
                "completions": ["x"],
            },
            data.BadColumn,
        ),
    ],
)
def test_every_config_is_checked(
    tmp_path: Path, config: str, columns: dict[str, Any], error: type[Exception]
) -> None:
    folder = export_of(tmp_path, config, **columns)

    with pytest.raises(error, match=config):
        data.load_config(folder, config, "train")


@pytest.mark.parametrize("margin", [math.nan, math.inf])
def test_a_margin_that_is_no_number_is_refused(tmp_path: Path, margin: float) -> None:
    folder = export_of(tmp_path, "preference", prompt=["p"], chosen=["a"], rejected=["b"], margin=[margin])

    with pytest.raises(data.BadRow, match="row 0 has a margin that is no number"):
        data.load_config(folder, "preference", "train")


@pytest.mark.parametrize(
    ("talk", "complaint"),
    [
        ([], "has no message in 'prompt'"),
        ([{"role": "user", "content": None}], "a message without role or content in 'prompt'"),
        ([{"role": None, "content": "What?"}], "a message without role or content in 'prompt'"),
        ([None], "a message without role or content in 'prompt'"),
    ],
)
def test_a_conversation_that_no_template_could_show_is_refused(
    tmp_path: Path, talk: list[Any], complaint: str
) -> None:
    whole = [{"role": "user", "content": "What?"}]
    prompts = pa.array([whole, whole + talk if talk else talk], MESSAGES)
    answers = pa.array([whole, whole], MESSAGES)
    folder = export_of(tmp_path, "sft", prompt=prompts, completion=answers)

    with pytest.raises(data.BadRow, match=f"row 1 .*{complaint}"):
        data.load_config(folder, "sft", "train")


def test_a_conversational_preference_passes(tmp_path: Path) -> None:
    other = pa.array([[{"role": "assistant", "content": "no"}]], MESSAGES)
    folder = export_of(tmp_path, "preference", prompt=TALK, chosen=TALK, rejected=other)

    assert data.load_config(folder, "preference", "train").table.num_rows == 1


def test_a_missing_config_or_split_is_named_with_what_there_is(export_folder: Path) -> None:
    folder = manifest.open_export(export_folder)

    with pytest.raises(manifest.MissingConfig, match="has no config 'evidence'; it has stepwise, preference"):
        data.load_config(folder, "evidence", "train")
    with pytest.raises(manifest.MissingConfig, match="has no split 'dev'; it has test, train"):
        data.load_config(folder, "stepwise", "dev")


def test_a_changed_byte_is_noticed(export_folder: Path) -> None:
    path = next(export_folder.glob("stepwise/train-*.parquet"))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)

    with pytest.raises(
        manifest.ChangedFile, match=r"stepwise/train-\w+\.parquet was changed after the export"
    ):
        data.load_stepwise(manifest.open_export(export_folder), "train")


def test_a_cut_or_missing_file_is_noticed(export_folder: Path) -> None:
    path = next(export_folder.glob("stepwise/train-*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(manifest.ChangedFile, match="bytes where the manifest says"):
        data.check_export(export_folder)

    path.unlink()
    with pytest.raises(manifest.ChangedFile, match="is in the manifest but not in the folder"):
        data.check_export(export_folder)


def test_a_file_that_the_manifest_does_not_know_is_refused(export_folder: Path) -> None:
    (export_folder / "stepwise" / "train-0000000000000000.parquet").write_bytes(b"x")

    with pytest.raises(manifest.ChangedFile, match="is in the folder but not in the manifest"):
        manifest.open_export(export_folder)


def test_a_folder_without_manifest_or_card_is_no_export(export_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(manifest.NotAnExport, match="There is no export folder"):
        manifest.open_export(tmp_path / "nowhere")
    (export_folder / "README.md").write_text("no header")
    with pytest.raises(manifest.NotAnExport, match="doesn't begin with a YAML header"):
        manifest.open_export(export_folder)
    (export_folder / "README.md").unlink()
    with pytest.raises(manifest.NotAnExport, match=r"README\.md is missing"):
        manifest.open_export(export_folder)
    (export_folder / "manifest.json").unlink()
    with pytest.raises(manifest.NotAnExport, match=r"manifest\.json is missing"):
        manifest.open_export(export_folder)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": 2}, "not an export manifest of format 1"),
        ({"files": []}, "lists no files by name"),
        ({"files": {"../secret.parquet": {}}}, "names the file"),
        ({"files": {"stepwise/train-0123456789abcdef.parquet": {"config": "stepwise"}}}, "is incomplete"),
        (
            {
                "files": {
                    "stepwise/train-0123456789abcdef.parquet": {
                        "config": "sft",
                        "split": "train",
                        "rows": 1,
                        "bytes": 1,
                        "sha256": "0123456789abcdef" * 4,
                    }
                }
            },
            "names config 'sft'",
        ),
        (
            {
                "files": {
                    "stepwise/train-0123456789abcdef.parquet": {
                        "config": "stepwise",
                        "split": "train",
                        "rows": 1,
                        "bytes": 1,
                        "sha256": "f" * 64,
                    }
                }
            },
            "not the beginning of the manifest's SHA-256",
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    export_folder: Path, change: dict[str, Any], complaint: str
) -> None:
    path = export_folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(manifest.ExportError, match=complaint):
        manifest.open_export(export_folder)


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"format": 1}'])
def test_a_manifest_that_is_none_is_refused(export_folder: Path, text: str) -> None:
    (export_folder / "manifest.json").write_text(text)

    with pytest.raises(manifest.NotAnExport):
        manifest.open_export(export_folder)


def test_a_number_of_rows_that_differs_from_the_manifest_is_refused(export_folder: Path) -> None:
    path = export_folder / "manifest.json"
    fields = json.loads(path.read_text())
    next(iter(fields["files"].values()))["rows"] += 1
    path.write_text(json.dumps(fields))

    with pytest.raises(manifest.ChangedFile, match="rows where the manifest says"):
        data.check_export(export_folder)


def test_several_files_of_a_split_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    first = write_export(
        tmp_path / "a", {("preference", "train"): make_table("preference", preference_rows(2))}
    )
    second = write_export(
        tmp_path / "b", {("preference", "train"): make_table("preference", preference_rows(3))}
    )
    merged = json.loads((first / "manifest.json").read_text())
    merged["files"] |= json.loads((second / "manifest.json").read_text())["files"]
    (first / "manifest.json").write_text(json.dumps(merged))
    for path in second.glob("preference/*"):
        path.rename(first / "preference" / path.name)

    loaded = data.load_config(manifest.open_export(first), "preference", "train")

    assert loaded.table.num_rows == 5
    assert list(loaded.hashes) == sorted(loaded.hashes)


def test_checking_an_export_loads_no_torch() -> None:
    code = (
        "import sys, rl_bridge.data; print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
