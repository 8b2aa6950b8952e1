"""Checkpoints of an interrupted run, and the log that grows while it trains."""

import json
import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rl_bridge import runs

_WHOLE_FILE = "whole"
"""Written last of all into a checkpoint: one without it was cut off while it was being written."""


class RunRecorder(TrainerCallback):
    """Marks checkpoints that are whole, and writes each line of the log as it comes."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / runs.LOG_FILE

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        if state.is_world_process_zero:  # a resumed run's log goes back to its checkpoint
            self._log.write_text(
                "".join(f"{_dump(entry)}\n" for entry in state.log_history), encoding="utf-8"
            )

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        if state.is_world_process_zero and state.log_history:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(f"{_dump(state.log_history[-1])}\n")

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        if state.is_world_process_zero:
            (Path(str(args.output_dir)) / f"checkpoint-{state.global_step}" / _WHOLE_FILE).touch()


def find_last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint of a run folder; None where it was interrupted before the first."""
    whole = [path.parent for path in (folder / runs.CHECKPOINTS_FOLDER).glob(f"checkpoint-*/{_WHOLE_FILE}")]
    return max(whole, key=read_step, default=None)


def read_step(checkpoint: Path) -> int:
    """After how many updates a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


def remove_checkpoints(folder: Path) -> None:
    """A finished run needs none: its model is what they led to."""
    shutil.rmtree(folder / runs.CHECKPOINTS_FOLDER, ignore_errors=True)


def _dump(entry: dict[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True)
