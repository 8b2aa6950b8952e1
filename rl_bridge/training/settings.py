"""What every trainer's settings share: typed fields that say what they are for and which values they take. No torch."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from rl_bridge.errors import BridgeError


class BadTrainingSetting(BridgeError):
    """A setting is missing, unknown, of another type or outside its range; the text names it."""


def setting(
    default: Any = dataclasses.MISSING,
    words: str = "",
    *,
    above: float | None = None,
    at_least: float | None = None,
) -> Any:
    """A field of settings with its help text and its range, which `TrainingSettings` checks."""
    metadata = {"help": words, "above": above, "at_least": at_least}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Settings of any trainer. `kind` is its name on the command line, `reads` the export's config it trains on.

    `steps` counts updates of the weights; with `epochs` it follows from the rows (see `plan`). `bf16` None means: where
    the processor multiplies bf16 natively. `lora_rank` 0 trains all weights. Raises `BadTrainingSetting`.
    """

    kind: ClassVar[str]
    export: Path = setting(words="folder of the export")
    output: Path = setting(words="run folder (default: runs/<kind>-<time>)")
    model: str = setting("shipped", '"shipped", a folder, or a hub name')
    models_dir: Path = setting(Path("var/models"), "where converted models are")
    split: str = setting("train", "the split that trains")
    test_split: str = setting("test", "the split that measures, where the export has it")
    max_test_rows: int = setting(128, "rows of the test split that are measured at most", at_least=0)
    max_steps: int = setting(100, "updates of the weights", above=0)
    epochs: float | None = setting(None, "passes over the rows, in place of --max-steps", above=0)
    batch_size: int = setting(4, "rows a device takes at once", above=0)
    accumulation_steps: int = setting(1, "batches that one update sums up", above=0)
    learning_rate: float = setting(5e-5, "the highest learning rate", above=0)
    warmup_share: float = setting(0.1, "share of the updates in which the rate rises", at_least=0)
    weight_decay: float = setting(0.0, "AdamW's weight decay", at_least=0)
    limit_length: int = setting(1024, "tokens of prompt and completion together", above=0)
    lora_rank: int = setting(
        0, "rank of LoRA adapters, merged in at the end; 0 trains the weights", at_least=0
    )
    bf16: bool | None = setting(None, "multiply in bf16 (default: where it is native)")
    activation_checkpointing: bool = setting(False, "compute activations twice, to save a GPU's memory")
    save_every: int = setting(50, "updates between two checkpoints", above=0)
    log_every: int = setting(1, "updates between two lines of the log", above=0)
    seed: int = setting(0, "of weights made anew, of the order of rows, of dropout", at_least=0)

    @property
    def reads(self) -> str:
        """The config of the export that trains."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None:
                _check_range(field, value)


def name_option(name: str) -> str:
    """A field's name as it stands on the command line and in messages."""
    return name.replace("_", "-")


def _check_range(field: "dataclasses.Field[Any]", value: Any) -> None:
    above, at_least = field.metadata.get("above"), field.metadata.get("at_least")
    name = name_option(field.name)
    if above is not None and not value > above:
        raise BadTrainingSetting(f"{name} must be above {_spell(above)}, not {value:g}.")
    if at_least is not None and not value >= at_least:
        raise BadTrainingSetting(f"{name} must be at least {_spell(at_least)}, not {value:g}.")


def _spell(limit: float) -> str:
    return (
        {0: "zero", 1: "one", 2: "two"}.get(int(limit), f"{limit:g}") if limit == int(limit) else f"{limit:g}"
    )
