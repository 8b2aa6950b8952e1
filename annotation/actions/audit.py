"""The audit log: who did what to what, and when."""

from __future__ import annotations

import datetime as dt
from typing import Any

from annotation.models import Account, AuditEvent, Project


def record_event(
    *,
    actor: Account | None,
    verb: str,
    subject: object,
    now: dt.datetime,
    project: Project | None = None,
    **details: Any,
) -> None:
    """Adds one event, in the caller's transaction: what is rolled back was never done. No secret goes into details."""
    AuditEvent.objects.create(
        at=now, actor=actor, project=project, verb=verb, subject=str(subject)[:120], details=details
    )
