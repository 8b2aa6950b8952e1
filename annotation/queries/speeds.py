"""How fast a model was when last measured, and what a batch on it will take: time, and tokens written and read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from django.db import connection
from django.db.models import QuerySet

from annotation.models import DryRun, JobState, ModelSpec

_CHUNKS_MEASURED = 20
_CHARACTERS_IN_TOKEN = 4.0  # of what a model is told, where it was never counted: about right for English
_LAST_CHUNKS = """
    SELECT chunk.started_at, chunk.finished_at, cardinality(chunk.prompt_ids),
           cardinality(chunk.prompt_ids) - jsonb_array_length(chunk.failures), chunk.num_tokens,
           chunk.num_prompt_tokens,
           (SELECT sum(length(prompt.text) + length(batch.prompt_template))
            FROM unnest(chunk.prompt_ids) AS asked(id) JOIN annotation_prompt AS prompt ON prompt.id = asked.id)
    FROM annotation_generationchunk AS chunk
    JOIN annotation_generationbatch AS batch ON batch.id = chunk.batch_id
    WHERE batch.model_spec_id = %s AND chunk.state = 'finished' AND chunk.num_tokens > 0
    ORDER BY chunk.finished_at DESC LIMIT %s
"""


@dataclass(frozen=True)
class ModelSpeed:
    """What a model did when last measured: tokens a second of all that was on the way together, and tokens a trace.

    num_at_a_time: how many requests a server had on the way meanwhile; a model in the worker is measured as it is.
    is_of_one: only a dry run was measured, one prompt by itself.
    """

    tokens_per_second: float
    tokens_per_trace: float
    num_at_a_time: float = 1.0
    characters_per_token: float = _CHARACTERS_IN_TOKEN
    is_of_one: bool = False


@dataclass(frozen=True)
class Estimate:
    """What a batch will take if its texts are as long as the last ones were. is_at_most: it will rather be faster."""

    num_tokens: float
    seconds: float
    tokens_per_second: float
    num_at_a_time: int
    is_at_most: bool


@dataclass(frozen=True)
class _Measured:
    started_at: dt.datetime
    finished_at: dt.datetime
    num_asked: int
    num_traces: int
    num_tokens: int
    num_prompt_tokens: int
    num_characters: int | None

    @property
    def seconds(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()


def find_model_speed(spec: ModelSpec) -> ModelSpeed | None:
    """Measured over the model's last finished chunks, or else its last dry run; None where it has made nothing yet.

    Several chunks of a server, or of several workers, are on the way at a time: what counts is the time in which any
    of them was, not their times added up.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAST_CHUNKS, [spec.pk, _CHUNKS_MEASURED])
        chunks = [_Measured(*row) for row in cursor.fetchall()]
    busy = _measure_union([(chunk.started_at, chunk.finished_at) for chunk in chunks])
    num_traces = sum(chunk.num_traces for chunk in chunks)
    if busy <= 0 or not num_traces:
        return _find_speed_of_one(spec)
    num_tokens = sum(chunk.num_tokens for chunk in chunks)
    num_open = sum(chunk.num_asked * chunk.seconds for chunk in chunks) / busy
    return ModelSpeed(
        tokens_per_second=num_tokens / busy,
        tokens_per_trace=num_tokens / num_traces,
        num_at_a_time=max(1.0, min(float(spec.max_in_flight), num_open)) if spec.is_server else 1.0,
        characters_per_token=_divide(
            sum(chunk.num_characters or 0 for chunk in chunks),
            sum(chunk.num_prompt_tokens for chunk in chunks),
        ),
    )


def estimate_batch(speed: ModelSpeed, spec: ModelSpec, *, num_traces: int, max_new_tokens: int) -> Estimate:
    """How long so many traces take, no longer than allowed each. A server is taken to keep up with as many requests
    as it is sent at a time; a model alone in the worker is faster in a batch than one prompt by itself shows."""
    num_tokens = num_traces * min(speed.tokens_per_trace, max_new_tokens)
    at_a_time = min(spec.max_in_flight, num_traces) if spec.is_server else 1
    per_second = speed.tokens_per_second * at_a_time / speed.num_at_a_time
    return Estimate(
        num_tokens=num_tokens,
        seconds=num_tokens / per_second if per_second else 0.0,
        tokens_per_second=per_second,
        num_at_a_time=at_a_time,
        is_at_most=speed.is_of_one and not spec.is_server,
    )


def estimate_prompt_tokens(speed: ModelSpeed | None, *, num_characters: float) -> float:
    """About how many tokens a model reads, told so many characters."""
    return num_characters / (speed.characters_per_token if speed else _CHARACTERS_IN_TOKEN)


def _find_speed_of_one(spec: ModelSpec) -> ModelSpeed | None:
    runs = cast("QuerySet[DryRun]", DryRun.objects.filter(model_spec=spec, state=JobState.FINISHED))
    last = runs.filter(num_tokens__gt=0, seconds__gt=0).order_by("-finished_at").first()
    if last is None or last.seconds is None:
        return None
    return ModelSpeed(
        tokens_per_second=last.num_tokens / last.seconds,
        tokens_per_trace=float(last.num_tokens),
        characters_per_token=_divide(len(last.told), last.num_prompt_tokens),
        is_of_one=True,
    )


def _divide(num_characters: float, num_tokens: int) -> float:
    return num_characters / num_tokens if num_characters and num_tokens else _CHARACTERS_IN_TOKEN


def _measure_union(spans: Sequence[tuple[dt.datetime, dt.datetime]]) -> float:
    """Seconds in which at least one of the spans was."""
    total, until = 0.0, None
    for start, end in sorted(spans):
        begin = start if until is None else max(start, until)
        if end > begin:
            total += (end - begin).total_seconds()
            until = end
    return total
