"""What a rater was offered in place of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from annotation.models import Assignment, JobState, StepAlternative, StepBranch


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
