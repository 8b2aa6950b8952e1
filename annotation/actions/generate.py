"""A worker's part in a generation batch: one chunk, from its prompts to its stored traces.

Which kind of model it asks is its caller's choice (`open_backend`), so this loads no torch by itself.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from django.db import transaction
from django.db.models import QuerySet

from annotation.actions import budgets, chunked, jobs
from annotation.actions.guarded_work import WorkFailed, guard_work
from annotation.actions.heartbeats import Clock, Heartbeat
from annotation.actions.priorities import follow_prompts
from annotation.actions.verdicts import Verdict, give_verdict
from annotation.generation.backend import (
    Backend,
    BackendDescription,
    Completion,
    GenerationRequest,
    MeteredBackend,
    Refusal,
    Sampling,
)
from annotation.models import GenerationBatch, GenerationChunk, ModelSpec, Prompt, Trace
from annotation.rules.prompt_template import fill_template
from annotation.rules.segmentation import segment

HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class Failure(TypedDict):
    """One (prompt, sample) that made no trace."""

    prompt_id: int
    sample_index: int
    reason: str


@dataclass(frozen=True)
class SamplingRecord:
    """All that is needed to make a trace again: this very call of the model, and its place in it."""

    backend: BackendDescription
    temperature: float
    top_p: float
    max_new_tokens: int
    batch_seed: int
    chunk_index: int
    chunk_size: int
    index_in_chunk: int
    seed: int
    template_sha256: str
    verifier_error: str = ""


def generate_chunk(*, chunk_id: int, clock: Clock, open_backend: Callable[[ModelSpec], Backend]) -> None:
    """Makes a chunk's traces: each (prompt, sample) of it yields one trace or one failure with its reason, stored
    together with the chunk's end. No transaction is open while the model works.

    Raises JobNotStartable or JobLost where the chunk is not (any longer) this worker's; then nothing is stored.
    """
    chunk = chunked.start_chunk(GenerationChunk, chunk_id, now=clock())
    batch = cast(GenerationBatch, GenerationBatch.objects.select_related("model_spec").get(pk=chunk.batch_id))
    heartbeat = Heartbeat(chunk, clock)
    prompts = Prompt.objects.in_bulk(chunk.prompt_ids)
    try:
        with guard_work(chunk, clock=clock):
            backend = MeteredBackend(open_backend(batch.model_spec))
            results = _generate(chunk, batch, prompts, backend, heartbeat)
            described = backend.describe()
            traces, failures = _build_results(chunk, batch, prompts, described, results, heartbeat, clock)
    except WorkFailed as error:
        _fail(chunk, error=str(error), now=clock())
        return
    _store(chunk, traces, failures, backend, now=clock())


def derive_seed(batch_seed: int, chunk_index: int) -> int:
    """The seed of one chunk's call: the same for the same batch seed and chunk, unlike for any other."""
    digest = hashlib.sha256(f"{batch_seed}/{chunk_index}".encode()).digest()
    return int.from_bytes(digest[:4])


def derive_item_seed(batch_seed: int, ordinal: int) -> int:
    """The seed of one item where each is asked for by itself, in the range that all servers take: how many are asked
    for together may change, and the texts must not."""
    digest = hashlib.sha256(f"{batch_seed}/item {ordinal}".encode()).digest()
    return int.from_bytes(digest[:4]) & 0x7FFFFFFF


def _list_seeds(chunk: GenerationChunk, batch: GenerationBatch) -> list[int | None]:
    """Of each pair, where it has one of its own: an item's ordinal goes on through the batch's chunks."""
    count = len(chunk.prompt_ids)
    if not chunk.is_on_server:
        return [None] * count
    first = chunk.index * batch.chunk_size
    return [derive_item_seed(batch.seed, first + index) for index in range(count)]


def _generate(
    chunk: GenerationChunk,
    batch: GenerationBatch,
    prompts: dict[int, Prompt],
    backend: Backend,
    heartbeat: Heartbeat,
) -> list[Completion | Refusal]:
    """One result for each pair of the chunk, in its order."""
    sampling = Sampling(
        temperature=batch.temperature,
        top_p=batch.top_p,
        max_new_tokens=batch.max_new_tokens,
        seed=derive_seed(batch.seed, chunk.index),
    )
    present = [index for index, prompt_id in enumerate(chunk.prompt_ids) if prompt_id in prompts]
    seeds = _list_seeds(chunk, batch)
    requests = [
        GenerationRequest(
            fill_template(batch.prompt_template, prompts[chunk.prompt_ids[index]].text), seed=seeds[index]
        )
        for index in present
    ]
    made = dict(zip(present, backend.generate(requests, sampling, heartbeat.beat), strict=True))
    gone = Refusal("The prompt was deleted before the model got to it.")
    return [made.get(index, gone) for index in range(len(chunk.prompt_ids))]


