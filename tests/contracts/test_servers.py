"""One backend against three kinds of server: what each answers, how each refuses, and what goes wrong on the way."""

from __future__ import annotations

import itertools
import math
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from annotation.generation import server_client
from annotation.generation.backend import (
    Completion,
    GenerationRequest,
    GenerationStopped,
    Refusal,
    Sampling,
)
from annotation.generation.server_backend import ServerBackend, build_body, derive_seed
from annotation.generation.server_client import MOST_ATTEMPTS, ServerSettings, ServerUnusable
from tests.contracts.openai_server import (
    CONTEXT,
    DIALECTS,
    DROPS,
    GARBAGE,
    HALF_JSON,
    HANGS,
    LLAMA_CPP,
    LOADING,
    NO_CHOICE,
    TGI,
    VLLM,
    Dialect,
    Fault,
    OpenAIServer,
    running_server,
)

LOOPBACK = ("127.0.0.0/8", "::1/128")
SAMPLING = Sampling(temperature=0.8, top_p=0.95, max_new_tokens=64, seed=7)
ASK = GenerationRequest("What is 3 + 4?")
every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def connect(server: OpenAIServer, **changes: Any) -> ServerBackend:
    settings = {
        "address": server.address,
        "model": "tiny",
        "key": "",
        "max_in_flight": 8,
        "timeout_seconds": 10.0,
        "networks": LOOPBACK,
        "backoff_seconds": 0.001,
    }
    return ServerBackend(ServerSettings(**{**settings, **changes}))


def ask(
    backend: ServerBackend,
    *requests: GenerationRequest,
    sampling: Sampling = SAMPLING,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Completion | Refusal]:
    try:
        return backend.generate(requests or (ASK,), sampling, should_stop)
    finally:
        backend.close()


@every_dialect
def test_an_answer_comes_with_its_tokens_its_end_and_its_mean_log_probability(dialect: Dialect) -> None:
    with running_server(dialect, say=lambda body: "3 + 4 = 7") as server:
        [completion] = ask(connect(server))

    assert completion == Completion(
        "3 + 4 = 7", num_prompt_tokens=5, num_tokens=5, finish_reason="stop", mean_logprob=-0.25
    )


@every_dialect
def test_what_is_cut_off_says_so(dialect: Dialect) -> None:
    with running_server(dialect, say=lambda body: "one two three four") as server:
        [completion] = ask(connect(server), sampling=Sampling(0.8, 0.95, 2, 7))

    assert isinstance(completion, Completion)
    assert (completion.text, completion.finish_reason, completion.num_tokens) == ("one two", "length", 2)


@every_dialect
def test_each_candidate_is_drawn_by_a_seed_of_its_own_also_where_n_is_ignored(dialect: Dialect) -> None:
    with running_server(dialect, say=lambda body: f"drawn by {body['seed']}") as server:
        results = ask(connect(server), ASK, ASK, ASK, ASK)
        again = ask(connect(server), ASK, ASK, ASK, ASK)

    texts = [result.text for result in results if isinstance(result, Completion)]
    assert texts == [f"drawn by {derive_seed(7, index)}" for index in range(4)]
    assert len(set(texts)) == 4
    assert again == results


@every_dialect
def test_a_prompt_longer_than_the_context_is_refused_in_the_server_s_words_and_the_rest_goes_on(
    dialect: Dialect,
) -> None:
    with running_server(dialect) as server:
        long, short = ask(connect(server), GenerationRequest("word " * CONTEXT), ASK)

    assert isinstance(long, Refusal)
    assert long.reason.startswith("The server refused this prompt: it answered 4")
    assert f"{CONTEXT}" in long.reason
    assert "tokens" in long.reason
    assert isinstance(short, Completion)
    assert len(server.requests) == 2, "asking again would not have helped"


@every_dialect
@pytest.mark.parametrize("status", [408, 424, 429, 500, 502, 503])
def test_a_passing_failure_is_tried_again(dialect: Dialect, status: int) -> None:
    with running_server(dialect) as server:
        server.faults = [Fault(status, b'{"error": "busy"}')] * 2
        [completion] = ask(connect(server))

    assert isinstance(completion, Completion)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "fault", [GARBAGE, HALF_JSON, NO_CHOICE, DROPS], ids=lambda fault: str(fault.body[:9])
)
def test_an_answer_that_is_none_is_asked_for_again(fault: Fault) -> None:
    with running_server() as server:
        server.faults = [fault]
        [completion] = ask(connect(server))

    assert isinstance(completion, Completion)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            Fault(500, b'{"error": {"message": "CUDA\\nout of memory"}}'),
            "it answered 500 (CUDA out of memory)",
        ),
        (GARBAGE, "its answer is not JSON"),
        (NO_CHOICE, "its answer holds no message"),
        (DROPS, "it broke the connection off"),
    ],
    ids=["500", "garbage", "no choice", "drops"],
)
def test_a_failure_that_stays_is_told_and_the_rest_goes_on(fault: Fault, reason: str) -> None:
    with running_server() as server:
        server.faults = [fault] * MOST_ATTEMPTS
        first, second = ask(connect(server, max_in_flight=1), ASK, ASK)
        asked = len(server.requests)

    refused = [result for result in (first, second) if isinstance(result, Refusal)]
    assert asked == MOST_ATTEMPTS + len([r for r in (first, second) if isinstance(r, Completion)])
    assert all(reason in result.reason for result in refused)


