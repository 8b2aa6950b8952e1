"""Doubtful roll-outs over a whole GRPO run: through an interruption, and from all processes that train."""

from pathlib import Path
from typing import Any

from accelerate.utils import gather_object
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rl_bridge.rollouts import BadRollouts, Keeper, Rollout, read_rollouts, write_rollouts


class KeeperCheckpoint(TrainerCallback):
    """Writes into each checkpoint what this process kept so far, and takes it up where a run goes on from one.

    To be added before what marks the checkpoint as whole (`checkpoints.RunRecorder`).
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        folder = _folder(args, state)
        folder.mkdir(parents=True, exist_ok=True)
        write_rollouts(folder, self._keeper.list_kept())

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        try:
            kept = read_rollouts(_folder(args, state)) if state.global_step else []
        except (
            BadRollouts
        ):  # of a run with fewer processes, or a process that was cut off: no reason not to go on
            return
        self._keeper.take(kept)


def _folder(args: TrainingArguments, state: TrainerState) -> Path:
    checkpoint = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
    return checkpoint / f"process-{args.process_index}"


def gather_kept(keeper: Keeper) -> list[Rollout]:
    """The most doubtful that any process kept, at most as many as one keeps; all processes have to ask."""
    together = Keeper(keeper.at_most)
    together.take(gather_object(keeper.list_kept()))
    return together.list_kept()
