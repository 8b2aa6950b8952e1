"""The plan: what is refused before a heavy library is loaded, and what a dry run says."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from rl_bridge import __main__, manifest, runs
from rl_bridge.locations import ModelNotFound
from rl_bridge.training import command, plan
from rl_bridge.training.kinds import KINDS
from tests.rl_bridge.export_folders import make_table, preference_rows, sum_rows, write_export
from tests.rl_bridge.training.small import make_settings

Breaking = Callable[[Path, str], Path]


@pytest.fixture(autouse=True)
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may come as far as a trainer, which is where models are loaded."""

    def refuse(_: object) -> None:
        raise AssertionError("a trainer was called")

    monkeypatch.setattr(command, "train", refuse)


def rename_a_column(folder: Path, config: str) -> Path:
    return rewrite(folder, config, lambda table: table.rename_columns({"prompt": "question"}))


def lose_the_split(folder: Path, config: str) -> Path:
    return rewrite(folder, config, lambda table: table, split="validation")


def change_a_byte(folder: Path, config: str) -> Path:
    path = next((folder / config).glob("train-*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return folder


def rewrite(folder: Path, config: str, change: Callable[[pa.Table], pa.Table], split: str = "train") -> Path:
    table = plan.load_config(manifest.open_export(folder), config, "train").table
    return write_export(folder.with_name("broken"), {(config, split): change(table)})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("breaks", "complaint"),
    [
        (rename_a_column, "has no column 'prompt'; it has question,"),
        (lose_the_split, "has no split 'train'; it has validation"),
        (change_a_byte, "was changed after the export: its SHA-256 is not the manifest's"),
    ],
)
def test_a_broken_export_is_one_clear_sentence_before_any_model_is_loaded(
    export_folder: Path,
    tiny_llama: Path,
    tmp_path: Path,
    kind: str,
    breaks: Breaking,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reads = make_settings(kind, export_folder, tmp_path / "run", tiny_llama).reads
    broken = breaks(export_folder, reads)

    code = __main__.main(
        [
            "train",
            kind,
            "--export",
            str(broken),
            "--model",
            str(tiny_llama),
            "--output",
            str(tmp_path / "run"),
        ]
    )

    said = capsys.readouterr().err
    assert code == 2
    assert complaint in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("kind", "column", "values", "complaint"),
    [
        ("prm", "labels", [[2, 0, 1]], "row 0 has a label that is not 1, 0 or -100: 2"),
        ("prm", "probabilities", [[0.5, 1.5, 0.1]], "row 0 has a probability outside 0 to 1: 1.5"),
        ("reward", "margin", [float("nan")], "row 0 has a margin that is no number"),
    ],
)
def test_labels_out_of_range_are_refused_before_any_model_is_loaded(
    tmp_path: Path, kind: str, column: str, values: list[object], complaint: str
) -> None:
    config = {"prm": "stepwise", "reward": "preference"}[kind]
    table = make_table(config, (sum_rows if kind == "prm" else preference_rows)(1))
    changed = pa.array(values, table.schema.field(column).type)
    broken = table.set_column(table.schema.get_field_index(column), column, changed)
    export = write_export(tmp_path / "export", {(config, "train"): broken})

    with pytest.raises(manifest.ExportError, match=complaint):
        plan.make_plan(make_settings(kind, export, tmp_path / "run", tmp_path / "no-model"))


def test_numbers_in_place_of_kto_s_booleans_are_refused(tmp_path: Path) -> None:
    table = pa.table({"prompt": ["p"], "completion": ["c"], "label": [-1]})
    export = write_export(tmp_path / "export", {("unpaired_preference", "train"): table})

    with pytest.raises(manifest.ExportError, match="the column 'label' holds int64"):
        plan.make_plan(make_settings("kto", export, tmp_path / "run", tmp_path / "no-model"))


def test_a_split_without_rows_is_refused(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export", {("sft", "train"): make_table("sft", [])})

    with pytest.raises(runs.NothingToTrainOn, match=r"The split 'train' of sft in .* has no rows"):
        plan.make_plan(make_settings("sft", export, tmp_path / "run", tmp_path / "no-model"))


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"max_steps": 9}, 9),
        ({"epochs": 1, "batch_size": 8}, 3),
        ({"epochs": 2, "batch_size": 10}, 6),
        ({"epochs": 0.5, "batch_size": 8}, 2),
        ({"epochs": 1, "batch_size": 4, "accumulation_steps": 2}, 3),
    ],
)
def test_epochs_count_in_updates(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, changes: dict[str, object], steps: int
) -> None:
    made = plan.make_plan(make_settings("prm", export_folder, tmp_path / "run", tiny_llama, **changes))

    assert made.rows.table.num_rows == 24
    assert made.steps == steps


def test_several_processes_share_an_epoch(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")

    made = plan.make_plan(
        make_settings("prm", export_folder, tmp_path / "run", tiny_llama, epochs=1, batch_size=4)
    )

    assert made.steps == 2


def test_a_dry_run_says_what_is_read_how_long_with_what_and_where_it_goes(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = __main__.main(
        [
            "train",
            "prm",
            *("--export", str(export_folder), "--model", str(tiny_llama)),
            *("--output", str(tmp_path / "run"), "--epochs", "2", "--dry-run"),
        ]
    )

    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [(part["split"], part["rows"]) for part in told["reads"]] == [("train", 24), ("test", 6)]
    assert all(len(sha256) == 64 for part in told["reads"] for sha256 in part["files"].values())
    assert (told["steps"], told["passes_over_the_rows"], told["test_rows"]) == (12, 2.0, 6)
    assert told["model"]["architectures"] == ["LlamaForCausalLM"]
    assert told["settings"]["epochs"] == 2.0
    assert told["writes"] == str(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_without_weights_is_refused_in_a_dry_run_too(export_folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    with pytest.raises(ModelNotFound, match=r"config\.json is missing"):
        plan.make_plan(make_settings("sft", export_folder, tmp_path / "run", empty))


def test_several_processes_need_a_named_folder(
    export_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")

    assert __main__.main(["train", "sft", "--export", str(export_folder)]) == 2

    assert "must agree on the run folder: name it with --output" in capsys.readouterr().err


def test_processes_after_the_first_do_not_mind_what_the_first_wrote(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    settings = make_settings("sft", export_folder, tmp_path / "run", tiny_llama)

    with pytest.raises(runs.RunFolderExists):
        plan.make_plan(settings)
    monkeypatch.setitem(os.environ, "RANK", "1")
    assert plan.make_plan(settings).steps == 2


def test_the_device_is_told_from_the_build_and_the_driver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(plan.importlib.metadata, "version", lambda _: "2.13.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(plan, "_DRIVER", tmp_path)
    assert plan.guess_device() == "GPU (CUDA)"

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert plan.guess_device().startswith("CPU (no NVIDIA driver")

    monkeypatch.setattr(plan.importlib.metadata, "version", lambda _: "2.13.0+cpu")
    assert plan.guess_device().startswith("CPU (torch is built")
