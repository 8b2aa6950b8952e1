"""Direct preference optimisation on the `preference` or `step_preference` rows of an export, by TRL's DPOTrainer.

Thin on purpose: TRL trains (Rafailov et al. 2023); this module checks the export, names the run and saves the result.
"""

import tempfile
from typing import Any

import pyarrow as pa
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from rl_bridge import runs
from rl_bridge.data import is_text, load_config
from rl_bridge.devices import pick_device, uses_bf16
from rl_bridge.layout import render_prompt
from rl_bridge.manifest import open_export
from rl_bridge.models import (
    get_revision,
    open_tokenizer,
    open_weights,
    resolve_model,
    without_loading_bars,
)
from rl_bridge.settings import DpoTraining


def train_dpo(config: DpoTraining) -> runs.RunSummary:
    """Train a policy on preferences and write its run folder; the policy lies in `model/`, adapters merged in.

    Raises `ExportError`, `NothingToTrainOn` and `RunFolderExists` before a model is loaded, `ModelNotFound`.
    """
    export = open_export(config.export)
    loaded = load_config(export, config.config, config.split)
    if not loaded.table.num_rows:
        raise runs.NothingToTrainOn(
            f"The split {config.split!r} of {config.config} in {export.path} has no rows."
        )
    runs.refuse_existing(config.output)
    resolved = resolve_model(config.model, models_dir=config.models_dir)
    set_seed(config.seed)
    tokenizer = open_tokenizer(resolved)
    # Frozen weights may be bf16; weights that learn by small steps are kept in float32.
    dtype = torch.bfloat16 if uses_bf16(config.bf16) and config.lora_rank else torch.float32
    model = open_weights(resolved, with_head=True, dtype=dtype)
    folder = runs.start_run(config, export=export, hashes=loaded.hashes)
    # DPO has no use for the margin: it is the reward model's.
    table = loaded.table.select(["prompt", "chosen", "rejected"])
    if config.config == "preference":
        table = render_prompts(table, tokenizer)
    trainer = _train(model, tokenizer, Dataset(table), config)
    metrics = _read_metrics(trainer.state.log_history)
    target = folder / runs.MODEL_FOLDER
    policy: Any = trainer.model
    if config.lora_rank:
        policy = policy.merge_and_unload()
    with without_loading_bars():
        policy.save_pretrained(target)
    tokenizer.save_pretrained(target)
    runs.write_model_card(
        target,
        title=f"{resolved.name} after DPO",
        what=f"A policy trained on the `{config.config}` rows of an export, by TRL's DPOTrainer.",
        base=f"{resolved.name} ({get_revision(resolved, policy)[:12]})",
        export=export,
        metrics=metrics,
        warnings=(),
    )
    return runs.finish_run(folder, metrics=metrics, log=trainer.state.log_history, warnings=())


def render_prompts(table: pa.Table, tokenizer: PreTrainedTokenizerBase) -> pa.Table:
    """Put text prompts into the model's chat template, as when the policy answered them; messages stay messages.

    TRL takes texts as they are. Where the tokenizer itself begins a text with its first token, the template's is taken
    off, or there would be two. (`step_preference` prompts end in shared steps, so no template fits around them.)
    """
    if not is_text(table.schema.field("prompt").type):
        return table
    begins = bool(tokenizer("").input_ids) and isinstance(tokenizer.bos_token, str)
    first = str(tokenizer.bos_token) if begins else ""
    rendered = [
        render_prompt(tokenizer, prompt)[0].removeprefix(first) for prompt in table["prompt"].to_pylist()
    ]
    column = table.schema.get_field_index("prompt")
    return table.set_column(column, "prompt", pa.array(rendered, pa.string()))


def _train(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, dataset: Any, config: DpoTraining
) -> Any:
    lora = LoraConfig(r=config.lora_rank, target_modules="all-linear", task_type="CAUSAL_LM")
    with tempfile.TemporaryDirectory() as scratch:
        arguments = DPOConfig(
            output_dir=scratch,
            max_steps=config.max_steps,
            per_device_train_batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            beta=config.beta,
            max_length=config.limit_length,
            bf16=uses_bf16(config.bf16),
            use_cpu=pick_device() == "cpu",
            activation_checkpointing=False,
            seed=config.seed,
            data_seed=config.seed,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        trainer = DPOTrainer(
            model=model,
            args=arguments,
            train_dataset=dataset,
            processing_class=tokenizer,
            peft_config=lora if config.lora_rank else None,
        )
        trainer.train()
    return trainer


def _read_metrics(log: list[dict[str, Any]]) -> dict[str, float]:
    """The mean loss of the whole run, and the last step's figures about chosen against rejected."""
    last_step: dict[str, Any] = next((entry for entry in reversed(log) if "loss" in entry), {})
    metrics = {key.replace("/", "_"): float(value) for key, value in last_step.items() if "rewards/" in key}
    metrics["train_loss"] = float(log[-1]["train_loss"])
    return metrics
