"""Launching, cancelling and closing generation batches."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from annotation.actions import batch_course, batches, chunked, jobs
from annotation.actions.batches import BatchSettings
from annotation.models import AuditEvent, GenerationBatch, GenerationChunk, JobState, Project, Trace
from annotation.rules.prompt_template import BadTemplate
from annotation.rules.segmentation import UnknownSegmenter
from tests.factories import NOW, make_account, make_model_spec, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(seconds=40)


def make_settings(**changes: Any) -> BatchSettings:
    plain = BatchSettings(
        model_spec=make_model_spec(),
        num_samples=2,
        temperature=0.8,
        top_p=0.95,
        max_new_tokens=64,
        seed=3,
        prompt_template="Solve: {prompt}",
        segmenter="auto@1",
    )
    return replace(plain, **changes)


def launch(project: Project | None = None, num_prompts: int = 3, **changes: Any) -> GenerationBatch:
    project = project or make_project()
    prompts = [make_prompt(project) for _ in range(num_prompts)]
    return batches.launch_batch(
        project=project,
        settings=make_settings(**changes),
        prompt_ids=[prompt.pk for prompt in prompts],
        actor=make_account(),
        now=NOW,
    )


def close_chunk(chunk: GenerationChunk, state: JobState, error: str = "") -> None:
    chunk.state, chunk.error, chunk.finished_at = state, error, LATER
    chunk.save()


def test_a_batch_holds_each_prompt_and_sample_exactly_once() -> None:
    batch = launch(num_prompts=5, num_samples=3)

    pairs = [
        pair
        for chunk in batch.chunks.all()
        for pair in zip(chunk.prompt_ids, chunk.sample_indexes, strict=True)
    ]
    prompt_ids = set(batch.project.prompt_set.values_list("pk", flat=True))
    assert len(pairs) == batch.num_expected == 15
    assert set(pairs) == {(prompt_id, sample) for prompt_id in prompt_ids for sample in range(3)}
    assert [chunk.index for chunk in batch.chunks.all()] == list(range(batch.chunks.count()))


def test_chunks_are_queued_once_the_batch_is_committed(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr("annotation.jobs.send", lambda name, pk: sent.append((name, pk)))

    with django_capture_on_commit_callbacks(execute=True):
        batch = launch(num_prompts=4)
        assert sent == []

    assert sent == [("annotation.generate_chunk", chunk.pk) for chunk in batch.chunks.all()]
    assert len(sent) == 2


def test_short_prompts_come_first_so_that_little_is_padded() -> None:
    project = make_project()
    texts = ["a" * 50, "b", "c" * 20]
    prompts = [make_prompt(project, text=text) for text in texts]

    batch = batches.launch_batch(
        project=project,
        settings=make_settings(num_samples=1),
        prompt_ids=[prompt.pk for prompt in prompts],
        actor=make_account(),
        now=NOW,
    )

    assert batch.chunks.get().prompt_ids == [prompts[1].pk, prompts[2].pk, prompts[0].pk]


def test_the_launch_is_in_the_audit_log() -> None:
    batch = launch()

    event = AuditEvent.objects.get()
    assert (event.verb, event.subject) == ("launched a batch", f"batch {batch.pk}")
    assert event.details["candidates"] == 2


def test_prompts_of_another_project_are_left_out() -> None:
    project, strange = make_project(), make_prompt()
    own = make_prompt(project)

    batch = batches.launch_batch(
        project=project,
        settings=make_settings(),
        prompt_ids=[own.pk, strange.pk],
        actor=make_account(),
        now=NOW,
    )

    assert batch.num_prompts == 1
    assert batch.chunks.get().prompt_ids == [own.pk, own.pk]


def test_a_batch_without_prompts_is_refused() -> None:
    with pytest.raises(batches.NothingToGenerate):
        launch(num_prompts=0)

    assert not GenerationBatch.objects.exists()


def test_a_batch_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_TRACES", 5)

    with pytest.raises(batches.TooManyTraces, match="That would be 6 traces"):
        launch(num_prompts=3, num_samples=2)

    assert not GenerationBatch.objects.exists()


@pytest.mark.parametrize("template", ["no place", "{prompt} and {prompt}", "{prompt}\x00"])
def test_a_template_without_exactly_one_place_is_refused(template: str) -> None:
    with pytest.raises(BadTemplate):
        launch(prompt_template=template)


def test_an_unknown_segmenter_is_refused() -> None:
    with pytest.raises(UnknownSegmenter):
        launch(segmenter="auto@0")


@pytest.mark.parametrize(
    ("num_traces", "max_new_tokens", "size"),
    [(1, 192, 4), (10, 192, 4), (40, 192, 10), (1000, 192, 32), (1000, 512, 12), (1000, 30_000, 1)],
)
def test_chunks_take_seconds_and_small_batches_show_progress(
    num_traces: int, max_new_tokens: int, size: int
) -> None:
    assert batches.choose_chunk_size(num_traces=num_traces, max_new_tokens=max_new_tokens) == size


def test_cancelling_closes_what_is_open_and_keeps_what_is_stored() -> None:
    batch = launch(num_prompts=4)
    done, open_chunk = batch.chunks.all()
    close_chunk(done, JobState.FINISHED)
    trace = make_trace(batch.project.prompt_set.first(), batch=batch, sample_index=0)

    batch_course.cancel_batch(batch=batch, actor=make_account(), now=LATER)

    batch.refresh_from_db()
    done.refresh_from_db()
    open_chunk.refresh_from_db()
    assert (batch.state, batch.finished_at) == (JobState.CANCELLED, LATER)
    assert (done.state, open_chunk.state) == (JobState.FINISHED, JobState.CANCELLED)
    assert Trace.objects.get() == trace
    assert AuditEvent.objects.first().verb == "cancelled a batch"  # type: ignore[union-attr]


def test_a_running_chunk_of_a_cancelled_batch_is_lost_to_its_worker() -> None:
    batch = launch(num_prompts=1)
    chunk = jobs.start_job(GenerationChunk, batch.chunks.get().pk, now=NOW, stall_seconds=30)

    batch_course.cancel_batch(batch=batch, actor=make_account(), now=LATER)

    with pytest.raises(jobs.JobLost):
        jobs.beat_job(chunk, now=LATER)


def test_a_batch_that_is_done_cannot_be_cancelled() -> None:
    batch = launch(num_prompts=1)
    batch_course.cancel_batch(batch=batch, actor=make_account(), now=NOW)

    with pytest.raises(jobs.NotOpen, match="is cancelled already"):
        batch_course.cancel_batch(batch=batch, actor=make_account(), now=LATER)

    assert GenerationBatch.objects.get().finished_at == NOW


def test_a_batch_stays_open_while_one_chunk_is() -> None:
    batch = launch(num_prompts=4)
    close_chunk(batch.chunks.all()[0], JobState.FINISHED)

    chunked.settle(GenerationBatch, batch.pk, now=LATER)

    batch.refresh_from_db()
    assert batch.is_open


@pytest.mark.parametrize(
    ("states", "expected", "error"),
    [
        ((JobState.FINISHED, JobState.FINISHED), JobState.FINISHED, ""),
        ((JobState.FINISHED, JobState.FAILED), JobState.FINISHED, ""),
        ((JobState.FAILED, JobState.FAILED), JobState.FAILED, "no memory"),
    ],
)
def test_a_batch_fails_only_if_all_its_chunks_do(
    states: tuple[JobState, ...], expected: JobState, error: str
) -> None:
    batch = launch(num_prompts=4)
    for chunk, state in zip(batch.chunks.all(), states, strict=True):
        close_chunk(chunk, state, error="no memory" if state == JobState.FAILED else "")

    chunked.settle(GenerationBatch, batch.pk, now=LATER)

    batch.refresh_from_db()
    assert (batch.state, batch.error) == (expected, error)


def test_a_batch_whose_last_chunk_the_reaper_failed_is_closed() -> None:
    batch, still_open = launch(num_prompts=1), launch(num_prompts=1)
    chunk = batch.chunks.get()
    GenerationChunk.objects.filter(pk=chunk.pk).update(state=JobState.RUNNING, num_attempts=5)
    jobs.reap_jobs(now=LATER, stall_seconds=30, max_attempts=5)

    chunked.settle_abandoned(now=LATER)

    batch.refresh_from_db()
    still_open.refresh_from_db()
    assert (batch.state, still_open.state) == (JobState.FAILED, JobState.QUEUED)
    assert "worker died 5 times" in batch.error


def test_a_batch_runs_from_its_first_chunk_on() -> None:
    batch = launch(num_prompts=5)

    first, second = batch.chunks.order_by("index")[:2]
    chunked.start_chunk(GenerationChunk, first.pk, now=NOW)
    chunked.start_chunk(GenerationChunk, second.pk, now=LATER)

    batch.refresh_from_db()
    assert (batch.state, batch.started_at) == (JobState.RUNNING, NOW)
