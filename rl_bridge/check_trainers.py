"""Runs the trainers' own preparation on a sample of an export: what TRL or our PRM trainer refuses, nobody should be
handed. Tokenization and collation run as in training; only the model is tiny and random, and nothing learns.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import trl
from datasets import Dataset
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerBase,
)
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer
from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import RewardTrainer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from rl_bridge.data import read_stepwise
from rl_bridge.layout import TraceEncoder
from rl_bridge.manifest import ExportError, ExportFile, ExportFolder
from rl_bridge.tables import read_table
from rl_bridge.training.prm_rows import collate, prepare_rows

SAMPLE_ROWS = 16
_ANY_LENGTH = 10**9
_TRL = f"TRL {trl.__version__}"


class Unprepared(ExportError):
    """A trainer's own preparation fails on a row, or loses what it should learn from; the text names the row."""


class _Lost(Exception):
    """The preparation went through, but something of a row is gone; the text says what."""


@dataclasses.dataclass(frozen=True, slots=True)
class Preparation:
    """A trainer's preparation: `run` takes rows and a tokenizer, and raises whatever is wrong with them."""

    reader: str
    run: Callable[[pa.Table, PreTrainedTokenizerBase], None]


@dataclasses.dataclass(frozen=True, slots=True)
class _Sample:
    """Some rows of a file."""

    file: ExportFile
    places: list[int]
    table: pa.Table

    @property
    def rows(self) -> pa.Table:
        return self.table.take(self.places)


def prepare_sample(
    export: ExportFolder, config: str, preparation: Preparation, tokenizer: PreTrainedTokenizerBase
) -> int:
    """Prepare a sample of all splits at once; returns how many rows. Raises `Unprepared`, naming the row that fails."""
    samples = []
    for file in (file for file in export.files if file.config == config and file.num_rows):
        table = read_table(file)
        samples.append(_Sample(file, pick_rows(table.num_rows), table))
    if not samples:
        return 0
    whole = pa.concat_tables(sample.rows for sample in samples)
    try:
        preparation.run(whole, tokenizer)
    except Exception as error:  # trainers raise what they like
        raise Unprepared(_blame(samples, preparation, tokenizer, error)) from error
    return int(whole.num_rows)


def pick_rows(num_rows: int, most: int = SAMPLE_ROWS) -> list[int]:
    """Evenly spread rows, the first and the last among them; the same each time."""
    if num_rows <= most:
        return list(range(num_rows))
    return sorted({round(i * (num_rows - 1) / (most - 1)) for i in range(most)})


def _blame(
    samples: Sequence[_Sample], preparation: Preparation, tokenizer: PreTrainedTokenizerBase, error: Exception
) -> str:
    """The sentence about the first row that fails alone; about all of the sample where only together they do."""
    for sample in samples:
        for place in sample.places:
            try:
                preparation.run(sample.table.take([place]), tokenizer)
            except Exception as alone:
                name = sample.file.name
                return f"{name}, row {place}: {preparation.reader} can't prepare it: {_first_line(alone)}"
    names = ", ".join(sample.file.name for sample in samples)
    return f"{names}: {preparation.reader} can't prepare their rows together: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{lines[0] if lines else type(error).__name__}"


def _prepare_dpo(table: pa.Table, tokenizer: PreTrainedTokenizerBase) -> None:
    columns = table.select(["prompt", "chosen", "rejected"])
    with tempfile.TemporaryDirectory() as scratch:
        trainer: Any = DPOTrainer(
            model=_policy(tokenizer),
            ref_model=_policy(tokenizer),
            args=DPOConfig(**_arguments(scratch)),
            train_dataset=Dataset(columns),
            processing_class=tokenizer,
        )
        _require_rows(trainer, table.num_rows, "chosen_ids", "rejected_ids")
        _collate_all(trainer)


def _prepare_reward(table: pa.Table, tokenizer: PreTrainedTokenizerBase) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        trainer: Any = RewardTrainer(
            model=_scorer(tokenizer),
            args=RewardConfig(**_arguments(scratch)),
            train_dataset=Dataset(table),
            processing_class=tokenizer,
        )
        _require_rows(trainer, table.num_rows, "chosen_ids", "rejected_ids")
        if "margin" not in trainer.train_dataset.column_names:
            raise _Lost("the margin is lost.")
        _collate_all(trainer)


