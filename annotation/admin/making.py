"""What traces are made of and by: models, prompts, imports, batches, and judges with their scores."""

from __future__ import annotations

from django.contrib import admin

from annotation import models
from annotation.admin.site import ReadOnlyAdmin


@admin.register(models.ModelSpec)
class ModelSpecAdmin(ReadOnlyAdmin):
    list_display = ("name", "backend", "location", "address", "revision", "created_at", "retired_at")
    search_fields = ("name", "location")


@admin.register(models.ModelTrial)
class ModelTrialAdmin(ReadOnlyAdmin):
    list_display = ("pk", "model_spec", "state", "created_by", "queued_at")
    list_select_related = ("model_spec", "created_by")


@admin.register(models.Prompt)
class PromptAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "verifier", "created_at")
    list_filter = ("project", "verifier")
    list_select_related = ("project",)
    search_fields = ("text",)


@admin.register(models.Trace)
class TraceAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "model_name", "segmenter", "wants_ratings", "created_at", "retired_at")
    list_filter = ("project", "model_name", "wants_ratings")
    list_select_related = ("project",)


@admin.register(models.GenerationBatch)
class GenerationBatchAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "model_spec", "state", "num_prompts", "num_samples", "queued_at")
    list_filter = ("state", "project")
    list_select_related = ("project", "model_spec")


@admin.register(models.GenerationChunk)
class GenerationChunkAdmin(ReadOnlyAdmin):
    list_display = ("pk", "batch", "index", "state", "num_attempts", "touched_at", "error")
    list_filter = ("state",)
    list_select_related = ("batch",)


@admin.register(models.BatchFailure)
class BatchFailureAdmin(ReadOnlyAdmin):
    list_display = ("batch", "prompt_id", "sample_index", "reason")
    list_select_related = ("batch",)


@admin.register(models.DryRun)
class DryRunAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "model_spec", "state", "created_by", "queued_at")
    list_filter = ("state", "project")
    list_select_related = ("project", "model_spec", "created_by")


@admin.register(models.Judge)
class JudgeAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "project", "kind", "model_spec", "sees_reference", "created_at")
    list_filter = ("kind",)
    list_select_related = ("model_spec", "project")


@admin.register(models.ImportSource)
class ImportSourceAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "file_format", "state", "num_rows", "queued_at")
    list_filter = ("state", "file_format", "project")
    list_select_related = ("project",)


@admin.register(models.ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "source", "layout", "state", "num_read", "num_refused", "queued_at")
    list_filter = ("state", "layout", "project")
    list_select_related = ("project", "source")


@admin.register(models.ImportRefusal)
class ImportRefusalAdmin(ReadOnlyAdmin):
    list_display = ("run", "number", "reason", "is_known")
    list_filter = ("is_known",)
    list_select_related = ("run",)


@admin.register(models.JudgeRun)
class JudgeRunAdmin(ReadOnlyAdmin):
    list_display = ("pk", "project", "judge", "state", "num_traces", "queued_at")
    list_filter = ("state", "project")
    list_select_related = ("project", "judge")


@admin.register(models.JudgeChunk)
class JudgeChunkAdmin(ReadOnlyAdmin):
    list_display = ("pk", "run", "index", "state", "num_attempts", "touched_at", "error")
    list_filter = ("state",)
    list_select_related = ("run",)


@admin.register(models.JudgeFailure)
class JudgeFailureAdmin(ReadOnlyAdmin):
    list_display = ("run", "trace_id", "reason")
    list_select_related = ("run",)


@admin.register(models.JudgeScore)
class JudgeScoreAdmin(ReadOnlyAdmin):
    list_display = ("trace", "judge", "created_at")
    list_filter = ("judge",)
    list_select_related = ("judge", "trace")
