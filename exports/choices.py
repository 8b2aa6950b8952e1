"""What there is to choose from in a project: its models, batches, languages, and how much of it people rated."""

from __future__ import annotations

from typing import cast

from django.db.models import Count, Q, QuerySet

from annotation.models import Account, GenerationBatch, Outcome, Project, Prompt, Trace
from annotation.queries.access import list_projects_with_role
from exports.queries import MAKERS


def list_other_projects(account: Account, project: Project) -> list[Project]:
    """The other projects of which the account may export."""
    return list(list_projects_with_role(account, MAKERS).exclude(pk=project.pk).order_by("name"))


def list_model_names(project: Project) -> list[str]:
    """The models that wrote the project's traces."""
    rows = Trace.objects.current().filter(project=project).order_by().values_list("model_name", flat=True)
    return sorted(rows.distinct())


def list_batch_choices(project: Project) -> list[tuple[int, str]]:
    """The project's batches that made traces: number, and what tells it from the others; the newest first."""
    batches = cast("QuerySet[GenerationBatch]", GenerationBatch.objects.filter(project=project))
    rows = batches.filter(traces__isnull=False).distinct().order_by("-pk")
    columns = rows.values_list("pk", "model_spec__name", "queued_at")
    return [(pk, f"Batch {pk}: {model}, {queued_at:%-d %b %Y}") for pk, model, queued_at in columns]


def list_languages(project: Project) -> list[str]:
    """The languages of the project's prompts; "" among them where one was not recognised."""
    rows = Prompt.objects.filter(project=project).order_by().values_list("language", flat=True)
    return sorted(rows.distinct())


def count_traces_with_raters(project: Project, num_raters: int) -> int:
    """How many traces have at least this many blind raters."""
    ratings = Q(ratings__is_current=True, ratings__outcome=Outcome.RATED, ratings__is_assisted=False)
    traces = Trace.objects.current().filter(project=project).order_by()
    return traces.annotate(num=Count("ratings", filter=ratings)).filter(num__gte=num_raters).count()
