"""A worker's part in a batch: traces and failures stored with the chunk's end, exactly once."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from django.utils import timezone

from annotation.actions import batch_course, batches, generate, jobs, opened_models
from annotation.generation.backend import (
    Backend,
    BackendDescription,
    ChatTemplate,
    Completion,
    GenerationRequest,
    Refusal,
    Sampling,
)
from annotation.models import GenerationBatch, GenerationChunk, JobState, ModelSpec, Project, Prompt, Trace
from annotation.rules.segmentation import segment
from tests.annotation.actions.test_batches import make_settings
from tests.factories import NOW, make_account, make_model_spec, make_project, make_prompt
from tests.rl_bridge import tiny

pytestmark = pytest.mark.django_db
CHUNK_TEXT = "3 + 4 = 7\n\nThe answer is 7."


class ScriptedBackend:
    """A backend whose texts a test writes. It asks `should_stop` before each, as a real one does now and then."""

    def __init__(
        self, texts: Sequence[str | Refusal], *, on_request: Callable[[int], None] | None = None
    ) -> None:
        self._texts = itertools.cycle(texts)
        self._on_request = on_request or (lambda index: None)
        self.requests: list[GenerationRequest] = []

    def describe(self) -> BackendDescription:
        return BackendDescription("scripted", "a script", "1", "none", "paper", 1, {"torch": "0"})

    def describe_chat(self) -> ChatTemplate:
        return ChatTemplate("{{ messages[0].content }}", {"bos_token": "<s>"})

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling, should_stop: Callable[[], bool]
    ) -> list[Completion | Refusal]:
        self.requests.extend(requests)
        return [self._answer(index, should_stop) for index in range(len(requests))]

    def _answer(self, index: int, should_stop: Callable[[], bool]) -> Completion | Refusal:
        self._on_request(index)
        should_stop()
        text = next(self._texts)
        if isinstance(text, Refusal):
            return text
        return Completion(text, num_prompt_tokens=5, num_tokens=9, finish_reason="stop", mean_logprob=-0.5)


class Ticking:
    """A clock that moves two seconds whenever it is read, so that every heartbeat beats."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        self.now += dt.timedelta(seconds=2)
        return self.now


def launch(prompts: Sequence[Prompt], spec: ModelSpec | None = None, num_samples: int = 1) -> GenerationBatch:
    return batches.launch_batch(
        project=prompts[0].project,
        settings=make_settings(
            model_spec=spec or make_model_spec(), num_samples=num_samples, max_new_tokens=8
        ),
        prompt_ids=[prompt.pk for prompt in prompts],
        actor=make_account(),
        now=NOW,
    )


def run(batch: GenerationBatch, backend: Backend, chunk_index: int = 0) -> GenerationChunk:
    chunk = batch.chunks.get(index=chunk_index)
    generate.generate_chunk(chunk_id=chunk.pk, clock=Ticking(), open_backend=lambda spec: backend)
    chunk.refresh_from_db()
    batch.refresh_from_db()
    return chunk


def make_prompts(num: int, project: Project | None = None) -> list[Prompt]:
    project = project or make_project()
    return [make_prompt(project) for _ in range(num)]


def test_each_prompt_and_sample_becomes_a_trace_cut_into_steps() -> None:
    [prompt] = make_prompts(1)
    batch = launch([prompt], num_samples=2)

    chunk = run(batch, ScriptedBackend([CHUNK_TEXT]))

    first, second = Trace.objects.all()
    assert (first.prompt, first.batch, first.project) == (prompt, batch, batch.project)
    assert (first.sample_index, second.sample_index) == (0, 1)
    assert (first.completion, first.step_ends) == (CHUNK_TEXT, segment(CHUNK_TEXT))
    assert (first.final_answer, first.is_answer_correct) == ("7", True)
    assert (first.num_prompt_tokens, first.num_tokens, first.mean_logprob) == (5, 9, -0.5)
    assert first.queue_key != second.queue_key
    assert (chunk.state, batch.state, chunk.failures) == (JobState.FINISHED, JobState.FINISHED, [])


def test_the_model_is_told_the_filled_template() -> None:
    [prompt] = make_prompts(1)
    backend = ScriptedBackend([CHUNK_TEXT])

    run(launch([prompt]), backend)

    assert backend.requests == [GenerationRequest(f"Solve: {prompt.text}", seed=None)]


def test_a_trace_says_what_made_it() -> None:
    batch = launch(make_prompts(2))

    run(batch, ScriptedBackend([CHUNK_TEXT]))

    records = [trace.sampling for trace in Trace.objects.order_by("pk")]
    assert [record["index_in_chunk"] for record in records] == [0, 1]
    record = records[0]
    assert record["backend"]["model"] == "a script"
    assert record["backend"]["versions"] == {"torch": "0"}
    assert (record["temperature"], record["top_p"], record["max_new_tokens"]) == (0.8, 0.95, 8)
    assert (record["batch_seed"], record["chunk_index"], record["chunk_size"]) == (3, 0, 2)
    assert record["seed"] == generate.derive_seed(3, 0)
    assert len(record["template_sha256"]) == 64


