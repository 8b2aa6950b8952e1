"""The typed settings of every trainer. Loads no torch, so that `--dry-run` answers at once."""

import dataclasses
from pathlib import Path
from typing import ClassVar, Literal

from rl_bridge.runs import BadTrainingSetting, require_positive

ClassWeights = Literal["balanced", "none"]


@dataclasses.dataclass(frozen=True)
class PrmTraining:
    """Settings of `train prm`.

    `limit_length` counts tokens of prompt and completion. `trained_layers` is how many of the backbone's last layers
    learn (None: all of them on a GPU, the last two on a CPU; 0: the step head alone). `bf16` None means: where the
    processor multiplies bf16 natively. `soft_targets` trains on the posteriors instead of on 0 and 1. At most
    `max_test_rows` traces of the test split are measured.
    """

    kind: ClassVar[str] = "prm"
    export: Path
    output: Path
    model: str = "shipped"
    models_dir: Path = Path("var/models")
    split: str = "train"
    test_split: str = "test"
    max_steps: int = 100
    batch_size: int = 4
    learning_rate: float = 5e-5
    head_learning_rate: float = 1e-3
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    limit_length: int = 1024
    trained_layers: int | None = None
    class_weights: ClassWeights = "balanced"
    soft_targets: bool = False
    max_test_rows: int = 128
    bf16: bool | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(
            max_steps=self.max_steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            head_learning_rate=self.head_learning_rate,
            limit_length=self.limit_length,
        )
        if self.trained_layers is not None and self.trained_layers < 0:
            raise BadTrainingSetting(f"trained-layers must not be negative, as {self.trained_layers} is.")


@dataclasses.dataclass(frozen=True)
class DpoTraining:
    """Settings of `train dpo`. `config` is `preference` or `step_preference`; `lora_rank` 0 trains all weights."""

    kind: ClassVar[str] = "dpo"
    export: Path
    output: Path
    model: str = "shipped"
    models_dir: Path = Path("var/models")
    config: str = "preference"
    split: str = "train"
    max_steps: int = 100
    batch_size: int = 2
    learning_rate: float = 2e-5
    beta: float = 0.1
    limit_length: int = 1024
    lora_rank: int = 16
    bf16: bool | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(
            max_steps=self.max_steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            beta=self.beta,
            limit_length=self.limit_length,
        )
        if self.lora_rank < 0:
            raise BadTrainingSetting(f"lora-rank must not be negative, as {self.lora_rank} is.")
        if self.config not in ("preference", "step_preference"):
            raise BadTrainingSetting(
                f"DPO reads the configs preference and step_preference, not {self.config!r}."
            )
