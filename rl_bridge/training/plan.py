"""The plan of a training: everything that can be known, and refused, before a heavy library is imported."""

import dataclasses
import importlib.metadata
import json
import math
import os
from pathlib import Path
from typing import Any, Generic, TypeVar

from rl_bridge import runs
from rl_bridge.data import LoadedConfig, load_config
from rl_bridge.locations import describe_location
from rl_bridge.manifest import ExportFolder, open_export
from rl_bridge.training.judges import check_judges, list_cautions
from rl_bridge.training.kinds import GrpoTraining
from rl_bridge.training.settings import TrainingSettings

SettingsT = TypeVar("SettingsT", bound=TrainingSettings)
SettingsT_co = TypeVar("SettingsT_co", bound=TrainingSettings, covariant=True)
_DRIVER = Path("/proc/driver/nvidia/version")


@dataclasses.dataclass(frozen=True, slots=True)
class Plan(Generic[SettingsT_co]):
    """Checked settings with the rows they name. `steps` counts updates; `test` is None where the export has none.

    `resumes` says that the run folder exists, was interrupted, and is to be gone on with.
    """

    settings: SettingsT_co
    export: ExportFolder
    rows: LoadedConfig
    test: LoadedConfig | None
    model: dict[str, Any]
    steps: int
    resumes: bool

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file that is read, by its name."""
        return self.rows.hashes | (self.test.hashes if self.test else {})


def make_plan(settings: SettingsT, *, resumes: bool = False) -> Plan[SettingsT]:
    """Check export, rows, model location and run folder, and for GRPO its judges and the queue for its roll-outs.

    Raises an `ExportError`, `ModelNotFound`, `NothingToTrainOn`, `RunFolderExists` or `NotResumable`, and what
    `check_judges` raises.
    """
    export = open_export(settings.export)
    rows = load_config(export, settings.reads, settings.split)
    if not rows.table.num_rows:
        raise runs.NothingToTrainOn(
            f"The split {settings.split!r} of {settings.reads} in {export.path} has no rows."
        )
    if not resumes and runs.is_first_process():
        runs.refuse_existing(settings.output)
    if isinstance(settings, GrpoTraining):
        check_judges(settings, export)
    test = None
    if settings.max_test_rows and settings.test_split in export.list_splits(settings.reads):
        test = load_config(export, settings.reads, settings.test_split)
    plan = Plan(
        settings=settings,
        export=export,
        rows=rows,
        test=test,
        model=describe_location(settings.model, settings.models_dir),
        steps=count_steps(settings, rows.table.num_rows),
        resumes=resumes,
    )
    if resumes:
        runs.require_same_data(settings.output, export=export, hashes=plan.hashes)
    return plan


def count_steps(settings: TrainingSettings, num_rows: int) -> int:
    """Updates of the weights: as set, or as many as the epochs take on all processes together."""
    if settings.epochs is None:
        return settings.max_steps
    rows_an_update = settings.batch_size * settings.accumulation_steps * runs.count_processes()
    return math.ceil(settings.epochs * math.ceil(num_rows / rows_an_update))


def describe_plan(plan: Plan[TrainingSettings]) -> dict[str, Any]:
    """What `--dry-run` prints, as JSON: what is read, how long it takes, with which model, where, and into what."""
    settings = plan.settings
    loaded = [plan.rows, *([plan.test] if plan.test else [])]
    rows_an_update = settings.batch_size * settings.accumulation_steps * runs.count_processes()
    return {
        "trains": settings.kind,
        "export": {"title": plan.export.title, "folder": str(plan.export.path.resolve())},
        "reads": [
            {"config": part.config, "split": part.split, "rows": part.table.num_rows, "files": part.hashes}
            for part in loaded
        ],
        "rows": plan.rows.table.num_rows,
        "test_rows": min(settings.max_test_rows, plan.test.table.num_rows) if plan.test else 0,
        "steps": plan.steps,
        "passes_over_the_rows": round(plan.steps * rows_an_update / plan.rows.table.num_rows, 2),
        "processes": runs.count_processes(),
        "model": plan.model,
        "device": guess_device(),
        "cautions": list_cautions(settings, plan.export, plan.steps)
        if isinstance(settings, GrpoTraining)
        else [],
        "writes": str(settings.output),
        "settings": runs.describe_config(settings),
    }


def guess_device() -> str:
    """Where training will run, by the installed build and the machine's driver: asking torch takes seconds."""
    if importlib.metadata.version("torch").endswith("+cpu"):
        return "CPU (torch is built for it alone)"
    if not _DRIVER.exists() or os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return "CPU (no NVIDIA driver, or no card visible)"
    return "GPU (CUDA)"


def reopen_settings(kinds: dict[str, type[TrainingSettings]], folder: Path) -> dict[str, Any]:
    """The settings that a run folder holds, `kind` among them. Raises `NotResumable`."""
    path = folder / runs.CONFIG_FILE
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise runs.NotResumable(
            f"{folder} is no run folder: {runs.CONFIG_FILE} is missing or damaged."
        ) from error
    if not isinstance(stored, dict) or stored.get("kind") not in kinds:
        raise runs.NotResumable(f"{path} is of no kind of training that there is.")
    if (folder / runs.METRICS_FILE).exists():
        raise runs.NotResumable(f"The run {folder} is finished; there is nothing to resume.")
    return stored | {"output": str(folder)}