def test_a_batch_keeps_the_chat_template_its_model_was_asked_in() -> None:
    batch = launch(make_prompts(1))

    run(batch, ScriptedBackend([CHUNK_TEXT]))

    assert (batch.chat_template, batch.special_tokens) == ("{{ messages[0].content }}", {"bos_token": "<s>"})


def test_seeds_differ_between_chunks_and_between_batches() -> None:
    seeds = {generate.derive_seed(batch, chunk) for batch in range(20) for chunk in range(20)}

    assert len(seeds) == 400
    assert all(0 <= seed < 2**32 for seed in seeds)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "The model wrote nothing."),
        (" \n\t\u00a0", "The model wrote only white space."),
        ("a\x00b", "The completion holds a NUL byte, which the database can't store."),
        (Refusal("The prompt is too long."), "The prompt is too long."),
    ],
)
def test_what_can_be_no_trace_is_a_failure_with_its_reason_and_the_rest_goes_on(
    text: str | Refusal, reason: str
) -> None:
    first, second, third = make_prompts(3)
    batch = launch([first, second, third])

    chunk = run(batch, ScriptedBackend([CHUNK_TEXT, text, CHUNK_TEXT]))

    assert chunk.failures == [{"prompt_id": second.pk, "sample_index": 0, "reason": reason}]
    assert set(Trace.objects.values_list("prompt", flat=True)) == {first.pk, third.pk}
    assert batch.state == JobState.FINISHED


@pytest.mark.parametrize("verifier", ["numeric", ""])
def test_thinking_that_was_never_closed_is_a_trace_that_says_why_it_has_no_verdict(verifier: str) -> None:
    prompt = make_prompt(verifier=verifier)

    run(launch([prompt]), ScriptedBackend(["<think>Let me see.\n\nSo 7."]))  # and 7 would be right

    trace = Trace.objects.get()
    assert trace.step_ends[-1] == len(trace.completion)
    assert (trace.final_answer, trace.is_answer_correct) == (None, None)
    assert trace.sampling["verifier_error"] == "Its thinking was never closed, so there is no final answer."


def test_a_prompt_deleted_meanwhile_is_a_failure() -> None:
    kept, gone = make_prompts(2)
    batch = launch([kept, gone])
    gone_pk = gone.pk
    gone.delete()

    chunk = run(batch, ScriptedBackend([CHUNK_TEXT]))

    assert [(row["prompt_id"], row["reason"]) for row in chunk.failures] == [
        (gone_pk, "The prompt was deleted before the model got to it.")
    ]
    assert Trace.objects.get().prompt == kept


def test_a_prompt_without_a_verifier_leaves_the_answer_open() -> None:
    prompt = make_prompt(verifier="", ground_truth="", reference_answer="")

    run(launch([prompt]), ScriptedBackend([CHUNK_TEXT]))

    trace = Trace.objects.get()
    assert (trace.final_answer, trace.is_answer_correct) == (None, None)


def test_a_wrong_answer_is_wrong() -> None:
    run(launch(make_prompts(1)), ScriptedBackend(["The answer is 8."]))

    assert Trace.objects.get().is_answer_correct is False


def test_where_the_verifier_cannot_say_the_trace_is_kept_with_the_reason() -> None:
    prompt = make_prompt(ground_truth="no number at all")

    run(launch([prompt]), ScriptedBackend([CHUNK_TEXT]))

    trace = Trace.objects.get()
    assert trace.is_answer_correct is None
    assert "holds no number" in trace.sampling["verifier_error"]


def test_a_chunk_runs_once_however_often_its_message_comes() -> None:
    batch = launch(make_prompts(1))
    run(batch, ScriptedBackend([CHUNK_TEXT]))

    with pytest.raises(jobs.JobNotStartable):
        run(batch, ScriptedBackend(["Something else"]))

    assert Trace.objects.get().completion == CHUNK_TEXT


def test_a_cancel_in_the_middle_stores_nothing() -> None:
    batch = launch(make_prompts(3))
    backend = ScriptedBackend(
        [CHUNK_TEXT],
        on_request=lambda index: (
            index == 1 and batch_course.cancel_batch(batch=batch, actor=make_account(), now=NOW)
        ),  # type: ignore[func-returns-value]
    )

    with pytest.raises(jobs.JobLost):
        run(batch, backend)

    batch.refresh_from_db()
    assert batch.state == JobState.CANCELLED
    assert not Trace.objects.exists()


def test_a_worker_taken_for_dead_stores_nothing_beside_its_successor() -> None:
    batch = launch(make_prompts(1))
    chunk = batch.chunks.get()

    def let_another_take_over(index: int) -> None:
        GenerationChunk.objects.filter(pk=chunk.pk).update(touched_at=NOW - dt.timedelta(hours=1))
        generate.generate_chunk(
            chunk_id=chunk.pk,
            clock=Ticking(),
            open_backend=lambda spec: ScriptedBackend(["The successor's."]),
        )

    with pytest.raises(jobs.JobLost):
        run(batch, ScriptedBackend(["Too late."], on_request=let_another_take_over))

    assert Trace.objects.get().completion == "The successor's."


