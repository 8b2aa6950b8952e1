"""What a project's overview counts."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from annotation.models import JudgeScore, Project, Prompt, Rating, Trace


@dataclass(frozen=True)
class ProjectCounts:
    """The funnel of a project, each a number of rows."""

    num_prompts: int
    num_traces: int
    num_judged: int
    num_rated: int
    num_rated_by_programs: int  # of the rated: simulated raters alone
    num_open: int


def get_project_counts(project: Project) -> ProjectCounts:
    traces = Trace.objects.current().filter(project=project)
    ratings = Rating.objects.current().filter(trace=OuterRef("pk"))
    return ProjectCounts(
        num_prompts=Prompt.objects.filter(project=project).count(),
        num_traces=traces.count(),
        num_judged=traces.filter(Exists(JudgeScore.objects.filter(trace=OuterRef("pk")))).count(),
        num_rated=traces.filter(Exists(ratings)).count(),
        num_rated_by_programs=traces.filter(
            Exists(ratings), ~Exists(ratings.filter(rater__is_simulated=False))
        ).count(),
        num_open=traces.filter(wants_ratings=True).count(),
    )
