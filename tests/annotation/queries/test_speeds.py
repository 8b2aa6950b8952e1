"""How fast a model is, and what a batch on it will take, for models in the worker and for servers."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest

from annotation.models import GenerationBatch, GenerationChunk, JobState, ModelSpec
from annotation.queries.speeds import (
    ModelSpeed,
    estimate_batch,
    estimate_prompt_tokens,
    find_model_speed,
)
from tests.factories import NOW, make_batch, make_dry_run, make_model_spec, make_prompt

pytestmark = pytest.mark.django_db
_numbers = itertools.count()


def seconds(number: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=number)


def make_server(**fields: Any) -> ModelSpec:
    return make_model_spec(backend="server", address="http://gpu1:8000/v1", **fields)


def make_chunk(
    batch: GenerationBatch, *, since: float = 0, until: float, num_asked: int, num_tokens: int, **fields: Any
) -> None:
    prompts = [make_prompt(batch.project, text=f"{next(_numbers):010}") for _ in range(num_asked)]
    GenerationChunk.objects.create(
        batch=batch,
        index=batch.chunks.count(),
        prompt_ids=[prompt.pk for prompt in prompts],
        sample_indexes=[0] * num_asked,
        num_tokens=num_tokens,
        state=JobState.FINISHED,
        queued_at=NOW,
        touched_at=NOW,
        started_at=seconds(since),
        finished_at=seconds(until),
        **fields,
    )


def test_a_models_speed_is_that_of_its_last_chunks_and_of_no_other_models() -> None:
    spec = make_model_spec()
    batch = make_batch(model_spec=spec, prompt_template="Say {prompt}")
    make_chunk(batch, until=2, num_asked=2, num_tokens=40, num_prompt_tokens=11)
    make_chunk(batch, since=3, until=5, num_asked=1, num_tokens=20)
    make_chunk(make_batch(), until=1, num_asked=1, num_tokens=999)

    speed = find_model_speed(spec)

    assert speed == ModelSpeed(tokens_per_second=15.0, tokens_per_trace=20.0, characters_per_token=66 / 11)


def test_chunks_on_the_way_at_the_same_time_are_not_added_up() -> None:
    spec = make_server(max_in_flight=32)
    batch = make_batch(model_spec=spec)
    for since, until in ((0, 4), (0, 4), (1, 3), (2, 6)):
        make_chunk(batch, since=since, until=until, num_asked=16, num_tokens=300)

    speed = find_model_speed(spec)

    assert speed is not None
    assert speed.tokens_per_second == pytest.approx(1200 / 6)
    assert speed.num_at_a_time == 32, "64 asked for at a time, and 32 allowed"


def test_failures_make_no_trace_shorter() -> None:
    spec = make_model_spec()
    failure = {"prompt_id": 1, "sample_index": 0, "reason": "Too long."}
    make_chunk(make_batch(model_spec=spec), until=1, num_asked=4, num_tokens=60, failures=[failure] * 2)

    speed = find_model_speed(spec)

    assert speed is not None
    assert speed.tokens_per_trace == 30.0


def test_a_model_that_has_made_nothing_has_no_speed() -> None:
    assert find_model_speed(make_model_spec()) is None


def test_a_dry_run_measures_a_model_that_has_made_no_batch_yet() -> None:
    spec = make_model_spec()
    ended = {"state": JobState.FINISHED, "finished_at": NOW, "model_spec": spec}
    make_dry_run(told="x" * 60, num_tokens=40, num_prompt_tokens=20, seconds=4.0, **ended)
    make_dry_run(model_spec=spec, state=JobState.FAILED, finished_at=seconds(1), error="Too long.")

    speed = find_model_speed(spec)

    assert speed == ModelSpeed(10.0, 40.0, characters_per_token=3.0, is_of_one=True)
    assert estimate_batch(speed, spec, num_traces=2, max_new_tokens=99).is_at_most


def test_an_estimate_expects_texts_as_long_as_the_last_but_no_longer_than_allowed() -> None:
    speed, spec = ModelSpeed(tokens_per_second=10.0, tokens_per_trace=50.0), make_model_spec()

    estimate = estimate_batch(speed, spec, num_traces=4, max_new_tokens=192)
    cut_off = estimate_batch(speed, spec, num_traces=4, max_new_tokens=25)

    assert (estimate.num_tokens, estimate.seconds, estimate.is_at_most) == (200.0, 20.0, False)
    assert (cut_off.num_tokens, cut_off.seconds) == (100.0, 10.0)


@pytest.mark.parametrize(
    ("num_traces", "at_a_time", "expected_seconds"),
    [(1, 1, 2.0), (8, 8, 2.0), (64, 64, 2.0), (640, 64, 20.0)],
)
def test_a_server_answers_as_many_requests_at_a_time_as_it_is_sent(
    num_traces: int, at_a_time: int, expected_seconds: float
) -> None:
    one_answer_in_two_seconds = ModelSpeed(50.0, 100.0, is_of_one=True)

    estimate = estimate_batch(
        one_answer_in_two_seconds, make_server(max_in_flight=64), num_traces=num_traces, max_new_tokens=200
    )

    assert (estimate.num_at_a_time, estimate.seconds) == (at_a_time, expected_seconds)
    assert not estimate.is_at_most


def test_what_was_measured_with_all_requests_on_the_way_holds_for_as_many() -> None:
    full = ModelSpeed(tokens_per_second=3200.0, tokens_per_trace=100.0, num_at_a_time=32.0)
    spec = make_server(max_in_flight=32)

    assert estimate_batch(full, spec, num_traces=320, max_new_tokens=200).seconds == 10.0
    assert estimate_batch(full, spec, num_traces=1, max_new_tokens=200).seconds == 1.0


def test_tokens_read_are_counted_as_measured_or_at_four_characters_each() -> None:
    assert estimate_prompt_tokens(None, num_characters=400) == 100.0
    assert estimate_prompt_tokens(ModelSpeed(1, 1, characters_per_token=5.0), num_characters=400) == 80.0