def test_a_model_that_cannot_be_opened_fails_the_chunk_with_a_sentence(tmp_path: Path) -> None:
    batch = launch(make_prompts(2), spec=make_model_spec(location=str(tmp_path)))
    chunk = batch.chunks.get()

    generate.generate_chunk(chunk_id=chunk.pk, clock=Ticking(), open_backend=opened_models.open_local_backend)

    chunk.refresh_from_db()
    batch.refresh_from_db()
    assert (chunk.state, batch.state) == (JobState.FAILED, JobState.FAILED)
    assert chunk.error == f"The folder {tmp_path} holds no model: config.json is missing."
    assert [row["reason"] for row in chunk.failures] == [chunk.error] * 2


def test_a_model_that_runs_out_of_memory_fails_the_chunk() -> None:
    def fail(index: int) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory\nmore lines")

    batch = launch(make_prompts(1))

    chunk = run(batch, ScriptedBackend([CHUNK_TEXT], on_request=fail))

    assert (chunk.state, chunk.error) == (JobState.FAILED, "DefaultCPUAllocator: can't allocate memory")


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_model(tmp_path_factory.mktemp("models") / "tiny", tiny.build_llama())


def generate_all(batch: GenerationBatch) -> dict[tuple[str, int | None], str]:
    for chunk in batch.chunks.all():
        generate.generate_chunk(
            chunk_id=chunk.pk, clock=timezone.now, open_backend=opened_models.open_local_backend
        )
    return {(trace.prompt.text, trace.sample_index): trace.completion for trace in batch.traces.all()}


def test_the_same_batch_on_a_real_model_gives_the_same_texts_again(tiny_folder: Path) -> None:
    prompts = make_prompts(3)
    spec = make_model_spec(location=str(tiny_folder))

    first = generate_all(launch(prompts, spec, num_samples=2))
    second = generate_all(launch(prompts, spec, num_samples=2))

    assert first == second
    assert len(set(first.values())) > 1


def test_a_model_other_than_the_specs_revision_is_refused(tiny_folder: Path) -> None:
    spec = make_model_spec(location=str(tiny_folder), revision="f" * 64)

    with pytest.raises(opened_models.ModelChanged, match="was made for revision ffffffffffff"):
        opened_models.open_model(spec)


def test_a_model_is_opened_once_a_process(tiny_folder: Path) -> None:
    spec = make_model_spec(location=str(tiny_folder))

    assert opened_models.open_model(spec) is opened_models.open_model(spec)


@pytest.mark.model
def test_the_shipped_model_writes_traces() -> None:
    batch = launch(make_prompts(2), make_model_spec(location="shipped"))

    texts = generate_all(batch)

    assert len(texts) == 2
    trace = batch.traces.first()
    assert trace is not None
    assert trace.sampling["backend"]["model"] == "SmolLM2-135M-Instruct"
    assert trace.sampling["backend"]["dtype"] == "bfloat16"


def test_half_a_character_is_a_failure_with_its_reason() -> None:
    batch = launch(make_prompts(2))

    chunk = run(batch, ScriptedBackend(["\ud83d", CHUNK_TEXT]))

    [failure] = chunk.failures
    assert failure["reason"] == "The completion holds half of a surrogate pair, which is no character."
    assert Trace.objects.count() == 1


@pytest.mark.parametrize("max_in_flight", [2, 6, 64])
def test_on_a_server_each_item_has_the_same_seed_however_many_are_asked_for_together(
    max_in_flight: int,
) -> None:
    spec = make_model_spec(
        backend="server", address="http://gpu1/v1", location="big", max_in_flight=max_in_flight
    )
    batch = launch(make_prompts(20), spec)
    backend = ScriptedBackend([CHUNK_TEXT])

    for index in range(batch.chunks.count()):
        run(batch, backend, chunk_index=index)

    seeds = [request.seed for request in backend.requests]
    assert seeds == [generate.derive_item_seed(3, ordinal) for ordinal in range(20)]
    assert len(set(seeds)) == 20
    assert [trace.sampling["seed"] for trace in Trace.objects.order_by("prompt")] == seeds


def test_an_item_that_is_tried_again_on_a_server_is_drawn_anew() -> None:
    spec = make_model_spec(backend="server", address="http://gpu1/v1", location="big", max_in_flight=4)
    batch = launch(make_prompts(3), spec)
    backend = ScriptedBackend([Refusal("Too slow.")])
    run(batch, backend)

    batch_course.retry_failures(batch=batch, actor=make_account(), now=NOW)
    run(batch, backend, chunk_index=1)

    seeds = [request.seed for request in backend.requests]
    assert len(set(seeds)) == 6
