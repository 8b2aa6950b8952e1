"""Which rows of a project go into its backup, in an order that restores without looking ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import QuerySet

from annotation.models import (
    Account,
    Appeal,
    Assignment,
    AssignmentState,
    Comparison,
    Decision,
    Disagreement,
    GenerationBatch,
    Gold,
    Judge,
    JudgeScore,
    Membership,
    ModelSpec,
    Project,
    Prompt,
    Rating,
    Trace,
)


@dataclass(frozen=True)
class Table:
    """How one model goes into the file. `natural_key`: a row that exists is used, not made again."""

    model: type[models.Model]
    list_rows: Callable[[Project], QuerySet[Any]]
    natural_key: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.model._meta.model_name or ""

    @property
    def fields(self) -> list[models.Field[Any, Any]]:
        return [
            field
            for field in self.model._meta.concrete_fields
            if not field.primary_key and field.name not in self.left_out
        ]


_SIGN_IN_FIELDS = ("password", "last_login", "is_superuser", "is_staff", "email", "first_name", "last_name")
_SUBMITTED = AssignmentState.SUBMITTED

TABLES = (
    Table(
        Account,
        lambda project: Account.objects.filter(
            models.Q(membership__project=project)
            | models.Q(assignments__trace__project=project)
            | models.Q(comparisons__prompt__project=project)
            | models.Q(generationbatch__project=project)
            | models.Q(gold__trace__project=project)
            | models.Q(decisions__trace__project=project)
            | models.Q(appeals__trace__project=project)
            | models.Q(answered_appeals__trace__project=project)
            | models.Q(prompts__project=project)
        ).distinct(),
        natural_key=("username",),
        left_out=_SIGN_IN_FIELDS,
    ),
    Table(Membership, lambda project: Membership.objects.filter(project=project)),
    Table(
        ModelSpec,
        lambda project: ModelSpec.objects.filter(
            models.Q(generationbatch__project=project) | models.Q(judge__judgescore__trace__project=project)
        ).distinct(),
        natural_key=("name",),
    ),
    Table(Prompt, lambda project: Prompt.objects.filter(project=project)),
    Table(GenerationBatch, lambda project: GenerationBatch.objects.filter(project=project)),
    Table(Trace, lambda project: Trace.objects.filter(project=project)),
    Table(
        Judge,
        lambda project: Judge.objects.filter(judgescore__trace__project=project).distinct(),
        natural_key=("project_id", "name", "version"),
    ),
    Table(JudgeScore, lambda project: JudgeScore.objects.filter(trace__project=project)),
    Table(
        Assignment,
        lambda project: Assignment.objects.filter(trace__project=project, state=_SUBMITTED),
        left_out=("draft", "draft_revision", "draft_saved_at", "is_ahead"),
    ),
    Table(Rating, lambda project: Rating.objects.filter(trace__project=project)),
    Table(Comparison, lambda project: Comparison.objects.filter(prompt__project=project)),
    Table(Gold, lambda project: Gold.objects.filter(trace__project=project)),
    Table(Decision, lambda project: Decision.objects.filter(trace__project=project)),
    Table(Appeal, lambda project: Appeal.objects.filter(trace__project=project)),
    Table(
        Disagreement,
        lambda project: Disagreement.objects.filter(project=project),
        left_out=("held_by", "held_until"),
    ),
)
