"""SFT through TRL: completions are learnt, prompts are not, and what does not fit is counted."""

from pathlib import Path

import pytest

from rl_bridge import models, runs
from tests.rl_bridge.export_folders import make_table, write_export
from tests.rl_bridge.training.small import make_settings, read_log, train
from tests.rl_bridge.upstream import ignore_warnings_inside_trl

pytestmark = ignore_warnings_inside_trl


def test_completions_are_learnt(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    settings = make_settings(
        "sft", export_folder, tmp_path / "run", tiny_llama, lora_rank=0, learning_rate=1e-2, max_steps=12
    )

    summary = train(settings)

    losses = [entry["loss"] for entry in read_log(summary.folder) if "loss" in entry]
    assert losses[0] > 5 > 4 > losses[-1]
    assert summary.metrics["final_loss"] == losses[-1]
    assert summary.metrics["train_loss"] == pytest.approx(sum(losses) / len(losses))
    opened = models.load_causal_lm(str(summary.folder / "model"), models_dir=tmp_path, device="cpu")
    assert opened.tokenizer.chat_template


def test_a_falcon_h1_policy_trains(export_folder: Path, tiny_falcon_h1: Path, tmp_path: Path) -> None:
    summary = train(make_settings("sft", export_folder, tmp_path / "run", tiny_falcon_h1))

    assert summary.metrics["train_loss"] == pytest.approx(5.57, abs=0.2)
    models.load_causal_lm(str(summary.folder / "model"), models_dir=tmp_path, device="cpu")


def test_the_test_split_is_measured(tiny_llama: Path, tmp_path: Path) -> None:
    rows = [{"prompt": "1 + 1?", "completion": "2"}] * 4
    table = make_table("sft", rows)
    export = write_export(tmp_path / "export", {("sft", "train"): table, ("sft", "test"): table})

    summary = train(make_settings("sft", export, tmp_path / "run", tiny_llama, max_test_rows=2))

    assert summary.metrics["test_loss"] == pytest.approx(summary.metrics["final_loss"], abs=0.1)
    assert summary.warnings == ()


def test_test_rows_of_which_none_fits_do_not_stop_a_training(tiny_llama: Path, tmp_path: Path) -> None:
    short, long = ([{"prompt": "p", "completion": "x" * length}] * 2 for length in (5, 300))
    tables = {("sft", "train"): make_table("sft", short), ("sft", "test"): make_table("sft", long)}
    export = write_export(tmp_path / "export", tables)

    summary = train(make_settings("sft", export, tmp_path / "run", tiny_llama, limit_length=100))

    left_out, not_measured = summary.warnings
    assert left_out.startswith("No row is left. 2 of 2 test rows left out: they exceed 100 tokens")
    assert not_measured == "Nothing was measured: no sft row of the split 'test' fits."
    assert (summary.folder / "model" / "model.safetensors").is_file()


def test_rows_that_do_not_fit_are_left_out_and_counted(tiny_llama: Path, tmp_path: Path) -> None:
    rows = [{"prompt": "p", "completion": "x" * length} for length in (5, 300)]
    export = write_export(tmp_path / "export", {("sft", "train"): make_table("sft", rows)})

    summary = train(make_settings("sft", export, tmp_path / "run", tiny_llama, limit_length=100))

    assert summary.warnings[0].startswith(
        "1 of 2 train rows left out: they exceed 100 tokens (the longest has"
    )
    assert summary.warnings[0] in (summary.folder / "warnings.txt").read_text()


def test_an_export_of_which_nothing_fits_is_refused_and_leaves_no_run(
    export_folder: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    with pytest.raises(runs.NothingToTrainOn, match=r"No row is left\. 4 of 4 train rows left out"):
        train(make_settings("sft", export_folder, tmp_path / "run", tiny_llama, limit_length=3))

    assert not (tmp_path / "run").exists()
