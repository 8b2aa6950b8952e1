"""What every background job records. These rows, not the broker, are the truth about jobs.

A worker marks the row running and beats while it works; the reaper queues again whatever has been silent
too long. A job is safe to run twice: its result and its last state are written in one transaction.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q


class JobState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)


class JobQuerySet(models.QuerySet["Job"]):
    def open(self) -> JobQuerySet:
        return self.filter(state__in=OPEN_STATES)

    def stalled(self, *, now: dt.datetime, stall_seconds: int) -> JobQuerySet:
        """Open jobs that nobody has touched for `stall_seconds`."""
        return self.open().filter(touched_at__lt=now - dt.timedelta(seconds=stall_seconds))


class Job(models.Model):
    """Abstract. `task_name` is the Celery task that takes this row's id."""

    task_name: ClassVar[str] = ""
    whole: ClassVar[str] = ""  # a chunk's field for the job that it is part of

    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    touched_at = models.DateTimeField(
        help_text="Last sign of life: queued, started, or a beat of the worker."
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    num_attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="%(class)s_state_is_known"),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_STATES, finished_at__isnull=True)
                | (~Q(state__in=OPEN_STATES) & Q(finished_at__isnull=False)),
                name="%(class)s_finished_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["touched_at"], condition=Q(state__in=OPEN_STATES), name="%(class)s_open"),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def task(self) -> str:
        """The Celery task that does this very job."""
        return self.task_name

    def fail_items(self, reason: str) -> list[str]:
        """Notes the reason on each item that the job was to make, whoever gives the job up, and returns the fields
        that hold it. A job that makes one thing has its `error` for that."""
        return []


class ModelJob(Job):
    """Abstract. A job that a language model does: in a worker's own process, or on a server that it asks.

    `server_task_name` is the task of the second kind, in a queue of its own: waiting for a slow server never keeps
    the worker with the local model from its work.
    """

    server_task_name: ClassVar[str] = ""

    is_on_server = models.BooleanField(default=False)
    num_prompt_tokens = models.PositiveBigIntegerField(
        default=0, help_text="Tokens the model read for it, failures included."
    )
    num_tokens = models.PositiveBigIntegerField(
        default=0, help_text="Tokens the model wrote for it, failures included."
    )

    class Meta(Job.Meta):
        abstract = True

    @property
    def task(self) -> str:
        return self.server_task_name if self.is_on_server else self.task_name


class ChunkedJob(Job):
    """Abstract. A job whose work is done in `chunks`: its state follows theirs, and it is never queued itself.

    While it is paused it stays open, and no worker starts another chunk of it.
    """

    chunks: Any  # the manager of its chunks, which each kind gets from their foreign key

    paused_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(
        max_length=200, blank=True, help_text="Why it paused by itself; empty where a person paused it."
    )
    paused_seconds = models.PositiveBigIntegerField(
        default=0, help_text="How long earlier pauses took together."
    )

    class Meta(Job.Meta):
        abstract = True

    @property
    def is_paused(self) -> bool:
        return self.is_open and self.paused_at is not None
