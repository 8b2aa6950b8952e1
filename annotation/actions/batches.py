"""Generation batches, launched by a person.

A batch is cut into chunks when it is launched, and a chunk's (prompt, sample) pairs never change: running one again
is the same call of the model.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models.functions import Length

from annotation import jobs as background
from annotation.actions.audit import record_event
from annotation.models import Account, GenerationBatch, GenerationChunk, ModelSpec, Project, Prompt
from annotation.rules.prompt_template import check_template
from annotation.rules.segmentation import SEGMENTERS, UnknownSegmenter

MOST_TRACES = 100_000
LARGEST_CHUNK = 32  # completions in one call: the most tokens/s on two cores (docs/adr/generation-chunks.md)
_TOKENS_IN_CHUNK = 6144  # at most: what a crash can lose, twenty seconds' work on two cores
_SMALLEST_CHUNK = 4
_LARGEST_SERVER_CHUNK = 256
_CHUNKS_TO_SEE_PROGRESS = 4

Pair = tuple[int, int]  # (prompt id, sample index)


class NothingToGenerate(Exception):
    """No prompts were chosen, or none of them is in the project."""

    def __init__(self) -> None:
        super().__init__("There are no such prompts to generate for. Choose others, or add some.")


class TooManyTraces(Exception):
    """Prompts times candidates is more than one batch may hold."""


@dataclass(frozen=True)
class BatchSettings:
    """What is made how; the names are GenerationBatch's."""

    model_spec: ModelSpec
    num_samples: int
    temperature: float
    top_p: float
    max_new_tokens: int
    seed: int
    prompt_template: str
    segmenter: str
    token_budget: int | None = None
    money_budget: Decimal | None = None


def launch_batch(
    *,
    project: Project,
    settings: BatchSettings,
    prompt_ids: Sequence[int],
    actor: Account,
    now: dt.datetime,
) -> GenerationBatch:
    """Stores a batch with its chunks, and queues the chunks on commit.

    Raises NothingToGenerate, TooManyTraces, BadTemplate or UnknownSegmenter.
    """
    check_template(settings.prompt_template)
    if settings.segmenter not in SEGMENTERS:
        raise UnknownSegmenter(f"There is no segmenter “{settings.segmenter}”.")
    ordered = _order_by_length(project, prompt_ids)
    num_traces = len(ordered) * settings.num_samples
    if not ordered:
        raise NothingToGenerate
    if num_traces > MOST_TRACES:
        raise TooManyTraces(
            f"That would be {num_traces:,} traces; one batch holds at most {MOST_TRACES:,}. Choose fewer prompts."
        )
    with transaction.atomic():
        batch = _create_batch(project, settings, len(ordered), actor, now)
        for chunk in _create_chunks(batch, ordered, now):
            background.queue_on_commit(chunk)
        record_event(
            actor=actor,
            verb="launched a batch",
            subject=batch,
            now=now,
            project=project,
            model=settings.model_spec.name,
            prompts=len(ordered),
            candidates=settings.num_samples,
        )
    return batch


def choose_chunk_size(*, num_traces: int, max_new_tokens: int) -> int:
    """As many completions in one call as the model makes fastest; fewer where they are long, so that a chunk takes
    seconds, and where a small batch would else show no progress until it is done."""
    for_progress = -(-num_traces // _CHUNKS_TO_SEE_PROGRESS)
    in_seconds = _TOKENS_IN_CHUNK // max_new_tokens
    return max(1, min(LARGEST_CHUNK, in_seconds, max(_SMALLEST_CHUNK, for_progress)))


def choose_server_chunk_size(*, num_traces: int, max_in_flight: int) -> int:
    """Twice what is on the way at a time: several chunks of it share the server, so that none waits for the slowest
    answer of another, and a crash loses no more than two answers' time."""
    for_progress = -(-num_traces // _CHUNKS_TO_SEE_PROGRESS)
    return max(1, min(_LARGEST_SERVER_CHUNK, 2 * max_in_flight, max(_SMALLEST_CHUNK, for_progress)))


def _choose_size(settings: BatchSettings, num_traces: int) -> int:
    spec = settings.model_spec
    if spec.is_server:
        return choose_server_chunk_size(num_traces=num_traces, max_in_flight=spec.max_in_flight)
    return choose_chunk_size(num_traces=num_traces, max_new_tokens=settings.max_new_tokens)


def _order_by_length(project: Project, prompt_ids: Sequence[int]) -> list[int]:
    """The chosen prompts of the project, short ones first: prompts of like length waste the least padding."""
    chosen = Prompt.objects.filter(project=project, pk__in=prompt_ids)
    return list(chosen.order_by(Length("text"), "pk").values_list("pk", flat=True))


def _create_batch(
    project: Project, settings: BatchSettings, num_prompts: int, actor: Account, now: dt.datetime
) -> GenerationBatch:
    return GenerationBatch.objects.create(
        project=project,
        model_spec=settings.model_spec,
        created_by=actor,
        num_prompts=num_prompts,
        num_samples=settings.num_samples,
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_new_tokens=settings.max_new_tokens,
        seed=settings.seed,
        prompt_template=settings.prompt_template,
        segmenter=settings.segmenter,
        chunk_size=_choose_size(settings, num_prompts * settings.num_samples),
        token_budget=settings.token_budget,
        money_budget=settings.money_budget,
        price_per_million_prompt_tokens=settings.model_spec.price_per_million_prompt_tokens,
        price_per_million_tokens=settings.model_spec.price_per_million_tokens,
        queued_at=now,
        touched_at=now,
    )


def _create_chunks(
    batch: GenerationBatch, prompt_ids: Sequence[int], now: dt.datetime
) -> list[GenerationChunk]:
    pairs = [(prompt_id, sample) for prompt_id in prompt_ids for sample in range(batch.num_samples)]
    return store_chunks(batch, pairs, first_index=0, now=now)


def store_chunks(
    batch: GenerationBatch, pairs: Sequence[Pair], *, first_index: int, now: dt.datetime
) -> list[GenerationChunk]:
    """The pairs, cut into chunks of the batch's size that wait to be queued."""
    return GenerationChunk.objects.bulk_create(
        [
            GenerationChunk(
                batch=batch,
                index=index,
                is_on_server=batch.model_spec.is_server,
                prompt_ids=[prompt_id for prompt_id, _ in part],
                sample_indexes=[sample for _, sample in part],
                queued_at=now,
                touched_at=now,
            )
            for index, part in enumerate(_cut(pairs, batch.chunk_size), start=first_index)
        ],
        batch_size=1000,
    )


def _cut(pairs: Sequence[Pair], size: int) -> Iterator[Sequence[Pair]]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]
