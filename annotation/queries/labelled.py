"""How many of a project's traces have a label, and which of them an export was made of."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from annotation.models import JobState, MergeRun, Project
from annotation.queries.merges import find_latest_merge


@dataclass(frozen=True)
class Labelled:
    """Numbers of current traces. num_exported: labelled by a merge that a finished export was made of, whatever the
    export's own filters left out; num_unexported: labelled by the last merge, and by none of those."""

    num_exported: int
    num_unexported: int


_COUNT = """
SELECT count(*) FILTER (WHERE is_exported), count(*) FILTER (WHERE NOT is_exported)
FROM (
  SELECT trace_id, bool_or(run_id = ANY(%(exported)s::bigint[])) AS is_exported FROM annotation_mergedtrace
  WHERE run_id = ANY(%(all)s::bigint[]) AND p_trace IS NOT NULL GROUP BY trace_id
) labelled JOIN annotation_trace t ON t.id = labelled.trace_id
WHERE t.retired_at IS NULL
"""


def count_labelled(project: Project) -> Labelled:
    """In one pass over the merged traces of these merges: nothing where there was none."""
    exported = list_exported_runs(project)
    latest = find_latest_merge(project)
    counted = {*exported, *([latest.pk] if latest else [])}
    if not counted:
        return Labelled(0, 0)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"exported": exported, "all": sorted(counted)})
        return Labelled(*cursor.fetchone())


def list_exported_runs(project: Project) -> list[int]:
    """Ids of the project's merges that a finished export was made of: one of this project, or one of several whose
    first this project is not."""
    is_exported = Q(export__state=JobState.FINISHED) | Q(shared_exports__state=JobState.FINISHED)
    runs = MergeRun._default_manager.filter(is_exported, project=project)
    return list(runs.order_by("pk").values_list("pk", flat=True).distinct())
