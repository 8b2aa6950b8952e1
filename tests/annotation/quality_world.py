"""A rated and judged project, large enough that every figure of the quality pages can be told."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from annotation.actions.quality_reports import compute_report, request_report
from annotation.models import AssignmentState, Judge, Project, QualityReport, ReportKind, Role
from tests.factories import (
    NOW,
    make_assignment,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

LATER = NOW + dt.timedelta(days=60)
KINDS = ("Calculation", "Logic: does not follow")


@dataclass(frozen=True)
class QualityWorld:
    project: Project
    judge: Judge


def make_quality_world(num_traces: int = 40, *, num_raters: int = 3, seed: int = 1) -> QualityWorld:
    """Traces of three to seven steps, half with an error that most raters and the judge see; a third of all ratings is
    assisted, and raters who were shown the judge's scores often repeat its verdict. One rater is a program."""
    source = random.Random(seed)
    project = make_project(name="Sums", assisted_share=0.3)
    judge = make_judge(name=f"arithmetic-{project.pk}", note="Checks equations.")
    raters = [
        make_member(project, username=f"rater-{n}-of-{project.pk}", is_simulated=n == num_raters - 1)
        for n in range(num_raters)
    ]
    prompts = [make_prompt(project) for _ in range(8)]
    for number in range(num_traces):
        num_steps = 3 + number % 5
        error = source.randrange(num_steps) if number % 2 else None
        trace = make_trace(
            prompts[number % 8],
            steps=[f"Step {step + 1} of trace {number}.\n" for step in range(num_steps)],
            model_name=f"model-{number // 2 % 2}",
            wants_ratings=False,
        )
        scores = [
            min(max((0.25 if step == error else 0.85) + source.uniform(-0.15, 0.15), 0), 1)
            for step in range(num_steps)
        ]
        make_judge_score(trace, judge, scores)
        day = NOW + dt.timedelta(days=number)
        for rater in raters:
            is_assisted = source.random() < 0.35
            finds_it = error is not None and source.random() < (0.98 if is_assisted else 0.75)
            place = error if finds_it else None
            if place is None and source.random() < (0.02 if is_assisted else 0.12):
                place = num_steps - 1
            labels = [
                None
                if place is not None and step > place
                else -1
                if step == place
                else source.choice((0, 1, 1))
                for step in range(num_steps)
            ]
            make_rating(
                trace,
                labels=labels,
                is_assisted=is_assisted,
                submitted_at=day,
                error_categories={str(place): source.choice(KINDS)} if place is not None else {},
                assignment=make_assignment(
                    trace,
                    rater,
                    state=AssignmentState.SUBMITTED,
                    leased_at=day,
                    ended_at=day,
                    is_assisted=is_assisted,
                    selection_probability=source.uniform(0.02, 0.5),
                ),
            )
    return QualityWorld(project, judge)


def compute(project: Project, kind: ReportKind) -> QualityReport:
    """A finished report."""
    report = request_report(project=project, kind=kind, actor=make_member(project, Role.ADMIN), now=LATER)
    compute_report(report_id=report.pk, clock=lambda: LATER)
    report.refresh_from_db()
    return report
