"""The settings of each trainer, and the one table that the command line goes by. No torch."""

import dataclasses
from typing import ClassVar, Literal

from rl_bridge.training.settings import TrainingSettings, setting

ClassWeights = Literal["balanced", "none"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrmTraining(TrainingSettings):
    """A process reward model, on the stepwise config.

    `trained_layers` is how many of the backbone's last layers learn (None: all of them on a GPU, the last two on a CPU;
    0: the step head alone). `soft_targets` trains on the posteriors instead of on 0 and 1.
    """

    kind: ClassVar[str] = "prm"
    weight_decay: float = setting(0.01, "AdamW's weight decay, for matrices", at_least=0)
    head_learning_rate: float = setting(1e-3, "the step head's own learning rate", above=0)
    trained_layers: int | None = setting(
        None, "last layers that learn (default: 2 on a CPU, all on a GPU)", at_least=0
    )
    class_weights: ClassWeights = setting("balanced", "whether both classes of steps weigh the same")
    soft_targets: bool = setting(False, "train on posteriors, not on 0 and 1")

    @property
    def reads(self) -> str:
        return "stepwise"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SftTraining(TrainingSettings):
    """A policy by supervised fine-tuning on completions that stand, on the sft config."""

    kind: ClassVar[str] = "sft"
    learning_rate: float = setting(1e-4, "the highest learning rate", above=0)
    lora_rank: int = setting(
        16, "rank of LoRA adapters, merged in at the end; 0 trains the weights", at_least=0
    )
    packing: bool = setting(False, "several rows in one sequence; wants flash attention, hence a GPU")

    @property
    def reads(self) -> str:
        return "sft"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DpoTraining(TrainingSettings):
    """A policy by direct preference optimisation, on pairs of completions or of next steps."""

    kind: ClassVar[str] = "dpo"
    dataset: Literal["preference", "step_preference"] = setting("preference", "the config of pairs")
    batch_size: int = setting(2, "rows a device takes at once", above=0)
    learning_rate: float = setting(2e-5, "the highest learning rate", above=0)
    lora_rank: int = setting(
        16, "rank of LoRA adapters, merged in at the end; 0 trains the weights", at_least=0
    )
    beta: float = setting(0.1, "how strongly the policy is held to what it was", above=0)

    @property
    def reads(self) -> str:
        return self.dataset


@dataclasses.dataclass(frozen=True, kw_only=True)
class RewardTraining(TrainingSettings):
    """A reward model, on pairs of completions with a margin."""

    kind: ClassVar[str] = "reward"
    learning_rate: float = setting(1e-4, "the highest learning rate", above=0)
    lora_rank: int = setting(
        16, "rank of LoRA adapters, merged in at the end; 0 trains the weights", at_least=0
    )
    margin: bool = setting(True, "hold rewards apart by at least the row's margin")
    centring: float = setting(0.0, "how strongly rewards are drawn to a mean of zero", at_least=0)

    @property
    def reads(self) -> str:
        return "preference"


@dataclasses.dataclass(frozen=True, kw_only=True)
class KtoTraining(TrainingSettings):
    """A policy by Kahneman-Tversky optimisation, on completions that stand or don't."""

    kind: ClassVar[str] = "kto"
    batch_size: int = setting(4, "rows a device takes at once; drift is measured among them", at_least=2)
    learning_rate: float = setting(2e-5, "the highest learning rate", above=0)
    lora_rank: int = setting(
        16, "rank of LoRA adapters, merged in at the end; 0 trains the weights", at_least=0
    )
    beta: float = setting(0.1, "how strongly the policy is held to what it was", above=0)
    class_weights: ClassWeights = setting("balanced", "whether both labels weigh the same")

    @property
    def reads(self) -> str:
        return "unpaired_preference"


KINDS: dict[str, type[TrainingSettings]] = {
    settings.kind: settings
    for settings in (SftTraining, PrmTraining, RewardTraining, DpoTraining, KtoTraining)
}
"""Every trainer by its name on the command line; `rl_bridge.training.<kind>` holds its `train(plan)`."""