def test_one_request_that_always_fails_says_after_how_many_attempts() -> None:
    with running_server() as server:
        server.faults = [Fault(503)] * MOST_ATTEMPTS
        assert ask(connect(server)) == [Refusal("The server gave no answer in 6 attempts: it answered 503.")]


def test_a_server_that_takes_too_long_is_asked_once_more_and_no_oftener() -> None:
    with running_server() as server:
        server.faults = [HANGS] * 5
        [refusal] = ask(connect(server, timeout_seconds=0.05))

    assert refusal == Refusal("The server gave no answer: it took longer than 0.05 s.")
    assert len(server.requests) == 2


@pytest.mark.parametrize("retry_after", ["0.3", "Sat, 01 Jan 2000 00:00:00 GMT"])
def test_a_server_that_asks_for_a_break_gets_it_from_every_request(retry_after: str) -> None:
    with running_server() as server:
        server.faults = [Fault(429, b"{}", [f"Retry-After: {retry_after}"])]
        started = time.monotonic()
        results = ask(connect(server, max_in_flight=1), ASK, ASK)
        took = time.monotonic() - started

    assert all(isinstance(result, Completion) for result in results)
    assert (took >= 0.3) == (retry_after == "0.3")


def test_after_an_ordered_break_requests_come_back_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    spreads = iter(number / 20 for number in range(100))
    monkeypatch.setattr(server_client, "draw_spread", lambda ordered: next(spreads) if ordered else 0.0)
    arrived: list[float] = []

    def note(body: dict[str, Any]) -> str:
        arrived.append(time.monotonic())
        return "7"

    with running_server(say=note) as server:
        server.faults = [Fault(429, b"{}", ["Retry-After: 0.2"])] * 4
        results = ask(connect(server, max_in_flight=4), *[ASK] * 4)

    assert all(isinstance(result, Completion) for result in results)
    assert max(arrived) - min(arrived) > 0.1


def test_a_seed_of_a_request_s_own_is_the_one_it_is_drawn_by() -> None:
    with running_server() as server:
        ask(connect(server), GenerationRequest("What is 3 + 4?", seed=5), ASK)

    assert {body["seed"] for body in server.requests} == {5, derive_seed(7, 1)}


def test_many_requests_are_on_the_way_at_a_time_and_never_more_than_allowed() -> None:
    with running_server(latency_seconds=0.02) as server:
        results = ask(connect(server, max_in_flight=8), *[ASK] * 40)

    assert all(isinstance(result, Completion) for result in results)
    assert server.most_in_flight == 8


