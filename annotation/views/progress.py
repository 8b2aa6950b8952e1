"""The overview of whoever runs a project: the funnel, what is stuck and why, the pace; as words, charts and links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.charts.axes import Axis
from annotation.charts.bars import Bar, draw_bars
from annotation.charts.drawing import WIDE, Chart
from annotation.charts.funnel import Stage, draw_funnel
from annotation.models import Role
from annotation.queries.progress import Day, Progress

_MAKERS = frozenset({Role.ADMIN, Role.ENGINEER})
_REVIEWERS = frozenset({Role.ADMIN, Role.ADJUDICATOR})
_ADMINS = frozenset({Role.ADMIN})
_LEAST_DAYS = 7


@dataclass(frozen=True)
class Stuck:
    """Something that does not go on: how much, why, and the page where it can be set going. Only shown to `roles`."""

    stage: str
    num: int
    why: str
    view: str
    action: str
    roles: frozenset[Role]
    query: str = ""


def list_stuck(found: Progress, roles: frozenset[Role]) -> list[Stuck]:
    """What keeps this project from going on, in the order of the funnel; only what the person can act on."""
    rows = [*_list_stuck_in_making(found), *_list_stuck_in_rating(found), *_list_stuck_in_taking(found)]
    return [row for row in rows if row.num and row.roles & roles]


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


def _list_stuck_in_making(found: Progress) -> list[Stuck]:
    return [
        Stuck(
            "Prompts",
            found.num_unasked,
            "No batch has had a model answer them yet.",
            "annotation:launch_batch",
            "Launch a batch",
            _MAKERS,
        ),
        Stuck(
            "Batches",
            found.num_failed_batches,
            "They failed within the last week; each says why.",
            "annotation:list_batches",
            "Look at them",
            _MAKERS,
            "state=failed",
        ),
        Stuck(
            "Traces",
            found.num_traces - found.num_judged,
            "No judge has scored them.",
            "annotation:list_judge_runs",
            "Run a judge",
            _MAKERS,
        ),
        Stuck(
            "Judge runs",
            found.num_failed_judge_runs,
            "They failed within the last week; each says why.",
            "annotation:list_judge_runs",
            "Look at them",
            _MAKERS,
            "state=failed",
        ),
    ]


def _list_stuck_in_rating(found: Progress) -> list[Stuck]:
    waits = found.num_missing > 0
    paused = f" {found.num_paused_raters:,} are paused." if found.num_paused_raters else ""
    return [
        Stuck(
            "Ratings",
            found.num_missing if waits and not found.num_raters else 0,
            f"They are wanted, but no rater is active.{paused}",
            "annotation:list_people",
            "Invite raters",
            _ADMINS,
        ),
        Stuck(
            "Ratings",
            found.num_missing if waits and found.num_raters and found.pace.a_day == 0 else 0,
            f"They are wanted, and raters are there ({found.num_raters:,}), but nobody has rated for a week.{paused}",
            "annotation:list_people",
            "See who rates",
            _ADMINS,
        ),
        Stuck(
            "Traces",
            found.num_held,
            "Their prompts are held back, so that nobody is handed them.",
            "annotation:list_prompts",
            "See the prompts",
            _MAKERS,
        ),
        Stuck(
            "Disagreements",
            found.num_disagreements,
            "Their raters, or the merge, find the first error in different places.",
            "annotation:list_disagreements",
            "Review them",
            _REVIEWERS,
        ),
        Stuck(
            "Appeals",
            found.num_appeals,
            "Raters object to a decision and wait for an answer.",
            "annotation:list_disagreements",
            "Answer them",
            _REVIEWERS,
        ),
    ]


def _list_stuck_in_taking(found: Progress) -> list[Stuck]:
    return [
        Stuck(
            "Rated traces",
            found.num_unmerged,
            "They were rated since the last merge, which has not heard those ratings.",
            "annotation:list_merges",
            "Merge",
            _MAKERS,
        ),
        Stuck(
            "Merges",
            found.num_failed_merges,
            "They failed within the last week; each says why.",
            "annotation:list_merges",
            "Look at them",
            _MAKERS,
        ),
    ]
