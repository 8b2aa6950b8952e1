"""How a stored merge run merges."""

from __future__ import annotations

from annotation.merging.data import MergePolicy
from annotation.models import MergeRun


def policy_of(run: MergeRun) -> MergePolicy:
    """How this run merges."""
    return MergePolicy(
        name=run.policy,  # type: ignore[arg-type]  # the form offers the merge's own names only
        recovery=run.recovery,  # type: ignore[arg-type]
        use_verdict=run.uses_verdict,
    )


def used_verdict(run: MergeRun) -> bool:
    """Whether the verdict on final answers entered a finished merge: it does so beside calibrated judges only."""
    return run.uses_verdict and any(row["is_calibrated"] for row in run.diagnostics.get("calibrations", []))
