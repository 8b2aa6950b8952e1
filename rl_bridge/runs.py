"""Run folders: everything needed to say later what was trained, on which data, with which code, and how it went.

Loads no torch: plans are printed and exports checked before the heavy libraries are imported.
"""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rl_bridge.errors import BridgeError
from rl_bridge.manifest import ExportFolder

_LIBRARIES = ("torch", "transformers", "trl", "datasets", "accelerate", "peft", "tokenizers", "safetensors")
MODEL_FOLDER = "model"
PLOTS_FOLDER = "plots"
CHECKPOINTS_FOLDER = "checkpoints"
CONFIG_FILE = "config.json"
DATA_FILE = "data.json"
METRICS_FILE = "metrics.json"
LOG_FILE = "log.jsonl"


class RunFolderExists(BridgeError):
    """The output folder already holds something; a run never overwrites another."""


class NothingToTrainOn(BridgeError):
    """No row is left that could teach anything."""


class NotResumable(BridgeError):
    """There is no interrupted run in the folder, or what it trained on is no longer the same."""


@dataclasses.dataclass(frozen=True, slots=True)
class RunSummary:
    """What a finished training reports: where it lies and its final figures."""

    folder: Path
    metrics: dict[str, float]
    warnings: tuple[str, ...]


def name_run(kind: str, now: datetime.datetime) -> Path:
    """The default output folder of a run that starts `now`."""
    return Path("runs") / f"{kind}-{now:%Y%m%d-%H%M%S}"


def refuse_existing(folder: Path) -> None:
    """Raise `RunFolderExists` where a run would write over something."""
    if folder.exists() and (not folder.is_dir() or any(not _is_bare(path) for path in folder.iterdir())):
        raise RunFolderExists(f"The output folder {folder} is not empty; name another with --output.")


def _is_bare(path: Path) -> bool:
    """Whether this is the empty folder that a trainer makes for its checkpoints before it trains."""
    return path.name == CHECKPOINTS_FOLDER and not any(path.iterdir())


def is_first_process() -> bool:
    """Whether this process writes: `accelerate launch` and `torchrun` number theirs."""
    return int(os.environ.get("RANK", "0")) == 0


def count_processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def require_same_data(folder: Path, *, export: ExportFolder, hashes: Mapping[str, str]) -> None:
    """Raise `NotResumable` where a run would go on with other rows than it began with."""
    try:
        stored: Any = json.loads((folder / DATA_FILE).read_text(encoding="utf-8"))
        began = (stored["manifest_sha256"], stored["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotResumable(f"{folder} does not say what it trained on: {DATA_FILE} is damaged.") from error
    if began != (export.manifest_sha256, dict(hashes)):
        raise NotResumable(
            f"{folder} began with {stored.get('export')}, and {export.path} is another export now."
        )


def start_run(config: Any, *, export: ExportFolder, hashes: Mapping[str, str]) -> Path:
    """Create the run folder and write what is known beforehand: settings, data and environment.

    Raises `RunFolderExists`.
    """
    folder = Path(config.output)
    refuse_existing(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG_FILE, describe_config(config))
    write_json(
        folder / DATA_FILE,
        {
            "export": export.title,
            "folder": str(export.path.resolve()),
            "manifest_sha256": export.manifest_sha256,
            "files": dict(sorted(hashes.items())),
        },
    )
    write_json(folder / "environment.json", describe_environment())
    return folder


def finish_run(
    folder: Path,
    *,
    metrics: Mapping[str, float],
    log: Sequence[Mapping[str, Any]],
    warnings: Sequence[str],
) -> RunSummary:
    """Write what came out: final metrics, the log (one JSON object a line) and the warnings."""
    write_json(folder / METRICS_FILE, dict(metrics))
    lines = [json.dumps(entry, sort_keys=True) for entry in log]
    (folder / LOG_FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (folder / "warnings.txt").write_text("".join(f"{line}\n" for line in warnings), encoding="utf-8")
    return RunSummary(folder=folder, metrics=dict(metrics), warnings=tuple(warnings))


def describe_config(config: Any) -> dict[str, Any]:
    """A configuration as JSON: paths become text."""
    fields = dataclasses.asdict(config) | {"kind": config.kind}
    return {key: str(value) if isinstance(value, Path) else value for key, value in sorted(fields.items())}


def describe_environment() -> dict[str, Any]:
    """Versions and machine, by package metadata and the kernel, so that nothing is imported for it."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "processor": _read_line(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "gpus": [
            _read_line(path, "Model") or "unknown"
            for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        ],
        "processes": count_processes(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }


def _read_line(path: Path, name: str) -> str:
    """The value of the first line `name: value` of a file of the kernel's; empty where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    values = (line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name)
    return next(values, "")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write sorted, indented JSON."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_model_card(
    folder: Path,
    *,
    title: str,
    what: str,
    base: str,
    export: ExportFolder,
    metrics: Mapping[str, float],
    warnings: Sequence[str],
) -> None:
    """Write README.md beside the weights: what the model is, the export it came from, and its figures."""
    figures = "\n".join(f"| {name} | {value:.4g} |" for name, value in sorted(metrics.items()))
    notes = "\n".join(f"- {warning}" for warning in warnings) or "- Nothing was cut or left out."
    (folder / "README.md").write_text(
        f"# {title}\n\n{what}\n\n"
        f"- Base model: {base}\n"
        f"- Export: {export.title}, manifest SHA-256 `{export.manifest_sha256}`\n\n"
        f"## Figures\n\n| metric | value |\n|---|---|\n{figures}\n\n## Notes\n\n{notes}\n",
        encoding="utf-8",
    )
