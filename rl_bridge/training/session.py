"""One training from its opened model to its finished folder: what all trainers do alike."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PreTrainedModel, set_seed

from rl_bridge import runs
from rl_bridge.data import LoadedConfig
from rl_bridge.devices import pick_device, uses_bf16
from rl_bridge.models import (
    get_revision,
    open_scorer,
    open_tokenizer,
    open_weights,
    resolve_model,
    without_loading_bars,
)
from rl_bridge.prm import pad_token_of
from rl_bridge.training.checkpoints import (
    RunRecorder,
    find_last_checkpoint,
    read_step,
    remove_checkpoints,
)
from rl_bridge.training.plan import Plan
from rl_bridge.training.plots import draw_log
from rl_bridge.training.rows import keep_fitting, render_prompts
from rl_bridge.training.settings import TrainingSettings


class Session:
    """Opens tokenizer and model, trains with checkpoints in the run folder, and closes the folder.

    Where several processes train, the first alone writes. Raises `ModelNotFound` before anything is written.
    """

    def __init__(self, plan: Plan[TrainingSettings]) -> None:
        self.plan = plan
        self.settings = plan.settings
        self.folder = Path(plan.settings.output)
        self.bf16 = uses_bf16(plan.settings.bf16)
        self.warnings: list[str] = []
        self.resolved = resolve_model(plan.settings.model, models_dir=plan.settings.models_dir)
        set_seed(plan.settings.seed)
        self.tokenizer = open_tokenizer(self.resolved)
        self.revision = "unknown"
        self._fits_no_test = False

    def open_policy(self) -> PreTrainedModel:
        """The causal language model. Frozen weights may be bf16; weights that learn by small steps stay float32."""
        frozen = self.bf16 and self.settings.lora_rank > 0
        return self.open(with_head=True, dtype=torch.bfloat16 if frozen else torch.float32)

    def open(self, *, with_head: bool, dtype: torch.dtype) -> PreTrainedModel:
        """The model or its backbone, whose revision the model card will name. Raises `ModelNotFound`."""
        return self._opened(open_weights(self.resolved, with_head=with_head, dtype=dtype))

    def open_scorer(self) -> PreTrainedModel:
        """A model that gives a text one number. It learns in float32 but for the frozen weights of LoRA."""
        frozen = self.bf16 and self.settings.lora_rank > 0
        model = open_scorer(self.resolved, dtype=torch.bfloat16 if frozen else torch.float32)
        config: Any = model.config.get_text_config()
        config.pad_token_id = pad_token_of(self.tokenizer)  # it finds a text's last token by it
        return self._opened(model)

    def _opened(self, model: PreTrainedModel) -> PreTrainedModel:
        self.revision = get_revision(self.resolved, model)
        return model

    def lora(self, model: PreTrainedModel, task: str = "CAUSAL_LM") -> LoraConfig | None:
        """Adapters on every linear layer that takes them, where any are asked for."""
        if not self.settings.lora_rank:
            return None
        is_mamba = model.config.model_type in _MAMBA
        return LoraConfig(
            r=self.settings.lora_rank,
            target_modules="all-linear",
            exclude_modules=["out_proj"] if is_mamba else None,
            task_type=task,
        )

    def arguments(self, **own: Any) -> dict[str, Any]:
        """Arguments that every trainer of transformers and TRL takes, and a trainer's own."""
        return make_arguments(self.settings, self.plan.steps) | own

    def prepare(
        self, columns: Sequence[str], *, answers: Sequence[str], renders: bool = True
    ) -> tuple[Dataset, Dataset | None]:
        """The rows that train and those of the test split, if any: `columns`, in the template, all that fit whole.

        Test rows of which none fits are a warning. Raises `NothingToTrainOn` where no row that trains fits.
        """
        training = self._fit(self.plan.rows, columns, answers, renders)
        if self.plan.test is None or not self.plan.test.table.num_rows:
            return training, None
        test = dataclasses.replace(
            self.plan.test, table=self.plan.test.table.slice(0, self.settings.max_test_rows)
        )
        try:
            return training, self._fit(test, columns, answers, renders)
        except runs.NothingToTrainOn as error:  # of the test rows: that is no reason not to train
            self.warnings.append(str(error))
            self._fits_no_test = True
            return training, None

    def _fit(
        self, loaded: LoadedConfig, columns: Sequence[str], answers: Sequence[str], renders: bool
    ) -> Dataset:
        table = loaded.table.select(columns)
        if renders:
            table = render_prompts(table, self.tokenizer)
        fitting, lost = keep_fitting(
            table, self.tokenizer, answers=answers, limit=self.settings.limit_length, split=loaded.split
        )
        self.warnings += lost
        return Dataset(fitting)

    def complete(self, trainer: Any, *, title: str, what: str) -> runs.RunSummary:
        """Train, measure, save and finish: the whole of a run once its trainer stands. Raises `RunFolderExists`."""
        self.train(trainer)
        metrics = self.measure(trainer)
        self.save_model(trainer)
        return self.finish(trainer, title=title, what=what, metrics=metrics)

    def train(self, trainer: Any) -> None:
        """Train, from the last whole checkpoint where a run is resumed. Raises `RunFolderExists`."""
        checkpoint = find_last_checkpoint(self.folder) if self.plan.resumes else None
        if self.plan.resumes:
            step = read_step(checkpoint) if checkpoint else 0
            self.warnings.append(
                f"The run was interrupted, and went on from step {step} of {self.plan.steps}."
            )
        elif runs.is_first_process():
            runs.start_run(self.settings, export=self.plan.export, hashes=self.plan.hashes)
        trainer.add_callback(RunRecorder(self.folder))
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)

    def measure(self, trainer: Any) -> dict[str, float]:
        """The means of the log, the last step's rewards, and figures on the test rows as `test_…`."""
        metrics = read_log(trainer.state.log_history)
        if trainer.eval_dataset is None:
            self.warnings.append(self.without_test())
            return metrics
        measured: Mapping[str, float] = trainer.evaluate()
        return metrics | {
            f"test_{name.removeprefix('eval_').replace('/', '_')}": float(value)
            for name, value in measured.items()
            if name not in _NOT_FIGURES and not name.endswith(_SPEEDS)
        }

    def without_test(self) -> str:
        """The sentence for a run whose model nothing was held against."""
        reads, split = self.settings.reads, self.settings.test_split
        if not self.settings.max_test_rows:
            return "Nothing was measured: no test rows were asked for."
        if self._fits_no_test:
            return f"Nothing was measured: no {reads} row of the split {split!r} fits."
        return f"Nothing was measured: the export has no {reads} rows in the split {split!r}."

    def save_model(self, trainer: Any) -> None:
        """Write the model with its tokenizer, adapters merged in; only the first process does."""
        if not runs.is_first_process():
            return
        model = trainer.accelerator.unwrap_model(trainer.model)
        if self.settings.lora_rank:
            model = model.merge_and_unload()
        with without_loading_bars():
            model.save_pretrained(self.folder / runs.MODEL_FOLDER)
        self.tokenizer.save_pretrained(self.folder / runs.MODEL_FOLDER)

    def finish(self, trainer: Any, *, title: str, what: str, metrics: Mapping[str, float]) -> runs.RunSummary:
        """Write card, figures, plots and log; checkpoints go. The model was saved before."""
        warnings = tuple(self.warnings)
        if not runs.is_first_process():
            return runs.RunSummary(folder=self.folder, metrics=dict(metrics), warnings=warnings)
        runs.write_model_card(
            self.folder / runs.MODEL_FOLDER,
            title=title.format(base=self.resolved.name),
            what=what,
            base=f"{self.resolved.name} ({self.revision[:12]})",
            export=self.plan.export,
            metrics=metrics,
            warnings=warnings,
        )
        log = [dict(entry) for entry in trainer.state.log_history]
        draw_log(log, self.folder / runs.PLOTS_FOLDER, title=f"{self.settings.kind} of {self.resolved.name}")
        summary = runs.finish_run(self.folder, metrics=metrics, log=log, warnings=warnings)
        remove_checkpoints(self.folder)
        return summary


