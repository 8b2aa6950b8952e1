"""Which prompts a project has, and which of them a batch takes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.models import Priority, Project, Prompt, Trace
from annotation.queries.traces import count_what_was_said


class Which(StrEnum):
    """Which prompts of a project are meant."""

    ALL = "all"
    FIRST = "first"
    RANDOM = "random"


@dataclass(frozen=True)
class PromptChoice:
    """All prompts, or the first or a random `count` of them; the same seed draws the same ones. Of all, of those
    without a trace (`is_untraced`), or of those that one import brought (`import_id`)."""

    which: Which
    count: int = 0
    seed: int = 0
    is_untraced: bool = False
    import_id: int | None = None


def list_prompts(project: Project) -> QuerySet[Prompt]:
    """The project's prompts, oldest first, with `num_traces`, counted for the rows that are read and for no others."""
    counted = (
        Trace.objects.current()
        .filter(prompt=OuterRef("pk"))
        .order_by()
        .values("prompt")
        .annotate(num=Count("pk"))
    )
    num_traces = Coalesce(Subquery(counted.values("num")), 0)
    return Prompt.objects.filter(project=project).annotate(num_traces=num_traces).order_by("pk")


def search_prompts(prompts: QuerySet[Prompt], text: str) -> QuerySet[Prompt]:
    """Those whose text holds `text`, or whose reference answer is it."""
    return prompts.filter(Q(text__icontains=text) | Q(reference_answer__iexact=text))


def keep_traced(prompts: QuerySet[Prompt], is_traced: bool) -> QuerySet[Prompt]:
    """Those that have a current trace, or those that have none."""
    traced = Exists(Trace.objects.current().filter(prompt=OuterRef("pk")))
    return prompts.filter(traced if is_traced else ~traced)


def keep_imported(prompts: QuerySet[Prompt], import_id: int) -> QuerySet[Prompt]:
    """Those that the import brought; what the project had already stays whoever's it was."""
    return prompts.filter(source__import=import_id)


@dataclass(frozen=True)
class PriorityCount:
    """How many of a project's prompts have a priority, and how many of their traces want ratings."""

    priority: Priority
    num_prompts: int
    num_open: int


def count_by_priority(project: Project) -> list[PriorityCount]:
    """One count for each priority, the first to be handed out first."""
    prompts = Prompt.objects.filter(project=project).order_by().values_list("priority").annotate(Count("pk"))
    traces = Trace.objects.filter(project=project, wants_ratings=True).order_by().values_list("priority")
    num_prompts, num_open = dict(prompts), dict(traces.annotate(Count("pk")))
    return [
        PriorityCount(
            priority=priority,
            num_prompts=num_prompts.get(priority, 0),
            num_open=num_open.get(priority, 0),
        )
        for priority in reversed(Priority)
    ]


def list_verifiers(project: Project) -> list[str]:
    """The verifiers that the project's prompts name."""
    names = Prompt.objects.filter(project=project).exclude(verifier="").order_by("verifier")
    return list(names.values_list("verifier", flat=True).distinct())


def list_prompt_traces(prompt: Prompt) -> QuerySet[Trace]:
    """The prompt's current traces, with how many ratings and judge scores each has."""
    return count_what_was_said(Trace.objects.current().filter(prompt=prompt)).order_by("pk")


def choose_prompt_ids(project: Project, choice: PromptChoice) -> list[int]:
    """The ids of the chosen prompts, in the order in which they were added."""
    prompts = Prompt.objects.filter(project=project)
    if choice.is_untraced:
        prompts = keep_traced(prompts, False)
    if choice.import_id is not None:
        prompts = keep_imported(prompts, choice.import_id)
    ids = list(prompts.order_by("pk").values_list("pk", flat=True))
    if choice.which == Which.ALL:
        return ids
    if choice.which == Which.FIRST:
        return ids[: choice.count]
    return sorted(random.Random(choice.seed).sample(ids, min(choice.count, len(ids))))
