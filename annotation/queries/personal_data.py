"""What the product keeps of one person, for that person: account, work, and what the audit log says they did.

Columns are named one by one: what a rater must not learn (which traces were gold, whether a test's answer was right)
and secrets are not among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db.models import Model

from annotation.models import (
    Account,
    ApiToken,
    Appeal,
    Assignment,
    AuditEvent,
    Comparison,
    Decision,
    Membership,
    PracticeAnswer,
    QualificationAttempt,
    Rating,
    StepBranch,
)


@dataclass(frozen=True)
class Part:
    """Rows of one kind: whose they are stands in `owner`."""

    model: type[Model]
    owner: str
    columns: tuple[str, ...]


PARTS = (
    Part(
        Account, "pk",
        ("username", "display_name", "first_name", "last_name", "email", "language", "key_bindings", "date_joined",
         "last_login"),
    ),
    Part(Membership, "account", ("project__slug", "role", "created_at", "paused_at", "pause_reason", "resumed_at")),
    Part(
        Assignment, "rater",
        ("trace_id", "state", "leased_at", "expires_at", "ended_at", "skip_reason", "draft", "draft_saved_at"),
    ),
    Part(
        Rating, "rater",
        ("trace_id", "revision", "is_current", "outcome", "labels", "reason", "notes", "error_categories", "rewrites",
         "is_reference_wrong", "is_assisted", "active_seconds", "submitted_at"),
    ),
    Part(Comparison, "rater", ("trace_a_id", "trace_b_id", "choice", "is_swapped", "note", "submitted_at")),
    Part(Appeal, "rater", ("trace_id", "reason", "filed_at", "state", "answer", "answered_at")),
    Part(Decision, "adjudicator", ("trace_id", "revision", "ruling", "labels", "note", "step_notes", "decided_at")),
    Part(QualificationAttempt, "rater", ("project__slug", "number", "started_at", "finished_at", "has_passed")),
    Part(PracticeAnswer, "rater", ("trace_id", "labels", "active_seconds", "answered_at")),
    Part(StepBranch, "requested_by", ("assignment_id", "step_index", "round", "queued_at")),
    Part(ApiToken, "account", ("name", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")),
    Part(SocialAccount, "user", ("provider", "uid", "date_joined", "last_login")),
    Part(Authenticator, "user", ("type", "data__name", "created_at", "last_used_at")),
    Part(EmailAddress, "user", ("email", "verified")),
    Part(UserSession, "user", ("ip", "user_agent", "created_at")),
    Part(AuditEvent, "actor", ("at", "verb", "subject", "details")),
)  # fmt: skip


def read_personal_data(account: Account) -> Iterator[dict[str, Any]]:
    """Row by row, each with its kind: a rater's years of work never stand in memory together."""
    for part in PARTS:
        rows = part.model._default_manager.filter(**{part.owner: account.pk}).order_by("pk")
        for row in rows.values(*part.columns).iterator(chunk_size=1000):
            yield {"kind": part.model._meta.model_name, **row}
