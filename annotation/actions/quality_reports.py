"""Quality reports: asked for by a person, computed by a worker, stored whole or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction

from annotation import jobs as background
from annotation.actions import jobs
from annotation.actions.audit import record_event
from annotation.actions.beating import keep_beating
from annotation.measuring import stored
from annotation.measuring.reports import (
    REPORT_VERSION,
    report_agreement,
    report_judges,
    report_more_labels,
)
from annotation.models import Account, Outcome, Project, QualityReport, Rating, ReportKind
from annotation.queries.quality import read_blind_merge_input, read_people
from annotation.queries.quality_reports import find_open_report

Clock = Callable[[], dt.datetime]


class ReportAlreadyOpen(Exception):
    """A report of the kind is queued or running."""

    def __init__(self) -> None:
        super().__init__("This is being computed already.")


class NothingToMeasure(Exception):
    """Nobody has rated anything in the project."""

    def __init__(self) -> None:
        super().__init__("There is nothing to measure yet: nobody has rated a trace.")


def request_report(
    *, project: Project, kind: ReportKind, actor: Account | None, now: dt.datetime
) -> QualityReport:
    """Queues a report on everything said so far. `actor` is None where the product itself asks.

    Raises ReportAlreadyOpen or NothingToMeasure.
    """
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # no double click makes two
        if find_open_report(project, kind) is not None:
            raise ReportAlreadyOpen
        if not Rating.objects.filter(trace__project=project, outcome=Outcome.RATED).exists():
            raise NothingToMeasure
        report = QualityReport.objects.create(
            project=project, kind=kind, created_by=actor, queued_at=now, touched_at=now
        )
        if actor is not None:
            record_event(
                actor=actor, verb="asked for a report", subject=report, now=now, project=project, kind=kind
            )
        background.queue_on_commit(report)
    return report


def compute_report(*, report_id: int, clock: Clock) -> None:
    """A worker's whole job. Raises JobNotStartable or JobLost where the report is not (any longer) this worker's."""
    report = jobs.start_job(QualityReport, report_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    with keep_beating(report, clock=clock):
        found = _compute(report, at=report.started_at or clock())
    with transaction.atomic():
        locked = jobs.lock_for_result(report)
        locked.found, locked.version = found, REPORT_VERSION
        locked.save(update_fields=["found", "version"])
        jobs.finish_job(locked, now=clock())


def _compute(report: QualityReport, *, at: dt.datetime) -> dict[str, Any]:
    people = read_people(report.project, at=at)
    if report.kind == ReportKind.AGREEMENT:
        return stored.dump(report_agreement(people))
    if report.kind == ReportKind.JUDGES:
        return stored.dump(report_judges(people))
    return stored.dump(report_more_labels(people, read_blind_merge_input(report.project, people, at=at)))
