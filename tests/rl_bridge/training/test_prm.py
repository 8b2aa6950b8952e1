"""Training a PRM: it learns, it says what it cut, and it leaves a folder that tells the whole story."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from rl_bridge import layout, manifest, models, prm, runs
from rl_bridge.data import StepwiseRow
from rl_bridge.training import prm as train_prm
from rl_bridge.training import prm_rows
from rl_bridge.training.kinds import PrmTraining
from rl_bridge.training.settings import BadTrainingSetting, TrainingSettings
from tests.rl_bridge import tiny
from tests.rl_bridge.export_folders import make_table, sum_rows, write_export
from tests.rl_bridge.training.small import make_settings, read_log, train
from tests.rl_bridge.upstream import ignore_warnings_inside_trl


def training(export: Path, output: Path, model: Path, **changes: object) -> TrainingSettings:
    """Settings that train a tiny model in seconds."""
    return make_settings("prm", export, output, model, **changes)


def test_a_pattern_in_the_steps_is_learnt(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    summary = train(training(export_folder, tmp_path / "run", tiny_llama, max_steps=60))

    log = [json.loads(line) for line in (summary.folder / "log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert sum(losses[:5]) / 5 > 0.6
    assert sum(losses[-5:]) / 5 < 0.2
    assert summary.metrics["test_auc"] > 0.95
    opened = prm.load_prm(summary.folder / "model", device="cpu")
    good, bad = prm.score_steps(opened, "What is 3 and 1?", ["Step 0: 3+0.\n", "Step 1: 3x1.\n"])
    assert good > 0.8 > 0.2 > bad


def test_a_run_folder_tells_what_was_trained_on_what(
    export_folder: Path, tiny_falcon_h1: Path, tmp_path: Path
) -> None:
    summary = train(training(export_folder, tmp_path / "run", tiny_falcon_h1, seed=3))

    folder = summary.folder
    config = json.loads((folder / "config.json").read_text())
    data = json.loads((folder / "data.json").read_text())
    export = manifest.open_export(export_folder)
    assert (config["kind"], config["seed"], config["max_steps"]) == ("prm", 3, 2)
    assert data["manifest_sha256"] == export.manifest_sha256
    stepwise = {file.name: file.sha256 for file in export.files if file.config == "stepwise"}
    assert data["files"] == stepwise
    assert json.loads((folder / "metrics.json").read_text()) == summary.metrics
    assert json.loads((folder / "environment.json").read_text())["libraries"]["torch"].startswith("2.")
    card = (folder / "model" / "README.md").read_text()
    assert export.manifest_sha256 in card
    assert "tiny-falcon-h1" in card
    assert prm.load_prm(folder / "model", device="cpu").config.export == export.title


def test_the_same_seed_gives_the_same_weights(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    first, second, other = (
        train(training(export_folder, tmp_path / name, tiny_llama, seed=seed))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )

    revisions = [prm.load_prm(run.folder / "model", device="cpu").revision for run in (first, second, other)]
    assert revisions[0] == revisions[1] != revisions[2]
    assert first.metrics == second.metrics


def test_bf16_products_train_and_are_stored_as_bf16(
    export_folder: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    summary = train(training(export_folder, tmp_path / "run", tiny_llama, bf16=True))

    opened = prm.load_prm(summary.folder / "model", device="cpu")
    assert opened.model.backbone.dtype == torch.bfloat16
    assert opened.model.head.weight.dtype == torch.float32


def test_soft_targets_train_towards_the_posteriors(tiny_llama: Path, tmp_path: Path) -> None:
    rows = [{"prompt": "p", "completions": ["Same step."], "labels": [1], "probabilities": [0.8]}] * 4
    export = write_export(tmp_path / "export", {("stepwise", "train"): make_table("stepwise", rows)})

    soft = training(
        export, tmp_path / "soft", tiny_llama, max_steps=80, soft_targets=True, class_weights="none"
    )
    opened = prm.load_prm(train(soft).folder / "model", device="cpu")

    assert prm.score_steps(opened, "p", ["Same step."])[0] == pytest.approx(0.8, abs=0.05)


def test_an_export_without_a_test_split_trains_without_test_figures(tiny_llama: Path, tmp_path: Path) -> None:
    export = write_export(tmp_path / "export", {("stepwise", "train"): make_table("stepwise", sum_rows(6))})

    summary = train(training(export, tmp_path / "run", tiny_llama))

    assert set(summary.metrics) == {"final_loss", "train_loss"}
    (warning,) = summary.warnings
    assert warning == "Nothing was measured: the export has no stepwise rows in the split 'test'."
    assert warning in (summary.folder / "model" / "README.md").read_text()


def test_a_bad_export_is_refused_before_a_model_is_looked_for(export_folder: Path, tmp_path: Path) -> None:
    next(export_folder.glob("stepwise/train-*")).unlink()

    with pytest.raises(manifest.ChangedFile):
        train(training(export_folder, tmp_path / "run", tmp_path / "no-model"))

    assert not (tmp_path / "run").exists()


def test_a_run_never_overwrites_another(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")

    with pytest.raises(runs.RunFolderExists, match="not empty"):
        train(training(export_folder, tmp_path / "run", tiny_llama))


def test_a_model_that_does_not_open_leaves_no_run_behind(
    export_folder: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_llama, damaged)
    (damaged / "model.safetensors").write_bytes(b"\xff" * 64)

    with pytest.raises(models.ModelNotFound, match="damaged does not open as a language model"):
        train(training(export_folder, tmp_path / "run", damaged))

    assert not (tmp_path / "run").exists()


def test_a_run_folder_in_use_is_noticed_before_a_model_is_looked_for(
    export_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").write_text("a file")

    with pytest.raises(runs.RunFolderExists):
        train(training(export_folder, tmp_path / "run", tmp_path / "no-model"))


def row(labels: tuple[int, ...], steps: tuple[str, ...] | None = None, prompt: str = "p") -> StepwiseRow:
    """A trace with these labels."""
    return StepwiseRow(
        prompt=prompt,
        steps=steps or tuple("ab" for _ in labels),
        labels=labels,
        probabilities=tuple(0.5 for _ in labels),
    )


def test_test_rows_that_are_too_long_are_counted(tiny_llama: Path, tmp_path: Path) -> None:
    rows = sum_rows(4)
    long = {"completions": ["x" * 300], "labels": [1], "probabilities": [0.9]}
    tables = {
        ("stepwise", "train"): make_table("stepwise", rows),
        ("stepwise", "test"): make_table("stepwise", [*rows, rows[0] | long]),
    }
    export = write_export(tmp_path / "export", tables)

    summary = train(make_settings("prm", export, tmp_path / "run", tiny_llama))

    assert "1 of 5 test rows left out: the completion alone exceeds 200 tokens." in summary.warnings
    assert summary.metrics["test_num_steps"] == sum(label != -100 for r in rows for label in r["labels"])


def test_what_was_cut_is_counted() -> None:
    encoder = layout.TraceEncoder(tiny.build_tokenizer(), max_length=60)

    prepared = prm_rows.prepare_rows(
        encoder,
        [row((1,)), row((1, 0), ("x" * 40, "y" * 40)), row((-100, -100)), row((1,), prompt="q" * 100)],
        soft=False,
    )

    assert len(prepared.examples) == 2
    assert prepared.warnings == (
        "1 of 4 traces left out: the completion alone exceeds 60 tokens.",
        "1 prompts cut on the left by 60 tokens to fit 60 tokens.",
        "1 traces left out: no step of theirs has a label.",
    )


def test_without_a_label_there_is_nothing_to_train_on() -> None:
    encoder = layout.TraceEncoder(tiny.build_tokenizer(), max_length=60)

    with pytest.raises(
        runs.NothingToTrainOn, match=r"No labelled step is left to train on\. 1 traces left out"
    ):
        prm_rows.prepare_rows(encoder, [row((-100,))], soft=False)


def test_balanced_weights_give_both_classes_the_same_total() -> None:
    targets = [layout.TraceTargets(values=[1.0, 1.0, 1.0, 0.0, 0.0], counted=[True, True, True, True, False])]

    balance = train_prm.weigh_classes(targets, "balanced")

    assert balance.standing * 3 == pytest.approx(balance.failing * 1)
    assert (balance.standing * 3 + balance.failing) / 4 == pytest.approx(1.0)
    assert train_prm.weigh_classes(targets, "none") == train_prm.ClassBalance(standing=1.0, failing=1.0)


def test_the_rarer_class_weighs_more_in_the_loss() -> None:
    balance = train_prm.ClassBalance(standing=0.5, failing=2.0)

    assert balance.weigh(torch.tensor([1.0, 0.0, 0.5])).tolist() == [0.5, 2.0, 1.25]


CLASSES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30)


@given(CLASSES)
def test_balanced_weights_halve_the_total_between_the_classes_whatever_the_targets(
    steps: list[tuple[float, bool]],
) -> None:
    values, counted = zip(*steps, strict=True)
    kept = [value for value, is_counted in steps if is_counted]

    balance = train_prm.weigh_classes(
        [layout.TraceTargets(values=list(values), counted=list(counted))], "balanced"
    )

    standing, failing = sum(kept), len(kept) - sum(kept)
    assume(min(standing, failing) > 1e-3)
    assert balance.standing * standing == pytest.approx(len(kept) / 2)
    assert balance.failing * failing == pytest.approx(len(kept) / 2)


def test_padding_is_masked_and_points_at_nothing_that_counts() -> None:
    encoder = layout.TraceEncoder(tiny.build_tokenizer(), max_length=200)
    prepared = prm_rows.prepare_rows(encoder, [row((1, 0, -100)), row((0,))], soft=False)

    batch = prm_rows.collate(prepared.examples, pad_token_id=7)

    long, short = (len(example.trace.input_ids) for example in prepared.examples)
    assert batch["attention_mask"].tolist() == [[1] * long, [1] * short + [0] * (long - short)]
    assert batch["input_ids"][1, short:].tolist() == [7] * (long - short)
    assert batch["targets"].tolist() == [[1, 0, 0], [0, 0, 0]]
    assert batch["counted"].tolist() == [[1, 1, 0], [1, 0, 0]]


def test_a_step_that_no_token_stands_for_never_teaches() -> None:
    trace = layout.EncodedTrace(
        input_ids=[1, 2],
        positions=[1, 1],
        is_located=[True, False],
        num_prompt_tokens_cut=0,
        num_prompt_tokens=1,
    )

    assert layout.read_targets(row((1, 0)), trace, soft=False).counted == [True, False]


def test_the_head_learns_at_its_own_rate_and_vectors_do_not_decay() -> None:
    model = prm.StepRewardModel(tiny.build_llama().model)
    train_prm.freeze_layers(model.backbone, 1)
    loss = train_prm.StepLoss(model, train_prm.ClassBalance(standing=1.0, failing=1.0))
    config = PrmTraining(
        export=Path(), output=Path(), learning_rate=1e-4, head_learning_rate=1e-2, weight_decay=0.3
    )

    matrices, vectors, head = train_prm.build_optimizer(loss, config).param_groups

    assert {p.ndim for p in matrices["params"]} == {2}
    assert {p.ndim for p in vectors["params"]} == {1}
    assert (matrices["lr"], matrices["weight_decay"]) == (1e-4, 0.3)
    assert (vectors["lr"], vectors["weight_decay"]) == (1e-4, 0.0)
    assert (head["lr"], head["weight_decay"]) == (1e-2, 0.0)
    assert head["params"] == list(model.head.parameters())
    num_learning = sum(p.requires_grad for p in model.backbone.parameters())
    assert len(matrices["params"]) + len(vectors["params"]) == num_learning


def test_at_most_max_test_rows_are_measured(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    summary = train(training(export_folder, tmp_path / "run", tiny_llama, max_steps=1, max_test_rows=2))

    rows = sum_rows(6)[:2]
    assert summary.metrics["test_num_steps"] == sum(label != -100 for r in rows for label in r["labels"])


def test_one_class_alone_is_not_weighted() -> None:
    targets = [layout.TraceTargets(values=[1.0, 1.0], counted=[True, True])]

    assert train_prm.weigh_classes(targets, "balanced") == train_prm.ClassBalance(standing=1.0, failing=1.0)


def test_masked_and_padded_steps_do_not_touch_the_loss() -> None:
    encoder = layout.TraceEncoder(tiny.build_tokenizer(), max_length=200)
    torch.manual_seed(0)
    model = prm.StepRewardModel(tiny.build_llama().model).eval()
    loss = train_prm.StepLoss(model, train_prm.ClassBalance(standing=1.0, failing=1.0))

    def loss_of(*rows: StepwiseRow) -> float:
        examples = prm_rows.prepare_rows(encoder, rows, soft=False).examples
        return float(loss(**prm_rows.collate(examples, pad_token_id=0))["loss"].detach())

    alone = loss_of(row((1, 0)))
    masked = loss_of(row((1, 0, -100)))
    with_shorter = (loss_of(row((1, 0))) * 2 + loss_of(row((1,)))) / 3

    assert masked == pytest.approx(alone, abs=1e-5)
    assert loss_of(row((1, 0)), row((1,))) == pytest.approx(with_shorter, abs=1e-5)


@pytest.mark.parametrize(("asked", "learning"), [(None, 2), (1, 1), (0, 0)])
def test_only_the_last_layers_learn(asked: int | None, learning: int) -> None:
    backbone = tiny.build_llama().model

    train_prm.freeze_layers(backbone, asked)

    flags = [all(p.requires_grad for p in layer.parameters()) for layer in backbone.layers]
    assert flags == [False] * (2 - learning) + [True] * learning
    assert backbone.norm.weight.requires_grad == (asked != 0)
    assert backbone.embed_tokens.weight.requires_grad == (asked is None)


@pytest.mark.parametrize(
    "change", [{"max_steps": 0}, {"learning_rate": -1.0}, {"trained_layers": -1}, {"limit_length": 0}]
)
def test_a_setting_out_of_range_is_refused(change: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(BadTrainingSetting, match=next(iter(change)).replace("_", "-")):
        training(tmp_path, tmp_path, tmp_path, **change)


@ignore_warnings_inside_trl
def test_adapters_learn_and_are_merged(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    summary = train(
        training(export_folder, tmp_path / "run", tiny_llama, lora_rank=4, trained_layers=None, max_steps=40)
    )

    opened = prm.load_prm(summary.folder / "model", device="cpu")
    assert not list(summary.folder.rglob("adapter_*"))
    assert opened.revision != models.hash_weights(tiny_llama)
    assert summary.metrics["final_loss"] < 0.5 < read_log(summary.folder)[0]["loss"]


@ignore_warnings_inside_trl
def test_adapters_go_on_a_falcon_h1_too(export_folder: Path, tiny_falcon_h1: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"

    train(training(export_folder, run, tiny_falcon_h1, lora_rank=2, trained_layers=None))

    assert prm.load_prm(run / "model", device="cpu").config.backbone == "tiny-falcon-h1"


def test_adapters_and_chosen_layers_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(BadTrainingSetting, match="give lora-rank or trained-layers, not both"):
        training(tmp_path, tmp_path, tmp_path, lora_rank=4, trained_layers=1)


def test_activations_computed_twice_change_nothing(
    export_folder: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    once, twice = (
        train(training(export_folder, tmp_path / str(again), tiny_llama, activation_checkpointing=again))
        for again in (False, True)
    )

    assert twice.metrics == pytest.approx(once.metrics, rel=1e-5)


def test_sharing_prompts_changes_the_order_and_not_what_is_learnt(
    export_folder: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    """One batch holds all rows, so the order of rows doesn't matter."""
    packed, plain = (
        train(training(export_folder, tmp_path / str(packs), tiny_llama, prefix_packing=packs, batch_size=24))
        for packs in (True, False)
    )

    assert packed.metrics == pytest.approx(plain.metrics, rel=1e-3)


@pytest.mark.slow
@pytest.mark.model
def test_the_shipped_model_trains(export_folder: Path, shipped_models_dir: Path, tmp_path: Path) -> None:
    config = make_settings(
        "prm",
        export_folder,
        tmp_path / "run",
        Path("shipped"),
        models_dir=shipped_models_dir,
        batch_size=2,
        max_test_rows=1,
        bf16=None,
    )

    summary = train(config)

    opened = prm.load_prm(summary.folder / "model")
    assert opened.config.backbone == "SmolLM2-135M-Instruct"
    assert len(prm.score_steps(opened, "What is 1 + 1?", ["1 + 1 = 2.\n", "So 2."])) == 2
