"""Quality reports: the newest of a kind, what is under way, and what was said since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from django.db.models import QuerySet

from annotation.measuring.reports import REPORT_VERSION, AgreementReport
from annotation.measuring.stored import load
from annotation.models import JobState, MergeRun, Project, QualityReport, Rating, ReportKind
from annotation.models.job import OPEN_STATES
from annotation.queries.merges import find_latest_merge


def list_reports(project: Project, kind: ReportKind) -> QuerySet[QualityReport]:
    """The newest first."""
    reports = cast("QuerySet[QualityReport]", QualityReport.objects.filter(project=project, kind=kind))
    return reports.select_related("created_by")


def find_open_report(project: Project, kind: ReportKind) -> QualityReport | None:
    return list_reports(project, kind).filter(state__in=OPEN_STATES).first()


@dataclass(frozen=True)
class ReportState:
    """What a page knows of one kind of report.

    `latest`: the newest finished one of the version that pages read; `failed`: the last attempt, where that failed;
    `num_since`: ratings given since `latest` was computed.
    """

    kind: ReportKind
    latest: QualityReport | None
    under_way: QualityReport | None
    failed: QualityReport | None
    num_since: int


def get_report_state(project: Project, kind: ReportKind) -> ReportState:
    """The newest finished report of a kind, and how things stand with it."""
    newest = list_reports(project, kind).exclude(state=JobState.CANCELLED).first()
    latest = list_reports(project, kind).filter(state=JobState.FINISHED, version=REPORT_VERSION).first()
    is_open = newest is not None and newest.is_open
    return ReportState(
        kind=kind,
        latest=latest,
        under_way=newest if is_open else None,
        failed=newest if newest is not None and newest.state == JobState.FAILED else None,
        num_since=_count_ratings_since(project, latest.started_at) if latest and latest.started_at else 0,
    )


def _count_ratings_since(project: Project, moment: dt.datetime) -> int:
    return Rating.objects.filter(trace__project=project, submitted_at__gt=moment).count()


@dataclass(frozen=True)
class ProjectAgreement:
    """A project with its newest agreement report."""

    project: Project
    computed_at: dt.datetime | None
    report: AgreementReport


def list_agreement_by_project(projects: Collection[Project]) -> list[ProjectAgreement]:
    """The newest report of each of these projects that has one, by name."""
    reports = cast(
        "QuerySet[QualityReport]",
        QualityReport.objects.filter(
            project__in=projects, kind=ReportKind.AGREEMENT, state=JobState.FINISHED, version=REPORT_VERSION
        ),
    )
    newest = (
        reports.select_related("project").order_by("project_id", "-queued_at", "-pk").distinct("project_id")
    )
    found = [
        ProjectAgreement(row.project, row.finished_at, load(AgreementReport, row.found)) for row in newest
    ]
    return sorted(found, key=lambda one: one.project.name)


@dataclass(frozen=True)
class JudgeCalibration:
    """What the newest merge made of a judge: used or not, why not, and on how many rated traces and errors it rests.

    `partners`: judges whose scores it was calibrated together with.
    """

    run: MergeRun
    is_calibrated: bool
    reason: str
    num_traces: int
    expected_errors: float
    partners: tuple[str, ...]


def find_calibration(project: Project, judge: str) -> JudgeCalibration | None:
    """How the newest merge calibrated a judge ("name@version"): alone or in the largest set that holds it; None where
    no merge has met it."""
    run = find_latest_merge(project)
    rows = [row for row in run.diagnostics.get("calibrations", []) if judge in row["judges"]] if run else []
    if run is None or not rows:
        return None
    best = max(rows, key=lambda row: (row["is_calibrated"], row["num_traces"], -len(row["judges"])))
    return JudgeCalibration(
        run=run,
        is_calibrated=best["is_calibrated"],
        reason=best["reason"],
        num_traces=best["num_traces"],
        expected_errors=best["expected_errors"],
        partners=tuple(name for name in best["judges"] if name != judge),
    )