def _prepare_kto(table: pa.Table, tokenizer: PreTrainedTokenizerBase) -> None:
    given = table["label"].to_pylist()
    with tempfile.TemporaryDirectory() as scratch:
        trainer: Any = KTOTrainer(
            model=_policy(tokenizer),
            ref_model=_policy(tokenizer),
            # Without the KL term a row can be prepared alone; what becomes of the row is the same.
            args=KTOConfig(**_arguments(scratch, loss_type="apo_zero_unpaired")),
            train_dataset=Dataset(table),
            processing_class=tokenizer,
        )
        _require_rows(trainer, table.num_rows, "completion_ids")
        if list(trainer.train_dataset["label"]) != given:
            raise _Lost("a label changed its meaning.")
        _collate_all(trainer)


def _prepare_sft(table: pa.Table, tokenizer: PreTrainedTokenizerBase) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        trainer: Any = SFTTrainer(
            model=_policy(tokenizer),
            args=SFTConfig(**_arguments(scratch)),
            train_dataset=Dataset(table),
            processing_class=tokenizer,
        )
        _require_rows(trainer, table.num_rows, "input_ids")
        batches = _collate_all(trainer)
        if not all(bool((batch["labels"] != -100).any(dim=1).all()) for batch in batches):
            raise _Lost("no token of the completion is left to learn from.")


def _prepare_grpo(table: pa.Table, tokenizer: PreTrainedTokenizerBase) -> None:
    """One tiny step: it samples, and the reward must be handed every other column as keywords."""
    seen: list[set[str]] = []

    def reward(completions: list[Any], **columns: Any) -> list[float | None]:
        seen.append(set(columns))
        return [float(i) if i else None for i in range(len(completions))]  # None: does not apply

    with tempfile.TemporaryDirectory() as scratch:
        trainer = GRPOTrainer(
            model=_policy(tokenizer),
            reward_funcs=reward,
            args=GRPOConfig(
                **_arguments(scratch, without_length=True, num_generations=2, max_completion_length=2)
            ),
            train_dataset=Dataset(table),
            processing_class=tokenizer,
        )
        trainer.train()
    if not seen or not {"ground_truth", "verifier", "prompt_id"} <= seen[0]:
        raise _Lost("the reward is not handed ground_truth, verifier and prompt_id.")


def _prepare_prm(table: pa.Table, tokenizer: PreTrainedTokenizerBase) -> None:
    rows = read_stepwise(table)
    prepared = prepare_rows(TraceEncoder(tokenizer, max_length=_ANY_LENGTH), rows, soft=False)
    if len(prepared.examples) != len(rows):
        raise _Lost(" ".join(prepared.warnings))
    collate(prepared.examples, pad_token_id=tokenizer.pad_token_id or 0)


PREPARATIONS: dict[str, tuple[Preparation, ...]] = {
    "stepwise": (Preparation("our PRM trainer", _prepare_prm),),
    "preference": (
        Preparation(f"DPO of {_TRL}", _prepare_dpo),
        Preparation(f"Reward of {_TRL}", _prepare_reward),
    ),
    "step_preference": (Preparation(f"DPO of {_TRL}", _prepare_dpo),),
    "unpaired_preference": (Preparation(f"KTO of {_TRL}", _prepare_kto),),
    "sft": (Preparation(f"SFT of {_TRL}", _prepare_sft),),
    "prompts": (Preparation(f"GRPO of {_TRL}", _prepare_grpo),),
}


def _arguments(folder: str, *, without_length: bool = False, **extra: Any) -> dict[str, Any]:
    lengths = (
        {} if without_length else {"max_length": None}
    )  # nothing is cut: every row must come through whole
    return {
        "output_dir": str(Path(folder)),
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "use_cpu": True,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
        "bf16": False,
        "activation_checkpointing": False,
        **lengths,
        **extra,
    }


def _tiny_config(tokenizer: PreTrainedTokenizerBase, **extra: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        **extra,
    )


def _policy(tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    return LlamaForCausalLM(_tiny_config(tokenizer))


def _scorer(tokenizer: PreTrainedTokenizerBase) -> Any:
    build: Any = LlamaForSequenceClassification  # untyped
    return build(_tiny_config(tokenizer, num_labels=1))


def _require_rows(trainer: Any, num_rows: int, *columns: str) -> None:
    """As many rows as were given, none of them with nothing to learn from."""
    prepared = trainer.train_dataset
    if prepared.num_rows != num_rows:
        raise _Lost(f"{num_rows - prepared.num_rows} of {num_rows} rows are dropped.")
    for column in columns:
        if not all(len(value) for value in prepared[column]):
            raise _Lost(f"{column} is empty.")


def _collate_all(trainer: Any) -> list[Any]:
    """All batches of the sample, as the trainer would see them."""
    return list(trainer.get_train_dataloader())