def _build_results(
    chunk: GenerationChunk,
    batch: GenerationBatch,
    prompts: dict[int, Prompt],
    description: BackendDescription,
    results: Sequence[Completion | Refusal],
    heartbeat: Heartbeat,
    clock: Clock,
) -> tuple[list[Trace], list[Failure]]:
    traces: list[Trace] = []
    failures: list[Failure] = []
    shared = dataclasses.asdict(
        _record(chunk, batch, description)
    )  # once: it takes a tenth of a server's trace
    pairs = zip(chunk.prompt_ids, chunk.sample_indexes, results, strict=True)
    seeds = _list_seeds(chunk, batch)
    for index, (prompt_id, sample_index, result) in enumerate(pairs):
        heartbeat.beat()  # comparing one answer may take seconds
        fault = find_fault(result)
        if fault is not None or isinstance(result, Refusal):
            failures.append(Failure(prompt_id=prompt_id, sample_index=sample_index, reason=fault or ""))
            continue
        verdict = _verify(prompts[prompt_id], result.text)
        record = {**shared, "index_in_chunk": index, "verifier_error": verdict.error}
        if seeds[index] is not None:
            record["seed"] = seeds[index]
        trace = _build_trace(batch, prompts[prompt_id], sample_index, result, verdict, record, clock())
        traces.append(trace)
    return traces, failures


def find_fault(result: Completion | Refusal) -> str | None:
    """Why there can be no trace of this, in one sentence."""
    if isinstance(result, Refusal):
        return result.reason
    if not result.text:
        return "The model wrote nothing."
    if not result.text.strip():
        return "The model wrote only white space."
    if "\x00" in result.text:
        return "The completion holds a NUL byte, which the database can't store."
    if HALF_A_CHARACTER.search(result.text):
        return "The completion holds half of a surrogate pair, which is no character."
    return None


def _verify(prompt: Prompt, completion: str) -> Verdict:
    return give_verdict(prompt.verifier, prompt.ground_truth, completion)


def _record(
    chunk: GenerationChunk,
    batch: GenerationBatch,
    description: BackendDescription,
) -> SamplingRecord:
    """Of the chunk's first item; its place and its verifier's word are each item's own."""
    return SamplingRecord(
        backend=description,
        temperature=batch.temperature,
        top_p=batch.top_p,
        max_new_tokens=batch.max_new_tokens,
        batch_seed=batch.seed,
        chunk_index=chunk.index,
        chunk_size=len(chunk.prompt_ids),
        index_in_chunk=0,
        seed=derive_seed(batch.seed, chunk.index),
        template_sha256=hashlib.sha256(batch.prompt_template.encode()).hexdigest(),
    )


def _build_trace(
    batch: GenerationBatch,
    prompt: Prompt,
    sample_index: int,
    completion: Completion,
    verdict: Verdict,
    record: dict[str, Any],
    now: dt.datetime,
) -> Trace:
    return Trace(
        project_id=batch.project_id,
        prompt=prompt,
        batch=batch,
        sample_index=sample_index,
        completion=completion.text,
        step_ends=segment(completion.text, batch.segmenter),
        segmenter=batch.segmenter,
        model_name=batch.model_spec.name,
        sampling=record,
        finish_reason=completion.finish_reason,
        num_prompt_tokens=completion.num_prompt_tokens,
        num_tokens=completion.num_tokens,
        mean_logprob=completion.mean_logprob,
        final_answer=verdict.final_answer,
        is_answer_correct=verdict.is_correct,
        created_at=now,
        queue_key=random.random(),
    )


def _store(
    chunk: GenerationChunk,
    traces: Sequence[Trace],
    failures: Sequence[Failure],
    backend: MeteredBackend,
    *,
    now: dt.datetime,
) -> None:
    with transaction.atomic():
        locked = jobs.lock_for_result(chunk)
        Trace.objects.bulk_create(traces)
        follow_prompts([trace.pk for trace in traces])
        # Exports of single steps render it again; the first chunk's word holds for the batch.
        batch = cast("QuerySet[GenerationBatch]", GenerationBatch.objects.filter(pk=chunk.batch_id))
        chat = backend.describe_chat()
        batch.filter(chat_template="").update(chat_template=chat.template, special_tokens=chat.special_tokens)
        locked.failures = list(failures)
        locked.num_prompt_tokens += backend.num_prompt_tokens
        locked.num_tokens += backend.num_tokens
        locked.save(update_fields=["failures", "num_prompt_tokens", "num_tokens"])
        jobs.finish_job(locked, now=now)
        chunked.settle(GenerationBatch, chunk.batch_id, now=now)
        budgets.pause_where_spent(batch_id=chunk.batch_id, now=now)


def _fail(chunk: GenerationChunk, *, error: str, now: dt.datetime) -> None:
    """The chunk can't be done: none of its items made a trace, and each says why."""
    with transaction.atomic():
        jobs.fail_job(jobs.lock_for_result(chunk), error=error, now=now)
        chunked.settle(GenerationBatch, chunk.batch_id, now=now)
