"""How many of a project's traces have a label, and which of them an export was made of."""

from __future__ import annotations

from collections.abc import Sequence
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


# `IN` and `NOT EXISTS`, since the database then reads the merged traces once, and not once for each trace.
_COUNT = """
SELECT count(*) FROM annotation_trace t WHERE t.project_id = %(project)s AND t.retired_at IS NULL AND t.id IN (
  SELECT trace_id FROM annotation_mergedtrace WHERE run_id = ANY(%(runs)s) AND p_trace IS NOT NULL)
"""
_AND_IN_NONE_OF = """ AND NOT EXISTS (
  SELECT 1 FROM annotation_mergedtrace m WHERE m.trace_id = t.id AND m.run_id = ANY(%(others)s)
    AND m.p_trace IS NOT NULL)
"""


def count_labelled(project: Project) -> Labelled:
    """Where the last merge was exported, its labels are, and nothing more is looked for."""
    exported = list_exported_runs(project)
    latest = find_latest_merge(project)
    num_exported = _count(project, runs=exported) if exported else 0
    if latest is None or latest.pk in exported:
        return Labelled(num_exported, 0)
    return Labelled(num_exported, _count(project, runs=[latest.pk], others=exported))


def _count(project: Project, *, runs: Sequence[int], others: Sequence[int] = ()) -> int:
    """Current traces with a label from one of `runs` and from none of the `others`."""
    sql = _COUNT + (_AND_IN_NONE_OF if others else "")
    with connection.cursor() as cursor:
        cursor.execute(sql, {"project": project.pk, "runs": list(runs), "others": list(others)})
        num: int = cursor.fetchone()[0]
    return num


def list_exported_runs(project: Project) -> list[int]:
    """Ids of the project's merges that a finished export was made of: one of this project, or one of several whose
    first this project is not."""
    is_exported = Q(export__state=JobState.FINISHED) | Q(shared_exports__state=JobState.FINISHED)
    runs = MergeRun._default_manager.filter(is_exported, project=project)
    return list(runs.order_by("pk").values_list("pk", flat=True).distinct())
