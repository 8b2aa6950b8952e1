"""A judge over HTTP that answers badly, or not at all: every way is one sentence, and passing trouble is waited out."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest

from annotation.judging.judge import JudgedTrace, Opinion
from annotation.judging.prm_server import (
    MOST_ATTEMPTS,
    HttpPrmJudge,
    PrmServerSettings,
    PrmServerUnusable,
)
from tests.rl_bridge.servers import Answer, Asked, Server, serving

TRACE = JudgedTrace("p", ("a", "b"))
GOOD = {"judge": "sums", "revision": "r1", "scores": [[0.9, 0.1]], "faults": [""]}


def connect(server: Server, **changes: object) -> HttpPrmJudge:
    settings: dict[str, object] = {
        "address": f"{server.url}/v1",
        "name": "sums",
        "revision": "",
        "key": "",
        "timeout_seconds": 10.0,
        "networks": ("127.0.0.0/8",),
        "backoff_seconds": 0.001,
    }
    return HttpPrmJudge(PrmServerSettings(**{**settings, **changes}))  # type: ignore[arg-type]


def telling(**changes: object) -> Callable[[Asked], Answer]:
    body = json.dumps({**GOOD, **changes}).encode()
    return lambda asked: Answer(body=body)


def test_it_is_shown_the_problem_and_the_steps_alone() -> None:
    with serving(telling()) as server:
        trace = JudgedTrace("p", ("a", "b"), reference_answer="4", verifier="numeric", ground_truth="4")
        [opinion] = connect(server, key="secret").score([trace])

    assert isinstance(opinion, Opinion)
    assert opinion.probabilities == (0.9, 0.1)
    [asked] = server.asked
    assert json.loads(asked.body) == {"traces": [{"prompt": "p", "steps": ["a", "b"]}]}
    assert (asked.method, asked.path) == ("POST", "/v1/scores")
    assert asked.headers["authorization"] == "Bearer secret"


def test_passing_trouble_is_waited_out() -> None:
    answers = iter([Answer(503), Answer(429), Answer(body=json.dumps(GOOD).encode(), cut=5)])

    with serving(lambda asked: next(answers, Answer(body=json.dumps(GOOD).encode()))) as server:
        [opinion] = connect(server).score([TRACE])

    assert isinstance(opinion, Opinion)
    assert len(server.asked) == 4


def test_lasting_trouble_ends_after_some_attempts() -> None:
    with serving(lambda asked: Answer(503)) as server, pytest.raises(PrmServerUnusable, match="answered 503"):
        connect(server).score([TRACE])

    assert len(server.asked) == MOST_ATTEMPTS


def test_nobody_there_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = Server(f"http://127.0.0.1:{taken.getsockname()[1]}", [])
        with pytest.raises(PrmServerUnusable, match="can't be reached"):
            connect(nobody).score([TRACE])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"scores": [[0.9]]}, "one probability for each step"),
        ({"scores": [[0.9, 1.5]]}, "one probability for each step"),
        ({"scores": [[0.9, True]]}, "one probability for each step"),
        ({"scores": [[0.9, None]]}, "one probability for each step"),
        ({"scores": [["0.9", "0.1"]]}, "one probability for each step"),
        ({"scores": "x"}, "did not answer for each trace"),
        ({"scores": []}, "did not answer for each trace"),
        ({"revision": None}, "is no judge"),
        ({"judge": "x" * 200}, "has the judge"),
    ],
)
def test_an_answer_that_is_none_is_refused(changes: dict[str, object], complaint: str) -> None:
    with serving(telling(**changes)) as server, pytest.raises(PrmServerUnusable, match=complaint):
        connect(server).score([TRACE])


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"[" * 100_000])
def test_something_else_that_answers_is_no_judge(body: bytes) -> None:
    with (
        serving(lambda asked: Answer(body=body)) as server,
        pytest.raises(PrmServerUnusable, match="no judge"),
    ):
        connect(server).score([TRACE])


def test_weights_that_change_in_the_middle_are_noticed() -> None:
    revisions = iter(["r1", "r2"])

    def answer(asked: Asked) -> Answer:
        scores = [[0.9, 0.1]] * len(json.loads(asked.body)["traces"])
        told = {**GOOD, "revision": next(revisions), "scores": scores, "faults": None}
        return Answer(body=json.dumps(told).encode())

    with serving(answer) as server, pytest.raises(PrmServerUnusable, match="weights are now r2, and were r1"):
        connect(server).score([TRACE] * 9)


def test_a_redirect_is_not_followed() -> None:
    with (
        serving(lambda asked: Answer(302, headers={"Location": "http://169.254.169.254/"})) as server,
        pytest.raises(PrmServerUnusable, match="answered 302"),
    ):
        connect(server).score([TRACE])

    assert len(server.asked) == 1
