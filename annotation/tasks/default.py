"""Tasks of the `default` queue: quick ones, and those that need no language model."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from annotation.actions import (
    assignments,
    chunked,
    import_rows,
    jobs,
    merges,
    password_reset,
    quality_reports,
    retention,
)
from annotation.actions.mail import MailNotSent


@shared_task(name="annotation.reap_jobs")
def reap_jobs() -> None:
    jobs.reap_jobs(
        now=timezone.now(), stall_seconds=settings.JOB_STALL_SECONDS, max_attempts=settings.JOB_MAX_ATTEMPTS
    )
    chunked.settle_abandoned(now=timezone.now())


@shared_task(name="annotation.expire_leases")
def expire_leases() -> None:
    assignments.expire_leases(now=timezone.now())


@shared_task(name="annotation.remove_what_is_old")
def remove_what_is_old() -> None:
    retention.remove_what_is_old(now=timezone.now())


@shared_task(name="annotation.inspect_source")
def inspect_source(source_id: int) -> None:
    with jobs.leave_to_others():
        import_rows.inspect_source(source_id=source_id, clock=timezone.now)


@shared_task(name="annotation.run_import")
def run_import(run_id: int) -> None:
    with jobs.leave_to_others():
        import_rows.run_import(run_id=run_id, clock=timezone.now)


@shared_task(name="annotation.run_merge")
def run_merge(run_id: int) -> None:
    with jobs.leave_to_others():
        merges.run_merge(run_id=run_id, clock=timezone.now)


@shared_task(name="annotation.compute_quality")
def compute_quality(report_id: int) -> None:
    with jobs.leave_to_others():
        quality_reports.compute_report(report_id=report_id, clock=timezone.now)


@shared_task(
    name="annotation.send_reset_link", autoretry_for=(MailNotSent,), max_retries=3, default_retry_delay=30
)
def send_reset_link(account_id: int, site: str, language: str) -> None:
    password_reset.send_reset_link(account_id=account_id, site=site, language=language, now=timezone.now())
