"""The plan of an evaluation: everything that can be known, and refused, before a heavy library is imported."""

import dataclasses
from pathlib import Path
from typing import Any

from rl_bridge import runs
from rl_bridge.data import load_config, load_stepwise
from rl_bridge.evaluating.labelled import KnownTrace, from_rows, read_known_traces
from rl_bridge.evaluating.settings import BadEvaluation, Evaluation
from rl_bridge.locations import ModelNotFound, describe_location
from rl_bridge.manifest import ExportFolder, open_export
from rl_bridge.training.plan import guess_device
from rl_bridge.weights import hash_file


@dataclasses.dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """Checked settings with what they name: prompts that a verifier can decide, and traces whose steps are known.

    `traces_sha256` is that of the file of traces, and empty where there is none.
    """

    settings: Evaluation
    export: ExportFolder | None
    prompts: list[dict[str, Any]]
    known: list[KnownTrace]
    traces_sha256: str


def make_plan(settings: Evaluation) -> EvaluationPlan:
    """Check the output folder, every model's place, the export's rows and the file of traces.

    Raises an `ExportError`, `BadTraceLine`, `BadEvaluation`, `ModelNotFound`, `ShippedModelMissing`, `RunFolderExists`.
    """
    runs.refuse_existing(settings.output)
    for location in settings.policies.values():
        describe_location(location, settings.models_dir)
    for place in (*settings.prms.values(), *settings.reward_models.values()):
        _require_folder(place, settings.models_dir)
    export = open_export(settings.export) if settings.export else None
    plan = EvaluationPlan(
        settings=settings,
        export=export,
        prompts=_load_prompts(settings, export),
        known=_load_known(settings, export),
        traces_sha256=hash_file(settings.traces) if settings.traces else "",
    )
    _refuse_empty(plan)
    return plan


def describe_plan(plan: EvaluationPlan) -> dict[str, Any]:
    """What `--dry-run` prints, as JSON: which models, on how much, where, and into what."""
    settings = plan.settings
    return {
        "policies": {
            name: describe_location(place, settings.models_dir) for name, place in settings.policies.items()
        },
        "prms": settings.prms,
        "reward_models": settings.reward_models,
        "export": plan.export.title if plan.export else None,
        "prompts": len(plan.prompts),
        "completions": len(plan.prompts) * settings.num_samples * len(settings.policies),
        "known_traces": len(plan.known),
        "device": guess_device(),
        "writes": str(settings.output),
        "settings": runs.describe_config(settings),
    }


def _require_folder(place: str, models_dir: Path) -> None:
    """A PRM or a reward model is a folder with weights; a name on the hub is none."""
    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise ModelNotFound(f"There is no folder {folder}.")
    describe_location(str(folder.absolute()), models_dir)


def _load_prompts(settings: Evaluation, export: ExportFolder | None) -> list[dict[str, Any]]:
    """The prompts that a verifier can decide; raises where a policy is asked for and there is none."""
    if export is None or not settings.policies:
        return []
    rows = [
        row for row in load_config(export, "prompts", settings.split).table.to_pylist() if row["verifier"]
    ]
    if not rows:
        raise BadEvaluation(
            f"The split {settings.split!r} of prompts in {export.path} has no prompt with a verifier."
        )
    return rows[: settings.limit_prompts or None]


def _load_known(settings: Evaluation, export: ExportFolder | None) -> list[KnownTrace]:
    known: list[KnownTrace] = []
    if export is not None and settings.prms and "stepwise" in export.configs:
        known += from_rows(load_stepwise(export, settings.split)[0])
    if settings.traces is not None:
        known += read_known_traces(settings.traces)
    return known


def _refuse_empty(plan: EvaluationPlan) -> None:
    """Raise where nothing would be measured of what was asked for, or one judge would hide another."""
    settings = plan.settings
    judges = {judge for trace in plan.known for judge in trace.scores}
    if settings.traces is not None and not settings.prms and not judges:
        raise BadEvaluation(f"No line of {settings.traces} has `scores`: name a judge of its steps by --prm.")
    if settings.prms and not settings.policies and not plan.known:
        where = settings.traces or settings.export
        raise BadEvaluation(f"{where} has no labelled steps to hold a PRM against.")
    for name in sorted(judges.intersection(settings.prms)):
        raise BadEvaluation(f"The traces have scores of a judge {name!r}; give the PRM another name.")
