"""Trained process reward models become judges, and every judge says what it comes from.

The weights are copied into the installation's models folder under their own hash, so that a run folder may go, and the
judge is a version of its own for each hash.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from pathlib import Path
from typing import cast

from django.conf import settings
from django.db import transaction

from annotation.actions.audit import record_event
from annotation.actions.judges import NewJudge, make_judge
from annotation.models import Account, Backend, JobState, JudgeKind, ModelSpec, Project
from exports.lineage_models import TrainedJudge
from exports.models import Export
from rl_bridge.run_folder import PrmRun, read_prm_run
from rl_bridge.weights import hash_weights

_FOLDER = "judges"


class AlreadyRegistered(Exception):
    """These very weights are a judge of the project already; `trained` is that one."""

    def __init__(self, trained: TrainedJudge) -> None:
        super().__init__(f"These weights are a judge of this project already: {trained.judge}.")
        self.trained = trained


class WeightsChanged(Exception):
    """The weights changed while they were copied."""


def register_judge(
    *, folder: Path, project: Project, name: str, actor: Account, now: dt.datetime
) -> TrainedJudge:
    """Makes the model of a `train prm` run a judge of the project.

    Raises rl_bridge.run_folder.NotAFinishedRun, AlreadyRegistered or WeightsChanged; then nothing is stored.
    """
    run = read_prm_run(folder)
    known = TrainedJudge.objects.filter(project=project, revision=run.revision).first()
    if known is not None:
        raise AlreadyRegistered(known)
    place = _keep_weights(run)
    with transaction.atomic():
        spec = _ensure_spec(run, place, name=name, now=now)
        judge = make_judge(
            project=project,
            new=NewJudge(JudgeKind.PRM, name, spec, {"separator": "\n"}, note=_describe(run)),
            actor=actor,
            now=now,
        )
        trained = TrainedJudge.objects.create(
            judge=judge,
            project=project,
            export=_find_export(run, project),
            manifest_sha256=run.manifest_sha256[:64],
            run_name=run.name[:200],
            run_settings=run.settings,
            metrics=run.metrics,
            revision=run.revision,
            registered_by=actor,
            registered_at=now,
        )
        record_event(
            actor=actor,
            verb="registered a trained judge",
            subject=judge,
            now=now,
            project=project,
            run=run.name,
            revision=run.revision,
        )
    return trained


def _keep_weights(run: PrmRun) -> Path:
    """A copy under the weights' own hash; there at once and whole, or not at all."""
    shelf = Path(settings.MODELS_DIR) / _FOLDER
    place = shelf / run.revision
    if place.is_dir():
        return place
    shelf.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".judge-", dir=shelf) as scratch:
        draft = Path(scratch) / "model"
        shutil.copytree(run.model, draft)
        if hash_weights(draft) != run.revision:
            raise WeightsChanged(f"The weights in {run.model} changed while they were copied; try again.")
        draft.rename(place)
    return place


def _ensure_spec(run: PrmRun, place: Path, *, name: str, now: dt.datetime) -> ModelSpec:
    """One row for these weights in the installation, whichever projects judge by them."""
    spec, _ = ModelSpec.objects.get_or_create(
        backend=Backend.PRM,
        location=str(place),
        revision=run.revision[:80],
        defaults={
            "name": f"{name[:100]} ({run.revision[:12]})",
            "note": _describe(run),
            "created_at": now,
        },
    )
    return spec


def _find_export(run: PrmRun, project: Project) -> Export | None:
    """The project's export that the run read, by the hash of its manifest."""
    exports = Export.objects.filter(
        project=project, state=JobState.FINISHED, content_hash=run.manifest_sha256
    )
    return cast("Export | None", exports.first()) if run.manifest_sha256 else None


def _describe(run: PrmRun) -> str:
    measured = {
        "balanced accuracy": run.metrics.get("test_balanced_accuracy"),
        "AUC": run.metrics.get("test_auc"),
    }
    told = ", ".join(f"{words} {value:.2f}" for words, value in measured.items() if value is not None)
    return (
        f"Trained by the run {run.name} on {run.export}. On its test steps: {told or 'nothing was measured'}."
    )
