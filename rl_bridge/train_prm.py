"""Trains a process reward model on the `stepwise` rows of an export, with `transformers.Trainer`.

TRL dropped its own PRM trainer in 1.14. Ours keeps the exact text the policy saw, masks steps without a label, weights
the classes, and cuts prompts from the left but never a labelled step.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import PreTrainedModel, Trainer, TrainingArguments, set_seed

from rl_bridge import evaluation, prm, runs
from rl_bridge.data import StepwiseRow, load_stepwise
from rl_bridge.devices import pick_device, uses_bf16
from rl_bridge.layout import EncodedTrace, TraceEncoder, TraceTargets, TraceTooLong, read_targets
from rl_bridge.manifest import ExportFolder, open_export
from rl_bridge.models import ResolvedModel, get_revision, open_tokenizer, open_weights, resolve_model
from rl_bridge.settings import PrmTraining

_LAYERS_TRAINED_ON_CPU = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One encoded trace with what its steps should score."""

    trace: EncodedTrace
    targets: TraceTargets


@dataclasses.dataclass(frozen=True, slots=True)
class PreparedRows:
    """The examples that train, and one sentence with counts for everything that was cut or left out."""

    examples: list[Example]
    warnings: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ClassBalance:
    """How much a step counts in the loss, by whether it stands."""

    standing: float
    failing: float

    def weigh(self, targets: Tensor) -> Tensor:
        """Weights of steps; a soft target mixes the two."""
        return targets * self.standing + (1 - targets) * self.failing


class StepLoss(nn.Module):
    """A step reward model that returns its loss, as `transformers.Trainer` wants it."""

    def __init__(self, model: prm.StepRewardModel, balance: ClassBalance) -> None:
        super().__init__()
        self.model = model
        self.balance = balance

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, positions: Tensor, targets: Tensor, counted: Tensor
    ) -> dict[str, Tensor]:
        """Weighted mean cross-entropy over counted steps; `targets` in [0, 1] and `counted` in {0, 1} are (B, S)."""
        logits = self.model(input_ids, attention_mask, positions)
        weights = self.balance.weigh(targets) * counted
        losses = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        loss = (losses * weights).sum() / weights.sum().clamp(min=1e-6)
        return {"loss": loss, "logits": logits}


def train_prm(config: PrmTraining) -> runs.RunSummary:
    """Train a PRM and write its run folder; the PRM itself lies in `model/`.

    Raises `ExportError`, `RunFolderExists` and `NothingToTrainOn` before a model is loaded, `ModelNotFound`.
    """
    export = open_export(config.export)
    rows, hashes = load_stepwise(export, config.split)
    runs.refuse_existing(config.output)
    test_rows: list[StepwiseRow] = []
    if config.test_split in export.list_splits("stepwise"):
        test_rows, test_hashes = load_stepwise(export, config.test_split)
        hashes = hashes | test_hashes
    resolved = resolve_model(config.model, models_dir=config.models_dir)
    set_seed(config.seed)
    tokenizer = open_tokenizer(resolved)
    encoder = TraceEncoder(tokenizer, max_length=config.limit_length)
    prepared = prepare_rows(encoder, rows, soft=config.soft_targets)
    model = _build_model(resolved, config)
    folder = runs.start_run(config, export=export, hashes=hashes)
    balance = weigh_classes([example.targets for example in prepared.examples], config.class_weights)
    trainer = _train(
        StepLoss(model, balance), prepared.examples, config, pad_token_id=prm.pad_token_of(tokenizer)
    )
    if uses_bf16(config.bf16):
        # Training multiplied by weights rounded to bf16, so storing them rounded loses next to nothing.
        backbone: Any = model.backbone
        backbone.to(torch.bfloat16)
    opened = prm.Prm(
        model=model.eval(),
        tokenizer=tokenizer,
        encoder=encoder,
        config=_describe(config, resolved, model, export),
        revision="in training",
    )
    metrics = {"train_loss": float(trainer.state.log_history[-1]["train_loss"])}
    metrics |= evaluation.measure_steps(opened, test_rows[: config.max_test_rows], prefix="test")
    warnings = prepared.warnings
    if not test_rows:
        warnings += (
            f"Nothing was measured: the export has no stepwise rows in the split {config.test_split!r}.",
        )
    _save(folder, opened, export, metrics, warnings)
    log = [dict(entry) for entry in trainer.state.log_history]
    return runs.finish_run(folder, metrics=metrics, log=log, warnings=warnings)


def prepare_rows(encoder: TraceEncoder, rows: Sequence[StepwiseRow], *, soft: bool) -> PreparedRows:
    """Encode rows, leave out those that can't teach, and count what was cut. Raises `NothingToTrainOn`."""
    examples: list[Example] = []
    too_long = without_labels = unlocated = prompts_cut = tokens_cut = 0
    for row in rows:
        try:
            trace = encoder.encode(row.prompt, row.steps)
        except TraceTooLong:
            too_long += 1
            continue
        targets = read_targets(row, trace, soft=soft)
        unlocated += trace.is_located.count(False)
        if not any(targets.counted):
            without_labels += 1
            continue
        prompts_cut += trace.num_prompt_tokens_cut > 0
        tokens_cut += trace.num_prompt_tokens_cut
        examples.append(Example(trace=trace, targets=targets))
    limit = encoder.max_length
    findings = [
        (
            too_long,
            f"{too_long} of {len(rows)} traces left out: the completion alone exceeds {limit} tokens.",
        ),
        (prompts_cut, f"{prompts_cut} prompts cut on the left by {tokens_cut} tokens to fit {limit} tokens."),
        (without_labels, f"{without_labels} traces left out: no step of theirs has a label."),
        (
            unlocated,
            f"{unlocated} steps left unlabelled: the tokenizer has no token for any of their characters.",
        ),
    ]
    warnings = tuple(text for count, text in findings if count)
    if not examples:
        raise runs.NothingToTrainOn(" ".join(("No labelled step is left to train on.", *warnings)))
    return PreparedRows(examples=examples, warnings=warnings)