def test_threads_that_share_a_backend_share_its_limit() -> None:
    with running_server(latency_seconds=0.02) as server:
        backend = connect(server, max_in_flight=4)
        threads = [
            threading.Thread(target=backend.generate, args=([ASK] * 10, SAMPLING, lambda: False))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        backend.close()

    assert (len(server.requests), server.most_in_flight) == (30, 4)


def test_stopping_breaks_off_what_is_on_the_way() -> None:
    asked = itertools.count()
    with running_server(latency_seconds=30.0) as server:
        started = time.monotonic()
        with pytest.raises(GenerationStopped):
            ask(connect(server), *[ASK] * 20, should_stop=lambda: next(asked) >= 1)
        assert time.monotonic() - started < 5
        while server.num_in_flight:
            time.sleep(0.01)

    assert server.num_broken_off == 8


def test_what_the_asker_raises_comes_through_and_breaks_off_what_is_on_the_way() -> None:
    class Lost(Exception):
        pass

    def should_stop() -> bool:
        raise Lost

    with running_server(latency_seconds=30.0) as server, pytest.raises(Lost):
        ask(connect(server), should_stop=should_stop)


def test_a_server_that_is_not_there_is_told_by_its_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        settings = ServerSettings(address, "tiny", "", 2, 5.0, LOOPBACK, backoff_seconds=0.001)
        with pytest.raises(ServerUnusable, match=f"no answer in 6 attempts: {address} can't be reached"):
            ask(ServerBackend(settings))


@every_dialect
def test_a_wrong_key_is_told_once_and_nobody_else_is_sent_with_it(dialect: Dialect) -> None:
    with running_server(dialect, key="right") as server:
        with pytest.raises(
            ServerUnusable, match=r"does not accept the key: it answered 401 \(Unauthorized\)"
        ):
            ask(connect(server, key="wrong", max_in_flight=1), *[ASK] * 5)
        [accepted] = ask(connect(server, key="right"))

    assert isinstance(accepted, Completion)
    assert len(server.requests) == 1


def test_a_model_that_is_not_served_is_told_by_its_name() -> None:
    words = "The server has no model “huge” there: it answered 404"
    with running_server(VLLM) as server, pytest.raises(ServerUnusable, match=words):
        ask(connect(server, model="huge"))


def test_what_was_answered_before_a_server_became_unusable_is_kept() -> None:
    with running_server() as server:
        server.faults = [Fault(200, b'{"choices": [{"message": {"content": "7"}}]}'), Fault(403)]
        first, second, third = ask(connect(server, max_in_flight=1), ASK, ASK, ASK)

    assert isinstance(first, Completion)
    assert second == third == Refusal("The server does not accept the key: it answered 403.")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:9/v1", "127.0.0.1 is in a private network."),
        ("http://[::1]:9/v1", "::1 is in a private network."),
        ("http://localhost:9/v1", "is in a private network."),
        ("http://10.1.2.3/v1", "10.1.2.3 is in a private network."),
        ("http://169.254.169.254/v1", "169.254.169.254 is a link-local or metadata address"),
        ("http://[::ffff:169.254.169.254]/v1", "169.254.169.254 is a link-local or metadata address"),
        ("http://[fd00:ec2::254]/v1", "fd00:ec2::254 is a link-local or metadata address"),
        ("http://0.0.0.0:9/v1", "0.0.0.0 is not the address of one server."),
        ("http://224.0.0.1/v1", "224.0.0.1 is not the address of one server."),
    ],
)
def test_an_address_that_the_settings_do_not_allow_is_never_connected_to(address: str, reason: str) -> None:
    settings = ServerSettings(address, "tiny", "", 2, 5.0, (), backoff_seconds=0.001)

    with pytest.raises(ServerUnusable, match="The server may not be asked: ") as refused:
        ask(ServerBackend(settings))

    assert reason in str(refused.value)


def test_no_network_that_is_allowed_makes_a_metadata_address_askable() -> None:
    settings = ServerSettings(
        "http://169.254.169.254/v1", "tiny", "", 2, 5.0, ("0.0.0.0/0",), backoff_seconds=0.001
    )

    with pytest.raises(ServerUnusable, match="never asked"):
        ask(ServerBackend(settings))


def test_a_redirect_is_not_followed() -> None:
    with running_server() as server:
        server.faults = [Fault(307, b"", ["Location: http://169.254.169.254/"])]
        with pytest.raises(ServerUnusable, match="sends requests elsewhere"):
            ask(connect(server))


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("name", ["logprobs", "top_logprobs", "seed", "min_p", "top_p", "temperature"])
def test_a_field_that_a_server_refuses_by_name_is_left_out_from_then_on_and_recorded(
    name: str, status: int
) -> None:
    with running_server() as server:
        server.faults = [Fault(status, f'{{"error": {{"message": "Unknown field: {name}"}}}}'.encode())]
        backend = connect(server, max_in_flight=1)
        results = ask(backend, ASK, ASK)

    assert all(isinstance(result, Completion) for result in results)
    assert [name in body for body in server.requests] == [True, False, False]
    assert backend.describe().versions["fields_left_out"] == name


def test_a_top_k_of_0_is_said_as_minus_1_before_it_is_given_up() -> None:
    refused = Fault(400, b'{"message": "top_k must be -1 (disable), or at least 1, got 0."}')
    with running_server() as server:
        server.faults = [refused] * 2
        backend = connect(server, max_in_flight=2)
        results = ask(backend, ASK, ASK)
        told = backend.describe().versions

    assert all(isinstance(result, Completion) for result in results)
    assert [body["top_k"] for body in server.requests] == [0, 0, -1, -1], "two refusals teach it once"
    assert "fields_left_out" not in told


def test_a_server_that_quotes_the_prompt_teaches_nothing_about_fields() -> None:
    physics = GenerationRequest("Which temperature has the seed?")
    with running_server() as server:
        server.faults = [Fault(400, b'{"error": "Bad input: Which temperature has the seed?"}')]
        backend = connect(server, max_in_flight=1)
        first, second = ask(backend, physics, physics)

    assert isinstance(first, Refusal)
    assert isinstance(second, Completion)
    assert {"temperature", "seed"} <= set(server.requests[1])


