"""Settings that train tiny models in seconds, and the way from settings to a finished run."""

import json
from pathlib import Path
from typing import Any

from rl_bridge import runs
from rl_bridge.training import command
from rl_bridge.training.kinds import KINDS
from rl_bridge.training.options import build_settings
from rl_bridge.training.plan import make_plan
from rl_bridge.training.settings import TrainingSettings

SMALL: dict[str, Any] = {"max_steps": 2, "limit_length": 200, "bf16": False}
SMALL_BY_KIND: dict[str, dict[str, Any]] = {
    "prm": {"batch_size": 8, "learning_rate": 5e-3, "head_learning_rate": 5e-3, "trained_layers": 2},
    "dpo": {"lora_rank": 2},
    "sft": {"lora_rank": 2},
    "grpo": {"max_new_tokens": 8, "num_generations": 2, "batch_size": 4, "learning_rate": 1e-3},
}


def make_settings(kind: str, export: Path, output: Path, model: Path, **changes: object) -> TrainingSettings:
    """Settings of a kind; `changes` win."""
    paths = {"export": export, "output": output, "model": str(model)}
    return build_settings(KINDS[kind], paths | SMALL | SMALL_BY_KIND.get(kind, {}) | changes)


def train(settings: TrainingSettings, *, resumes: bool = False) -> runs.RunSummary:
    """Plan and train."""
    return command.train(make_plan(settings, resumes=resumes))


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log."""
    return [json.loads(line) for line in (folder / runs.LOG_FILE).read_text(encoding="utf-8").splitlines()]
