"""Trains a process reward model on the `stepwise` rows of an export, with `transformers.Trainer`.

TRL dropped its own PRM trainer in 1.14. Ours keeps the exact text the policy saw, masks steps without a label, weights
the classes, and cuts prompts from the left but never a labelled step.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from peft import get_peft_model
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import Sampler
from transformers import PreTrainedModel, Trainer, TrainingArguments

from rl_bridge import evaluation, prm, runs
from rl_bridge.data import read_stepwise
from rl_bridge.devices import pick_device
from rl_bridge.layout import TraceEncoder, TraceTargets
from rl_bridge.training.kinds import PrmTraining
from rl_bridge.training.plan import Plan
from rl_bridge.training.prm_packing import PromptSampler, collate_packed, shares_prefixes
from rl_bridge.training.prm_rows import Example, collate, prepare_rows
from rl_bridge.training.session import Session, read_log

_LAYERS_TRAINED_ON_CPU = 2


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
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        positions: Tensor,
        targets: Tensor,
        counted: Tensor,
        position_ids: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Weighted mean cross-entropy over counted steps; `targets` in [0, 1] and `counted` in {0, 1} are (B, S)."""
        logits = self.model(input_ids, attention_mask, positions, position_ids)
        weights = self.balance.weigh(targets) * counted
        losses = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        loss = (losses * weights).sum() / weights.sum().clamp(min=1e-6)
        return {"loss": loss, "logits": logits}


def train(plan: Plan[PrmTraining]) -> runs.RunSummary:
    """Train a PRM and write its run folder; the PRM itself lies in `model/`.

    Raises `NothingToTrainOn`, `ModelNotFound` and `RunFolderExists` before anything is written.
    """
    session, settings = Session(plan), plan.settings
    encoder = TraceEncoder(session.tokenizer, max_length=settings.limit_length)
    prepared = prepare_rows(encoder, read_stepwise(plan.rows.table), soft=settings.soft_targets)
    session.warnings += prepared.warnings
    model = prm.StepRewardModel(open_backbone(session, settings))
    balance = weigh_classes([example.targets for example in prepared.examples], settings.class_weights)
    trainer = build_trainer(
        model,
        prepared.examples,
        settings,
        balance=balance,
        arguments=session.arguments(),
        pad_token_id=prm.pad_token_of(session.tokenizer),
    )
    session.train(trainer)
    return _finish(session, trainer, model, encoder)


def open_backbone(session: Session, settings: PrmTraining) -> PreTrainedModel:
    """The backbone with what learns chosen: adapters, the last layers, or everything.

    float32 holds the small updates that bf16 would round away; bf16 is for the products alone (autocast), and for
    weights frozen under adapters.
    """
    lora = settings.lora_rank > 0
    backbone = session.open(with_head=False, dtype=torch.bfloat16 if lora and session.bf16 else torch.float32)
    adapters = session.lora(backbone, "FEATURE_EXTRACTION")
    if adapters:
        adapted: Any = get_peft_model(backbone, adapters)
        backbone = adapted
    else:
        default = _LAYERS_TRAINED_ON_CPU if pick_device() == "cpu" else None
        freeze_layers(backbone, default if settings.trained_layers is None else settings.trained_layers)
    if settings.activation_checkpointing:
        checkpointing: Any = backbone
        checkpointing.activation_checkpointing_enable()
        checkpointing.enable_input_require_grads()  # frozen embeddings would cut the graph before it begins
    return backbone


class StepTrainer(Trainer):
    """The trainer of transformers with the order of rows given."""

    def __init__(self, *, sampler: Sampler[int] | None, **others: Any) -> None:
        super().__init__(**others)
        self._sampler = sampler

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        return self._sampler or super()._get_train_sampler(train_dataset)


def build_trainer(
    model: prm.StepRewardModel,
    examples: list[Example],
    settings: PrmTraining,
    *,
    balance: ClassBalance,
    arguments: Mapping[str, Any],
    pad_token_id: int,
) -> StepTrainer:
    """The trainer of a step reward model; traces of one prompt share a sequence where the backbone can do that."""
    loss = StepLoss(model, balance)
    packs = settings.prefix_packing and shares_prefixes(model.backbone)
    stack = collate_packed if packs else collate
    sampler = PromptSampler(examples, batch_size=settings.batch_size, seed=settings.seed) if packs else None
    dataset: Any = examples
    own = {
        "remove_unused_columns": False,
        "activation_checkpointing": False,
    }  # the backbone's, see open_backbone
    return StepTrainer(
        sampler=sampler,
        model=loss,
        args=TrainingArguments(**(dict(arguments) | own)),
        train_dataset=dataset,
        data_collator=lambda batch: stack(batch, pad_token_id=pad_token_id),
        optimizers=(build_optimizer(loss, settings), None),
    )


def _finish(
    session: Session, trainer: Trainer, model: prm.StepRewardModel, encoder: TraceEncoder
) -> runs.RunSummary:
    plan = session.plan
    if session.settings.lora_rank:
        adapted: Any = model.backbone
        model.backbone = adapted.merge_and_unload()
    if session.bf16:
        # Training multiplied by weights rounded to bf16, so storing them rounded loses next to nothing.
        backbone: Any = model.backbone
        backbone.to(torch.bfloat16)
    opened = prm.Prm(
        model=model.eval(),
        tokenizer=session.tokenizer,
        encoder=encoder,
        config=_describe(session),
        revision="in training",
    )
    metrics = read_log(trainer.state.log_history)
    if plan.test is None:
        session.warnings.append(session.without_test())
    elif runs.is_first_process():
        rows = read_stepwise(plan.test.table)[: plan.settings.max_test_rows]
        fitting = evaluation.list_fitting(opened, rows)
        if len(fitting) < len(rows):
            session.warnings.append(
                f"{len(rows) - len(fitting)} of {len(rows)} {plan.test.split} rows left out: the completion alone "
                f"exceeds {encoder.max_length} tokens."
            )
        metrics |= evaluation.measure_steps(opened, fitting, prefix="test")
    if runs.is_first_process():
        prm.save_prm(
            session.folder / runs.MODEL_FOLDER,
            model=opened.model,
            tokenizer=opened.tokenizer,
            config=opened.config,
        )
    return session.finish(
        trainer,
        title="Process reward model on {base}",
        what="Gives each step of a reasoning trace the probability that it stands; `rl_bridge.prm.load_prm` opens it.",
        metrics=metrics,
    )


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


def build_optimizer(model: StepLoss, settings: PrmTraining) -> torch.optim.Optimizer:
    """AdamW with a rate of its own for the head, which starts from nothing; no decay for vectors (norms, biases)."""
    backbone = [p for p in model.model.backbone.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in backbone if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in backbone if p.ndim <= 1], "weight_decay": 0.0},
        {
            "params": list(model.model.head.parameters()),
            "weight_decay": 0.0,
            "lr": settings.head_learning_rate,
        },
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.learning_rate)


def _describe(session: Session) -> prm.PrmConfig:
    export = session.plan.export
    segmenters = export.manifest.get("segmenters", [])
    return prm.PrmConfig(
        format=prm.FORMAT,
        backbone=session.resolved.name,
        backbone_revision=session.revision,
        max_length=session.settings.limit_length,
        export=export.title,
        segmenters=tuple(str(segmenter) for segmenter in segmenters),
    )
