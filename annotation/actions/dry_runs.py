"""Dry runs, asked for by a person: one prompt, answered as a batch with these settings would answer it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import cast

from django.db import transaction
from django.db.models import QuerySet

from annotation import jobs as background
from annotation.actions import jobs
from annotation.actions.batches import BatchSettings, NothingToGenerate
from annotation.models import Account, DryRun, Project, Prompt
from annotation.models.job import OPEN_STATES
from annotation.rules.prompt_template import fill_template


def launch_dry_run(
    *,
    project: Project,
    settings: BatchSettings,
    prompt_id: int | None,
    form_fields: Mapping[str, str],
    actor: Account,
    now: dt.datetime,
) -> DryRun:
    """Queues an answer to one prompt, on commit, and gives up what this person still waits for in this project: they
    have changed their mind. Raises NothingToGenerate, or BadTemplate."""
    prompt = Prompt.objects.filter(project=project, pk=prompt_id or 0).first()
    if prompt is None:
        raise NothingToGenerate
    with transaction.atomic():
        earlier = cast("QuerySet[DryRun]", DryRun.objects.filter(project=project, created_by=actor))
        for waiting in earlier.select_for_update().filter(state__in=OPEN_STATES):
            jobs.cancel_job(waiting, now=now)
        dry_run = DryRun.objects.create(
            project=project,
            model_spec=settings.model_spec,
            created_by=actor,
            prompt=prompt,
            form_fields=dict(form_fields),
            told=fill_template(settings.prompt_template, prompt.text),
            temperature=settings.temperature,
            top_p=settings.top_p,
            max_new_tokens=settings.max_new_tokens,
            seed=settings.seed,
            segmenter=settings.segmenter,
            is_on_server=settings.model_spec.is_server,
            queued_at=now,
            touched_at=now,
        )
        background.queue_on_commit(dry_run)
    return dry_run
