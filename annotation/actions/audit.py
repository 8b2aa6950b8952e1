"""The audit log: who did what to what, and when."""

from __future__ import annotations

import datetime as dt
from typing import Any

from annotation.models import Account, AuditEvent, Project

_LONGEST_SUBJECT = AuditEvent._meta.get_field("subject").max_length or 0


def record_event(
    *,
    actor: Account | None,
    verb: str,
    subject: object,
    now: dt.datetime,
    project: Project | None = None,
    **details: Any,
) -> None:
    """Adds one event, in the caller's transaction: what is rolled back was never done.

    No secret and no name of a person goes into it: the log can't be changed, and people may be forgotten.
    """
    AuditEvent.objects.create(
        at=now, actor=actor, project=project, verb=verb, subject=name_subject(subject), details=details
    )


def name_subject(subject: object) -> str:
    """What the log calls it. An account by its number: the log's page looks up how it is called today."""
    said = f"account {subject.pk}" if isinstance(subject, Account) else str(subject)
    return said[:_LONGEST_SUBJECT]