def make_arguments(settings: TrainingSettings, steps: int) -> dict[str, Any]:
    """The arguments of every trainer alike: how long, how fast, on what, and checkpoints in the run folder."""
    return {
        "output_dir": str(settings.output / runs.CHECKPOINTS_FOLDER),
        "max_steps": steps,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.accumulation_steps,
        "learning_rate": settings.learning_rate,
        "warmup_steps": int(settings.warmup_share * steps),
        "weight_decay": settings.weight_decay,
        "bf16": uses_bf16(settings.bf16),
        "use_cpu": pick_device() == "cpu",  # TRL's own default, bf16 on a GPU, fails without one
        "activation_checkpointing": settings.activation_checkpointing,
        "seed": settings.seed,
        "data_seed": settings.seed,
        "logging_steps": settings.log_every,
        "save_strategy": "steps",
        "save_steps": settings.save_every,
        "save_total_limit": 2,
        "report_to": "none",
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


_MAMBA = {"falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h"}
"""Their kernels read the weights of `out_proj` past any adapter, so peft refuses one there."""
_NOT_FIGURES = {"epoch"}
_SPEEDS = ("_runtime", "_per_second")


def read_log(log: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The mean and the last logged loss, and what else the last step says of rewards, margins and accuracy.

    The mean is ours: a resumed trainer's own leaves out what came before the interruption.
    """
    steps = [entry for entry in log if "loss" in entry]
    if not steps:
        return {}
    losses = [float(entry["loss"]) for entry in steps]
    told = {
        name.replace("/", "_"): float(value)
        for name, value in steps[-1].items()
        if "rewards/" in name or name in ("accuracy", "margin", "mean_token_accuracy")
    }
    return told | {"train_loss": sum(losses) / len(losses), "final_loss": losses[-1]}
