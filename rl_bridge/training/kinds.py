"""The settings of each trainer, and the one table that the command line goes by. No torch."""

import dataclasses
from pathlib import Path
from typing import ClassVar, Literal

from rl_bridge.training.settings import BadTrainingSetting, TrainingSettings, setting

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
    prefix_packing: bool = setting(True, "traces of one prompt share its tokens, where the backbone can")

    @property
    def reads(self) -> str:
        return "stepwise"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lora_rank and self.trained_layers is not None:
            raise BadTrainingSetting(
                "Adapters leave no layers to choose: give lora-rank or trained-layers, not both."
            )


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class GrpoTraining(TrainingSettings):
    """A policy by GRPO on verified prompts, rewarded by verifier, process reward model and reward model together.

    `batch_size` counts completions, so it is a multiple of `num_generations`. `reward` "hybrid" weighs all rewards
    there are by their evidence (see `rl_bridge.hybrid`); "outcome" is the verifier alone. `use_vllm` None means: where
    it is installed and there is a GPU.
    """

    kind: ClassVar[str] = "grpo"
    reward: Literal["hybrid", "outcome"] = setting("hybrid", "what completions are rewarded for")
    prm: Path | None = setting(None, "folder of the process reward model that rewards steps")
    reward_model: Path | None = setting(None, "folder of a reward model that rewards completions")
    held_out_prm: Path | None = setting(None, "folder of a judge that is watched and never trained on")
    batch_size: int = setting(8, "completions a device takes at once", above=0)
    learning_rate: float = setting(1e-6, "the highest learning rate", above=0)
    num_generations: int = setting(8, "completions of each prompt", at_least=2)
    max_new_tokens: int = setting(256, "tokens of a completion at most", above=0)
    temperature: float = setting(1.0, "of the completions that are drawn", above=0)
    beta: float = setting(0.02, "weight of the distance to the policy as it was", at_least=0)
    scale_rewards: Literal["group", "batch", "none"] = setting("group", "over what rewards are normalised")
    use_vllm: bool | None = setting(None, "draw by vLLM (default: where it is installed, on a GPU)")
    alarm_kl: float = setting(0.5, "nats a token from the start at which the run stops", above=0)
    alarm_divergence: float = setting(
        0.1, "fall of the held-out judge, while the reward rises, at which the run stops", above=0
    )
    alarm_growth: float = setting(3.0, "times longer completions at which the run stops", above=1)
    alarm_degenerate: float = setting(0.5, "share of circling completions at which the run stops", above=0)
    alarm_window: int = setting(10, "steps over which these figures are averaged", above=0)
    return_to: str | None = setting(None, "address of the project whose queue gets the least sure roll-outs")
    allow_http: bool = setting(False, "let the token for that project travel unencrypted")
    return_at_most: int = setting(32, "roll-outs that are returned at most", at_least=0)

    @property
    def reads(self) -> str:
        return "prompts"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size * self.accumulation_steps % self.num_generations:
            raise BadTrainingSetting(
                f"batch-size × accumulation-steps ({self.batch_size * self.accumulation_steps}) must be a multiple of "
                f"num-generations ({self.num_generations}): the completions of a prompt are compared with each other."
            )
        if self.reward == "outcome" and (self.prm or self.reward_model):
            raise BadTrainingSetting(
                "With reward outcome the verifier alone rewards: leave out prm and reward-model."
            )
        if self.held_out_prm and self.prm and self.held_out_prm.resolve() == self.prm.resolve():
            raise BadTrainingSetting("held-out-prm must be another model than prm: it is never trained on.")


KINDS: dict[str, type[TrainingSettings]] = {
    settings.kind: settings
    for settings in (SftTraining, PrmTraining, RewardTraining, DpoTraining, KtoTraining, GrpoTraining)
}
"""Every trainer by its name on the command line; `rl_bridge.training.<kind>` holds its `train(plan)`."""