def test_the_likeliest_token_is_not_given_up_for_a_draw() -> None:
    with running_server(TGI) as server:
        server.faults = [Fault(422, b'{"error": "`temperature` must be strictly positive"}')]
        [refusal] = ask(connect(server), sampling=Sampling(0.0, 1.0, 8, 1))

    assert refusal == Refusal(
        "The server refused this prompt: it answered 422 (`temperature` must be strictly positive)."
    )


def test_a_server_that_still_opens_its_model_is_waited_for() -> None:
    with running_server(LLAMA_CPP) as server:
        server.faults = [LOADING] * 3
        [completion] = ask(connect(server))

    assert isinstance(completion, Completion)


def test_where_only_the_prompt_has_to_fit_the_answer_ends_with_the_context() -> None:
    with running_server(LLAMA_CPP, say=lambda body: "word " * 99) as server:
        [completion] = ask(connect(server), GenerationRequest("word " * (CONTEXT - 3)))

    assert isinstance(completion, Completion)
    assert (completion.num_tokens, completion.finish_reason) == (3, "length")


def test_the_words_for_too_long_a_prompt_do_not_change_the_name_of_the_limit() -> None:
    with running_server(VLLM) as server:
        long, _ = ask(connect(server, max_in_flight=1), GenerationRequest("word " * CONTEXT), ASK)

    assert isinstance(long, Refusal)
    assert "'max_completion_tokens' is too large" in long.reason
    assert ["max_tokens" in body for body in server.requests] == [True, True]


def test_a_server_without_log_probabilities_or_usage_leaves_them_untold() -> None:
    answer = b'{"choices": [{"message": {"content": "7"}, "finish_reason": null}]}'
    with running_server() as server:
        server.faults = [Fault(200, answer)]
        [completion] = ask(connect(server))

    assert completion == Completion("7", None, None, "", None)


def test_the_limit_of_tokens_goes_by_the_name_that_the_server_asks_for() -> None:
    words = b'{"error": {"message": "Unsupported parameter: use \'max_completion_tokens\' instead."}}'
    with running_server() as server:
        server.faults = [Fault(400, words), Fault(200, b'{"choices": [{"message": {"content": "7"}}]}')]
        [completion] = ask(connect(server))

    assert isinstance(completion, Completion)
    assert [("max_tokens" in body, "max_completion_tokens" in body) for body in server.requests] == [
        (True, False),
        (False, True),
    ]


def test_thinking_that_the_server_cut_out_is_put_back_in_front() -> None:
    answer = b'{"choices": [{"message": {"reasoning_content": "3 + 4", "content": "It is 7."}}]}'
    with running_server() as server:
        server.faults = [Fault(200, answer)]
        [completion] = ask(connect(server))

    assert isinstance(completion, Completion)
    assert completion.text == "<think>3 + 4</think>It is 7."


def test_log_probabilities_in_the_older_layout_are_read_too() -> None:
    answer = (
        b'{"choices": [{"message": {"content": "a b"}, "logprobs": '
        b'{"tokens": ["a", "b"], "token_logprobs": [null, -0.5]}}]}'
    )
    with running_server(LLAMA_CPP) as server:
        server.faults = [Fault(200, answer)]
        [completion] = ask(connect(server))

    assert isinstance(completion, Completion)
    assert completion.mean_logprob is not None
    assert math.isclose(completion.mean_logprob, -0.5)


def test_a_key_travels_in_the_header_and_nowhere_else() -> None:
    with running_server(VLLM, key="s3cret") as server:
        backend = connect(server, key="s3cret")
        description = backend.describe()
        ask(backend)

    assert "s3cret" not in str(server.requests)
    assert "s3cret" not in str(description)


def test_a_trace_s_record_says_which_server_of_which_build_made_it() -> None:
    with running_server(LLAMA_CPP) as server:
        backend = connect(server)
        ask(backend)

    description = backend.describe()
    assert (description.backend, description.model) == ("server", "tiny")
    assert (description.device, description.revision) == (server.address, "llama.cpp-1.2.3")


def test_the_likeliest_token_is_asked_for_without_a_word_about_drawing() -> None:
    body = build_body("tiny", ASK, Sampling(0.0, 0.95, 8, 1), 0)

    assert body["temperature"] == 0
    assert not {"top_p", "top_k", "min_p"} & set(body)


def test_all_of_the_likeliest_tokens_is_said_by_saying_nothing_as_tgi_refuses_the_number() -> None:
    with running_server(TGI) as server:
        [completion] = ask(connect(server), sampling=Sampling(1.0, 1.0, 8, 1))

    assert isinstance(completion, Completion)
    assert "top_p" not in server.requests[0]


def test_what_the_model_has_said_already_is_its_own_last_message() -> None:
    body = build_body("tiny", GenerationRequest("2 + 2?", answer_begins="Two and two "), SAMPLING, 0)

    assert body["messages"][-1] == {"role": "assistant", "content": "Two and two "}
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
