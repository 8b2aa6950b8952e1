"""Which prompts a project has, and which of them a batch takes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Count, Q, QuerySet

from annotation.models import Project, Prompt, Trace


class Which(StrEnum):
    """Which prompts of a project are meant."""

    ALL = "all"
    FIRST = "first"
    RANDOM = "random"


@dataclass(frozen=True)
class PromptChoice:
    """All prompts, or the first or a random `count` of them; the same seed draws the same ones."""

    which: Which
    count: int = 0
    seed: int = 0


def list_prompts(project: Project, *, search: str = "") -> QuerySet[Prompt]:
    """The project's prompts, oldest first, with `num_traces`; only those whose text or source holds `search`."""
    prompts = Prompt.objects.filter(project=project)
    if search:
        prompts = prompts.filter(Q(text__icontains=search) | Q(reference_answer__iexact=search))
    counted = prompts.annotate(num_traces=Count("trace", filter=Q(trace__retired_at__isnull=True)))
    return counted.order_by("pk")


def list_prompt_traces(prompt: Prompt) -> QuerySet[Trace]:
    """The prompt's current traces, with how many ratings and judge scores each has."""
    return (
        Trace.objects.current()
        .filter(prompt=prompt)
        .annotate(
            num_ratings=Count("ratings", filter=Q(ratings__is_current=True), distinct=True),
            num_scores=Count("judge_scores", distinct=True),
        )
        .order_by("pk")
    )


def choose_prompt_ids(project: Project, choice: PromptChoice) -> list[int]:
    """The ids of the chosen prompts, in the order in which they were added."""
    ids = list(Prompt.objects.filter(project=project).order_by("pk").values_list("pk", flat=True))
    if choice.which == Which.ALL:
        return ids
    if choice.which == Which.FIRST:
        return ids[: choice.count]
    return sorted(random.Random(choice.seed).sample(ids, min(choice.count, len(ids))))
