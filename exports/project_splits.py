"""The splits of whole projects, as an export draws them; where prompts are many, more quickly and less exactly."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from annotation.models import Project, Prompt
from exports.policy import ExportPolicy
from exports.queries import stream_prompt_texts
from exports.splits import assign_splits, draw_alone

MOST_CLUSTERED = 30_000
"""Of how many prompts near-duplicates are looked for: of 25,000 it takes half a second."""


def draw_splits(projects: Sequence[Project], policy: ExportPolicy) -> tuple[dict[int, str], bool]:
    """Every prompt's split, and whether they are drawn without looking for near-duplicates: that takes too long."""
    texts = chain.from_iterable(stream_prompt_texts(project) for project in projects)
    if Prompt.objects.filter(project__in=projects).count() <= MOST_CLUSTERED:
        return assign_splits(texts, policy).by_prompt, False
    return {prompt_id: draw_alone(text, policy) for prompt_id, text in texts}, True
