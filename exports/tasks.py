"""Tasks of the `default` queue that write exports. They need no language model and no torch."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from annotation.actions.jobs import JobLost, JobNotStartable
from exports import actions

logger = logging.getLogger(__name__)


@shared_task(name="exports.write_export")
def write_export(export_id: int) -> None:
    try:
        actions.write_export(export_id=export_id, clock=timezone.now)
    except (JobNotStartable, JobLost) as reason:
        logger.info("%s", reason)
