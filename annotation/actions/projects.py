"""Projects: making one, changing its rules, putting it away."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from annotation.actions import audit
from annotation.actions.overlap import refresh_wants_ratings
from annotation.models import Account, Membership, Project, Role


class SlugTaken(Exception):
    """Another project, perhaps an archived one, has this address."""


@dataclass(frozen=True)
class ProjectSettings:
    """What a project's admin may change; the fields of Project by the same names."""

    name: str
    description: str
    guidelines: str
    overlap: int
    stop_at_first_error: bool
    can_rate_rest_good: bool
    error_categories: list[str]
    shows_reference: bool
    judges_see_reference: bool
    shows_scores_after: bool
    shows_decisions: bool
    assisted_share: float
    lease_minutes: int
    amend_minutes: int
    forbids_own_prompts: bool
    gold_share: float
    gold_threshold: float | None
    gold_window: int
    shows_gold_accuracy: bool
    uploads_kept_days: int
    dry_runs_kept_days: int

    @classmethod
    def of(cls, project: Project) -> ProjectSettings:
        return cls(**{field.name: getattr(project, field.name) for field in dataclasses.fields(cls)})


def create_project(*, slug: str, name: str, description: str, actor: Account, now: dt.datetime) -> Project:
    """A new project with its maker as first admin. Raises SlugTaken, with nothing stored."""
    try:
        with transaction.atomic():
            project = Project.objects.create(slug=slug, name=name, description=description, created_at=now)
            Membership.objects.create(project=project, account=actor, role=Role.ADMIN, created_at=now)
            audit.record_event(
                actor=actor, verb="made a project", subject=f"project {slug}", project=project, now=now
            )
    except IntegrityError as error:
        if not Project.objects.filter(slug=slug).exists():
            raise
        raise SlugTaken(f"There is a project at {slug} already; choose another address.") from error
    return project


def update_project(
    *, project: Project, settings: ProjectSettings, actor: Account, now: dt.datetime
) -> Project:
    """Stores the settings. A new overlap opens traces to raters, or closes them, at once; leases go on."""
    with transaction.atomic():
        locked = Project.objects.select_for_update().get(pk=project.pk)
        before, after = dataclasses.asdict(ProjectSettings.of(locked)), dataclasses.asdict(settings)
        changes = {name: value for name, value in after.items() if value != before[name]}
        if not changes:
            return locked
        for name, value in changes.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(changes))
        if "overlap" in changes:
            refresh_wants_ratings(locked)
        audit.record_event(
            actor=actor,
            verb="changed settings",
            subject=f"project {locked.slug}",
            project=locked,
            now=now,
            # Long texts would fill the log; that they changed is enough.
            changes={name: value for name, value in changes.items() if name not in _LONG_TEXTS},
            texts=sorted(_LONG_TEXTS & changes.keys()),
        )
    return locked


_LONG_TEXTS = {"description", "guidelines"}


def archive_project(*, project: Project, actor: Account, now: dt.datetime) -> None:
    """Hides a project from everyone; nothing in it is deleted. A site admin restores it in the Django admin."""
    with transaction.atomic():
        Project.objects.filter(pk=project.pk).update(archived_at=now)
        audit.record_event(
            actor=actor, verb="archived", subject=f"project {project.slug}", project=project, now=now
        )
