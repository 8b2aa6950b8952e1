"""Kahneman-Tversky optimisation on the `unpaired_preference` rows of an export, by TRL's KTOTrainer.

Labels are single completions that stand or don't, so rows without a partner teach too (Ethayarajh et al. 2024).
"""

import dataclasses

from datasets import Dataset
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

from rl_bridge.runs import NothingToTrainOn, RunSummary
from rl_bridge.training.kinds import KtoTraining
from rl_bridge.training.plan import Plan
from rl_bridge.training.session import Session


@dataclasses.dataclass(frozen=True, slots=True)
class LabelWeights:
    """How much a row counts in the loss, by whether its completion is desirable."""

    desirable: float
    undesirable: float


def train(plan: Plan[KtoTraining]) -> RunSummary:
    """Train a policy and write its run folder; the policy lies in `model/`, adapters merged in.

    Raises `NothingToTrainOn` where no row fits or all have one label, `ModelNotFound`, `RunFolderExists`.
    """
    session, settings = Session(plan), plan.settings
    rows, test_rows = session.prepare(["prompt", "completion", "label"], answers=["completion"])
    weights = weigh_labels(rows["label"], settings.class_weights)
    model = session.open_policy()
    trainer = KTOTrainer(
        model=model,
        args=KTOConfig(
            **session.arguments(
                max_length=settings.limit_length,
                beta=settings.beta,
                desirable_weight=weights.desirable,
                undesirable_weight=weights.undesirable,
            )
        ),
        train_dataset=shuffle(rows, settings.seed),
        eval_dataset=test_rows,
        processing_class=session.tokenizer,
        peft_config=session.lora(model),
    )
    return session.complete(
        trainer,
        title="{base} after KTO",
        what="A policy trained on the `unpaired_preference` rows of an export, by TRL's KTOTrainer.",
    )


def shuffle(rows: Dataset, seed: int) -> Dataset:
    """KTO pairs each prompt with its neighbour's completion to measure drift, and takes rows as they lie.

    An export has the completions of one prompt side by side, so its neighbours would be no strangers.
    """
    return rows.shuffle(seed=seed)


def weigh_labels(labels: list[bool], how: str) -> LabelWeights:
    """With "balanced", the rarer label weighs so much more that both have the same total (equation 8 of the paper).

    Raises `NothingToTrainOn` where there is one label alone: nothing tells it from the other.
    """
    desirable = sum(labels)
    undesirable = len(labels) - desirable
    if not desirable or not undesirable:
        only = "desirable" if desirable else "undesirable"
        raise NothingToTrainOn(f"All {len(labels)} rows are {only}: KTO needs completions of both kinds.")
    if how == "none":
        return LabelWeights(desirable=1.0, undesirable=1.0)
    return LabelWeights(
        desirable=max(1.0, undesirable / desirable), undesirable=max(1.0, desirable / undesirable)
    )
