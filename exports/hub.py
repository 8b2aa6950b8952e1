"""Pushing a finished export to the Hugging Face Hub, where the installation has a token for it.

The token stands in the worker's environment (HF_TOKEN) and nowhere else: no page asks for one, no table keeps one. The
upload runs in a process of its own (`python -m rl_bridge push`), which alone is handed it.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.db import transaction

from annotation import jobs as background
from annotation.actions import jobs
from annotation.actions.audit import record_event
from annotation.actions.beating import keep_beating
from annotation.models import Account, JobState
from annotation.models.job import OPEN_STATES
from exports.actions import folder_of
from exports.models import Export, HubPush

Clock = Callable[[], dt.datetime]
TIMEOUT_SECONDS = 3600
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_HANDED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "VIRTUAL_ENV",
    "HF_TOKEN",
    "HF_ENDPOINT",
    "HF_HUB_DISABLE_XET",
    "HTTPS_PROXY",
    "SSL_CERT_FILE",
)


class NoToken(Exception):
    """The installation has no token for the Hub."""


class BadRepository(Exception):
    """The name is none that a dataset repository has."""


class ExportUnfit(Exception):
    """There is nothing to push: the export is not finished, or is on its way there already."""


def start_push(
    *, export: Export, repository: str, is_private: bool, actor: Account, now: dt.datetime
) -> HubPush:
    """Queues a push. Raises NoToken, BadRepository, ExportUnfit."""
    if not settings.HUB_HAS_TOKEN:
        raise NoToken("This installation has no token for the Hub: whoever runs it sets HF_TOKEN.")
    if not _REPOSITORY.fullmatch(repository):
        raise BadRepository("Name the repository as owner/name, in letters, digits, dots and dashes.")
    with transaction.atomic():
        locked = cast(Export, Export.objects.select_for_update().get(pk=export.pk))
        if locked.state != JobState.FINISHED:
            raise ExportUnfit("Only a finished export can be pushed.")
        if HubPush.objects.filter(export=locked, repository=repository, state__in=OPEN_STATES).exists():
            raise ExportUnfit(f"It is on its way to {repository} already.")
        push = HubPush.objects.create(
            export=locked,
            created_by=actor,
            repository=repository,
            is_private=is_private,
            queued_at=now,
            touched_at=now,
        )
        record_event(
            actor=actor,
            verb="pushed an export to the Hub",
            subject=push,
            now=now,
            project=export.project,
            repository=repository,
            is_private=is_private,
        )
        background.queue_on_commit(push)
    return push


def run_push(*, push_id: int, clock: Clock) -> None:
    """A worker's whole job. Raises JobNotStartable or JobLost where it is not (any longer) this worker's."""
    push = jobs.start_job(HubPush, push_id, now=clock(), stall_seconds=settings.JOB_STALL_SECONDS)
    with keep_beating(push, clock=clock):
        commit_url, error = _upload(push)
    with transaction.atomic():
        locked = jobs.lock_for_result(push)
        if error:
            jobs.fail_job(locked, error=error, now=clock())
            return
        locked.commit_url = commit_url[:500]
        locked.save(update_fields=["commit_url"])
        jobs.finish_job(locked, now=clock())


def _upload(push: HubPush) -> tuple[str, str]:
    """(address of the commit, what went wrong), one of them empty."""
    command = [sys.executable, "-m", "rl_bridge", "push", "--export", str(folder_of(push.export))]
    command += ["--repository", push.repository, *([] if push.is_private else ["--public"])]
    environment = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    environment["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # they would end up behind the reason of a failure
    try:
        done = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"The Hub took longer than {TIMEOUT_SECONDS // 60} minutes."
    if done.returncode == 0:
        return done.stdout.strip().splitlines()[-1], ""
    said = done.stderr.strip().splitlines()
    return "", (said[-1].removeprefix("rl_bridge: ") if said else "The upload broke off without a word.")
