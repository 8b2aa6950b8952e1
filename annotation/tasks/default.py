"""Tasks of the `default` queue: quick ones, and those that need no language model."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from annotation.actions import jobs


@shared_task(name="annotation.reap_jobs")
def reap_jobs() -> None:
    jobs.reap_jobs(
        now=timezone.now(), stall_seconds=settings.JOB_STALL_SECONDS, max_attempts=settings.JOB_MAX_ATTEMPTS
    )
