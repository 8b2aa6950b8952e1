"""What servers say, read: answers in all their layouts, reasons, and how long to wait."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from annotation.generation.backend import Completion
from annotation.generation.server_answers import Unreadable, read_completion, read_reason, read_retry_after

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


def answer(**changes: Any) -> bytes:
    choice = {
        "message": {"role": "assistant", "content": "It is 7."},
        "finish_reason": "stop",
        "logprobs": {"content": [{"logprob": -1.0}, {"logprob": -3.0}]},
    }
    body: dict[str, Any] = {
        "choices": [{**choice, **changes}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 2},
        "system_fingerprint": "build-1",
    }
    return json.dumps(body).encode()


def test_an_answer_is_read_with_all_its_numbers() -> None:
    completion, fingerprint = read_completion(answer())

    assert completion == Completion("It is 7.", 4, 2, "stop", -2.0)
    assert fingerprint == "build-1"


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("stop", "stop"),
        ("eos_token", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("a very long reason indeed", "a very long reason i"),
        (None, ""),
    ],
)
def test_every_server_s_word_for_an_end_is_ours_where_there_is_one(told: str | None, known: str) -> None:
    completion, _ = read_completion(answer(finish_reason=told))

    assert completion.finish_reason == known


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": None}, ""),
        ({"content": "7", "reasoning_content": "3 + 4"}, "<think>3 + 4</think>7"),
        ({"content": "7", "reasoning": "3 + 4"}, "<think>3 + 4</think>7"),
        ({"content": "7", "reasoning_content": None}, "7"),
        ({"content": " 7\r\n"}, " 7\r\n"),
    ],
)
def test_the_text_is_what_was_written_byte_for_byte(message: dict[str, Any], text: str) -> None:
    completion, _ = read_completion(answer(message=message))

    assert completion.text == text


@pytest.mark.parametrize(
    ("content", "finish_reason", "text"),
    [
        (None, "length", "<think>3 + 4"),
        (" ", "length", "<think>3 + 4"),
        ("It", "length", "<think>3 + 4</think>It"),
        ("", "stop", "<think>3 + 4</think>"),
    ],
)
def test_thinking_that_was_cut_off_stays_open(content: str | None, finish_reason: str, text: str) -> None:
    message = {"content": content, "reasoning_content": "3 + 4"}

    completion, _ = read_completion(answer(message=message, finish_reason=finish_reason))

    assert completion.text == text


@pytest.mark.parametrize(
    ("logprobs", "mean"),
    [
        (None, None),
        ({"content": None}, None),
        ({"content": []}, None),
        ({"content": [{"logprob": -1}, {"logprob": None}, "x"]}, -1.0),
        ({"token_logprobs": [None, -0.5, -1.5]}, -1.0),
        ({"content": [{"logprob": float("-inf")}, {"logprob": -2.0}]}, -2.0),
        ({"content": [{"logprob": -9999.0}, {"logprob": -3.4028e38}, {"logprob": -2.0}]}, -2.0),
        ([1, 2], None),
    ],
)
def test_the_mean_is_over_the_tokens_that_have_a_log_probability(logprobs: Any, mean: float | None) -> None:
    completion, _ = read_completion(answer(logprobs=logprobs))

    assert completion.mean_logprob == mean


@pytest.mark.parametrize("usage", [None, [], {"completion_tokens": -1}, {"completion_tokens": True}, {}])
def test_without_a_usage_that_makes_sense_the_tokens_are_those_with_log_probabilities(usage: Any) -> None:
    body = json.loads(answer())
    body["usage"] = usage

    completion, _ = read_completion(json.dumps(body).encode())

    assert (completion.num_prompt_tokens, completion.num_tokens) == (None, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "holds no message"),
        (b'{"choices": []}', "holds no message"),
        (b'{"choices": [{"text": "7"}]}', "holds no message"),
        (b'{"choices": [{"message": "7"}]}', "holds no message"),
        (b'{"choices": [{"message": {"content": [7]}}]}', "not text"),
    ],
)
def test_what_does_not_fit_the_protocol_says_in_which_way(content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read_completion(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"error": {"message": "Too long.", "type": "x"}}', "Too long."),
        (b'{"error": "Model is overloaded", "error_type": "overloaded"}', "Model is overloaded"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"detail": [{"loc": ["body"]}]}', '[{"loc": ["body"]}]'),
        (b'{"message": "Nope"}', "Nope"),
        (b"Bad\r\n  Gateway\x00\x1b[31m", "Bad Gateway [31m"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_a_reason_is_found_wherever_a_server_puts_it_and_is_one_line(content: bytes, reason: str) -> None:
    assert read_reason(content) == reason


def test_a_reason_of_a_megabyte_is_cut() -> None:
    assert len(read_reason(b"x" * 1_000_000)) == 300


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_how_long_to_wait_is_read_in_seconds_or_as_a_date(header: str, seconds: float | None) -> None:
    assert read_retry_after({"retry-after": header}, now=NOW) == seconds
