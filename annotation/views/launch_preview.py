"""What the launch page says beside the form: what would be made, what it takes and costs, what the model is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Avg
from django.db.models.functions import Length

from annotation.forms.batches import LaunchBatchForm
from annotation.models import DryRun, JobState, ModelSpec, Project, Prompt
from annotation.queries.prompts import choose_prompt_ids
from annotation.queries.speeds import Estimate, estimate_batch, estimate_prompt_tokens, find_model_speed
from annotation.queries.waiting import explain_wait
from annotation.rules.prompt_template import PLACEHOLDER, fill_template
from annotation.rules.segmentation import segment, split_steps

_PROMPTS_MEASURED = 500


@dataclass(frozen=True)
class LaunchPreview:
    """What a launch would mean. `estimate` is None where the model has not been measured yet; money is US dollars."""

    num_prompts: int
    num_samples: int
    num_traces: int
    most_tokens: int
    num_prompt_tokens: float  # about
    estimate: Estimate | None
    most_cost: Decimal
    may_exceed_budget: bool
    filled: str  # what the model is told about the first prompt
    model_spec: ModelSpec


@dataclass(frozen=True)
class ShownDryRun:
    """A dry run as it stands, and its completion cut into the steps that raters would see."""

    job: DryRun
    steps: tuple[str, ...]
    wait: str  # what it waits for, if it does
    seconds: float  # since a worker took it


def build_preview(project: Project, form: LaunchBatchForm) -> LaunchPreview | None:
    """None while the fields don't fit together."""
    if not form.is_valid():
        return None
    settings = form.chosen_settings()
    spec = settings.model_spec
    prompt_ids = choose_prompt_ids(project, form.chosen_prompts())
    first = Prompt.objects.filter(pk__in=prompt_ids[:1]).first()
    num_traces = len(prompt_ids) * settings.num_samples
    most_tokens = num_traces * settings.max_new_tokens
    speed = find_model_speed(spec)
    characters = _measure_length(prompt_ids) + len(settings.prompt_template) - len(PLACEHOLDER)
    num_prompt_tokens = estimate_prompt_tokens(speed, num_characters=num_traces * characters)
    most_cost = _price(spec, num_prompt_tokens=num_prompt_tokens, num_tokens=most_tokens)
    return LaunchPreview(
        num_prompts=len(prompt_ids),
        num_samples=settings.num_samples,
        num_traces=num_traces,
        most_tokens=most_tokens,
        num_prompt_tokens=num_prompt_tokens,
        estimate=estimate_batch(speed, spec, num_traces=num_traces, max_new_tokens=settings.max_new_tokens)
        if speed and num_traces
        else None,
        most_cost=most_cost,
        may_exceed_budget=(
            num_prompt_tokens + most_tokens > (settings.token_budget or float("inf"))
            or most_cost > (settings.money_budget or Decimal("inf"))
        ),
        filled=fill_template(settings.prompt_template, first.text if first else "…"),
        model_spec=spec,
    )


def read_dry_run(dry_run: DryRun, *, now: dt.datetime) -> ShownDryRun:
    if dry_run.state != JobState.FINISHED:
        wait = explain_wait(dry_run, is_on_server=dry_run.is_on_server, now=now)
        begun = dry_run.started_at or now
        return ShownDryRun(dry_run, (), wait, (now - begun).total_seconds())
    ends = segment(dry_run.completion, dry_run.segmenter)
    return ShownDryRun(dry_run, tuple(split_steps(dry_run.completion, ends)), wait="", seconds=0.0)


def _measure_length(prompt_ids: Sequence[int]) -> float:
    """How many characters a prompt has in the mean; over some of them where there are many."""
    some = prompt_ids[:: max(1, len(prompt_ids) // _PROMPTS_MEASURED)]
    measured = Prompt.objects.filter(pk__in=some).aggregate(mean=Avg(Length("text")))
    return float(measured["mean"] or 0.0)


def _price(spec: ModelSpec, *, num_prompt_tokens: float, num_tokens: int) -> Decimal:
    read = spec.price_per_million_prompt_tokens * Decimal(num_prompt_tokens)
    return (read + spec.price_per_million_tokens * num_tokens) / 1_000_000
