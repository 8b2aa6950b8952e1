"""What a project's page of lineage shows: each export, what was trained on it, and what came of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.db.models import Count, QuerySet

from annotation.models import GenerationBatch, JobState, JudgeScore, Project
from exports.lineage_models import TrainedJudge
from exports.models import Export

FIGURES = {
    "test_auc": "AUC",
    "test_balanced_accuracy": "balanced accuracy",
    "test_accuracy": "accuracy",
    "test_num_steps": "test steps",
    "final_loss": "final loss",
}


@dataclass(frozen=True)
class BatchJudged:
    """A batch of which the judge scored so many traces."""

    batch: GenerationBatch
    num_traces: int


@dataclass(frozen=True)
class TrainedStep:
    """One training: its judge, its figures, how much the judge has scored, and the batches and exports after it."""

    trained: TrainedJudge
    figures: tuple[tuple[str, float], ...]
    num_judged: int
    batches: tuple[BatchJudged, ...]
    next_exports: tuple[Export, ...]


@dataclass(frozen=True)
class ExportStep:
    """An export with what was trained on it; None for trainings on an export that is none of the project's."""

    export: Export | None
    trainings: tuple[TrainedStep, ...]


def list_lineage(project: Project) -> list[ExportStep]:
    """The exports that something was trained on, the newest first, and trainings on others last."""
    trained = list(
        TrainedJudge.objects.filter(project=project).select_related(
            "judge__model_spec", "export", "registered_by"
        )
    )
    exports = {one.export_id: one.export for one in trained if one.export_id is not None}
    steps = [
        ExportStep(export, tuple(_follow(one) for one in trained if one.export_id == pk))
        for pk, export in sorted(exports.items(), reverse=True)
    ]
    others = tuple(_follow(one) for one in trained if one.export_id is None)
    return [*steps, *([ExportStep(None, others)] if others else [])]


def _follow(trained: TrainedJudge) -> TrainedStep:
    scores = JudgeScore.objects.filter(judge=trained.judge_id)
    counts = scores.exclude(trace__batch=None).values("trace__batch").annotate(number=Count("pk"))
    numbers = {row["trace__batch"]: row["number"] for row in counts}
    batches = cast("QuerySet[GenerationBatch]", GenerationBatch.objects.filter(pk__in=numbers))
    return TrainedStep(
        trained=trained,
        figures=tuple(
            (words, float(trained.metrics[name]))
            for name, words in FIGURES.items()
            if name in trained.metrics
        ),
        num_judged=scores.count(),
        batches=tuple(
            BatchJudged(batch, numbers[batch.pk])
            for batch in batches.select_related("model_spec").order_by("-pk")
        ),
        next_exports=tuple(_list_exports_using(trained)),
    )


def _list_exports_using(trained: TrainedJudge) -> QuerySet[Export]:
    """Finished exports whose merge had this judge's scores before it."""
    named = [{"name": trained.judge.name, "version": trained.judge.version}]
    exports = cast(
        "QuerySet[Export]", Export.objects.filter(project=trained.project_id, state=JobState.FINISHED)
    )
    return exports.filter(manifest__judges__contains=named).order_by("pk")
