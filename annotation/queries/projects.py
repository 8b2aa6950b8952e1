"""What a project's overview counts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from annotation.models import Project, Prompt
from annotation.queries.trace_counts import TraceCounts, count_traces


@dataclass(frozen=True)
class ProjectCounts:
    """The funnel of a project, each a number of rows."""

    num_prompts: int
    num_traces: int
    num_judged: int
    num_rated: int
    num_rated_by_programs: int  # of the rated: simulated raters alone
    num_open: int


def get_project_counts(
    project: Project, *, now: dt.datetime, counts: TraceCounts | None = None
) -> ProjectCounts:
    """`counts` saves counting where the page has done it already."""
    counts = counts or count_traces(project, now=now)
    return ProjectCounts(
        num_prompts=Prompt.objects.filter(project=project).count(),
        num_traces=counts.num_traces,
        num_judged=counts.num_judged,
        num_rated=counts.num_rated,
        num_rated_by_programs=counts.num_rated_by_programs,
        num_open=counts.num_open,
    )
