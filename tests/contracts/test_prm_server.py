"""The web app's judge over HTTP against the real `python -m rl_bridge serve`, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion
from annotation.judging.prm_server import HttpPrmJudge, PrmServerSettings, PrmServerUnusable
from config.paths import BASE_DIR
from rl_bridge import prm
from tests.rl_bridge import tiny
from tests.rl_bridge.test_prm import write_prm

LOOPBACK = ("127.0.0.0/8",)
TRACE = JudgedTrace("What is 2 + 2?", ("2 + 2 = 4.\n", "Done."))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served")
    return write_prm(place / "run" / "model", tiny.write_model(place / "tiny", tiny.build_llama()))


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "rl_bridge", "serve", "--prm", str(folder), "--port", "0"]
    environment = {**os.environ, "SERVED_API_KEY": "secret", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, "--key-variable", "SERVED_API_KEY"],
        cwd=BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        found = re.search(r"http://\S+/v1", said)
        assert found, said
        yield found.group()
    finally:
        process.terminate()
        process.communicate(timeout=30)


def judge(address: str, **changes: object) -> HttpPrmJudge:
    settings: dict[str, object] = {
        "address": address,
        "name": "run",
        "revision": "",
        "key": "secret",
        "timeout_seconds": 30.0,
        "networks": LOOPBACK,
        "backoff_seconds": 0.001,
    }
    return HttpPrmJudge(PrmServerSettings(**{**settings, **changes}))  # type: ignore[arg-type]


def test_it_scores_as_the_model_does_in_this_process(address: str, folder: Path) -> None:
    asked = judge(address)

    opinions = asked.score([TRACE] * 11)

    opened = prm.load_prm(folder, device="cpu")
    expected = prm.score_steps(opened, TRACE.problem, TRACE.steps)
    assert len(opinions) == 11
    assert isinstance(opinions[0], Opinion)
    assert opinions[0].probabilities == pytest.approx(expected, abs=1e-5)
    assert asked.revision == opened.revision


def test_a_trace_too_long_for_it_gets_no_opinion_with_the_reason(address: str) -> None:
    too_long, fitting = judge(address).score([JudgedTrace("p", ("x" * 500,)), TRACE])

    assert isinstance(too_long, NoOpinion)
    assert "too long" in too_long.reason
    assert isinstance(fitting, Opinion)


def test_between_two_requests_it_asks_whether_to_stop(address: str) -> None:
    class Stopped(Exception):
        pass

    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        if len(asked) == 2:
            raise Stopped
        return False

    with pytest.raises(Stopped):
        judge(address).score([TRACE] * 20, stop)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"key": "wrong"}, "does not accept the key"),
        ({"name": "another"}, "has the judge “run”, not “another”"),
        ({"revision": "0" * 64}, "weights are now"),
        ({"networks": ()}, "may not be asked"),
    ],
)
def test_what_can_never_work_is_said_at_once(
    address: str, changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(PrmServerUnusable, match=complaint):
        judge(address, **changes).score([TRACE])


def test_a_wrong_path_is_no_judge(address: str) -> None:
    with pytest.raises(PrmServerUnusable, match="answered 404"):
        judge(address + "/elsewhere").score([TRACE])
