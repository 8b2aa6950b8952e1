"""What a GRPO run rewards and watches by, checked before anything is loaded: judges' folders, the manifest's counts of
labels, and the queue that roll-outs return to. No torch."""

import json
import math
from pathlib import Path
from typing import Any

from rl_bridge import hybrid, runs
from rl_bridge.locations import ModelNotFound, describe_location
from rl_bridge.manifest import ExportError, ExportFolder, open_export
from rl_bridge.rollouts import require_queue
from rl_bridge.run_folder import HEAD_FILE, PRM_FILE
from rl_bridge.training.kinds import GrpoTraining

LINES = "lines@1"
"""The web app's name for the cut that a run rewards by, a step a line."""


def check_judges(settings: GrpoTraining, export: ExportFolder) -> None:
    """Refuse what would only fail once models are loaded, or at a run's end.

    Raises `ModelNotFound`, `NoEvidence`, `BadAddress`, `NoToken`.
    """
    if settings.prm:
        _check_prm("prm", settings.prm)
        weigh_judge(settings.prm, export, "stepwise")
    if settings.held_out_prm:
        _check_prm("held-out-prm", settings.held_out_prm)
    if settings.reward_model:
        _require_head("reward-model", settings.reward_model, "ForSequenceClassification")
        weigh_judge(settings.reward_model, export, "preference")
    if settings.return_to:
        require_queue(settings.return_to, allows_http=settings.allow_http)


def weigh_judge(folder: Path, export: ExportFolder, config: str) -> tuple[float, str]:
    """How far people stand behind the labels that a judge learned from, and a caution where that had to be guessed.

    Its run says which export that was; where that export is gone or counts no labels, the one given speaks for it.
    Raises `NoEvidence`.
    """
    learned = _read_data(folder.parent / runs.DATA_FILE)
    if learned.get("manifest_sha256", export.manifest_sha256) == export.manifest_sha256:
        return hybrid.weigh_labels(export.manifest, config), ""
    try:
        own = open_export(Path(str(learned.get("folder"))))
        if own.manifest_sha256 == learned["manifest_sha256"]:
            return hybrid.weigh_labels(own.manifest, config), ""
    except (ExportError, hybrid.NoEvidence):
        pass  # the caution below says what it comes to
    caution = (
        f"{folder} learned from {learned.get('export')}, which isn't to be had: it weighs by {export.title}."
    )
    return hybrid.weigh_labels(export.manifest, config), caution


def _read_data(path: Path) -> dict[str, Any]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def count_window(settings: GrpoTraining) -> int:
    """Lines of the log that an alarm averages: those of `alarm_window` steps."""
    return math.ceil(settings.alarm_window / settings.log_every)


def list_cautions(settings: GrpoTraining, export: ExportFolder, steps: int) -> list[str]:
    """What a run of that many steps lacks: alarms that can go off, steps that its PRM knows, labels to weigh by."""
    judges = ((settings.prm, "stepwise"), (settings.reward_model, "preference"))
    guessed = [weigh_judge(folder, export, config)[1] for folder, config in judges if folder]
    return [*_list_alarms_off(settings, steps), *_list_other_cuts(settings), *filter(None, guessed)]


def _list_alarms_off(settings: GrpoTraining, steps: int) -> list[str]:
    window = count_window(settings)
    lines = steps // settings.log_every
    short = f"the run logs {lines} times, and it needs {window}." if lines < window else ""
    shorter = f"the run logs {lines} times, and it needs {2 * window}." if lines < 2 * window else ""
    why = {
        "KL": "with beta 0 nothing measures it." if not settings.beta else short,
        "circling completions": short,
        "longer completions": shorter,
        "a held-out judge that falls": shorter if settings.held_out_prm else "there is no held-out-prm.",
    }
    return [f"No alarm for {name}: {reason}" for name, reason in why.items() if reason]


def _list_other_cuts(settings: GrpoTraining) -> list[str]:
    cautions = []
    for option, folder in (("prm", settings.prm), ("held-out-prm", settings.held_out_prm)):
        known = read_segmenters(folder) if folder else ()
        if known and known != (LINES,):
            cautions.append(
                f"{option} was trained on steps cut by {', '.join(known)}, and scores lines here, perhaps worse."
            )
    return cautions


def read_segmenters(folder: Path) -> tuple[str, ...]:
    """What cut the steps that a PRM of ours was trained on; nothing where it doesn't say. Raises `ModelNotFound`."""
    path = folder / PRM_FILE
    if not path.is_file():
        return ()
    try:
        return tuple(str(name) for name in json.loads(path.read_text(encoding="utf-8"))["segmenters"])
    except (ValueError, TypeError, KeyError) as error:
        raise ModelNotFound(f"{path} is damaged.") from error


def _check_prm(option: str, folder: Path) -> None:
    """Ours, by its `prm.json`, or else a token classifier."""
    if not (folder / PRM_FILE).is_file():
        _require_head(option, folder, "ForTokenClassification")
        return
    _describe(option, folder)
    if not (folder / HEAD_FILE).is_file():
        raise ModelNotFound(f"{option}: {folder} holds no process reward model: {HEAD_FILE} is missing.")
    try:
        read_segmenters(folder)
    except ModelNotFound as error:
        raise ModelNotFound(f"{option}: {error}") from error


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
