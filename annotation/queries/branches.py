"""What a rater was offered in place of a step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import cast

from django.db.models import QuerySet

from annotation.models import Assignment, GenerationBatch, JobState, StepAlternative, StepBranch, Trace


@dataclass(frozen=True)
class Offer:
    """All alternatives to one step that a rater has asked for, the oldest first, and how the last request stands."""

    latest: StepBranch | None
    alternatives: tuple[StepAlternative, ...]
    num_refused: int

    @property
    def is_under_way(self) -> bool:
        return self.latest is not None and self.latest.is_open

    @property
    def has_failed(self) -> bool:
        return self.latest is not None and self.latest.state == JobState.FAILED


_SECONDS_BELIEVED = 60.0
_without_model: dict[int, float] = {}  # project id → until when it is believed to have none
_with_model: set[int] = set()


def offers_alternatives(project_id: int) -> bool:
    """Whether a model has written in this project, so that there is one to ask. The same for each of its traces: an
    imported one, as gold often is, must not look different from the others. Asked on every page, looked up seldom."""
    if project_id in _with_model:
        return True
    now = time.monotonic()
    if _without_model.get(project_id, 0.0) > now:
        return False
    if GenerationBatch.objects.filter(project=project_id).exists():
        _with_model.add(project_id)
        return True
    _without_model[project_id] = now + _SECONDS_BELIEVED
    return False


def find_asked_batch(trace: Trace, *, is_on_server: bool | None = None) -> GenerationBatch | None:
    """The batch whose model and template go on from the trace's steps: its own, else the project's latest. A worker
    says which kind of model it can open."""
    if trace.batch is not None:
        return trace.batch
    batches = cast("QuerySet[GenerationBatch]", GenerationBatch.objects.filter(project=trace.project_id))
    latest = batches.filter(model_spec__retired_at__isnull=True).select_related("model_spec").order_by("-pk")
    return next((one for one in latest if is_on_server in (None, one.model_spec.is_server)), None)


def find_latest_branch(assignment: Assignment, step_index: int) -> StepBranch | None:
    """The last time that the rater asked for alternatives to this step."""
    asked = StepBranch.objects.filter(assignment=assignment, step_index=step_index).order_by("-round")
    return cast("StepBranch | None", asked.first())


def get_offer(assignment: Assignment, step_index: int) -> Offer:
    """What was offered for this step of the assignment's trace so far."""
    rows = list(
        StepAlternative.objects.filter(branch__assignment=assignment, branch__step_index=step_index).order_by(
            "branch__round", "index"
        )
    )
    return Offer(
        latest=find_latest_branch(assignment, step_index),
        alternatives=tuple(row for row in rows if row.text),
        num_refused=sum(not row.text for row in rows),
    )


def find_alternative(assignment: Assignment, step_index: int, alternative_id: int) -> StepAlternative | None:
    """One of the alternatives offered for this step."""
    offered = StepAlternative.objects.filter(branch__assignment=assignment, branch__step_index=step_index)
    return offered.exclude(text="").filter(pk=alternative_id).first()


def find_offered(assignment: Assignment, alternative_id: int) -> StepAlternative | None:
    """One of all alternatives that were offered for this trace, with the branch that names its step."""
    offered = StepAlternative.objects.filter(branch__assignment=assignment).exclude(text="")
    return offered.filter(pk=alternative_id).select_related("branch").first()