def weigh_classes(targets: Sequence[TraceTargets], how: str) -> ClassBalance:
    """With "balanced", standing and failing steps have the same total weight, and the mean weight is 1."""
    if how == "none":
        return ClassBalance(standing=1.0, failing=1.0)
    values = [
        value for t in targets for value, is_counted in zip(t.values, t.counted, strict=True) if is_counted
    ]
    standing = sum(values)
    failing = len(values) - standing
    if standing == 0 or failing == 0:
        return ClassBalance(standing=1.0, failing=1.0)
    return ClassBalance(standing=len(values) / (2 * standing), failing=len(values) / (2 * failing))


def freeze_layers(backbone: PreTrainedModel, num_trained: int | None) -> None:
    """Let only the last `num_trained` layers (and the final norm, if any layer) learn; None lets everything learn."""
    if num_trained is None:
        return
    backbone.requires_grad_(False)
    stacks = [module for module in backbone.modules() if isinstance(module, nn.ModuleList)]
    if num_trained == 0 or not stacks:
        return
    layers = max(stacks, key=len)
    for layer in list(layers)[-num_trained:]:
        layer.requires_grad_(True)
    for name, module in backbone.named_children():
        if "norm" in name:
            module.requires_grad_(True)


def collate(examples: Sequence[Example], *, pad_token_id: int) -> dict[str, Tensor]:
    """Stack examples into the arguments of `StepLoss.forward`."""
    batch = prm.pad_traces([example.trace for example in examples], pad_token_id=pad_token_id)
    return {
        "input_ids": batch.input_ids,
        "attention_mask": batch.attention_mask,
        "positions": batch.positions,
        "targets": prm.pad_rows([torch.tensor(example.targets.values) for example in examples], 0.0),
        "counted": prm.pad_rows([torch.tensor(example.targets.counted).float() for example in examples], 0.0),
    }


def _build_model(resolved: ResolvedModel, config: PrmTraining) -> prm.StepRewardModel:
    # float32 holds the small updates that bf16 would round away; bf16 is for the products alone (autocast).
    backbone = open_weights(resolved, with_head=False, dtype=torch.float32)
    on_cpu = pick_device() == "cpu"
    default = _LAYERS_TRAINED_ON_CPU if on_cpu else None
    freeze_layers(backbone, default if config.trained_layers is None else config.trained_layers)
    return prm.StepRewardModel(backbone)


def _train(model: StepLoss, examples: list[Example], config: PrmTraining, *, pad_token_id: int) -> Trainer:
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            max_steps=config.max_steps,
            per_device_train_batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            warmup_steps=int(config.warmup_share * config.max_steps),
            bf16=uses_bf16(config.bf16),
            use_cpu=pick_device() == "cpu",
            seed=config.seed,
            data_seed=config.seed,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            remove_unused_columns=False,
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        dataset: Any = examples
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=dataset,
            data_collator=lambda batch: collate(batch, pad_token_id=pad_token_id),
            optimizers=(build_optimizer(model, config), None),
        )
        trainer.train()
    return trainer


def build_optimizer(model: StepLoss, config: PrmTraining) -> torch.optim.Optimizer:
    """AdamW with a rate of its own for the head, which starts from nothing; no decay for vectors (norms, biases)."""
    backbone = [p for p in model.model.backbone.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in backbone if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in backbone if p.ndim <= 1], "weight_decay": 0.0},
        {
            "params": list(model.model.head.parameters()),
            "weight_decay": 0.0,
            "lr": config.head_learning_rate,
        },
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=config.learning_rate)


def _describe(
    config: PrmTraining, resolved: ResolvedModel, model: prm.StepRewardModel, export: ExportFolder
) -> prm.PrmConfig:
    segmenters = export.manifest.get("segmenters", [])
    return prm.PrmConfig(
        format=prm.FORMAT,
        backbone=resolved.name,
        backbone_revision=get_revision(resolved, model.backbone),
        max_length=config.limit_length,
        export=export.title,
        segmenters=tuple(str(segmenter) for segmenter in segmenters),
    )


def _save(
    folder: Path,
    opened: prm.Prm,
    export: ExportFolder,
    metrics: dict[str, float],
    warnings: tuple[str, ...],
) -> None:
    target = folder / runs.MODEL_FOLDER
    prm.save_prm(target, model=opened.model, tokenizer=opened.tokenizer, config=opened.config)
    runs.write_model_card(
        target,
        title=f"Process reward model on {opened.config.backbone}",
        what="Gives each step of a reasoning trace the probability that it stands; `rl_bridge.prm.load_prm` opens it.",
        base=f"{opened.config.backbone} ({opened.config.backbone_revision[:12]})",
        export=export,
        metrics=metrics,
        warnings=warnings,
    )
