"""The reward model through TRL: it learns pairs, minds the margin, and opens as a classifier with one label."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from rl_bridge import models
from tests.rl_bridge.export_folders import make_table, preference_rows, write_export
from tests.rl_bridge.training.small import make_settings, read_log, train
from tests.rl_bridge.upstream import ignore_warnings_inside_trl

pytestmark = ignore_warnings_inside_trl

LEARNING = {"lora_rank": 0, "learning_rate": 3e-3, "batch_size": 8}


def test_pairs_are_learnt_and_the_model_opens(tiny_llama: Path, tmp_path: Path) -> None:
    rows = [{"prompt": str(i), "chosen": "aaaa", "rejected": "bbbb", "margin": 1.0} for i in range(8)]
    table = make_table("preference", rows)
    export = write_export(
        tmp_path / "export", {("preference", "train"): table, ("preference", "test"): table}
    )

    summary = train(make_settings("reward", export, tmp_path / "run", tiny_llama, max_steps=15, **LEARNING))

    assert summary.metrics["accuracy"] == summary.metrics["test_accuracy"] == 1.0
    assert summary.metrics["test_margin"] > 1
    opened = AutoModelForSequenceClassification.from_pretrained(summary.folder / "model")
    assert opened.config.num_labels == 1
    assert "Reward model on tiny-llama" in (summary.folder / "model" / "README.md").read_text()


def test_a_margin_asks_for_more_distance(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    with_margin, without = (
        train(
            make_settings(
                "reward", export_folder, tmp_path / str(margin), tiny_llama, margin=margin, **LEARNING
            )
        )
        for margin in (True, False)
    )

    # At the start both rewards are about equal: -log sigmoid(-1.5) against -log sigmoid(0).
    first, bare = (read_log(run.folder)[0]["loss"] for run in (with_margin, without))
    assert first == pytest.approx(1.70, abs=0.15)
    assert bare == pytest.approx(0.69, abs=0.05)


def test_pairs_without_a_margin_train_too(tiny_llama: Path, tmp_path: Path) -> None:
    table = make_table("preference", preference_rows(4)).drop_columns(["margin"])
    export = write_export(tmp_path / "export", {("preference", "train"): table})

    summary = train(make_settings("reward", export, tmp_path / "run", tiny_llama, **LEARNING))

    assert read_log(summary.folder)[0]["loss"] == pytest.approx(0.69, abs=0.05)


def test_adapters_are_merged_and_the_head_is_learnt(
    export_folder: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    settings = make_settings(
        "reward", export_folder, tmp_path / "run", tiny_llama, lora_rank=2, learning_rate=1e-2, max_steps=4
    )

    summary = train(settings)

    assert not list(summary.folder.rglob("adapter_*"))
    trained = AutoModelForSequenceClassification.from_pretrained(summary.folder / "model")
    torch.manual_seed(settings.seed)
    fresh = models.open_scorer(models.resolve_model(str(tiny_llama), models_dir=tmp_path))
    assert not torch.equal(trained.score.weight.float(), fresh.score.weight.float())


def test_an_architecture_without_such_a_class_is_refused_in_one_sentence(
    export_folder: Path, tiny_falcon_h1: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        models.ModelNotFound, match=r"tiny-falcon-h1 does not open as a reward model: .*FalconH1"
    ):
        train(make_settings("reward", export_folder, tmp_path / "run", tiny_falcon_h1))

    assert not (tmp_path / "run").exists()
