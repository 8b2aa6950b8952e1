"""A project in which everything goes on, for tests that let something get stuck."""

from __future__ import annotations

from annotation.queries.progress import Progress
from annotation.rules.pace import Pace
from tests.factories import NOW

EVERYTHING_WELL = Progress(
    num_prompts=10, num_unasked=0, num_traces=40, num_judged=40, num_rated=40, num_whole=40, num_decided=3,
    num_exported=38, num_unexported=0, num_gold=2, num_held=0, num_missing=0, num_unreachable=0, num_leased=0,
    num_disagreements=0, num_appeals=0, overlap=2, num_raters=4, num_untested=0, num_paused_raters=0,
    num_paused_for_gold=0, num_unmerged=0, num_failed_batches=0, num_failed_judge_runs=0, num_failed_merges=0,
    num_failed_exports=0, pace=Pace(12.5, 0.0, NOW.date()),
)  # fmt: skip
