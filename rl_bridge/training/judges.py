"""What a GRPO run rewards and watches by, checked before anything is loaded: judges' folders, the manifest's counts of
labels, and the queue that roll-outs return to. No torch."""

import json
from pathlib import Path
from typing import Any

from rl_bridge import hybrid
from rl_bridge.locations import ModelNotFound, describe_location
from rl_bridge.manifest import ExportFolder
from rl_bridge.rollouts import require_queue
from rl_bridge.run_folder import HEAD_FILE, PRM_FILE
from rl_bridge.training.kinds import GrpoTraining


def check_judges(settings: GrpoTraining, export: ExportFolder) -> None:
    """Refuse what would only fail once models are loaded, or at a run's end.

    Raises `ModelNotFound`, `NoEvidence`, `BadAddress`, `NoToken`.
    """
    if settings.prm:
        _check_prm("prm", settings.prm)
        hybrid.weigh_labels(export.manifest, "stepwise")
    if settings.held_out_prm:
        _check_prm("held-out-prm", settings.held_out_prm)
    if settings.reward_model:
        _require_head("reward-model", settings.reward_model, "ForSequenceClassification")
        hybrid.weigh_labels(export.manifest, "preference")
    if settings.return_to:
        require_queue(settings.return_to, allows_http=settings.allow_http)


def _check_prm(option: str, folder: Path) -> None:
    """Ours, by its `prm.json`, or else a token classifier."""
    if not (folder / PRM_FILE).is_file():
        _require_head(option, folder, "ForTokenClassification")
        return
    _describe(option, folder)
    if not (folder / HEAD_FILE).is_file():
        raise ModelNotFound(f"{option}: {folder} holds no process reward model: {HEAD_FILE} is missing.")
    try:
        known: Any = json.loads((folder / PRM_FILE).read_text(encoding="utf-8"))
        known["segmenters"]
    except (ValueError, TypeError, KeyError) as error:
        raise ModelNotFound(f"{option}: {folder / PRM_FILE} is damaged.") from error


def _require_head(option: str, folder: Path, head: str) -> None:
    """Whatever says what it is must be a classifier of that kind; one that doesn't say is known once it is open."""
    architectures = _describe(option, folder)["architectures"]
    if architectures and not any(name.endswith(head) for name in architectures):
        raise ModelNotFound(
            f"{option}: {folder} holds a {architectures[0]}, where one that ends in {head} is needed."
        )


def _describe(option: str, folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise ModelNotFound(f"{option}: there is no folder {folder}.")
    try:
        return describe_location(str(folder.resolve()), folder)
    except ModelNotFound as error:
        raise ModelNotFound(f"{option}: {error}") from error
