"""The charts of a project's overview: the funnel, and what was done each day."""

from __future__ import annotations

from collections.abc import Sequence

from annotation.charts.axes import Axis
from annotation.charts.bars import Bar, draw_bars
from annotation.charts.drawing import WIDE, Chart
from annotation.charts.funnel import Stage, draw_funnel
from annotation.queries.progress import Day, Progress

_LEAST_DAYS = 7


def draw_progress(found: Progress) -> Chart:
    """The funnel from prompts to exports."""
    done = found.num_traces
    stages = [
        Stage("Prompts", (found.num_prompts, 0), _note(found.num_unasked, "without a trace")),
        Stage("Traces", (done, 0), ""),
        Stage("Judged", (found.num_judged, 0), _note(done - found.num_judged, "not judged")),
        Stage(
            "Rated",
            (found.num_whole, max(0, found.num_rated - found.num_whole)),
            _note(done - found.num_whole, "not fully rated"),
        ),
        Stage("Decided", (found.num_decided, 0), _note(found.num_disagreements, "disagreements open")),
        Stage("Exported", (found.num_exported, 0), _note(done - found.num_exported, "in no export")),
    ]
    return draw_funnel(
        stages,
        key="funnel",
        title="From prompts to exports",
        description=f"{found.num_prompts:,} prompts, {done:,} traces, {found.num_judged:,} judged, "
        f"{found.num_rated:,} rated of which {found.num_whole:,} fully, {found.num_decided:,} decided, "
        f"{found.num_exported:,} in an export.",
        part_names=("done", "begun: more raters wanted"),
        part_classes=("series-1", "neutral"),
    )


def draw_days(days: Sequence[Day]) -> Chart:
    """Ratings and decisions a day, from the first day on which there was something; a week at least."""
    first = next((at for at, day in enumerate(days) if day.is_busy), len(days))
    days = days[min(first, max(0, len(days) - _LEAST_DAYS)) :]
    total = sum(day.num_by_people for day in days)
    decided = sum(day.num_decisions for day in days)
    return draw_bars(
        [
            Bar(f"{day.day.day} {day.day:%b}", (day.num_by_people, day.num_by_programs, day.num_decisions))
            for day in days
        ],
        key="days",
        title="What was done each day",
        description=f"In the last {len(days)} days people gave {total:,} ratings, and {decided:,} decisions were made.",
        x_label="Day",
        y=Axis("Number", kind="count"),
        part_names=("ratings by people", "ratings by simulated raters", "decisions"),
        width=WIDE,
    )


def _note(num: int, words: str) -> str:
    return f"{num:,} {words}" if num > 0 else ""
